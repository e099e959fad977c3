//! What can be wrong on a node, in CSI's words and in ours. The names are those of the controller's health where both
//! see the same.

use crate::health::{self, Severity};

/// What is wrong. Its name is CSI's `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A path or a device could not be looked at.
    NodeStateUnknown,
    /// DRBD's state could not be asked for.
    DrbdStateUnknown,
    /// Neither this node nor LINSTOR could tell anything of the volume.
    VolumeStateUnknown,
    /// The disk of this node's replica has failed; a peer serves the data.
    LocalDiskFailed,
    /// This node's replica is being brought up to date, or has to be.
    LocalReplicaNotUpToDate,
    /// A peer's disk has failed.
    ReplicaFailed,
    /// A peer's replica is being brought up to date, or has to be.
    ReplicaNotUpToDate,
    /// There is no connection to a peer that has a replica.
    ReplicaUnreachable,
    /// LINSTOR's controller does not answer this node.
    LinstorUnreachable,
    /// LINSTOR does not see this node as ONLINE.
    SatelliteOffline,
    /// Some of this node's volumes have no quorum, or their I/O is suspended.
    VolumesSuspended,
    /// There is no connection to a peer.
    PeersUnreachable,
    /// A mount or a device does not answer in time.
    Unresponsive,
    /// The filesystem was shut down after an error.
    FilesystemShutDown,
    /// The filesystem takes no more writes after an error.
    FilesystemReadOnly,
    /// LINSTOR has the resource on this node, and there is no device.
    DeviceMissing,
    /// The device can't be read.
    DeviceUnreadable,
    /// Another node uses the volume, so this one can't open it.
    InUseElsewhere,
    /// DRBD's device is there, and DRBD does not know its resource.
    DrbdResourceDown,
    /// DRBD has suspended I/O.
    IoSuspended,
    /// DRBD lets every I/O fail.
    IoForcedToFail,
    /// This node does not see a majority.
    QuorumLost,
    /// No replica within reach is up to date.
    NoReplicaUsable,
    /// All of this node's volumes have no quorum, or their I/O is suspended.
    AllVolumesSuspended,
    /// Every replica's disk has failed.
    AllReplicasFailed,
}

impl Reason {
    /// How bad it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::NodeStateUnknown | Self::DrbdStateUnknown | Self::VolumeStateUnknown => Severity::Unknown,
            Self::LocalDiskFailed
            | Self::LocalReplicaNotUpToDate
            | Self::ReplicaFailed
            | Self::ReplicaNotUpToDate
            | Self::ReplicaUnreachable
            | Self::LinstorUnreachable
            | Self::SatelliteOffline
            | Self::VolumesSuspended
            | Self::PeersUnreachable => Severity::Degraded,
            Self::Unresponsive
            | Self::FilesystemShutDown
            | Self::FilesystemReadOnly
            | Self::DeviceMissing
            | Self::DeviceUnreadable
            | Self::InUseElsewhere
            | Self::DrbdResourceDown
            | Self::IoSuspended
            | Self::IoForcedToFail
            | Self::QuorumLost
            | Self::NoReplicaUsable
            | Self::AllVolumesSuspended => Severity::Inaccessible,
            Self::AllReplicasFailed => Severity::DataLoss,
        }
    }
}

impl health::Reason for Reason {
    fn advice(self) -> &'static str {
        match self {
            Self::NodeStateUnknown | Self::VolumeStateUnknown => "ask again; if it stays so, look at the node",
            Self::DrbdStateUnknown => "see that linflow's node image has drbdsetup and the privilege to ask DRBD",
            Self::LocalDiskFailed | Self::ReplicaFailed => "replace the disk",
            Self::LocalReplicaNotUpToDate | Self::ReplicaNotUpToDate => {
                "wait while it is synchronised; if it is not, run `drbdadm status` on the node"
            }
            Self::ReplicaUnreachable | Self::PeersUnreachable => {
                "bring the nodes back, or run `drbdadm connect` where a connection is StandAlone"
            }
            Self::LinstorUnreachable => "volumes in use go on, none can be attached or staged first: see to LINSTOR",
            Self::SatelliteOffline => "bring the node's LINSTOR satellite back",
            Self::Unresponsive | Self::IoSuspended => "bring the missing peers back, or resume the I/O with drbdadm",
            Self::FilesystemShutDown | Self::FilesystemReadOnly => {
                "stop the pods that use the volume on this node and start them again"
            }
            Self::DeviceMissing | Self::DeviceUnreadable | Self::DrbdResourceDown => {
                "look at the kernel's log and at the LINSTOR resource"
            }
            Self::InUseElsewhere => "wait until the other node has let go",
            Self::IoForcedToFail => "stop the pods that use the volume on this node",
            Self::QuorumLost | Self::VolumesSuspended | Self::AllVolumesSuspended => "bring the missing nodes back",
            Self::NoReplicaUsable => "bring the node back that has the current data",
            Self::AllReplicasFailed => "restore the volume from a snapshot or a backup",
        }
    }
}

/// One thing that is wrong.
pub type Condition = health::Condition<Reason>;

/// The worst first, each reason once, as CSI demands.
pub(super) fn each_once(mut found: Vec<Condition>) -> Vec<Condition> {
    found.sort_by_key(|condition| std::cmp::Reverse((condition.reason.severity(), condition.reason)));
    found.dedup_by_key(|condition| condition.reason);
    found
}
