//! How much fits into the pools.

use super::Cluster;
use super::node::Node;
use super::pool::{Pool, PoolKind};
use crate::sandbox::bytes::ReplicaKey;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What a fresh thin replica takes, KiB (recorded: FILE_THIN says 8).
pub const FRESH_KIB: u64 = 8;

/// What is in each pool, counted once.
pub struct Rooms<'a>(HashMap<(&'a str, &'a str), Load>);

#[derive(Clone, Copy, Default)]
struct Load {
    /// What replicas take.
    used_kib: u64,
    /// What snapshots take.
    kept_kib: u64,
    /// What replicas may come to take.
    promised_kib: u64,
}

impl Cluster {
    /// What a replica takes in its pool, KiB.
    pub fn allocated_kib(&self, key: &ReplicaKey) -> u64 {
        self.backing().file(key).map_or(FRESH_KIB, |path| blocks_kib(&path))
    }

    /// What a snapshot of a replica takes in its pool, KiB: its file's blocks, also those that it shares.
    fn snapshot_kib(&self, key: &ReplicaKey, name: &str) -> u64 {
        self.backing().snapshot_file(key, name).map_or(FRESH_KIB, |path| blocks_kib(&path))
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
            for (name, replica) in definition.held() {
                let load = rooms.entry((replica.node.as_str(), replica.pool.as_str())).or_default();
                for number in replica.volumes.keys() {
                    let used = self.snapshot_kib(&replica.key(&definition.name, *number), name);
                    load.kept_kib = load.kept_kib.saturating_add(used);
                }
            }
        }
        Rooms(rooms)
    }
}

/// What a file takes. One that is gone takes nothing; the next call that needs it will complain.
fn blocks_kib(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.blocks() / 2)
}

impl Rooms<'_> {
    fn load(&self, node: &Node, pool: &Pool) -> Load {
        self.0.get(&(node.name.as_str(), pool.name.as_str())).copied().unwrap_or_default()
    }

    /// What is free in a node's pool, KiB. A fat pool's volumes take their whole size.
    pub fn free_kib(&self, node: &Node, pool: &Pool) -> u64 {
        let load = self.load(node, pool);
        let replicas = if pool.kind == PoolKind::File { load.promised_kib } else { load.used_kib };
        let taken = replicas.saturating_add(load.kept_kib).saturating_add(pool.filled_kib);
        pool.size_kib.saturating_sub(taken)
    }

    /// The largest volume that autoplace would still put there, KiB: twenty times what is free in a thin pool, but no
    /// more than twenty times the pool with what is promised already (recorded: d09).
    pub fn largest_volume_kib(&self, node: &Node, pool: &Pool) -> u64 {
        let promised = self.load(node, pool).promised_kib;
        let times = u64::from(pool.kind.oversubscription());
        let by_size = pool.size_kib.saturating_mul(times).saturating_sub(promised);
        by_size.min(self.free_kib(node, pool).saturating_mul(times))
    }
}
