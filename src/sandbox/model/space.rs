//! How much fits into the pools.

use super::Cluster;
use super::node::{Node, OVERSUBSCRIPTION};
use crate::sandbox::bytes::ReplicaKey;
use std::os::unix::fs::MetadataExt;

/// What a fresh thin replica takes, KiB (recorded: FILE_THIN says 8).
pub const FRESH_KIB: u64 = 8;

impl Cluster {
    /// What a replica takes in its pool, KiB.
    pub fn allocated_kib(&self, key: &ReplicaKey) -> u64 {
        // A file that is gone takes nothing; the next call that needs it will complain.
        let blocks = |path: std::path::PathBuf| std::fs::metadata(path).map_or(0, |file| file.blocks() / 2);
        self.backing().file(key).map_or(FRESH_KIB, blocks)
    }

    /// What is free in a node's pool, KiB.
    pub fn free_kib(&self, node: &Node) -> u64 {
        let replicas = self.definitions.values().flat_map(|definition| {
            let resources = definition.diskful().filter(|r| r.node == node.name && r.created_ms.is_some());
            resources.flat_map(|r| r.volumes.keys().map(|number| r.key(&definition.name, *number)))
        });
        let used = replicas.fold(node.pool.filled_kib, |sum, key| sum.saturating_add(self.allocated_kib(&key)));
        node.pool.size_kib.saturating_sub(used)
    }

    /// The largest volume that autoplace would still put there, KiB: twenty times what is free, but no more than
    /// twenty times the pool with what is promised already (recorded: d09).
    pub fn largest_volume_kib(&self, node: &Node) -> u64 {
        let promised = self.definitions.values().filter(|d| d.diskful().any(|r| r.node == node.name));
        let promised = promised.fold(0_u64, |sum, definition| sum.saturating_add(definition.size_kib()));
        let by_size = node.pool.size_kib.saturating_mul(u64::from(OVERSUBSCRIPTION)).saturating_sub(promised);
        by_size.min(self.free_kib(node).saturating_mul(u64::from(OVERSUBSCRIPTION)))
    }
}
