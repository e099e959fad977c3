//! `postMountXfsOpts`: the command that xfs_io runs on the root of a mounted xfs filesystem.
//!
//! Allowed is what sets an attribute that new files inherit. xfs_io's other commands read, write and corrupt files.

use std::fmt;

use super::allow::{OptionError, Value, within_bounds, words};

/// One command of xfs_io.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XfsCommand {
    name: &'static str,
    argument: String,
}

const KIND: &str = "xfs_io command";
const ALLOWED: &str = "extsize SIZE; cowextsize SIZE; chproj NUMBER; chattr with + or - and any of A C E P d e f s x";
const PROJECTS: Value = Value::Number(0, u32::MAX as u64);
/// Inherited attributes. Those that forbid writing (a, i), put files on another device (r, t), or tell lies about
/// what was allocated (p) are left out.
const ATTRIBUTES: &str = "ACEPdefsx";

impl XfsCommand {
    /// Parses `postMountXfsOpts` as a class writes it, such as `extsize 2m`: one command for the root directory alone.
    pub fn parse(text: &str) -> Result<Self, OptionError> {
        within_bounds(KIND, text)?;
        let words = words(text)?;
        let refused = || OptionError::NotAllowed { kind: KIND, option: text.to_owned(), allowed: ALLOWED.to_owned() };
        let [name, argument] = words.as_slice() else { return Err(refused()) };
        let name = match name.as_str() {
            "extsize" if Value::Size.takes(argument) => "extsize",
            "cowextsize" if Value::Size.takes(argument) => "cowextsize",
            "chproj" if PROJECTS.takes(argument) => "chproj",
            "chattr" if is_attribute_change(argument) => "chattr",
            _ => return Err(refused()),
        };
        Ok(Self { name, argument: argument.clone() })
    }
}

fn is_attribute_change(argument: &str) -> bool {
    let letters = argument.strip_prefix(['+', '-']).unwrap_or_default();
    !letters.is_empty() && letters.chars().all(|letter| ATTRIBUTES.contains(letter))
}

impl fmt::Display for XfsCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.argument)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn attributes_that_files_inherit_may_be_set() {
        for text in ["extsize 2m", "cowextsize 128k", "chattr +xd", "chattr -s", "chproj 7"] {
            assert_eq!(XfsCommand::parse(&format!("  {text} ")).unwrap().to_string(), text);
        }
    }

    #[test]
    fn every_other_command_is_refused_with_those_that_are_allowed() {
        for text in [
            "",
            "extsize",
            "extsize -R 2m",
            "extsize 2m; shutdown",
            "extsize 2m;shutdown",
            "pwrite 0 1m",
            "falloc 0 1g",
            "shutdown",
            "freeze",
            "chattr +i",
            "chattr +a",
            "chattr +xi",
            "chattr +",
            "open /etc/passwd",
            "chproj root",
            "\"extsize 2m\"",
        ] {
            let refused = XfsCommand::parse(text).unwrap_err().to_string();
            assert!(refused.contains("extsize SIZE"), "{text}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn what_was_understood_is_shown_so_that_it_is_understood_the_same(
            text in "(extsize|cowextsize|chproj|chattr|pwrite) {1,2}['\"]?[-+0-9a-zA-Z;]{1,6}['\"]?",
        ) {
            if let Ok(command) = XfsCommand::parse(&text) {
                let shown = command.to_string();
                prop_assert!(!shown.contains([';', '\n', '"', '\'']), "{}", shown);
                prop_assert_eq!(XfsCommand::parse(&shown), Ok(command));
            }
        }
    }
}
