//! What changes while a volume lives: attach records, the `formatted` mark and the wished replicas, kept in the key-value-store instance
//! that bears the resource's name (docs/decisions.md, Records).
//!
//! Every key begins with the definition's incarnation, so that what an earlier resource of that name left behind is
//! never believed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{
    asking::AskRecord,
    claims::{ClaimKey, ClaimRecord},
    ending::Ending,
    filesystem::FsUuid,
};
use crate::failover::Sharing;
use crate::linstor::{model::is_same_name, name::NodeName};
use crate::workflow::Incarnation;

/// How a volume may be used (CSI spec, VolumeCapability.AccessMode). The modes with writers on several nodes are not
/// among them: a request for one is refused by name before it gets here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccessMode {
    /// Read and written on one node at a time. What callers say who don't know the next two.
    SingleNodeWriter,
    /// Read and written on one node, through one target there.
    SingleNodeSingleWriter,
    /// Read and written on one node, through any number of targets there.
    SingleNodeMultiWriter,
    /// Only read, on one node at a time.
    SingleNodeReaderOnly,
    /// Only read, on any number of nodes.
    MultiNodeReaderOnly,
}

impl AccessMode {
    /// The word that CSI has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SingleNodeWriter => "SINGLE_NODE_WRITER",
            Self::SingleNodeSingleWriter => "SINGLE_NODE_SINGLE_WRITER",
            Self::SingleNodeMultiWriter => "SINGLE_NODE_MULTI_WRITER",
            Self::SingleNodeReaderOnly => "SINGLE_NODE_READER_ONLY",
            Self::MultiNodeReaderOnly => "MULTI_NODE_READER_ONLY",
        }
    }

    /// Does it forbid to write?
    pub fn is_reader(self) -> bool {
        matches!(self, Self::SingleNodeReaderOnly | Self::MultiNodeReaderOnly)
    }

    /// Whom it bears on other nodes.
    pub fn sharing(self) -> Sharing {
        if self == Self::MultiNodeReaderOnly { Sharing::Readers } else { Sharing::Alone }
    }

    /// May another node have the volume with that mode at the same time?
    pub fn shares_with(self, other: Self) -> bool {
        self.sharing().bears(other.sharing())
    }

    /// Do both ask for the same? A caller that learns of the finer modes says `SINGLE_NODE_MULTI_WRITER` from then on
    /// for what it called `SINGLE_NODE_WRITER` before, of the same volume on the same node.
    fn is_compatible(self, other: Self) -> bool {
        let plain = |mode| if mode == Self::SingleNodeMultiWriter { Self::SingleNodeWriter } else { mode };
        plain(self) == plain(other)
    }
}

/// What a node is given (CSI spec, VolumeCapability.access_type).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessType {
    /// The raw device.
    Block,
    /// A filesystem.
    Mount,
}

impl fmt::Display for AccessMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The record that a volume is attached to a node. While it stands, the volume is attached; nothing else means that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The access mode that it was attached with.
    pub mode: AccessMode,
    /// Only for reading?
    pub read_only: bool,
    /// What the node is given; none in records of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessType>,
    /// The volume id that was attached.
    pub claim: String,
    /// When, in RFC 3339.
    pub time: String,
    /// Was it detached while its node did not answer? Then the record stands until the node is back, or given up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub detaching: bool,
}

impl Attachment {
    /// What an attach of the same volume to the same node asks for otherwise than this one did; none: it is the same.
    pub fn difference(&self, mode: AccessMode, access: AccessType, read_only: bool) -> Option<&'static str> {
        if !self.mode.is_compatible(mode) {
            Some("access mode")
        } else if self.access.is_some_and(|recorded| recorded != access) {
            Some("access type")
        } else {
            (self.read_only != read_only).then_some("readonly flag")
        }
    }
}

/// A record that can't be read. It is not passed over: what it says about other nodes could be lost.
#[derive(Debug, thiserror::Error)]
#[error("record {key:?} of volume {resource} can't be read; look at LINSTOR's key-value store {resource}")]
pub struct RecordError {
    resource: String,
    key: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl RecordError {
    /// The record of that key can't be read.
    pub(super) fn new(resource: &str, key: &str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { resource: resource.to_owned(), key: key.to_owned(), source: Box::new(source) }
    }
}

/// All records of one incarnation of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    /// The filesystem that was finished on the volume, where one was.
    pub formatted: Option<FsUuid>,
    /// The nodes that it is attached to.
    pub attachments: BTreeMap<NodeName, Attachment>,
    /// Was it ever attached? Then it may hold data, whatever else is known of it.
    pub was_used: bool,
    /// How many replicas were last asked for, where that was changed after the creation.
    pub replicas: Option<u32>,
    /// The nodes that had a replica before their number was changed first: a PersistentVolume may name them for good.
    /// Empty: it wasn't changed, or the volume is reached from everywhere.
    pub homes: BTreeSet<NodeName>,
    /// The claims that an owner's volume has.
    pub claims: BTreeMap<ClaimKey, ClaimRecord>,
    /// Who is about to claim it, by their own random words.
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
            Some(("attach", node)) => {
                self.attachments.insert(NodeName::parse(node)?, serde_json::from_str(value)?);
            }
            Some(("claim", claim)) => {
                let claim = ClaimKey::parse(claim).ok_or("the key is not 32 hex digits")?;
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

    /// The attachment to this node, and the node's name as it is recorded: LINSTOR ignores its case.
    pub fn attachment_to(&self, node: &NodeName) -> Option<(&NodeName, &Attachment)> {
        self.attachments.iter().find(|(recorded, _)| is_same_name(recorded.as_str(), node.as_str()))
    }

    /// The attachments to other nodes than this one.
    pub fn attachments_beside(&self, node: &NodeName) -> Vec<(&NodeName, &Attachment)> {
        self.attachments.iter().filter(|(other, _)| !is_same_name(other.as_str(), node.as_str())).collect()
    }
}

/// The key of a node's attach record.
pub fn attach_key(incarnation: &Incarnation, node: &NodeName) -> String {
    format!("{incarnation}/attach/{node}")
}

/// The node whose attach record has this key, of whatever incarnation; none: it is the key of something else.
pub fn attached_node(key: &str) -> Option<&str> {
    key.trim_start_matches('/').split_once('/')?.1.strip_prefix("attach/")
}

/// A node's attach record, and the mark that outlives it: the keys and values to write together.
pub fn attach_entry(incarnation: &Incarnation, node: &NodeName, attachment: &Attachment) -> BTreeMap<String, String> {
    let value = serde_json::to_string(attachment).expect("an attachment holds only text and truth values");
    BTreeMap::from([(attach_key(incarnation, node), value), (format!("{incarnation}/used"), "true".to_owned())])
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

    fn attachment() -> Attachment {
        Attachment {
            mode: AccessMode::SingleNodeWriter,
            read_only: false,
            access: Some(AccessType::Mount),
            claim: "vol1".into(),
            time: "2026-01-01T00:00:00Z".into(),
            detaching: false,
        }
    }

    fn incarnation(digit: &str) -> Incarnation {
        Incarnation::parse(&digit.repeat(32)).unwrap()
    }

    #[test]
    fn a_mode_is_recorded_by_its_word_in_csi() {
        use AccessMode::{
            MultiNodeReaderOnly, SingleNodeMultiWriter, SingleNodeReaderOnly, SingleNodeSingleWriter, SingleNodeWriter,
        };
        for mode in
            [SingleNodeWriter, SingleNodeSingleWriter, SingleNodeMultiWriter, SingleNodeReaderOnly, MultiNodeReaderOnly]
        {
            let word = format!("\"{mode}\"");
            assert_eq!(serde_json::to_string(&mode).unwrap(), word);
            assert_eq!(serde_json::from_str::<AccessMode>(&word).unwrap(), mode);
        }
    }

    #[test]
    fn a_record_of_an_older_version_is_the_same_for_a_caller_of_a_newer_one() {
        let old = r#"{"mode":"SINGLE_NODE_WRITER","read_only":false,"claim":"vol1","time":"2026-01-01T00:00:00Z"}"#;
        let old: Attachment = serde_json::from_str(old).unwrap();
        let difference = |mode, access, read_only| old.difference(mode, access, read_only);
        assert_eq!(difference(AccessMode::SingleNodeWriter, AccessType::Block, false), None);
        assert_eq!(difference(AccessMode::SingleNodeMultiWriter, AccessType::Mount, false), None);
        assert_eq!(difference(AccessMode::SingleNodeSingleWriter, AccessType::Mount, false), Some("access mode"));
        assert_eq!(difference(AccessMode::SingleNodeWriter, AccessType::Mount, true), Some("readonly flag"));
        let otherwise = attachment().difference(AccessMode::SingleNodeWriter, AccessType::Block, false);
        assert_eq!(otherwise, Some("access type"));
    }

    #[test]
    fn a_node_is_found_in_any_case() {
        let now = incarnation("a");
        let store = attach_entry(&now, &NodeName::parse("Node-1").unwrap(), &attachment());
        let ledger = Ledger::read("vol1", &store, &now).unwrap();
        let node = NodeName::parse("node-1").unwrap();
        assert_eq!(ledger.attachment_to(&node).map(|(recorded, _)| recorded.as_str()), Some("Node-1"));
        assert_eq!(ledger.attachments_beside(&node), []);
        let key = store.keys().next().unwrap();
        assert_eq!((attached_node(key), attached_node("a/formatted")), (Some("Node-1"), None));
    }

    #[test]
    fn records_of_another_incarnation_are_not_believed() {
        let (now, before) = (incarnation("a"), incarnation("b"));
        let node = NodeName::parse("node-1").unwrap();
        let store = attach_entry(&before, &node, &attachment());
        assert_eq!(Ledger::read("vol1", &store, &now).unwrap(), Ledger::default());
        assert_eq!(Ledger::read("vol1", &store, &before).unwrap().attachments.get(&node), Some(&attachment()));
    }

    #[test]
    fn a_record_that_cannot_be_read_is_an_error_and_not_an_absence() {
        let now = incarnation("a");
        for (key, value) in [
            ("attach/node-1", "{"),
            ("attach/no de", "{}"),
            ("formatted", "soon"),
            ("replicas", "some"),
            ("homes", "no/de"),
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
