//! The parameters as they were sent: prefixes, case, aliases and what is not known are settled here, once for all
//! families.

use std::collections::BTreeMap;

use super::{ParameterError, known};
use crate::workflow::key::PREFIX;

/// The prefix of what Kubernetes' sidecars add.
const SIDECAR_PREFIX: &str = "csi.storage.k8s.io/";

/// Known parameters that nobody took yet.
pub(super) struct Given {
    known: BTreeMap<&'static str, String>,
    /// What the sidecars say, with their own keys.
    pub(super) sidecars: BTreeMap<String, String>,
}

impl Given {
    /// Sorts a request's parameters. A key that is not known, or is there twice, is refused.
    pub(super) fn read(parameters: &BTreeMap<String, String>) -> Result<Self, ParameterError> {
        let (mut known, mut sidecars) = (BTreeMap::new(), BTreeMap::new());
        for (sent, value) in parameters {
            if sent.starts_with(SIDECAR_PREFIX) {
                sidecars.insert(sent.clone(), value.clone());
                continue;
            }
            let lower = sent.to_ascii_lowercase();
            let found = known::find(lower.strip_prefix(PREFIX).unwrap_or(&lower));
            let key = found.ok_or_else(|| ParameterError::Unknown { key: sent.clone() })?.key;
            if known.insert(key, value.clone()).is_some() {
                return Err(ParameterError::Twice { key });
            }
        }
        Ok(Self { known, sidecars })
    }

    /// The value of a key, in the spelling of the tables. It is there once.
    pub(super) fn take(&mut self, key: &str) -> Option<String> {
        self.known.remove(key)
    }
}

/// Entries of a list: separated by spaces, as users of LINSTOR write them, or by commas.
pub(super) fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split([' ', ',', '\t', '\n']).filter(|entry| !entry.is_empty())
}
