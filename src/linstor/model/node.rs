//! Nodes and their storage pools.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Props;
use crate::linstor::rc::ApiCallRc;

/// A node of the cluster (schema `Node`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Node {
    /// The node's name.
    pub name: String,
    /// `SATELLITE`, `COMBINED`, `CONTROLLER` or `AUXILIARY`.
    #[serde(rename = "type")]
    pub node_type: String,
    /// The node's own properties.
    pub props: Props,
    /// `DELETE`, `EVICTED`, `EVACUATE`.
    pub flags: Vec<String>,
    /// How the controller sees the satellite: `ONLINE`, `OFFLINE`, `CONNECTED`, `UNKNOWN`, …
    pub connection_status: String,
    /// The layers that the node can run, such as `DRBD` and `STORAGE`.
    pub resource_layers: Vec<String>,
    /// The layers that it can't run, each with the reasons that its satellite gave.
    pub unsupported_layers: BTreeMap<String, Vec<String>>,
}

impl Node {
    /// Whether the satellite is connected and up to date. Every other connection status is unusable. `false` is the
    /// controller's view alone: the node may still run, and write.
    pub fn is_online(&self) -> bool {
        self.connection_status == "ONLINE"
    }

    /// Whether the node has a satellite, which is what stores and opens volumes.
    pub fn has_satellite(&self) -> bool {
        matches!(self.node_type.as_str(), "SATELLITE" | "COMBINED")
    }

    /// Whether LINSTOR has given the node up.
    pub fn is_evicted(&self) -> bool {
        self.flags.iter().any(|flag| flag == "EVICTED")
    }

    /// Whether the node can run this layer, such as [`DRBD`](super::DRBD).
    pub fn supports_layer(&self, layer: &str) -> bool {
        self.resource_layers.iter().any(|have| have == layer)
    }
}

/// A storage pool on one node (schema `StoragePool`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StoragePool {
    /// The pool's name.
    pub storage_pool_name: String,
    /// The node that it is on.
    pub node_name: String,
    /// `LVM_THIN`, `ZFS`, `FILE_THIN`, `DISKLESS`, …
    pub provider_kind: String,
    /// The pool's own properties.
    pub props: Props,
    /// KiB free as last reported; none where the satellite has not said.
    pub free_capacity: Option<i64>,
    /// KiB in all as last reported; none where the satellite has not said.
    pub total_capacity: Option<i64>,
    /// What LINSTOR has to say about it, errors of the satellite among them.
    pub reports: Vec<ApiCallRc>,
}

impl StoragePool {
    /// Whether the pool holds no data: every node has a `DISKLESS` one, with an infinite size.
    pub fn is_diskless(&self) -> bool {
        self.provider_kind == "DISKLESS"
    }
}
