//! What stands between a claim and its owner's volume.

use crate::linstor::name::{NodeName, ResourceName};
use crate::volume::VolumeId;

/// A claim of an owner's volume can't be had, or not now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwnedError {
    /// An owner's volume that is not what another claim of it asks for.
    #[error(
        "volume {resource} of {owner} has another {field}: {existing} instead of {asked}; ask for the same, or choose another scope"
    )]
    OtherTerms {
        /// The resource definition.
        resource: ResourceName,
        /// Whose it is, in words.
        owner: String,
        /// What differs.
        field: &'static str,
        /// What the volume has.
        existing: String,
        /// What was asked for.
        asked: String,
    },
    /// A reaper is about to remove an owner's volume.
    #[error(
        "volume {resource} is being removed by a reaper; call again: a new one is made when it is gone, and `linflow volumes` shows one that hangs"
    )]
    Reaping {
        /// The resource definition.
        resource: ResourceName,
    },
    /// The names that an owner's earlier volumes had are being forgotten, after a month, or were a moment ago.
    #[error("the names of earlier volumes of {owner} are being forgotten; call again")]
    Forgetting {
        /// Whose they are, in words.
        owner: String,
    },
    /// Another run of the DAG has the volume.
    #[error("volume {volume} is attached to {node} for run {run} of its DAG; call again when that has let go")]
    HeldByRun {
        /// The claim that asks.
        volume: VolumeId,
        /// The run that has it.
        run: String,
        /// The node that has it.
        node: NodeName,
    },
    /// A copy of a volume of the same run, which has none.
    #[error(
        "volume {name} is to begin as a copy of the volume of {owner}, and there is none: nobody has claimed it yet, or it was let go; run what makes it first, or leave linflow.csi/from out"
    )]
    NothingToFork {
        /// The CSI name of the copy.
        name: String,
        /// Whose volume was to be copied, in words.
        owner: String,
    },
    /// An owner's volume, to be deleted by an id that names no claim of it.
    #[error(
        "volume {volume} belongs to {owner} and is not deleted so; delete its claims, and let go of the data with `linflow volumes release {volume}`"
    )]
    NoClaim {
        /// The id.
        volume: VolumeId,
        /// Whose it is, in words.
        owner: String,
    },
}
