//! Storage pools of nodes: folders for files, thin or fat.

use super::Cluster;
use super::identity;
use super::name::Key;
use super::props::Props;
use serde::{Deserialize, Serialize};

/// How many times a thin pool may be promised (LINSTOR's default).
pub const OVERSUBSCRIPTION: u32 = 20;

/// Where a pool notes its folder.
pub const FOLDER: &str = "StorDriver/StorPoolName";
const GRANULARITY: &str = "StorDriver/internal/AllocationGranularity";

/// What LINSTOR calls a device provider. The sandbox's pools are folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PoolKind {
    /// Sparse files: room is taken as it is written, and may be promised twenty times.
    FileThin,
    /// Full files: a volume takes its whole size.
    File,
}

impl PoolKind {
    /// LINSTOR's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::FileThin => "FILE_THIN",
            Self::File => "FILE",
        }
    }

    /// How often its room may be promised.
    pub fn oversubscription(self) -> u32 {
        match self {
            Self::FileThin => OVERSUBSCRIPTION,
            Self::File => 1,
        }
    }
}

/// A storage pool on a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pool {
    /// The pool's name. Pools of one name on several nodes are what LINSTOR calls a storage pool definition.
    pub name: String,
    /// LINSTOR's identity of the pool.
    pub uuid: String,
    /// What it is.
    pub kind: PoolKind,
    /// Its size, KiB.
    pub size_kib: u64,
    /// What a fault has filled it with, KiB.
    pub filled_kib: u64,
    /// Its properties, the folder that it says it is in among them.
    pub props: Props,
}

impl Pool {
    /// An empty pool that says it is in a folder.
    pub fn new(name: &str, kind: PoolKind, size_kib: u64, folder: &str) -> Self {
        let props = [(FOLDER, folder), (GRANULARITY, "1")];
        Self {
            name: name.to_owned(),
            uuid: identity::uuid(),
            kind,
            size_kib,
            filled_kib: 0,
            props: props.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        }
    }
}

impl Cluster {
    /// Gives a node one more pool.
    pub fn add_pool(&mut self, node: &Key, pool: Pool) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.pools.push(pool);
        }
    }

    /// Takes a pool from a node.
    pub fn take_pool(&mut self, node: &Key, name: &str) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.pools.retain(|pool| Key::of(&pool.name) != Key::of(name));
        }
    }

    /// What is in a node's pool, in LINSTOR's words: volumes, and snapshots of them.
    pub fn users_of_pool(&self, node: &Key, name: &str) -> Vec<String> {
        let mut users = Vec::new();
        for definition in self.definitions.values() {
            let resource = &definition.name;
            if let Some(own) = definition.resources.get(node).filter(|own| Key::of(&own.pool) == Key::of(name)) {
                let one = |number| format!("resource name: '{resource}', volume number: {number}, resource suffix: ''");
                users.extend(own.volumes.keys().map(one));
            }
            for snapshot in definition.snapshots.values() {
                let held = snapshot.replicas.get(node).filter(|held| Key::of(&held.pool) == Key::of(name));
                let one = |number| {
                    format!("resource name: '{resource}', snapshot name: '{}', volume number: {number}", snapshot.name)
                };
                users.extend(held.into_iter().flat_map(|held| held.volumes.keys()).map(one));
            }
        }
        users
    }
}
