//! Every parameter that a StorageClass of ours may have: what the parser accepts, and what docs/parameters.md is
//! rendered from. Each family has a file, with its table and its parser.

use super::{files, placement, workflow};

/// A parameter, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownParameter {
    /// Its key without prefix, in the spelling that messages use.
    pub key: &'static str,
    /// Other spellings of the key, without prefix.
    pub aliases: &'static [&'static str],
    /// What may stand there.
    pub values: &'static str,
    /// What holds where it is left out.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// A value that makes sense and isn't the default.
    pub example: &'static str,
}

/// Parameters that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// What they are about: a heading.
    pub title: &'static str,
    /// They, in the order of the documentation.
    pub parameters: &'static [KnownParameter],
}

/// All families, in the order of the documentation.
pub const FAMILIES: [Family; 3] = [placement::FAMILY, files::FAMILY, workflow::FAMILY];

/// All parameters.
pub fn all() -> impl Iterator<Item = &'static KnownParameter> {
    FAMILIES.iter().flat_map(|family| family.parameters)
}

/// The parameter of this key or alias without prefix, in any case.
pub(super) fn find(key: &str) -> Option<&'static KnownParameter> {
    let is_it = |name: &str| name.eq_ignore_ascii_case(key);
    all().find(|known| is_it(known.key) || known.aliases.iter().any(|alias| is_it(alias)))
}

/// The keys, for messages.
pub(super) fn keys() -> String {
    all().map(|known| known.key).collect::<Vec<_>>().join(", ")
}
