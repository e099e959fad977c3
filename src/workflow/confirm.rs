//! How strictly a pod's identity is confirmed before it gets a volume that has an owner.

use std::{fmt, str::FromStr};

/// What happens where a pod isn't of the volume's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Confirm {
    /// It is refused.
    #[default]
    Enforce,
    /// It gets the volume, and what would have been refused is logged and counted.
    Audit,
    /// It gets the volume, and nobody looks.
    Off,
}

impl Confirm {
    /// The word in parameters, tags and flags.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Audit => "audit",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for Confirm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no [`Confirm`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no way to confirm a pod; use enforce, audit or off")]
pub struct NotAMode(String);

impl FromStr for Confirm {
    type Err = NotAMode;

    fn from_str(word: &str) -> Result<Self, NotAMode> {
        let all = [Self::Enforce, Self::Audit, Self::Off];
        all.into_iter().find(|mode| mode.as_str() == word).ok_or_else(|| NotAMode(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_confirmed_unless_somebody_says_otherwise() {
        assert_eq!(Confirm::default(), Confirm::Enforce);
        for word in ["enforce", "audit", "off"] {
            assert_eq!(word.parse::<Confirm>().map(Confirm::as_str), Ok(word));
        }
        assert!("Off".parse::<Confirm>().is_err() && "".parse::<Confirm>().is_err());
    }
}
