//! What can be wrong with a volume, in CSI's words and in ours.

use crate::health::{self, Severity};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A satellite has not told the state of a replica.
    ReplicaStateUnknown,
    /// A replica's node is not ONLINE.
    ReplicaNodeAway,
    /// A replica is being brought up to date.
    ReplicaSyncing,
    /// A replica's data is old or incomplete, and nothing is said of a synchronisation.
    ReplicaNotUpToDate,
    /// A replica says that it is up to date, and DRBD would not let it be used.
    ReplicaCutOff,
    /// A replica's disk has failed.
    ReplicaFailed,
    /// A replica is deactivated, or its node evicted.
    ReplicaInactive,
    /// There are fewer replicas than asked for.
    ReplicaMissing,
    /// The tie-breaker can't vote.
    TieBreakerAway,
    /// Two live nodes have given up the connection between them.
    ConnectionStandAlone,
    /// The replicas that are left have no majority.
    QuorumLost,
    /// No replica's node is ONLINE.
    NoReplicaReachable,
    /// Replicas are reachable, and none has data that may be used.
    NoReplicaUsable,
    /// There is no replica.
    NoReplica,
    /// Every replica's disk has failed.
    AllReplicasFailed,
}

impl Reason {
    /// How bad it is. What is wrong with one replica never says more than that the volume is degraded.
    pub fn severity(self) -> Severity {
        match self {
            Self::ReplicaStateUnknown => Severity::Unknown,
            Self::ReplicaNodeAway
            | Self::ReplicaSyncing
            | Self::ReplicaNotUpToDate
            | Self::ReplicaCutOff
            | Self::ReplicaFailed
            | Self::ReplicaInactive
            | Self::ReplicaMissing
            | Self::TieBreakerAway
            | Self::ConnectionStandAlone => Severity::Degraded,
            Self::QuorumLost | Self::NoReplicaReachable | Self::NoReplicaUsable | Self::NoReplica => {
                Severity::Inaccessible
            }
            Self::AllReplicasFailed => Severity::DataLoss,
        }
    }
}

impl health::Reason for Reason {
    fn advice(self) -> &'static str {
        match self {
            Self::ReplicaStateUnknown => "ask again; if it stays so, look at the LINSTOR satellites",
            Self::ReplicaNodeAway => "bring the node's LINSTOR satellite back, or evacuate the node in LINSTOR",
            Self::ReplicaSyncing => "wait; nothing needs to be done",
            Self::ReplicaNotUpToDate => "if it stays so, run `drbdadm status` and `drbdadm adjust` on the node",
            Self::ReplicaCutOff => "if it stays so, run `drbdadm connect` for the volume on the node",
            Self::ReplicaFailed => {
                "replace the disk, then delete the property DrbdOptions/SkipDisk of the LINSTOR resource"
            }
            Self::ReplicaInactive => "activate the LINSTOR resource, or restore the node in LINSTOR",
            Self::ReplicaMissing => "free space for it or bring a node back, then set the volume's attributes again",
            Self::TieBreakerAway => "bring its node back; without it the next loss of a node stops the volume",
            Self::ConnectionStandAlone => {
                "run `drbdadm connect` for the volume on the node; it does not heal by itself"
            }
            Self::QuorumLost => {
                "bring the missing nodes back, or run `drbdadm connect` where a connection is StandAlone"
            }
            Self::NoReplicaReachable => "bring a node with a replica back",
            Self::NoReplicaUsable => "bring the node back that has the current data",
            Self::NoReplica => "look whether its creation failed, and create it again",
            Self::AllReplicasFailed => "restore the volume from a snapshot or a backup",
        }
    }
}

/// One thing that is wrong.
pub type Condition = health::Condition<Reason>;
