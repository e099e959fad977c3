//! What can be wrong with a parameter. All of it is for INVALID_ARGUMENT.

use super::{known, placement::MAX_REPLICAS};
use crate::linstor::name::NameError;
use crate::volume::{filesystem::UnknownFsType, place::UnknownLayer};

/// A parameter that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// No such parameter.
    #[error("unknown parameter {key:?}; known are {}", known::keys())]
    Unknown {
        /// The key as it was sent.
        key: String,
    },
    /// One parameter in two spellings.
    #[error("parameter {key} is given twice; keep one spelling")]
    Twice {
        /// The bare key.
        key: &'static str,
    },
    /// Not a number, or none that makes sense.
    #[error("placementCount {value:?} is not a whole number from 1 to {MAX_REPLICAS}")]
    PlacementCount {
        /// The value as it was sent.
        value: String,
    },
    /// Copies without replication.
    #[error(
        "placementCount {count} needs the DRBD layer, for without it nothing keeps the copies equal; use layerList \"drbd storage\" or placementCount 1"
    )]
    ReplicasWithoutDrbd {
        /// The value as it was sent.
        count: u32,
    },
    /// A list without entries.
    #[error("{key} is empty; leave it out or name at least one")]
    Empty {
        /// The bare key.
        key: &'static str,
    },
    /// Layers in an order that LINSTOR can't stack.
    #[error("layerList must end with storage and name each layer once, such as \"drbd storage\"")]
    LayerOrder,
    /// A layer that we don't know.
    #[error("layerList: {0}")]
    Layer(#[from] UnknownLayer),
    /// A name that LINSTOR would refuse.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A filesystem that we don't make.
    #[error("fsType: {0}")]
    FsType(#[from] UnknownFsType),
}
