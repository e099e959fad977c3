//! The claims of an owner's volume: several PersistentVolumeClaims, one LINSTOR volume.
//!
//! A claim is a key in the volume's records (`<incarnation>/claim/<key>/<token>`, a random word for each call that wrote
//! it) and the part of its volume id that follows `@` (docs/decisions.md, Names).

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{ending::Token, id::short_hash};
use crate::linstor::name::ResourceName;
use crate::workflow::{ClaimRef, Incarnation, PodRef, WorkflowRef};

/// Begins every hash of an owner, so that no CSI name is hashed to what an owner is.
const OWNER: &str = "owner\0";

/// A claim of an owner's volume: the first 32 hex digits of the SHA-256 of its CSI name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimKey(Box<str>);

impl ClaimKey {
    /// The key of the claim with this CSI name.
    pub fn of(csi_name: &str) -> Self {
        Self(short_hash(csi_name).into())
    }

    /// Parses the 32 lower-case hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (text.len() == 32 && is_hex).then(|| Self(text.into()))
    }

    /// The 32 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is recorded of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRecord {
    /// The CSI name.
    pub name: String,
    /// The PersistentVolumeClaim, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pvc: Option<ClaimRef>,
    /// The pod that owns it; none: a claim of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodRef>,
    /// When it was made, in RFC 3339.
    pub time: String,
}

/// The key of a claim's record, as the call with this word wrote it.
pub fn claim_key(incarnation: &Incarnation, claim: &ClaimKey, token: &Token) -> String {
    format!("{incarnation}/claim/{claim}/{token}")
}

/// A claim's record: the key and value to write.
pub fn claim_entry(
    incarnation: &Incarnation,
    claim: &ClaimKey,
    token: &Token,
    record: &ClaimRecord,
) -> BTreeMap<String, String> {
    let value = serde_json::to_string(record).expect("a claim's record holds only text");
    BTreeMap::from([(claim_key(incarnation, claim, token), value)])
}

/// The resource name of an owner's volume: every claim of the owner comes to it. The generation grows only when the last
/// one is on its way out.
pub fn owned_name(owner: &WorkflowRef, generation: u32) -> ResourceName {
    let name = format!("{}-{generation}", owner_instance(owner));
    ResourceName::parse(&name).expect("35 characters, a dash and at most ten digits make a resource name")
}

/// The key-value instance in which an owner's generation is kept, where that is not 0.
pub fn owner_instance(owner: &WorkflowRef) -> ResourceName {
    let hash = short_hash(&format!("{OWNER}{}", owner.canonical()));
    ResourceName::parse(&format!("lf-{hash}")).expect("lf- and 32 hex digits make a resource name")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::id::resource_name;

    fn owner(canonical: &str) -> WorkflowRef {
        WorkflowRef::parse(canonical).unwrap()
    }

    #[test]
    fn the_claims_of_an_owner_meet_at_one_name_and_those_of_another_do_not() {
        let mine = owned_name(&owner("airflow/etl/r1"), 0);
        assert_eq!(mine, owned_name(&owner("airflow/etl/r1"), 0));
        for other in ["airflow/etl", "airflow/etl/r2", "other/etl/r1", "airflow/etl/r1/load/-1"] {
            assert_ne!(mine, owned_name(&owner(other), 0), "{other}");
        }
        assert_ne!(mine, owned_name(&owner("airflow/etl/r1"), 1));
        assert_eq!(owned_name(&owner("airflow/etl/r1"), u32::MAX).as_str().len(), 46);
    }

    #[test]
    fn no_csi_name_is_given_the_name_of_an_owner() {
        let mine = owner("airflow/etl/r1");
        assert_ne!(resource_name("airflow/etl/r1"), owner_instance(&mine));
        assert_ne!(resource_name(owned_name(&mine, 0).as_str()), owned_name(&mine, 0));
    }

    #[test]
    fn a_claims_record_comes_back() {
        let record = ClaimRecord {
            name: "pvc-1".to_owned(),
            pvc: Some(ClaimRef {
                namespace: "airflow".to_owned(),
                name: "data".to_owned(),
                uid: Some("u3".to_owned()),
            }),
            pod: Some(PodRef { namespace: "airflow".to_owned(), name: "p".to_owned(), uid: Some("u1".to_owned()) }),
            time: "2026-01-01T00:00:00Z".to_owned(),
        };
        let incarnation = Incarnation::from_random([1; 16]);
        let entry = claim_entry(&incarnation, &ClaimKey::of("pvc-1"), &Token::of([2; 16]), &record);
        let (key, value) = entry.first_key_value().unwrap();
        assert_eq!(*key, format!("{incarnation}/claim/{}/{}", short_hash("pvc-1"), "02".repeat(16)));
        assert_eq!(serde_json::from_str::<ClaimRecord>(value).unwrap(), record);
    }
}
