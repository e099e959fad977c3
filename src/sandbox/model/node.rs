//! Nodes and their storage.

use super::identity;
use super::props::Props;
use tokio::time::Instant;

/// The storage pool that holds nothing, on every node: diskless resources are in it.
pub const DISKLESS_POOL: &str = "DfltDisklessStorPool";

/// How many times a thin pool may be promised (LINSTOR's default).
pub const OVERSUBSCRIPTION: u32 = 20;

/// Can a node be reached?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It works.
    Up,
    /// It hangs, and counts as ONLINE until then: a hung peer is noticed late. Its openers go on.
    Frozen {
        /// When LINSTOR and DRBD notice.
        noticed_at: Instant,
        /// Have the peers dropped it?
        dropped: bool,
    },
    /// Its power is off.
    Crashed,
}

/// A simulated node with one thin pool.
#[derive(Debug, Clone)]
pub struct Node {
    /// The name, as given.
    pub name: String,
    /// LINSTOR's identity of the node.
    pub uuid: String,
    /// The node's properties.
    pub props: Props,
    /// Its place in the cluster, from 1: the last part of its invented address.
    pub number: u8,
    /// Can it be reached?
    pub health: Health,
    /// Since when LINSTOR can't reach it, milliseconds since 1970.
    pub offline_since_ms: Option<u64>,
    /// Its pool.
    pub pool: Pool,
    /// LINSTOR's identity of its diskless pool.
    pub diskless_pool_uuid: String,
    /// LINSTOR's identity of its network interface.
    pub interface_uuid: String,
}

/// A thin storage pool on a node.
#[derive(Debug, Clone)]
pub struct Pool {
    /// The pool's name, the same on every node.
    pub name: String,
    /// LINSTOR's identity of the pool.
    pub uuid: String,
    /// Its size, KiB.
    pub size_kib: u64,
    /// What a fault has filled it with, KiB.
    pub filled_kib: u64,
    /// The folder that it says it is in.
    pub folder: String,
}

impl Node {
    /// A node that is up, with an empty pool.
    pub fn new(name: &str, number: u8, pool: Pool) -> Self {
        let props = [("CurStltConnName", "default"), ("NodeUname", name)];
        Self {
            name: name.to_owned(),
            uuid: identity::uuid(),
            props: props.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            number,
            health: Health::Up,
            offline_since_ms: None,
            pool,
            diskless_pool_uuid: identity::uuid(),
            interface_uuid: identity::uuid(),
        }
    }

    /// Does LINSTOR call it ONLINE?
    pub fn is_online(&self) -> bool {
        match self.health {
            Health::Up => true,
            Health::Frozen { noticed_at, .. } => Instant::now() < noticed_at,
            Health::Crashed => false,
        }
    }

    /// When a request that needs its satellite stops hanging; `None` where none hangs.
    pub fn hangs_until(&self) -> Option<Instant> {
        match self.health {
            Health::Frozen { noticed_at, .. } if Instant::now() < noticed_at => Some(noticed_at),
            _ => None,
        }
    }
}
