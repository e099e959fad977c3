//! Who may use a volume over the network: what the tag says, and the words of topology that it needs.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::Deserialize;

use crate::linstor::name::NodeName;

/// The longest tag that is written: LINSTOR keeps 4096 characters of a property.
const LONGEST: usize = 4000;
/// The prefix of linflow's own segments.
pub const OWN_SEGMENTS: &str = "linflow.csi/";

/// The nodes that may use a volume beside those that hold its data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// By what they have in common with those that hold it.
    pub remote: RemoteAccess,
    /// By name (`clientList`): they keep their diskless resource while nobody uses it, too.
    pub clients: Vec<NodeName>,
}

/// `allowRemoteVolumeAccess`: from where the data is reached over the network. Only DRBD can do it at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RemoteAccess {
    /// From every node.
    #[default]
    Anywhere,
    /// From none: the volume is used where its data is.
    Nowhere,
    /// From nodes that share all segments of one of these rules with a node that holds the data.
    FromSame(BTreeSet<BTreeSet<SegmentKey>>),
}

/// Text that isn't a rule of access.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is neither true, false nor a YAML list such as \"- fromSame: [topology.kubernetes.io/zone]\": {because}"
)]
pub struct NotAccess {
    text: String,
    because: String,
}

/// A rule as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default, rename = "fromSame")]
    from_same: Vec<String>,
}

impl RemoteAccess {
    /// Reads `true`, `false`, or a YAML list of `{fromSame: [key, …]}`, of which one rule must hold. A rule without
    /// keys holds everywhere.
    pub fn parse(text: &str) -> Result<Self, NotAccess> {
        let wrong = |because: String| NotAccess { text: text.to_owned(), because };
        match text.trim().to_ascii_lowercase().as_str() {
            "true" => return Ok(Self::Anywhere),
            "false" => return Ok(Self::Nowhere),
            "" => return Err(wrong("it is empty".to_owned())),
            _ => {}
        }
        let rules: Vec<Rule> = serde_norway::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let keys = |rule: Rule| rule.from_same.iter().map(|key| SegmentKey::parse_foreign(key)).collect();
        let rules: BTreeSet<BTreeSet<SegmentKey>> = rules
            .into_iter()
            .map(keys)
            .collect::<Result<_, NotASegment>>()
            .map_err(|error| wrong(error.to_string()))?;
        let access = if rules.is_empty() {
            Self::Nowhere
        } else if rules.iter().any(BTreeSet::is_empty) {
            Self::Anywhere
        } else {
            Self::FromSame(rules)
        };
        let length = access.to_string().len();
        if length > LONGEST { Err(wrong(format!("it has {length} characters"))) } else { Ok(access) }
    }
}

/// As the tag has it, which [`RemoteAccess::parse`] reads again: JSON is YAML too.
impl fmt::Display for RemoteAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = match self {
            Self::Anywhere => return f.write_str("true"),
            Self::Nowhere => return f.write_str("false"),
            Self::FromSame(rules) => rules,
        };
        let rule = |keys: &BTreeSet<SegmentKey>| {
            let keys: Vec<String> = keys.iter().map(|key| format!("\"{key}\"")).collect();
            format!("{{\"fromSame\":[{}]}}", keys.join(","))
        };
        write!(f, "[{}]", rules.iter().map(rule).collect::<Vec<_>>().join(","))
    }
}

/// The key of a topology segment: a Kubernetes label key whose prefix, where it has one, is as short as CSI wants it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SegmentKey(String);

/// Text that no segment's key can be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the key of a node label; use at most 63 of A-Z a-z 0-9 - _ . after an optional domain and /, and not {OWN_SEGMENTS}"
)]
pub struct NotASegment(String);

impl SegmentKey {
    /// A key that doesn't begin with `linflow.csi/`.
    pub fn parse_foreign(text: &str) -> Result<Self, NotASegment> {
        let is_own = text.to_ascii_lowercase().starts_with(OWN_SEGMENTS);
        if !is_own && is_label_key(text) { Ok(Self(text.to_owned())) } else { Err(NotASegment(text.to_owned())) }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SegmentKey {
    type Err = NotASegment;

    fn from_str(text: &str) -> Result<Self, NotASegment> {
        Self::parse_foreign(text)
    }
}

impl fmt::Display for SegmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Can it be the value of a label that CSI takes as a segment too? Kubernetes alone would allow an empty one.
pub fn is_label_value(text: &str) -> bool {
    let (first, last) = (text.chars().next(), text.chars().next_back());
    let is_bounded = [first, last].iter().all(|end| end.is_some_and(|end| end.is_ascii_alphanumeric()));
    is_bounded && text.len() <= 63 && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Can it be the key of a label that CSI takes as a segment too?
pub fn is_label_key(text: &str) -> bool {
    let part = |part: &str| {
        let is_inner = part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        is_inner && !part.is_empty() && !part.starts_with('-') && !part.ends_with('-')
    };
    match text.split_once('/') {
        Some((domain, name)) => domain.len() <= 63 && domain.split('.').all(part) && is_label_value(name),
        None => is_label_value(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(rules: &[&[&str]]) -> RemoteAccess {
        let keys = |keys: &&[&str]| keys.iter().map(|key| key.parse().unwrap()).collect();
        RemoteAccess::FromSame(rules.iter().map(keys).collect())
    }

    #[test]
    fn a_class_says_true_false_or_a_list_of_rules() {
        for (text, expected) in [
            ("true", RemoteAccess::Anywhere),
            (" False ", RemoteAccess::Nowhere),
            ("[]", RemoteAccess::Nowhere),
            ("- {}", RemoteAccess::Anywhere),
            ("- fromSame:\n  - zone", rules(&[&["zone"]])),
            ("- fromSame: [b, a]\n- fromSame:\n  - c\n", rules(&[&["a", "b"], &["c"]])),
        ] {
            assert_eq!(RemoteAccess::parse(text), Ok(expected), "{text}");
        }
        for text in
            ["", "yes", "fromSame: [zone]", "- from: [zone]", "- fromSame: [linflow.csi/hostname]", "- fromSame: [a b]"]
        {
            assert!(RemoteAccess::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_the_tag_says_reads_as_what_the_class_said() {
        for text in ["true", "false", "- fromSame: [topology.kubernetes.io/zone, rack]\n- fromSame: [row]"] {
            let access = RemoteAccess::parse(text).unwrap();
            assert_eq!(RemoteAccess::parse(&access.to_string()), Ok(access), "{text}");
        }
        let long = format!("- fromSame: [{}]", (0..900).map(|n| format!("k{n}")).collect::<Vec<_>>().join(","));
        assert!(RemoteAccess::parse(&long).is_err());
    }

    #[test]
    fn only_what_kubernetes_and_csi_take_is_a_key_or_a_value() {
        for good in ["zone", "topology.kubernetes.io/zone", "A_b.c-1", "x/y", &"k".repeat(63)] {
            assert!(is_label_key(good), "{good}");
        }
        let long = format!("{}/k", "d".repeat(64));
        for bad in ["", "/zone", "a/", "a/b/c", "-a", "a-", "a b", "ä", "A.b/c", "-a.b/c", &long, &"k".repeat(64)] {
            assert!(!is_label_key(bad), "{bad}");
        }
        assert!(is_label_value("z-1") && !is_label_value("") && !is_label_value("a/b") && !is_label_value("_a"));
    }
}
