//! Every parameter that a StorageClass of ours may have: what the parser accepts, and what docs/parameters.md is
//! rendered from. Each family has a file, with its table and its parser.

use super::{capacity, files, naming, placement, qos, topology, workflow};

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
pub const FAMILIES: [Family; 7] = [
    placement::FAMILY,
    topology::FAMILY,
    files::FAMILY,
    naming::FAMILY,
    capacity::FAMILY,
    qos::FAMILY,
    workflow::FAMILY,
];

/// Parameters of linstor-csi that are refused, each with the reason.
pub const REFUSED: [(&str, &str); 4] =
    [("nfsConfigTemplate", NFS), ("nfsServiceName", NFS), ("nfsSquash", NFS), ("nfsRecoveryVolumeSize", NFS)];
const NFS: &str = "linflow has no NFS server and gives out no ReadWriteMany filesystem";

/// Parameters of linstor-csi that do nothing there and nothing here: passed over with a line in the log.
pub const PASSED_OVER: [&str; 1] = ["sizeKiB"];

/// All parameters.
pub fn all() -> impl Iterator<Item = &'static KnownParameter> {
    FAMILIES.iter().flat_map(|family| family.parameters)
}

/// The parameter of this key or alias without prefix, in any case.
pub(in crate::volume) fn find(key: &str) -> Option<&'static KnownParameter> {
    all().find(|known| spellings(known).any(|name| name.eq_ignore_ascii_case(key)))
}

/// The known spelling that a key is most likely meant to be: at most a third of its letters are wrong.
pub(super) fn nearest(key: &str) -> Option<&'static str> {
    let bare = key.rsplit('/').next().unwrap_or(key).to_ascii_lowercase();
    let distance = |name: &str| edits(&bare, &name.to_ascii_lowercase());
    let nearest = all().flat_map(spellings).min_by_key(|name| distance(name))?;
    (distance(nearest) * 3 <= nearest.len()).then_some(nearest)
}

/// The keys, for messages.
pub(super) fn keys() -> String {
    all().map(|known| known.key).collect::<Vec<_>>().join(", ")
}

fn spellings(known: &'static KnownParameter) -> impl Iterator<Item = &'static str> {
    std::iter::once(known.key).chain(known.aliases.iter().copied())
}

/// How many letters must be put in, taken out or changed to make one text of the other (Levenshtein).
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (line, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, y) in b.chars().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_told_from_a_strange_one() {
        for (sent, meant) in [
            ("placmentCount", Some("placementCount")),
            ("linflow.csi/storagepol", Some("storagePool")),
            ("linflow.cis/placementCount", Some("placementCount")),
            ("autoplaec", Some("autoPlace")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(sent), meant, "{sent}");
        }
        assert_eq!((edits("kitten", "sitting"), edits("", "abc"), edits("abc", "abc")), (3, 3, 0));
    }

    #[test]
    fn no_two_parameters_share_a_spelling() {
        let mut names: Vec<String> = all().flat_map(spellings).map(str::to_ascii_lowercase).collect();
        names.extend(REFUSED.map(|(key, _)| key.to_ascii_lowercase()));
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
