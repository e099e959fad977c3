//! Which of DRBD's options a class may set: all that LINSTOR takes, except those that endanger data, run commands, or
//! undo what linflow's own rules stand on.
//!
//! Whether an option exists and takes the value, LINSTOR says. An option that only knowledge of the hardware makes safe
//! (such as `disk-flushes no` over a battery) belongs to LINSTOR's node, pool or controller, where that knowledge is.

use crate::linstor::model::Props;

/// What every such key begins with.
pub const NAMESPACE: &str = "DrbdOptions/";
/// The longest value that LINSTOR's database holds, in characters.
const LONGEST_VALUE: usize = 4096;

/// Why an option is not for a class.
struct Rule {
    /// What its key begins with, after [`NAMESPACE`], in any case; a whole key where it doesn't end with `/`.
    option: &'static str,
    /// The only values that do no harm, in lower case.
    harmless: &'static [&'static str],
    /// What another value would do.
    because: &'static str,
}

const fn rule(option: &'static str, harmless: &'static [&'static str], because: &'static str) -> Rule {
    Rule { option, harmless, because }
}

const TWO_WRITERS: &str = "two nodes could write different data";
const DISCARDS: &str = "DRBD would throw away what one side has written, without asking anybody";
const CACHES: &str = "what was acknowledged could be lost with the power";

/// All rules.
const RULES: [Rule; 22] = [
    rule("Handlers/", &[], "it would run commands on the nodes"),
    rule("Resource/quorum", &["majority"], TWO_WRITERS),
    rule("Resource/on-no-quorum", &["io-error", "suspend-io"], TWO_WRITERS),
    rule("Resource/auto-promote", &["yes", "true"], "a volume could not be mounted: linflow leaves promotion to DRBD"),
    rule("auto-quorum", &["io-error", "suspend-io"], TWO_WRITERS),
    rule("auto-add-quorum-tiebreaker", &["true", "yes"], "two replicas would have no quorum"),
    rule("Net/allow-two-primaries", &["no", "false"], TWO_WRITERS),
    rule("Net/protocol", &["c"], "what was acknowledged could be missing on the other replicas after a crash"),
    rule("Net/after-sb-0pri", &["disconnect"], DISCARDS),
    rule("Net/after-sb-1pri", &["disconnect"], DISCARDS),
    rule("Net/after-sb-2pri", &["disconnect"], DISCARDS),
    rule("Net/always-asbp", &["no", "false"], DISCARDS),
    rule("Net/rr-conflict", &["disconnect", "retry-connect"], DISCARDS),
    rule("Net/shared-secret", &[], "a class is no place for a secret, and LINSTOR makes one by itself"),
    rule("Net/cram-hmac-alg", &[], "nodes could connect without proof of who they are"),
    rule("Disk/on-io-error", &["detach"], "a replica would go on with blocks that could not be written"),
    rule("Disk/disk-flushes", &["yes", "true"], CACHES),
    rule("Disk/disk-barrier", &["yes", "true"], CACHES),
    rule("Disk/md-flushes", &["yes", "true"], CACHES),
    rule("Disk/disk-drain", &["yes", "true"], CACHES),
    rule("Disk/disk-timeout", &["0"], "a disk that is slow could write later what was given up before"),
    rule("SkipDisk", &["false"], "every replica would go without its disk"),
];

/// An option that a class may not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DrbdOptionError {
    /// An option, or a value of it, that does harm.
    #[error("{key} {value:?} can't be set by a class: {because}; leave it out{}", .harmless)]
    Harmful {
        /// The key as it was sent.
        key: String,
        /// The value as it was sent.
        value: String,
        /// What it would do.
        because: &'static str,
        /// The values that may be set, in words.
        harmless: String,
    },
    /// Text that is no option.
    #[error("{key:?} is no option of DRBD; write DrbdOptions/SECTION/NAME as LINSTOR spells it")]
    Key {
        /// The key as it was sent.
        key: String,
    },
    /// Text that is no value.
    #[error("{key}: the value {value:?} is empty, too long or has characters that DRBD's options never have")]
    Value {
        /// The key as it was sent.
        key: String,
        /// The value as it was sent.
        value: String,
    },
    /// One option in two spellings.
    #[error("{key} is given twice; keep one spelling")]
    Twice {
        /// LINSTOR's property.
        key: String,
    },
}

/// The options that a class can't set at will, for people: each with the values that it may have, and what others
/// would do. One that ends with `/` stands for all that begin so.
pub fn limited() -> impl Iterator<Item = (String, &'static [&'static str], &'static str)> {
    RULES.iter().map(|rule| (format!("{NAMESPACE}{}", rule.option), rule.harmless, rule.because))
}

/// Is this key, without any prefix, one of DRBD's options?
pub fn is_option(key: &str) -> bool {
    key.get(..NAMESPACE.len()).is_some_and(|head| head.eq_ignore_ascii_case(NAMESPACE))
}

/// Options that a class may set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DrbdOptions(Props);

impl DrbdOptions {
    /// Adds an option. `key`: without linflow's prefix; the namespace in any case, the rest as LINSTOR spells it.
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), DrbdOptionError> {
        let name = check_key(key)?;
        check_value(key, value)?;
        check_rules(key, name, value)?;
        let property = format!("{NAMESPACE}{name}");
        match self.0.insert(property.clone(), value.to_owned()) {
            Some(_) => Err(DrbdOptionError::Twice { key: property }),
            None => Ok(()),
        }
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// LINSTOR's properties for them, on a resource definition or a resource group.
    pub fn properties(&self) -> &Props {
        &self.0
    }
}

/// The key after the namespace. LINSTOR takes several slashes for one, so that such a key could hide from the rules.
fn check_key(key: &str) -> Result<&str, DrbdOptionError> {
    let bad = || DrbdOptionError::Key { key: key.to_owned() };
    let name = key.get(NAMESPACE.len()..).filter(|_| is_option(key)).ok_or_else(bad)?;
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if name.len() <= 200 && name.split('/').all(is_word) { Ok(name) } else { Err(bad()) }
}

/// Values go into a file that DRBD's tools read: nothing in them may end an option or begin another.
fn check_value(key: &str, value: &str) -> Result<(), DrbdOptionError> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || " -_.,:/%+=".contains(character);
    if !value.trim().is_empty() && value.len() <= LONGEST_VALUE && value.chars().all(is_plain) {
        return Ok(());
    }
    Err(DrbdOptionError::Value { key: key.to_owned(), value: value.to_owned() })
}

fn check_rules(key: &str, name: &str, value: &str) -> Result<(), DrbdOptionError> {
    let lower = value.trim().to_ascii_lowercase();
    let is_meant = |rule: &&Rule| match rule.option.ends_with('/') {
        true => name.get(..rule.option.len()).is_some_and(|head| head.eq_ignore_ascii_case(rule.option)),
        false => name.eq_ignore_ascii_case(rule.option),
    };
    match RULES.iter().find(is_meant).filter(|rule| !rule.harmless.contains(&lower.as_str())) {
        None => Ok(()),
        Some(Rule { harmless, because, .. }) => Err(DrbdOptionError::Harmful {
            key: key.to_owned(),
            value: value.to_owned(),
            because,
            harmless: if harmless.is_empty() { String::new() } else { format!(", or say {}", harmless.join(" or ")) },
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(key: &str, value: &str) -> Result<Props, DrbdOptionError> {
        let mut options = DrbdOptions::default();
        options.insert(key, value)?;
        Ok(options.properties().clone())
    }

    #[test]
    fn ordinary_options_pass_with_the_namespace_in_linstors_spelling() {
        for (key, value) in [
            ("DrbdOptions/Net/max-buffers", "8000"),
            ("drbdoptions/PeerDevice/c-max-rate", "100M"),
            ("DrbdOptions/auto-verify-alg", "crct10dif"),
            ("DrbdOptions/Disk/rs-discard-granularity", "1048576"),
        ] {
            let expected = (format!("DrbdOptions{}", &key[11..]), value.to_owned());
            assert_eq!(insert(key, value).unwrap().into_iter().collect::<Vec<_>>(), [expected]);
        }
    }

    /// What Piraeus recommends to its users: such a class must go on working.
    #[test]
    fn the_options_of_a_highly_available_linstor_csi_class_pass() {
        for (key, value) in [
            ("DrbdOptions/auto-quorum", "suspend-io"),
            ("DrbdOptions/Resource/on-no-data-accessible", "suspend-io"),
            ("DrbdOptions/Resource/on-suspended-primary-outdated", "force-secondary"),
            ("DrbdOptions/Net/rr-conflict", "retry-connect"),
        ] {
            assert!(insert(key, value).is_ok(), "{key}");
        }
    }

    #[test]
    fn options_that_endanger_data_are_refused_by_name_and_with_the_reason() {
        for (key, value) in [
            ("DrbdOptions/Resource/quorum", "off"),
            ("DrbdOptions/Resource/quorum", "1"),
            ("drbdoptions/resource/QUORUM", "off"),
            ("DrbdOptions/Resource/on-no-quorum", "ignore"),
            ("DrbdOptions/auto-quorum", "disabled"),
            ("DrbdOptions/auto-add-quorum-tiebreaker", "False"),
            ("DrbdOptions/Net/allow-two-primaries", "yes"),
            ("DrbdOptions/Net/protocol", "A"),
            ("DrbdOptions/Net/after-sb-1pri", "discard-secondary"),
            ("DrbdOptions/Net/rr-conflict", "violently"),
            ("DrbdOptions/Disk/on-io-error", "pass_on"),
            ("DrbdOptions/Disk/disk-flushes", "no"),
            ("DrbdOptions/SkipDisk", "True"),
            ("DrbdOptions/Handlers/before-resync-target", "reboot"),
            ("DrbdOptions/Net/shared-secret", "x"),
        ] {
            let refused = insert(key, value).unwrap_err();
            assert!(matches!(refused, DrbdOptionError::Harmful { .. }), "{key}: {refused:?}");
            assert!(refused.to_string().starts_with(key), "{refused}");
        }
    }

    #[test]
    fn a_key_or_a_value_that_could_hide_another_is_refused() {
        for key in ["DrbdOptions/", "DrbdOptions//Resource/quorum", "DrbdOptions/Net/", "DrbdOptions/Net/a b", "Drbd"] {
            assert!(matches!(insert(key, "1"), Err(DrbdOptionError::Key { .. })), "{key}");
        }
        for value in ["", " ", "1; } handlers { x", "a\nb", "\"x\"", &"1".repeat(4097)] {
            let refused = insert("DrbdOptions/Net/max-buffers", value);
            assert!(matches!(refused, Err(DrbdOptionError::Value { .. })), "{value:?}");
        }
    }

    #[test]
    fn an_option_in_two_spellings_is_refused() {
        let mut options = DrbdOptions::default();
        options.insert("DrbdOptions/Net/max-buffers", "1").unwrap();
        let twice = options.insert("drbdoptions/Net/max-buffers", "1");
        assert!(matches!(twice, Err(DrbdOptionError::Twice { .. })));
    }
}
