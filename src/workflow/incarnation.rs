//! What tells a resource definition from an earlier one of the same name.

use std::fmt;

/// A random number that tells two resource definitions of one name apart: 32 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Incarnation(String);

/// Text that is no [`Incarnation`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not 32 lower-case hex digits")]
pub struct BadIncarnation(String);

impl Incarnation {
    /// The incarnation of the given 16 random bytes.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Parses the 32 digits.
    pub fn parse(text: &str) -> Result<Self, BadIncarnation> {
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() == 32 && is_hex { Ok(Self(text.to_owned())) } else { Err(BadIncarnation(text.to_owned())) }
    }

    /// The 32 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incarnation_is_32_lower_case_hex_digits() {
        let incarnation = Incarnation::from_random([0xab; 16]);
        assert_eq!(incarnation.as_str(), "ab".repeat(16));
        assert_eq!(Incarnation::parse(incarnation.as_str()), Ok(incarnation));
        for bad in ["", "ab", &"AB".repeat(16), &"g".repeat(32), &"a".repeat(33)] {
            assert!(Incarnation::parse(bad).is_err(), "{bad:?}");
        }
    }
}
