//! What can go wrong with a snapshot, by what is known of it afterwards. `csi/status.rs` picks the gRPC code.

use super::{GroupId, SnapshotId, props::SnapshotPropsError};
use crate::linstor::{self, name::NameError};
use crate::volume;

/// A verb of snapshots failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such snapshot, or none that linflow shows.
    #[error("snapshot {0:?} does not exist in LINSTOR")]
    NotFound(String),
    /// A snapshot of that name that linflow did not take.
    #[error(
        "snapshot {0} was not taken by linflow and is left alone; use another name, or remove it with LINSTOR's own tools"
    )]
    Foreign(SnapshotId),
    /// The name is taken by a snapshot that differs.
    #[error(
        "snapshot {name:?} exists with {field} {existing} instead of {asked}; use another name or ask for the same"
    )]
    Mismatch {
        /// The CSI name.
        name: String,
        /// What differs.
        field: &'static str,
        /// What the snapshot has.
        existing: String,
        /// What was asked for.
        asked: String,
    },
    /// A member of a group is deleted with its group alone. The code is the spec's own (DeleteSnapshot Errors).
    #[error("snapshot {snapshot} is a member of {group} and is deleted with it alone; delete the group")]
    Member {
        /// The snapshot.
        snapshot: SnapshotId,
        /// Its group.
        group: GroupId,
    },
    /// The ids that were sent are not those of the group's members. The code is the spec's own.
    #[error("snapshot_ids are not the members of {0}; pass those that CreateVolumeGroupSnapshot answered")]
    Members(GroupId),
    /// Some members of a group are gone, and others hold data.
    #[error("{group} has lost the snapshots of {missing}; delete the group and take another")]
    Incomplete {
        /// The group.
        group: GroupId,
        /// The volumes whose snapshots are missing, in words.
        missing: String,
    },
    /// LINSTOR is still deleting it.
    #[error("LINSTOR is still deleting snapshot {0}; call again")]
    Deleting(SnapshotId),
    /// LINSTOR is still taking it, or has lost it again.
    #[error("snapshot {0} is not taken yet: {1}; call again")]
    NotTaken(SnapshotId, String),
    /// LINSTOR tried twice and failed. Nothing is left of it.
    #[error("LINSTOR could not take snapshot {0}: {1}; look at its error reports, and call again")]
    Failed(SnapshotId, String),
    /// A replica is behind.
    #[error("a replica of {volumes} is not up to date, so that no snapshot is taken; call again when it is: {source}")]
    NotUpToDate {
        /// The volumes, in words.
        volumes: String,
        /// LINSTOR's answer.
        source: linstor::Error,
    },
    /// The storage pool can't take snapshots.
    #[error(
        "a storage pool of {volumes} can't take snapshots; move them to a thin one (LVM_THIN, ZFS, ZFS_THIN, FILE_THIN): {source}"
    )]
    Unsupported {
        /// The volumes, in words.
        volumes: String,
        /// LINSTOR's answer.
        source: linstor::Error,
    },
    /// It would be usable from none of the places that were asked for. Nothing is left of it where this call took it.
    #[error(
        "snapshot {snapshot} is usable from {nodes} only, which accessibility_requirements leave out; leave them away or move the volume"
    )]
    OutOfReach {
        /// The snapshot.
        snapshot: SnapshotId,
        /// The nodes that hold it, in words.
        nodes: String,
    },
    /// Properties that can't be read.
    #[error(transparent)]
    Props(#[from] SnapshotPropsError),
    /// What is wrong is wrong with the volume.
    #[error(transparent)]
    Volume(#[from] volume::Error),
}

impl From<linstor::Error> for Error {
    fn from(error: linstor::Error) -> Self {
        Self::Volume(error.into())
    }
}

impl From<NameError> for Error {
    fn from(error: NameError) -> Self {
        Self::Volume(error.into())
    }
}
