//! Pods that asked for another owner's volume.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::catalogue::DOUBTS;

/// Counts pods that are not known to be of the owner of the volume that they asked for. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Doubts(Family<Labels, Counter>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    at: &'static str,
    mode: &'static str,
    field: &'static str,
}

impl Doubts {
    /// Such a pod asked. `at`: `attach` or `mount`; `mode`: how strictly pods are confirmed; `field`: what differs.
    pub fn noticed(&self, at: &'static str, mode: &'static str, field: &'static str) {
        self.0.get_or_create(&Labels { at, mode, field }).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(DOUBTS.name, DOUBTS.help, self.0.clone());
    }
}
