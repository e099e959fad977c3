//! What changes while a volume lives: attach records and the `formatted` mark, kept in the key-value-store instance
//! that bears the resource's name (docs/decisions.md, Records).
//!
//! Every key begins with the definition's incarnation, so that what an earlier resource of that name left behind is
//! never believed.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::filesystem::FsUuid;
use crate::linstor::name::NodeName;
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
    /// The volume id that was attached.
    pub claim: String,
    /// When, in RFC 3339.
    pub time: String,
    /// Was it detached while its node did not answer? Then the record stands until the node is back, or given up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub detaching: bool,
}

impl Attachment {
    /// Is a repeated attach the same as this one?
    pub fn is_same(&self, mode: AccessMode, read_only: bool) -> bool {
        (self.mode, self.read_only) == (mode, read_only)
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

/// All records of one incarnation of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    /// The filesystem that was finished on the volume, where one was.
    pub formatted: Option<FsUuid>,
    /// The nodes that it is attached to.
    pub attachments: BTreeMap<NodeName, Attachment>,
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
            if rest == "formatted" {
                ledger.formatted = Some(FsUuid::parse(value).map_err(|error| failed(error.into()))?);
            } else if let Some(node) = rest.strip_prefix("attach/") {
                let node = NodeName::parse(node).map_err(|error| failed(error.into()))?;
                let attachment = serde_json::from_str(value).map_err(|error| failed(error.into()))?;
                ledger.attachments.insert(node, attachment);
            }
        }
        Ok(ledger)
    }

    /// The attachments to other nodes than this one.
    pub fn attachments_beside(&self, node: &NodeName) -> Vec<(&NodeName, &Attachment)> {
        self.attachments.iter().filter(|(other, _)| *other != node).collect()
    }
}

/// The key of a node's attach record.
pub fn attach_key(incarnation: &Incarnation, node: &NodeName) -> String {
    format!("{incarnation}/attach/{node}")
}

/// The key and value of a node's attach record.
pub fn attach_entry(incarnation: &Incarnation, node: &NodeName, attachment: &Attachment) -> BTreeMap<String, String> {
    let value = serde_json::to_string(attachment).expect("an attachment holds only text and truth values");
    BTreeMap::from([(attach_key(incarnation, node), value)])
}

/// The key of the mark that says which filesystem was finished on the volume.
pub fn formatted_key(incarnation: &Incarnation) -> String {
    format!("{incarnation}/formatted")
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
        for (key, value) in [("attach/node-1", "{"), ("attach/no de", "{}"), ("formatted", "soon")] {
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
