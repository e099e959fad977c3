//! What can be wrong with a parameter. All of it is for INVALID_ARGUMENT.

use super::known;
use crate::linstor::name::{NameError, NodeName};
use crate::volume::{
    drbd_options::DrbdOptionError,
    filesystem::UnknownFsType,
    place::{MAX_REPLICAS, UnknownLayer},
    qos::QosError,
    said::MAX_SAID,
};
use crate::workflow::reach::NotAccess;

/// A parameter that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// No such parameter.
    #[error("unknown parameter {key:?}{}; known are {}", hint(.meant), known::keys())]
    Unknown {
        /// The key as it was sent.
        key: String,
        /// The known key that is spelt most like it.
        meant: Option<&'static str>,
    },
    /// One parameter in two spellings.
    #[error("parameter {key} is given twice; keep one spelling")]
    Twice {
        /// The bare key.
        key: String,
    },
    /// A parameter of linstor-csi that linflow has no use for, or a property that is not for a class.
    #[error("parameter {key} is refused: {because}; leave it out")]
    Refused {
        /// The bare key.
        key: String,
        /// Why.
        because: &'static str,
    },
    /// A value that makes no sense.
    #[error("{key} {value:?} is not {expected}")]
    Value {
        /// The bare key.
        key: String,
        /// The value as it was sent.
        value: String,
        /// What may stand there.
        expected: &'static str,
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
    #[error(
        "layerList must name each layer once, drbd first where it is there and storage last, such as \"drbd luks storage\""
    )]
    LayerOrder,
    /// A layer that we don't know.
    #[error("layerList: {0}")]
    Layer(#[from] UnknownLayer),
    /// A name that LINSTOR would refuse.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A policy that we don't know.
    #[error("placementPolicy {value:?} is none of AutoPlaceTopology, AutoPlace, FollowTopology and Manual")]
    PlacementPolicy {
        /// The value as it was sent.
        value: String,
    },
    /// Manual placement without nodes.
    #[error("placementPolicy Manual needs nodeList, the nodes that keep a copy")]
    ManualWithoutNodes,
    /// Nodes beside a policy that chooses them.
    #[error("nodeList contradicts placementPolicy {policy}, which chooses the nodes; leave one of them out")]
    NodesWithoutManual {
        /// The policy as it was sent.
        policy: String,
    },
    /// Another number of replicas than of nodes.
    #[error("placementCount {count} contradicts nodeList with {nodes} nodes; leave placementCount out")]
    NodeCount {
        /// `placementCount`.
        count: u32,
        /// How many nodes `nodeList` names.
        nodes: u32,
    },
    /// More nodes than replicas can be.
    #[error("nodeList names {nodes} nodes, and a volume has at most {MAX_REPLICAS} copies; name fewer")]
    TooManyNodes {
        /// How many it names.
        nodes: u32,
    },
    /// A node that is named more than once.
    #[error("nodeList and clientList name node {node} more than once; a node has one resource of a volume")]
    NodeTwice {
        /// The node.
        node: NodeName,
    },
    /// Use over the network without the layer that can do it.
    #[error(
        "{key} needs the DRBD layer, for without it the data is on its own node alone; add drbd to layerList, or leave {key} out"
    )]
    RemoteWithoutDrbd {
        /// The bare key.
        key: &'static str,
    },
    /// A rule of access that is none.
    #[error("allowRemoteVolumeAccess: {0}")]
    RemoteAccess(#[from] NotAccess),
    /// A filesystem that we don't make.
    #[error("fsType: {0}")]
    FsType(#[from] UnknownFsType),
    /// An option of DRBD that a class may not set.
    #[error(transparent)]
    DrbdOption(#[from] DrbdOptionError),
    /// A limit that can't be used.
    #[error(transparent)]
    Limit(#[from] QosError),
    /// A name that is to be the claim's, and no claim.
    #[error(
        "usePvcName needs the claim's name and namespace; run external-provisioner with --extra-create-metadata, or leave it out"
    )]
    NoClaim,
    /// More than LINSTOR can keep beside the volume.
    #[error("the parameters take {0} characters, and {MAX_SAID} can be kept beside a volume; shorten them")]
    TooMuch(usize),
}

fn hint(meant: &Option<&'static str>) -> String {
    meant.map(|key| format!(", did you mean {key}?")).unwrap_or_default()
}
