//! That a volume is attached somewhere, and how.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::failover::Sharing;
use crate::workflow::PodRef;

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
    /// Is the device open for writing there although this attachment only reads? So it is where other claims of the
    /// volume write, or may come to: a node has one superblock of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_writable: bool,
    /// The pod that owns the claim, where one does: who holds the volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodRef>,
    /// The run that the pod is of, by Airflow's label, where a DAG owns the volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl Attachment {
    /// May the device be written to on that node?
    pub fn opens_for_writing(&self) -> bool {
        !self.read_only || self.on_writable
    }

    /// Whom it bears on other nodes. Where the device is open for writing DRBD lets no other node open it.
    pub fn sharing(&self) -> Sharing {
        if self.opens_for_writing() { Sharing::Alone } else { self.mode.sharing() }
    }

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

#[cfg(test)]
impl Attachment {
    /// One writer of a plain volume.
    pub(super) fn of_writer() -> Self {
        Self {
            mode: AccessMode::SingleNodeWriter,
            read_only: false,
            access: Some(AccessType::Mount),
            claim: "vol1".to_owned(),
            time: "2026-01-01T00:00:00Z".to_owned(),
            detaching: false,
            on_writable: false,
            pod: None,
            run: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let otherwise = Attachment::of_writer().difference(AccessMode::SingleNodeWriter, AccessType::Block, false);
        assert_eq!(otherwise, Some("access type"));
    }

    #[test]
    fn a_reader_on_a_device_that_others_write_bears_nobody_on_another_node() {
        let reader = Attachment { mode: AccessMode::MultiNodeReaderOnly, read_only: true, ..Attachment::of_writer() };
        assert_eq!((reader.sharing(), reader.opens_for_writing()), (Sharing::Readers, false));
        let beside = Attachment { on_writable: true, ..reader };
        assert_eq!((beside.sharing(), beside.opens_for_writing()), (Sharing::Alone, true));
    }
}
