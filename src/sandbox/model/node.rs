//! Nodes.

use super::identity;
use super::name::Key;
use super::pool::Pool;
use super::props::Props;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// The storage pool that holds nothing, on every node: diskless resources are in it.
pub const DISKLESS_POOL: &str = "DfltDisklessStorPool";

/// Can a node be reached?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// It works.
    #[default]
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

/// A simulated node and its pools.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    #[serde(skip)]
    pub health: Health,
    /// Since when LINSTOR can't reach it, milliseconds since 1970.
    #[serde(skip)]
    pub offline_since_ms: Option<u64>,
    /// Its pools, in the order in which they were made: the first is for resources that name none.
    pub pools: Vec<Pool>,
    /// LINSTOR's identity of its diskless pool.
    pub diskless_pool_uuid: String,
    /// LINSTOR's identity of its network interface.
    pub interface_uuid: String,
}

impl Node {
    /// A node that is up.
    pub fn new(name: &str, number: u8, pools: Vec<Pool>) -> Self {
        let props = [("CurStltConnName", "default"), ("NodeUname", name)];
        Self {
            name: name.to_owned(),
            uuid: identity::uuid(),
            props: props.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            number,
            health: Health::Up,
            offline_since_ms: None,
            pools,
            diskless_pool_uuid: identity::uuid(),
            interface_uuid: identity::uuid(),
        }
    }

    /// A pool of it, by its name.
    pub fn pool(&self, name: &str) -> Option<&Pool> {
        self.pools.iter().find(|pool| Key::of(&pool.name) == Key::of(name))
    }

    /// A pool of it to change, by its name.
    pub fn pool_mut(&mut self, name: &str) -> Option<&mut Pool> {
        self.pools.iter_mut().find(|pool| Key::of(&pool.name) == Key::of(name))
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
