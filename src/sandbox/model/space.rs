//! How much fits into the pools.

use super::Cluster;
use super::node::Node;
use super::pool::{Pool, PoolKind};
use crate::sandbox::bytes::ReplicaKey;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;

/// What a fresh thin replica takes, KiB (recorded: FILE_THIN says 8).
pub const FRESH_KIB: u64 = 8;

/// What is in each pool, counted once.
pub struct Rooms<'a>(HashMap<(&'a str, &'a str), Load>);

#[derive(Default)]
struct Load {
    used_kib: u64,
    promised_kib: u64,
}

impl Cluster {
    /// What a replica takes in its pool, KiB.
    pub fn allocated_kib(&self, key: &ReplicaKey) -> u64 {
        // A file that is gone takes nothing; the next call that needs it will complain.
        let blocks = |path: std::path::PathBuf| std::fs::metadata(path).map_or(0, |file| file.blocks() / 2);
        self.backing().file(key).map_or(FRESH_KIB, blocks)
    }

    /// Counts what is in the pools.
    pub fn rooms(&self) -> Rooms<'_> {
        let mut rooms: HashMap<_, Load> = HashMap::new();
        for definition in self.definitions.values() {
            let size_kib = definition.size_kib();
            for resource in definition.resources.values().filter(|r| definition.counts(r)) {
                // Both are spelled as the node and its pool are.
                let load = rooms.entry((resource.node.as_str(), resource.pool.as_str())).or_default();
                load.promised_kib = load.promised_kib.saturating_add(size_kib);
                for number in resource.volumes.keys().filter(|_| resource.created_ms.is_some()) {
                    let used = self.allocated_kib(&resource.key(&definition.name, *number));
                    load.used_kib = load.used_kib.saturating_add(used);
                }
            }
        }
        Rooms(rooms)
    }
}

impl Rooms<'_> {
    fn load(&self, node: &Node, pool: &Pool) -> (u64, u64) {
        let load = self.0.get(&(node.name.as_str(), pool.name.as_str()));
        load.map_or((0, 0), |load| (load.used_kib, load.promised_kib))
    }

    /// What is free in a node's pool, KiB. A fat pool's volumes take their whole size.
    pub fn free_kib(&self, node: &Node, pool: &Pool) -> u64 {
        let (used, promised) = self.load(node, pool);
        let taken = if pool.kind == PoolKind::File { promised } else { used };
        pool.size_kib.saturating_sub(pool.filled_kib.saturating_add(taken))
    }

    /// The largest volume that autoplace would still put there, KiB: twenty times what is free in a thin pool, but no
    /// more than twenty times the pool with what is promised already (recorded: d09).
    pub fn largest_volume_kib(&self, node: &Node, pool: &Pool) -> u64 {
        let (_, promised) = self.load(node, pool);
        let times = u64::from(pool.kind.oversubscription());
        let by_size = pool.size_kib.saturating_mul(times).saturating_sub(promised);
        by_size.min(self.free_kib(node, pool).saturating_mul(times))
    }
}
