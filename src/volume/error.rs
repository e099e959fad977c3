//! What can go wrong with a volume, by what is known of it afterwards. `csi/status.rs` picks the gRPC code.

use super::{
    copy::{OriginError, Source},
    holders::Held,
    id::VolumeId,
    owned::OwnedError,
    record::{AccessMode, RecordError},
    reserve::Busy,
    size::SizeError,
    spread::Impossible,
    validate::Objection,
};
use crate::linstor::{
    self,
    name::{GroupName, NameError, NodeName, ResourceName},
};
use crate::workflow::{DirectoryError, tag::TagError};

/// A verb of the controller failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such volume.
    #[error("volume {0} does not exist in LINSTOR")]
    NotFound(VolumeId),
    /// A claim of an owner's volume that is one no more.
    #[error("the claim of volume {0} was released and has no right to it any more; make a new claim for its owner")]
    Released(VolumeId),
    /// Somebody else has an owner's volume.
    #[error(transparent)]
    Held(#[from] Held),
    /// Kubernetes can't say who has it.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
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
    /// A claim of an owner's volume.
    #[error(transparent)]
    Owned(#[from] OwnedError),
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
    /// A raw block volume asked for as a filesystem, or the reverse.
    #[error("volume {volume} can't be attached so: {objection}; make another with the volumeMode that is wanted")]
    NotAsMade {
        /// The volume.
        volume: VolumeId,
        /// What it is.
        objection: Objection,
    },
    /// The node has as many volumes as it may have.
    #[error(
        "node {node} has its limit of {limit} volumes attached: {attached}; detach one, or raise --max-volumes-per-node"
    )]
    NodeFull {
        /// The node.
        node: NodeName,
        /// How many it may have.
        limit: usize,
        /// The volumes that it has, or some of them, in words.
        attached: String,
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
        "LINSTOR finds no room for {size_kib} KiB on the allowed nodes and pools ({placement}{}); free space, or ask for less",
        most(.largest_kib)
    )]
    NoRoom {
        /// KiB that were asked for.
        size_kib: u64,
        /// The placement, in words.
        placement: String,
        /// KiB that there is room for over all nodes, where LINSTOR told.
        largest_kib: Option<u64>,
        /// LINSTOR's answer.
        source: linstor::Error,
    },
    /// No node has the segments of any requisite term. CSI's word for requirements that can't be met is
    /// RESOURCE_EXHAUSTED (CreateVolume Errors).
    #[error(
        "accessibility_requirements name no place that LINSTOR has: {0}; a node has its name as linflow.csi/hostname, its storage pools as linflow.csi/pool-<pool>, and its Aux properties"
    )]
    NoSuchPlace(String),
    /// The replicas can't be where they must be.
    #[error(transparent)]
    Impossible(#[from] Impossible),
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
    /// A raw block volume asked for from a filesystem, or the reverse.
    #[error("{from} was made as {is}, and a copy of it can't be had as {asked}; ask for volumeMode {volume_mode}")]
    OtherAccessType {
        /// What was to be copied.
        from: Source,
        /// What it is.
        is: String,
        /// What was asked for.
        asked: String,
        /// Kubernetes' word for what it is.
        volume_mode: &'static str,
    },
    /// Without DRBD, or without access over the network, a copy is used where its source's bytes are, and that is no node
    /// that was asked for.
    #[error(
        "{from} has its bytes on {nodes}, and a copy without access over the network is used there alone: none of the nodes asked for ({asked}) is among them; schedule the pod there, or copy a volume with DRBD and allowRemoteVolumeAccess"
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
    /// Attributes that the volume can't have. Nothing was changed.
    #[error("volume {volume} has no DRBD layer, which {what} needs; leave it out")]
    Unmodifiable {
        /// The volume, or the name of one to be.
        volume: String,
        /// What only DRBD can do.
        what: String,
    },
    /// As many replicas as a volume of its class can't have. Nothing was changed.
    #[error(
        "volume {volume} can't have {wanted} replicas: {because}; ask for another number, or make a volume of another class"
    )]
    Bound {
        /// The volume.
        volume: VolumeId,
        /// How many were asked for.
        wanted: u32,
        /// What stands against it.
        because: String,
    },
    /// Too many replicas, and none that may go yet.
    #[error("volume {volume} can't do without a replica now: {seen}; call again when the others are up to date")]
    NotSpare {
        /// The volume.
        volume: VolumeId,
        /// What was seen.
        seen: String,
    },
    /// Attached to another node that lives.
    #[error("volume {volume} is attached to {node} ({mode}), which is {status}; detach it there first")]
    AttachedElsewhere {
        /// The volume.
        volume: VolumeId,
        /// The node that has it.
        node: NodeName,
        /// The mode that it has it with.
        mode: AccessMode,
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
    /// The class keeps the volume from nodes that have no copy of it.
    #[error(
        "volume {volume} can't be attached to {node}, which has no copy of it: allowRemoteVolumeAccess is {allowed}; use {nodes}, or a node that shares with one of them what it says"
    )]
    RemoteForbidden {
        /// The volume.
        volume: VolumeId,
        /// The node that was asked for.
        node: NodeName,
        /// What the class allows.
        allowed: String,
        /// The nodes that may have it, in words.
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

fn most(largest_kib: &Option<u64>) -> String {
    largest_kib.map(|kib| format!(", over all nodes at most {kib} KiB")).unwrap_or_default()
}
