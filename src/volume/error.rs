//! What can go wrong with a volume, by what is known of it afterwards. `csi/status.rs` picks the gRPC code.

use super::{
    copy::{OriginError, Source},
    id::VolumeId,
    record::RecordError,
    reserve::Busy,
    size::SizeError,
};
use crate::linstor::{
    self,
    name::{GroupName, NameError, NodeName, ResourceName},
};
use crate::workflow::tag::TagError;

/// A verb of the controller failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such volume.
    #[error("volume {0} does not exist in LINSTOR")]
    NotFound(VolumeId),
    /// No such node.
    #[error("node {0} is not known to LINSTOR; register it as a satellite")]
    NodeNotFound(NodeName),
    /// The definition does not bear our driver tag.
    #[error(
        "resource definition {0} was not made by linflow and is left alone; use another name, or remove it with LINSTOR's own tools"
    )]
    Foreign(ResourceName),
    /// The name is taken by a volume that differs.
    #[error(
        "volume {name} exists with another {field}: {existing} instead of {asked}; use another name or ask for the same"
    )]
    Mismatch {
        /// The CSI name.
        name: String,
        /// What differs.
        field: &'static str,
        /// What the volume has.
        existing: String,
        /// What was asked for.
        asked: String,
    },
    /// Attached to that node already, in another way.
    #[error("volume {volume} is attached to {node} already with another {field}; detach it first")]
    AttachedDifferently {
        /// The volume.
        volume: VolumeId,
        /// The node.
        node: NodeName,
        /// What differs.
        field: &'static str,
    },
    /// Another operation runs.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// LINSTOR is still deleting the definition.
    #[error("LINSTOR is still deleting {0}, which waits for a node that is away; call again, or bring the node back")]
    Deleting(ResourceName),
    /// No size fits.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// The administrator's group does not exist.
    #[error("resource group {0} does not exist in LINSTOR; create it, or correct resourceGroup in the StorageClass")]
    NoSuchGroup(GroupName),
    /// LINSTOR finds no place for the replicas.
    #[error(
        "LINSTOR finds no room for {size_kib} KiB on the allowed nodes and pools ({placement}); free space, or ask for less"
    )]
    NoRoom {
        /// KiB that were asked for.
        size_kib: u64,
        /// The placement, in words.
        placement: String,
        /// LINSTOR's answer.
        source: linstor::Error,
    },
    /// Nothing to copy from is there, or none that is linflow's.
    #[error("{from} can't be copied: {reason}")]
    NoSource {
        /// What was to be copied.
        from: Source,
        /// What is the matter with it.
        reason: &'static str,
    },
    /// What is to be copied can't be copied yet. Nothing was made.
    #[error("{from} can't be copied yet: {seen}; call again")]
    SourceNotReady {
        /// What is to be copied.
        from: Source,
        /// What was seen.
        seen: String,
    },
    /// A copy can't be what was asked for, for it is what its source is.
    #[error("{from} has another {field}: {is} instead of {asked}; a copy has its source's")]
    Incompatible {
        /// What was to be copied.
        from: Source,
        /// What differs.
        field: &'static str,
        /// What the source has.
        is: String,
        /// What was asked for.
        asked: String,
    },
    /// Without DRBD a copy is reached where its source's bytes are, and on no node that was asked for.
    #[error(
        "{from} has no DRBD layer and its bytes are on {nodes}: none of the nodes asked for ({asked}) could reach a copy; schedule the pod there"
    )]
    OutOfReach {
        /// What was to be copied.
        from: Source,
        /// The nodes that have the bytes, in words.
        nodes: String,
        /// The nodes that were asked for, in words.
        asked: String,
    },
    /// LINSTOR could not clone. What it had made was taken back.
    #[error(
        "LINSTOR failed to clone {from} to {resource}, and nothing of it is left; LINSTOR's error reports tell more"
    )]
    CopyFailed {
        /// The clone's resource definition.
        resource: ResourceName,
        /// What was to be cloned.
        from: Source,
    },
    /// A copy that is to be larger than its source, where its pools can't hold so much. It was taken back.
    #[error("a copy of {from} can't have {size_kib} KiB: {why}; free space, or ask for less")]
    NoRoomForCopy {
        /// What was to be copied.
        from: Source,
        /// KiB that were asked for.
        size_kib: u64,
        /// What there is room for.
        why: String,
    },
    /// A copy whose origin can't be read.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// LINSTOR can't encrypt at this time. Nothing is left of the volume.
    #[error(
        "volume {resource} is to be encrypted, and LINSTOR's master passphrase is not set or not entered; set it with `linstor encryption create-passphrase`, or enter it with `linstor encryption enter-passphrase` after the controller has started"
    )]
    NoPassphrase {
        /// The volume's name in LINSTOR.
        resource: ResourceName,
        /// LINSTOR's answer.
        source: linstor::Error,
    },
    /// A growth that the pools of the replicas can't hold. Nothing was changed.
    ///
    /// Final, unlike the lack of room for a new volume: no other place can be chosen for replicas that are there, and a
    /// resizer lets its user ask for less only after a final answer.
    #[error(
        "volume {volume} can't grow by {more_kib} KiB: pool {pool} on {nodes} holds {largest_kib} KiB more; add space there, or ask for less"
    )]
    NoRoomToGrow {
        /// The volume.
        volume: VolumeId,
        /// KiB that are missing from the size asked for.
        more_kib: u64,
        /// KiB by which it can grow there.
        largest_kib: u64,
        /// The storage pool.
        pool: String,
        /// The nodes whose replicas are in it, in words.
        nodes: String,
    },
    /// A replica that can't grow now, or has not grown yet.
    #[error(
        "volume {volume} has not grown on {node}: {seen}; call again when all its replicas are there and up to date"
    )]
    NotGrown {
        /// The volume.
        volume: VolumeId,
        /// The replica's node, in LINSTOR's words.
        node: String,
        /// What was seen last.
        seen: String,
    },
    /// Attached to another node that lives.
    #[error("volume {volume} is attached to {node}, which is {status}; detach it there first")]
    AttachedElsewhere {
        /// The volume.
        volume: VolumeId,
        /// The node that has it.
        node: NodeName,
        /// The node's connection status.
        status: String,
    },
    /// Another controller attaches it to another node at this moment.
    #[error("volume {volume} is being attached to {rival} at the same time; call again")]
    Contended {
        /// The volume.
        volume: VolumeId,
        /// The other node.
        rival: NodeName,
    },
    /// The node that has it does not answer, and nothing proves that it can't write.
    #[error(
        "volume {volume} is attached to {node}, which does not answer and may still write: {seen}; it is not given up"
    )]
    NotProven {
        /// The volume.
        volume: VolumeId,
        /// The node that has it.
        node: NodeName,
        /// What was seen.
        seen: String,
    },
    /// To be deleted, but in use.
    #[error("volume {volume} is still attached to {nodes}; detach it first")]
    StillAttached {
        /// The volume.
        volume: VolumeId,
        /// The nodes, in words.
        nodes: String,
    },
    /// To be detached, but open.
    #[error("volume {volume} is still in use on {node}; unmount it there first")]
    InUse {
        /// The volume.
        volume: VolumeId,
        /// The node.
        node: NodeName,
    },
    /// The node is known and not usable.
    #[error("node {node} is {status} and not ONLINE; bring its LINSTOR satellite back")]
    NodeNotOnline {
        /// The node.
        node: NodeName,
        /// LINSTOR's connection status.
        status: String,
    },
    /// Without DRBD the data is on one node only.
    #[error("volume {volume} has no DRBD layer and its data is on {nodes}; it can't be attached to {node}")]
    NoReplicaHere {
        /// The volume.
        volume: VolumeId,
        /// The node that was asked for.
        node: NodeName,
        /// The nodes with a replica, in words.
        nodes: String,
    },
    /// The device did not appear in time.
    #[error("volume {volume} is not ready on {node} yet: {seen}; call again")]
    NotReady {
        /// The volume.
        volume: VolumeId,
        /// The node.
        node: NodeName,
        /// What was seen last.
        seen: String,
    },
    /// Something was made and is not complete: the caller must come again.
    #[error("volume {resource} is not complete: {seen}; call again")]
    Unfinished {
        /// The resource definition.
        resource: ResourceName,
        /// What was seen.
        seen: String,
    },
    /// Snapshots keep it.
    #[error("volume {volume} has snapshots, which would go with it: {snapshots}; delete them first")]
    HasSnapshots {
        /// The volume.
        volume: VolumeId,
        /// Their LINSTOR names, in words.
        snapshots: String,
    },
    /// A page token that we did not give.
    #[error("starting_token {0:?} is not one that linflow gave; start over without a token")]
    PageToken(String),
    /// A record that can't be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A name in LINSTOR's answer that LINSTOR itself would not accept.
    #[error("LINSTOR's answer can't be right: {0}; upgrade linflow or LINSTOR")]
    Name(#[from] NameError),
    /// Tags that can't be read.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes: {0}")]
    Random(String),
    /// LINSTOR's own answer, or its silence.
    #[error(transparent)]
    Linstor(#[from] linstor::Error),
}
