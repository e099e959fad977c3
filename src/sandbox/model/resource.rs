//! Resources: a definition on a node, with a disk or without.

use super::identity;
use super::props::Props;
use crate::sandbox::bytes::ReplicaKey;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a resource is to its definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// It holds a replica.
    Diskful,
    /// It reads and writes through the network.
    Client,
    /// It votes and nothing more; LINSTOR made it.
    TieBreaker,
}

/// How far a delete has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deleting {
    /// Nobody wants it deleted.
    No,
    /// It goes with its definition, or without DRBD, as soon as its node can be reached.
    Flagged,
    /// DRBD's part first: as above, seen in the flags.
    DrbdFlagged,
}

/// A resource of a definition on a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Resource {
    /// The node's name.
    pub node: String,
    /// LINSTOR's identity of it.
    pub uuid: String,
    /// Its properties.
    pub props: Props,
    /// What it is.
    pub kind: Kind,
    /// The storage pool that it is in.
    pub pool: String,
    /// Is it to be deleted?
    pub deleting: Deleting,
    /// When its node made it, milliseconds since 1970; `None` while its node never could.
    pub created_ms: Option<u64>,
    /// DRBD's number of the node, from 0.
    pub node_id: u32,
    /// Its volumes.
    pub volumes: BTreeMap<u32, Volume>,
    /// Of which generation is its data? Lower than the definition's: outdated.
    pub generation: u64,
    /// How far a resync is held, percent; `None` where none is.
    pub sync_percent: Option<f64>,
    /// Is its device open (is it primary)?
    pub open: bool,
    /// Nodes from which it went StandAlone.
    pub standalone: BTreeSet<String>,
    /// Does it not know yet that it is outdated? So it is after its node's return, until it meets a peer.
    pub unaware: bool,
    /// Did it ever get or lose its disk? DRBD's flags show that for good (recorded: d11).
    pub toggled: bool,
    /// Whose bytes a diskless resource works on.
    pub via: Option<String>,
    /// What the backing was last told of its device.
    #[serde(skip)]
    pub writable: Option<bool>,
}

/// A volume of a resource.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Volume {
    /// LINSTOR's identity of it.
    pub uuid: String,
    /// Its properties, apart from those that a satellite reports.
    pub props: Props,
    /// The device that the backing made; empty until the node could.
    pub device: String,
}

impl Volume {
    /// A volume that is not deployed yet.
    pub fn undeployed() -> Self {
        Self { uuid: identity::uuid(), props: Props::new(), device: String::new() }
    }
}

impl Resource {
    /// A resource that is not deployed yet.
    pub fn new(node: &str, kind: Kind, pool: &str, node_id: u32, generation: u64) -> Self {
        Self {
            node: node.to_owned(),
            uuid: identity::uuid(),
            props: Props::new(),
            kind,
            pool: pool.to_owned(),
            deleting: Deleting::No,
            created_ms: None,
            node_id,
            volumes: BTreeMap::new(),
            generation,
            sync_percent: None,
            open: false,
            standalone: BTreeSet::new(),
            unaware: false,
            toggled: false,
            via: None,
            writable: None,
        }
    }

    /// Has it no replica?
    pub fn is_diskless(&self) -> bool {
        self.kind != Kind::Diskful
    }

    /// Its flags, as LINSTOR lists them.
    pub fn flags(&self) -> Vec<&'static str> {
        let mut flags = match self.deleting {
            Deleting::No => vec![],
            Deleting::Flagged => vec!["DELETE"],
            Deleting::DrbdFlagged => vec!["DELETE", "DRBD_DELETE"],
        };
        match self.kind {
            Kind::Diskful => {}
            Kind::Client => flags.extend(["DISKLESS", "DRBD_DISKLESS"]),
            Kind::TieBreaker => flags.extend(["DISKLESS", "DRBD_DISKLESS", "TIE_BREAKER"]),
        }
        flags
    }

    /// The backing's key of one of its volumes.
    pub fn key(&self, definition: &str, volume: u32) -> ReplicaKey {
        ReplicaKey { node: self.node.clone(), resource: definition.to_owned(), volume }
    }
}
