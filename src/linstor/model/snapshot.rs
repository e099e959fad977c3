//! Snapshots: what is seen of them and what is asked for, and clones.

use serde::{Deserialize, Serialize};

use super::{Props, VolumeDefinition};
use crate::linstor::name::{GroupName, NodeName, ResourceName, SnapshotName};
use crate::linstor::rc::Replies;

/// The property in which LINSTOR keeps DRBD's numbers of all replicas that there were, separated by commas: of those
/// that the snapshot leaves out, too (recorded: d06). Without DRBD it is empty.
const REPLICA_IDS: &str = "BackupShipping/BackupNodeIdsToReset";

/// A snapshot of a resource definition (schema `Snapshot`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// The name in its display case; unique within the definition, without case.
    pub name: String,
    /// The definition that it is of, in its display case.
    pub resource_name: String,
    /// The nodes that hold it. A replica on a node that was away is not among them, and nothing else tells.
    pub nodes: Vec<String>,
    /// The snapshot's own properties: those of the creating request, and LINSTOR's.
    #[serde(rename = "snapshot_definition_props")]
    pub props: Props,
    /// The definition's properties when it was taken.
    #[serde(rename = "resource_definition_props")]
    pub definition_props: Props,
    /// `SUCCESSFUL`, `FAILED_DEPLOYMENT`, `FAILED_DISCONNECT`, `DELETE`, `SHIPPING`, `AUTO_SNAPSHOT`,
    /// `SAFETY_SNAPSHOT`, …
    pub flags: Vec<String>,
    /// The definition's volumes when it was taken.
    pub volume_definitions: Vec<VolumeDefinition>,
    /// Random, new with every snapshot: two of the same name differ in it.
    pub uuid: String,
    /// What each node holds of it.
    pub snapshots: Vec<NodeSnapshot>,
}

/// What a node holds of a snapshot (schema `SnapshotNode`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NodeSnapshot {
    /// The node.
    pub node_name: String,
    /// When it was taken, milliseconds since 1970 by the controller's clock; none until then.
    pub create_timestamp: Option<u64>,
    /// The node's flags for it, such as `DELETE`.
    pub flags: Vec<String>,
    /// The replica's properties when it was taken.
    pub resource_props: Props,
}

impl NodeSnapshot {
    /// The storage pool that holds it, and that a volume made from it is in; none where LINSTOR does not say.
    pub fn pool(&self) -> Option<&str> {
        self.resource_props.get("StorPoolName").map(String::as_str)
    }
}

impl Snapshot {
    /// Whether it was taken on all nodes that it is to be on.
    pub fn is_successful(&self) -> bool {
        self.has("SUCCESSFUL") && !self.is_failed()
    }

    /// Whether it was tried and is not whole. It never will be.
    pub fn is_failed(&self) -> bool {
        self.has("FAILED_DEPLOYMENT") || self.has("FAILED_DISCONNECT")
    }

    /// Whether its deletion has begun.
    pub fn is_deleting(&self) -> bool {
        self.has("DELETE")
    }

    /// Whether a volume can be made from it now: it is whole, and no node still works on it.
    pub fn is_ready(&self) -> bool {
        let is_held = |node: &NodeSnapshot| node.create_timestamp.is_some() && node.flags.is_empty();
        let is_worked_on = self.flags.iter().any(|flag| flag != "SUCCESSFUL");
        self.is_successful() && !is_worked_on && !self.snapshots.is_empty() && self.snapshots.iter().all(is_held)
    }

    /// When it was taken, milliseconds since 1970; none until then.
    pub fn created_ms(&self) -> Option<u64> {
        self.snapshots.iter().filter_map(|node| node.create_timestamp).min()
    }

    /// KiB of volume 0, as it was asked for; none where there is no such volume.
    pub fn size_kib(&self) -> Option<u64> {
        self.volume_definitions.iter().find(|volume| volume.volume_number == 0).map(|volume| volume.size_kib)
    }

    /// Whether its volume was DRBD's, so that one made from it is reached from every node.
    pub fn uses_drbd(&self) -> bool {
        self.replica_ids() > 0
    }

    /// Whether a replica was away when it was taken: the nodes that hold it are fewer than the replicas were.
    pub fn is_partial(&self) -> bool {
        self.replica_ids() > self.nodes.len()
    }

    fn replica_ids(&self) -> usize {
        let ids = self.props.get(REPLICA_IDS).map_or("", String::as_str);
        ids.split(',').filter(|id| !id.is_empty()).count()
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|one| one == flag)
    }
}

/// A snapshot to take (`POST /v1/actions/snapshot/multi`), of every replica that can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewSnapshot {
    /// The definition to take it of.
    pub resource_name: ResourceName,
    /// Its name.
    pub name: SnapshotName,
    /// Properties that it has from its first moment.
    #[serde(rename = "snapshot_definition_props", skip_serializing_if = "Props::is_empty")]
    pub props: Props,
}

/// `POST /v1/actions/snapshot/multi`.
#[derive(Debug, Serialize)]
pub(in crate::linstor) struct SnapshotsCreate<'a> {
    /// All of one moment.
    pub(in crate::linstor) snapshots: &'a [NewSnapshot],
}

/// Where a snapshot is restored: both steps of it.
#[derive(Debug, Serialize)]
pub(in crate::linstor) struct SnapshotRestore<'a> {
    /// The definition that gets it.
    pub(in crate::linstor) to_resource: &'a ResourceName,
    /// Only on these nodes, which must hold it; empty: on all that do.
    #[serde(skip_serializing_if = "<[NodeName]>::is_empty")]
    pub(in crate::linstor) nodes: &'a [NodeName],
}

/// A definition to make with the bytes of another one (`POST /v1/resource-definitions/{source}/clone`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewClone {
    /// The new definition's name.
    pub name: ResourceName,
    /// The group that it is to belong to; none: the source's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<GroupName>,
    /// Properties that it has from its first moment, beside and instead of the source's.
    #[serde(skip_serializing_if = "Props::is_empty")]
    pub override_props: Props,
    /// The source's properties that it is not to have.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub delete_props: Vec<String>,
}

/// The answer to a clone that was begun; a refusal has the same frame.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::linstor) struct CloneStarted {
    pub(in crate::linstor) messages: Replies,
}

/// How far a clone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CloneStatus {
    /// Bytes are being copied.
    Cloning,
    /// The copy is done on a replica at least: LINSTOR says so while others are still being synchronised (d08).
    Complete,
    /// It failed, or a node of it is not ONLINE.
    Failed,
}

/// `GET /v1/resource-definitions/{source}/clone/{name}`.
#[derive(Debug, Deserialize)]
pub(in crate::linstor) struct CloneProgress {
    pub(in crate::linstor) status: CloneStatus,
}
