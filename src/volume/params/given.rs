//! The parameters as they were sent: prefixes, case, aliases and what is not known are settled here, once for all
//! families.

use std::collections::BTreeMap;

use super::{ParameterError, known};
use crate::workflow::key::PREFIX;

/// The prefix of what Kubernetes' sidecars add.
const SIDECAR_PREFIX: &str = "csi.storage.k8s.io/";
/// The prefixes that a key may have: ours, and linstor-csi's, whose classes work as they are.
pub const PREFIXES: [&str; 2] = [PREFIX, "linstor.csi.linbit.com/"];
/// What begins a key that names a property of LINSTOR.
pub const PROPERTY_PREFIXES: [&str; 2] = ["property.linflow.csi/", "property.linstor.csi.linbit.com/"];
/// What begins the properties that need no such prefix.
const DRBD_OPTIONS: &str = crate::volume::drbd_options::NAMESPACE;

/// Parameters that nobody took yet.
#[derive(Debug, Default)]
pub(super) struct Given {
    known: BTreeMap<&'static str, String>,
    /// LINSTOR's properties, by their name there.
    pub(super) properties: BTreeMap<String, String>,
    /// What the sidecars say, with their own keys.
    pub(super) sidecars: BTreeMap<String, String>,
    /// What is worth a line in the log.
    pub(super) remarks: Vec<String>,
}

impl Given {
    /// Sorts a request's parameters. A key that is not known, or is there twice, is refused.
    pub(super) fn read(parameters: &BTreeMap<String, String>) -> Result<Self, ParameterError> {
        let mut given = Self::default();
        for (sent, value) in parameters {
            given.sort(sent, value.clone())?;
        }
        Ok(given)
    }

    /// The value of a key, in the spelling of the tables. It is there once.
    pub(super) fn take(&mut self, key: &str) -> Option<String> {
        self.known.remove(key)
    }

    /// The same, as a truth value: what Go's ParseBool reads, which linstor-csi uses.
    pub(super) fn take_bool(&mut self, key: &'static str) -> Result<Option<bool>, ParameterError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => Ok(Some(true)),
            "false" | "f" | "0" => Ok(Some(false)),
            _ => Err(ParameterError::Value { key: key.to_owned(), value, expected: "true or false" }),
        }
    }

    fn sort(&mut self, sent: &str, value: String) -> Result<(), ParameterError> {
        if sent.starts_with(SIDECAR_PREFIX) {
            self.sidecars.insert(sent.to_owned(), value);
            return Ok(());
        }
        let bare = PREFIXES.iter().find_map(|prefix| strip(sent, prefix)).unwrap_or(sent);
        if let Some(property) = property(bare) {
            return once(&mut self.properties, property, value);
        }
        if let Some(key) = known::PASSED_OVER.iter().find(|key| key.eq_ignore_ascii_case(bare)) {
            self.remarks.push(format!("parameter {key} does nothing: the claim says the size"));
            return Ok(());
        }
        if let Some((key, because)) = known::REFUSED.iter().find(|(key, _)| key.eq_ignore_ascii_case(bare)) {
            return Err(ParameterError::Refused { key: (*key).to_owned(), because });
        }
        let unknown = || ParameterError::Unknown { key: sent.to_owned(), meant: known::nearest(sent) };
        once(&mut self.known, known::find(bare).ok_or_else(unknown)?.key, value)
    }
}

fn once<K: Ord + ToString>(map: &mut BTreeMap<K, String>, key: K, value: String) -> Result<(), ParameterError> {
    let name = key.to_string();
    if map.insert(key, value).is_some() { Err(ParameterError::Twice { key: name }) } else { Ok(()) }
}

/// LINSTOR's name of the property that a key sets. LINSTOR takes several slashes for one, so that a key could hide
/// behind them.
fn property(bare: &str) -> Option<String> {
    let named = PROPERTY_PREFIXES.iter().find_map(|prefix| strip(bare, prefix));
    let name = named.or_else(|| strip(bare, DRBD_OPTIONS).map(|_| bare))?;
    let name = name.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    // A namespace in another case would be another property.
    Some(strip(&name, DRBD_OPTIONS).map_or(name.clone(), |option| format!("{DRBD_OPTIONS}{option}")))
}

/// The text after a prefix, which may be in any case.
fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Entries of a list: separated by spaces, as users of LINSTOR write them, or by commas.
pub(super) fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split([' ', ',', '\t', '\n']).filter(|entry| !entry.is_empty())
}
