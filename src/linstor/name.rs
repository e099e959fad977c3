//! LINSTOR's names, parsed once. Rules and lengths: LINSTOR REST API, names of resources, nodes and storage pools.

use std::fmt;

/// A name that LINSTOR would not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {name:?} is not a valid LINSTOR name: {rule}")]
pub struct NameError {
    what: &'static str,
    name: String,
    rule: &'static str,
}

/// `min..=max` characters of `[A-Za-z0-9_-]` (and `.` where `dots`), the first a letter or `_` (or a digit where
/// `dots`).
fn is_valid(name: &str, min: usize, max: usize, dots: bool) -> bool {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || (dots && c.is_ascii_digit()));
    first
        && (min..=max).contains(&name.len())
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-' || (dots && c == '.'))
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $min:literal..=$max:literal, dots: $dots:literal, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
        #[serde(transparent)]
        pub struct $type(String);

        impl $type {
            /// Parses the name. Errors name the rule that it breaks.
            pub fn parse(name: &str) -> Result<Self, NameError> {
                if is_valid(name, $min, $max, $dots) {
                    Ok(Self(name.to_owned()))
                } else {
                    Err(NameError { what: $what, name: name.to_owned(), rule: $rule })
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $type {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::parse(name)
            }
        }
    };
}

name!(
    /// The name of a resource definition, of its resources and of its key-value-store instance: 2 to 48 characters.
    ResourceName, "resource name", 2..=48, dots: false,
    "2 to 48 characters of A-Z a-z 0-9 _ -, the first a letter or _"
);
name!(
    /// The name of a snapshot, unique within its resource definition: 2 to 48 characters.
    SnapshotName, "snapshot name", 2..=48, dots: false,
    "2 to 48 characters of A-Z a-z 0-9 _ -, the first a letter or _"
);
name!(
    /// The name of a resource group: 2 to 48 characters.
    GroupName, "resource group", 2..=48, dots: false,
    "2 to 48 characters of A-Z a-z 0-9 _ -, the first a letter or _"
);
name!(
    /// The name of a storage pool: 3 to 48 characters.
    PoolName, "storage pool", 3..=48, dots: false,
    "3 to 48 characters of A-Z a-z 0-9 _ -, the first a letter or _"
);
name!(
    /// The name of a node, which is its host name: 2 to 255 characters.
    NodeName, "node name", 2..=255, dots: true,
    "2 to 255 characters of A-Z a-z 0-9 _ - ., the first not - or ."
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_name_is_2_to_48_characters_and_starts_with_a_letter_or_underscore() {
        for good in ["ab", "_x", "pvc-0b1c", &"a".repeat(48)] {
            assert!(ResourceName::parse(good).is_ok(), "{good}");
        }
        for bad in ["a", "1a", "-a", "a.b", "a/b", "é1", "a\0", "..", &"a".repeat(49)] {
            assert!(ResourceName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_node_name_may_be_a_dotted_host_name() {
        assert!(NodeName::parse("node-1.example.org").is_ok());
        assert!(NodeName::parse("node/1").is_err());
    }
}
