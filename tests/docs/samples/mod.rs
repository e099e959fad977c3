//! Errors of every variant, with invented names.

pub mod access;
pub mod asking;
pub mod linstor;
pub mod node;
pub mod owned;
pub mod request;
pub mod snapshot;
pub mod volume;

use ::linflow::linstor::name::{NodeName, ResourceName};
use ::linflow::volume::VolumeId;

/// The volume of all samples.
fn volume() -> VolumeId {
    resource().into()
}

fn resource() -> ResourceName {
    ResourceName::parse("pvc-1").expect("a resource name")
}

fn a_node(name: &str) -> NodeName {
    NodeName::parse(name).expect("a node name")
}
