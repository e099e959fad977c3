//! What changes while a volume lives: attach records, the `formatted` mark and the wished replicas, kept in the key-value-store instance
//! that bears the resource's name (docs/decisions.md, Records).
//!
//! Every key begins with the definition's incarnation, so that what an earlier resource of that name left behind is
//! never believed.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    claims::{ClaimKey, ClaimRecord, claim_key},
    ending::{Ending, Token},
    filesystem::FsUuid,
    seat::Seat,
    standing::AskRecord,
};
use crate::linstor::name::NodeName;
use crate::workflow::Incarnation;

pub use super::attachment::{AccessMode, AccessType, Attachment};

/// A record that can't be read. It is not passed over: what it says about other nodes could be lost.
#[derive(Debug, thiserror::Error)]
#[error("record {key:?} of volume {resource} can't be read; look at LINSTOR's key-value store {resource}")]
pub struct RecordError {
    resource: String,
    key: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// All records of one incarnation of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    /// The filesystem that was finished on the volume, where one was.
    pub formatted: Option<FsUuid>,
    /// Where it is attached: a node, and of an owner's volume the claim.
    pub attachments: BTreeMap<Seat, Attachment>,
    /// Was it ever attached? Then it may hold data, whatever else is known of it.
    pub was_used: bool,
    /// How many replicas were last asked for, where that was changed after the creation.
    pub replicas: Option<u32>,
    /// The nodes that had a replica before their number was changed first: a PersistentVolume may name them for good.
    /// Empty: it wasn't changed, or the volume is reached from everywhere.
    pub homes: BTreeSet<NodeName>,
    /// The claims that an owner's volume has.
    pub claims: BTreeMap<ClaimKey, ClaimRecord>,
    /// The words of the calls that wrote them. What one of them wrote may be on its way out, and another call relies on
    /// its own word alone.
    pub claim_words: BTreeSet<(ClaimKey, Token)>,
    /// Who works on it by hand, by their own random words.
    pub asking: BTreeMap<String, AskRecord>,
    /// What speaks for its end, or against it.
    pub ending: Ending,
}

impl Ledger {
    /// Reads the records of `incarnation` out of the whole instance.
    pub fn read(
        resource: &str,
        store: &BTreeMap<String, String>,
        incarnation: &Incarnation,
    ) -> Result<Self, RecordError> {
        let prefix = format!("{incarnation}/");
        let mut ledger = Self::default();
        for (key, value) in store {
            let Some(rest) = key.trim_start_matches('/').strip_prefix(&prefix) else { continue };
            let failed = |source| RecordError { resource: resource.to_owned(), key: key.clone(), source };
            ledger.take(rest, value).map_err(failed)?;
        }
        Ok(ledger)
    }

    /// Takes one record; keys that this version doesn't know are passed over.
    fn take(&mut self, key: &str, value: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match key.split_once('/') {
            Some(("attach", seat)) => {
                self.attachments.insert(Seat::parse(seat)?, serde_json::from_str(value)?);
            }
            Some(("claim", claim)) => {
                let (claim, token) = claim.split_once('/').ok_or("the key does not end in a word")?;
                let claim = ClaimKey::parse(claim).ok_or("the key is not 32 hex digits")?;
                self.claim_words.insert((claim.clone(), Token::read(token)));
                self.claims.insert(claim, serde_json::from_str(value)?);
            }
            Some(("asking", token)) => {
                self.asking.insert(token.to_owned(), serde_json::from_str(value)?);
            }
            _ => self.take_single(key, value)?,
        }
        Ok(())
    }

    fn take_single(&mut self, key: &str, value: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match key {
            "formatted" => self.formatted = Some(FsUuid::parse(value)?),
            "used" => self.was_used = true,
            "replicas" => self.replicas = Some(value.parse()?),
            "homes" => self.homes = value.split_whitespace().map(NodeName::parse).collect::<Result<_, _>>()?,
            _ => {
                self.ending.take(key, value)?;
            }
        }
        Ok(())
    }

    /// Did the call with this word write that claim, and is that there?
    pub fn says(&self, claim: &ClaimKey, token: &Token) -> bool {
        self.claim_words.contains(&(claim.clone(), token.clone()))
    }

    /// The keys of all that was written of a claim.
    pub fn claim_keys<'a>(&'a self, incarnation: &'a Incarnation, claim: &'a ClaimKey) -> impl Iterator<Item = String> {
        let of_it = self.claim_words.iter().filter(move |(key, _)| key == claim);
        of_it.map(move |(key, token)| claim_key(incarnation, key, token))
    }

    /// The attachment at this seat, and the seat as it is recorded: LINSTOR ignores the case of a node's name.
    pub fn attachment_at(&self, seat: &Seat) -> Option<(&Seat, &Attachment)> {
        self.attachments.iter().find(|(recorded, _)| recorded.is(seat))
    }

    /// The attachments to this node, of all claims.
    pub fn attachments_to(&self, node: &NodeName) -> impl Iterator<Item = (&Seat, &Attachment)> {
        self.attachments.iter().filter(move |(seat, _)| seat.is_on(node))
    }

    /// The attachments to other nodes than this one.
    pub fn attachments_beside(&self, node: &NodeName) -> Vec<(&Seat, &Attachment)> {
        self.attachments.iter().filter(|(seat, _)| !seat.is_on(node)).collect()
    }

    /// Does another claim have the volume on that seat's node, and means to keep it?
    pub fn is_shared(&self, seat: &Seat) -> bool {
        self.attachments_to(&seat.node).any(|(other, held)| other.claim != seat.claim && !held.detaching)
    }

    /// The nodes that have it attached.
    pub fn nodes(&self) -> BTreeSet<&NodeName> {
        self.attachments.keys().map(|seat| &seat.node).collect()
    }
}

/// The key of the mark that says which filesystem was finished on the volume.
pub fn formatted_key(incarnation: &Incarnation) -> String {
    format!("{incarnation}/formatted")
}

/// The key and value that say which nodes had a replica first.
pub fn homes_entry(incarnation: &Incarnation, homes: &BTreeSet<NodeName>) -> BTreeMap<String, String> {
    let nodes: Vec<&str> = homes.iter().map(NodeName::as_str).collect();
    BTreeMap::from([(format!("{incarnation}/homes"), nodes.join(" "))])
}

/// The key and value that say how many replicas are asked for.
pub fn replicas_entry(incarnation: &Incarnation, replicas: u32) -> BTreeMap<String, String> {
    BTreeMap::from([(format!("{incarnation}/replicas"), replicas.to_string())])
}

/// Is the value an attach record whose detach waits for its node?
pub fn is_detaching(value: &str) -> bool {
    serde_json::from_str::<Attachment>(value).is_ok_and(|attachment| attachment.detaching)
}

/// Does the instance hold nothing but records of ours? Only such an instance is ever deleted.
pub fn is_ours(store: &BTreeMap<String, String>) -> bool {
    store.keys().all(|key| {
        let head = key.trim_start_matches('/').split('/').next().unwrap_or_default();
        Incarnation::parse(head).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::seat::attach_entry;

    fn seat(text: &str) -> Seat {
        Seat::parse(text).unwrap()
    }

    fn incarnation(digit: &str) -> Incarnation {
        Incarnation::parse(&digit.repeat(32)).unwrap()
    }

    #[test]
    fn a_node_is_found_in_any_case() {
        let now = incarnation("a");
        let store = attach_entry(&now, &seat("Node-1"), &Attachment::of_writer());
        let ledger = Ledger::read("vol1", &store, &now).unwrap();
        let found = ledger.attachment_at(&seat("node-1")).map(|(recorded, _)| recorded.to_string());
        assert_eq!(found.as_deref(), Some("Node-1"));
        assert_eq!(ledger.attachments_beside(&seat("node-1").node), []);
    }

    #[test]
    fn each_claim_has_a_record_of_its_own_beside_those_of_others() {
        let now = incarnation("a");
        let (one, other) = (format!("node-1@{}", "1".repeat(32)), format!("node-1@{}", "2".repeat(32)));
        let mut store = attach_entry(&now, &seat(&one), &Attachment::of_writer());
        store.extend(attach_entry(&now, &seat(&other), &Attachment { detaching: true, ..Attachment::of_writer() }));
        let ledger = Ledger::read("vol1", &store, &now).unwrap();
        assert_eq!((ledger.attachments.len(), ledger.nodes().len()), (2, 1));
        assert_eq!(ledger.attachment_at(&seat("node-1")), None, "the plain volume is another one's business");
        let shared = |text: &str| ledger.is_shared(&seat(text));
        assert_eq!((shared(&one), shared(&other)), (false, true), "who is leaving keeps nothing there");
    }

    #[test]
    fn records_of_another_incarnation_are_not_believed() {
        let (now, before) = (incarnation("a"), incarnation("b"));
        let store = attach_entry(&before, &seat("node-1"), &Attachment::of_writer());
        assert_eq!(Ledger::read("vol1", &store, &now).unwrap(), Ledger::default());
        let ledger = Ledger::read("vol1", &store, &before).unwrap();
        assert_eq!(ledger.attachments.get(&seat("node-1")), Some(&Attachment::of_writer()));
    }

    #[test]
    fn a_record_that_cannot_be_read_is_an_error_and_not_an_absence() {
        let now = incarnation("a");
        for (key, value) in [
            ("attach/node-1", "{"),
            ("attach/no de", "{}"),
            ("attach/node-1@claim", "{}"),
            ("formatted", "soon"),
            ("replicas", "some"),
            ("homes", "no/de"),
            ("claim/1", "{}"),
        ] {
            let store = BTreeMap::from([(format!("{now}/{key}"), value.to_owned())]);
            assert!(Ledger::read("vol1", &store, &now).is_err(), "{key}={value}");
        }
    }

    #[test]
    fn an_instance_with_a_foreign_key_is_not_ours() {
        let mut store = BTreeMap::from([(formatted_key(&incarnation("a")), String::new())]);
        assert!(is_ours(&store));
        store.insert("csi-backup-mapping/x".into(), String::new());
        assert!(!is_ours(&store));
    }
}
