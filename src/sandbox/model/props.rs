//! Properties: keys that LINSTOR allows, values that it accepts, and how a change is applied.

use super::fault::{Fault, code};
use serde::Deserialize;
use serde::de::{self, Deserializer};
use std::collections::BTreeMap;

/// Properties of an object, in the order of their keys.
pub type Props = BTreeMap<String, String>;

/// Where LINSTOR keeps the policy for lost quorum.
pub const QUORUM: &str = "DrbdOptions/Resource/quorum";
/// Where LINSTOR notes that a person has set the quorum.
pub const QUORUM_SET_BY: &str = "Internal/Drbd/QuorumSetBy";
/// Does LINSTOR add tie-breakers by itself?
pub const AUTO_TIE_BREAKER: &str = "DrbdOptions/auto-add-quorum-tiebreaker";
/// The storage pool of a resource.
pub const POOL_NAME: &str = "StorPoolName";

const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 4096;
/// Namespaces whose keys are all taken, apart from those in [`rule`]. LINSTOR knows each key; the sandbox does not.
const NAMESPACES: [&str; 9] = [
    "Aux/",
    "DrbdOptions/",
    "FileSystem/",
    "StorDriver/",
    "Autoplacer/",
    "Linstor/",
    "sys/fs/",
    "AutoSnapshot/",
    "Snapshot/",
];
const BARE_KEYS: [&str; 3] = [POOL_NAME, "Site", "AutoplaceTarget"];

/// Property values as JSON gives them: LINSTOR turns numbers into text, and refuses null later, by name.
#[derive(Debug, Clone, Default)]
pub struct GivenProps(BTreeMap<String, Option<String>>);

impl<'de> Deserialize<'de> for GivenProps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde_json::Value;
        let given = Option::<BTreeMap<String, Value>>::deserialize(deserializer)?.unwrap_or_default();
        let text = |(key, value): (String, Value)| match value {
            Value::Null => Ok((key, None)),
            Value::String(text) => Ok((key, Some(text))),
            Value::Number(_) | Value::Bool(_) => Ok((key, Some(value.to_string()))),
            Value::Array(_) | Value::Object(_) => Err(de::Error::custom(format!("property {key} is not a string"))),
        };
        given.into_iter().map(text).collect::<Result<_, _>>().map(Self)
    }
}

impl GivenProps {
    /// The keys with a value, and their values.
    pub fn pairs(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter().filter_map(|(key, value)| value.as_ref().map(|value| (key, value)))
    }
}

/// What a PUT wants of an object's properties.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Keys to set, whatever they were.
    pub set: GivenProps,
    /// Keys to remove; a missing one is no error.
    pub delete: Vec<String>,
    /// Namespaces to empty.
    pub delete_namespaces: Vec<String>,
}

impl Changes {
    /// Keys to set, alone.
    pub fn setting(set: GivenProps) -> Self {
        Self { set, ..Self::default() }
    }

    /// The keys that are set, as given.
    pub fn set_keys(&self) -> String {
        self.set.0.keys().cloned().collect::<Vec<_>>().join(",")
    }

    /// The keys that are deleted, as given.
    pub fn deleted_keys(&self) -> String {
        let mut keys = self.delete.clone();
        keys.sort();
        keys.join(",")
    }

    /// Does it touch this key?
    pub fn names(&self, key: &str) -> bool {
        self.set.0.contains_key(key) || self.delete.iter().any(|deleted| deleted == key)
    }

    /// Applies the change as a key-value store takes it: any key, no whitelist. Nothing is changed on an error.
    pub fn apply_unchecked(&self, props: &mut Props) -> Result<(), Fault> {
        let mut next = props.clone();
        for (key, value) in &self.set.0 {
            let value = value.as_ref().ok_or_else(null_value)?;
            if value.len() > MAX_VALUE || key.len() > MAX_KEY {
                return Err(Fault::new(code::UNKNOWN, "Exception thrown.").detailed(DATABASE).reported());
            }
            next.insert(normal(key), value.clone());
        }
        next.retain(|key, _| {
            !self.delete.iter().any(|deleted| normal(deleted) == *key)
                && !self.delete_namespaces.iter().any(|space| key.starts_with(&format!("{}/", normal(space))))
        });
        *props = next;
        Ok(())
    }

    /// Applies the change where LINSTOR has a whitelist. `what` names the object in the message of a database error.
    pub fn apply(&self, props: &mut Props, what: &str) -> Result<(), Fault> {
        for (key, value) in &self.set.0 {
            check(key, value.as_deref(), what)?;
        }
        self.apply_unchecked(props)
    }
}

const DATABASE: &str = "The database refuses the value";

fn null_value() -> Fault {
    Fault::new(code::INVALID_PROPERTY, "Invalid value: null")
        .because("The value 'null' is invalid.\nValue must not be null")
        .reported()
}

/// `/` separates parts of a key; empty parts vanish.
fn normal(key: &str) -> String {
    key.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

fn check(key: &str, value: Option<&str>, what: &str) -> Result<(), Fault> {
    if !BARE_KEYS.contains(&key) && !NAMESPACES.iter().any(|space| key.starts_with(space)) {
        return Err(Fault::new(code::INVALID_PROPERTY, format!("Invalid property key: {key}"))
            .because(format!("The key '{key}' is not whitelisted."))
            .reported());
    }
    if key.len() > MAX_KEY {
        return Err(Fault::new(code::INVALID_PROPERTY, format!("Invalid key: {key}"))
            .because(format!("The key '{key}' is invalid.\nUsed key is invalid: {key}"))
            .reported());
    }
    let value = value.ok_or_else(null_value)?;
    if value.len() > MAX_VALUE {
        let message = format!("Modification of {what} failed: {DATABASE}: at most {MAX_VALUE} characters fit");
        return Err(Fault::new(code::UNKNOWN, message).reported());
    }
    match rule(key) {
        Some(rule) if !rule.allows(value) => Err(bad_value(key, value, &rule.to_string())),
        _ => Ok(()),
    }
}

fn bad_value(key: &str, value: &str, rule: &str) -> Fault {
    Fault::new(code::INVALID_PROPERTY, format!("Invalid property({key}) value: {value}"))
        .because(format!("The value '{value}' is not valid for the key '{key}'"))
        .detailed(format!("This value has to match {rule}."))
        .reported()
}

enum Rule {
    OneOf(&'static [&'static str]),
    Between(u64, u64),
    PoolName,
}

/// The value rules that the recordings show, and those that the driver may set.
fn rule(key: &str) -> Option<Rule> {
    Some(match key {
        POOL_NAME => Rule::PoolName,
        "FileSystem/Type" => Rule::OneOf(&["ext4", "xfs"]),
        "DrbdOptions/auto-quorum" => Rule::OneOf(&["disabled", "io-error", "suspend-io"]),
        "DrbdOptions/Resource/on-no-quorum" => Rule::OneOf(&["io-error", "suspend-io"]),
        "DrbdOptions/Resource/auto-promote" => Rule::OneOf(&["yes", "no"]),
        "DrbdOptions/Resource/on-suspended-primary-outdated" => Rule::OneOf(&["disconnect", "force-secondary"]),
        "DrbdOptions/Net/rr-conflict" => {
            Rule::OneOf(&["disconnect", "call-pri-lost", "violently", "retry-connect", "auto-discard"])
        }
        "DrbdOptions/Net/max-buffers" => Rule::Between(32, 131_072),
        _ => return None,
    })
}

impl Rule {
    fn allows(&self, value: &str) -> bool {
        match self {
            Self::OneOf(values) => values.contains(&value),
            Self::Between(low, high) => value.parse().is_ok_and(|n: u64| (*low..=*high).contains(&n)),
            Self::PoolName => {
                let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                (3..=48).contains(&value.len()) && value.chars().all(good) && !value.starts_with('-')
            }
        }
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OneOf(values) => write!(f, "(?:{})", values.join("|")),
            Self::Between(low, high) => write!(f, "({low} - {high})"),
            Self::PoolName => f.write_str("^[a-zA-Z0-9_][a-zA-Z0-9_-]{2,47}$"),
        }
    }
}

/// Does an object with these properties pass `props=` filters? Each is `Key` (it is there) or `Key=Value` (equal); all
/// must hold.
pub fn matches(props: &Props, filters: &[String]) -> bool {
    filters.iter().all(|filter| {
        // A key may hold `=` itself: whatever split fits counts.
        props.contains_key(filter)
            || filter.match_indices('=').any(|(at, _)| props.get(&filter[..at]).is_some_and(|v| *v == filter[at + 1..]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(json: &str) -> Changes {
        Changes::setting(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn empty_parts_of_a_key_vanish() {
        let mut props = Props::new();
        given(r#"{"Aux//double": "x", "Aux/trail/": 5}"#).apply(&mut props, "it").unwrap();
        assert_eq!(props, Props::from([("Aux/double".into(), "x".into()), ("Aux/trail".into(), "5".into())]));
    }

    #[test]
    fn a_refused_change_changes_nothing() {
        let mut props = Props::new();
        let fault = given(r#"{"Aux/a": "b", "NoSuch": "x"}"#).apply(&mut props, "it").unwrap_err();
        assert_eq!((fault.code, props.len()), (code::INVALID_PROPERTY, 0));
    }

    #[test]
    fn filters_ask_for_presence_or_equality_and_are_anded() {
        let props = Props::from([("Aux/a".into(), "b=c".into())]);
        assert!(matches(&props, &["Aux/a".into(), "Aux/a=b=c".into()]));
        assert!(!matches(&props, &["Aux/a".into(), "Aux/a=b".into()]));
    }

    #[test]
    fn deleting_a_namespace_keeps_the_key_of_its_name() {
        let mut props = Props::from([("Aux".into(), "x".into()), ("Aux/a".into(), "y".into())]);
        let changes = Changes { delete_namespaces: vec!["Aux".into()], ..Changes::default() };
        changes.apply(&mut props, "it").unwrap();
        assert_eq!(props.keys().collect::<Vec<_>>(), ["Aux"]);
    }
}
