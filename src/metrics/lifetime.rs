//! Volumes of workflows, by what is to become of them.

use std::{collections::BTreeMap, sync::atomic::AtomicU64};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::catalogue::{LIFETIME_BYTES, LIFETIME_VOLUMES, REAP_FAILURES, REAPED};

/// Counts what the reaper sees and does. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Lifetimes {
    reaped: Counter,
    failures: Counter,
    volumes: Family<Fate, Gauge<u64, AtomicU64>>,
    bytes: Family<Fate, Gauge<u64, AtomicU64>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Fate {
    fate: &'static str,
}

impl Lifetimes {
    /// A volume was removed.
    pub fn reaped(&self) {
        self.reaped.inc();
    }

    /// A look, or a removal, came to nothing.
    pub fn failed(&self) {
        self.failures.inc();
    }

    /// What a look found: the volumes and their bytes, by what is to become of them.
    pub fn looked(&self, counts: &BTreeMap<&'static str, (u64, u64)>) {
        self.volumes.clear();
        self.bytes.clear();
        for (fate, (volumes, bytes)) in counts {
            self.volumes.get_or_create(&Fate { fate }).set(*volumes);
            self.bytes.get_or_create(&Fate { fate }).set(*bytes);
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(REAPED.name, REAPED.help, self.reaped.clone());
        registry.register(REAP_FAILURES.name, REAP_FAILURES.help, self.failures.clone());
        registry.register(LIFETIME_VOLUMES.name, LIFETIME_VOLUMES.help, self.volumes.clone());
        registry.register(LIFETIME_BYTES.name, LIFETIME_BYTES.help, self.bytes.clone());
    }
}
