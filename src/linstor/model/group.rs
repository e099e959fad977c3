//! Resource groups, the rule for placing replicas, and how much fits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Props;
use crate::linstor::rc::ApiCallRc;

/// A resource group (schema `ResourceGroup`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ResourceGroup {
    /// The name in its display case.
    pub name: String,
    /// Free text.
    pub description: String,
    /// The group's own properties, which its definitions inherit.
    pub props: Props,
    /// Where its definitions are placed.
    pub select_filter: SelectFilter,
    /// Random, new with every group.
    pub uuid: String,
}

/// The rule by which replicas are placed (schema `AutoSelectFilter`). What is not set is inherited or free.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SelectFilter {
    /// Replicas with a disk, in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place_count: Option<u32>,
    /// Replicas with a disk, on top of those there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_place_count: Option<u32>,
    /// The only nodes allowed; empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub node_name_list: Vec<String>,
    /// The only pool allowed. LINSTOR repeats it in `storage_pool_list`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_pool: Option<String>,
    /// The only pools allowed; empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub storage_pool_list: Vec<String>,
    /// Layers from top to bottom; empty: `DRBD`, `STORAGE`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layer_stack: Vec<String>,
    /// Node properties that all replicas must share, as `key` or `key=value`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replicas_on_same: Vec<String>,
    /// Node properties in which the replicas must differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replicas_on_different: Vec<String>,
    /// Node properties, each with how many replicas there are for each of its values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub x_replicas_on_different_map: BTreeMap<String, u32>,
    /// No replica where a resource is whose name this regular expression matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_place_with_rsc_regex: Option<String>,
    /// The pools for diskless resources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub storage_pool_diskless_list: Vec<String>,
    /// Also make a diskless resource on every other node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diskless_on_remaining: Option<bool>,
}

/// What fits by a group's rule (schema `QuerySizeInfoResponseSpaceInfo`).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SpaceInfo {
    /// KiB of the largest volume that can be made, over-subscription of thin pools included; `0` where too few nodes
    /// fit.
    pub max_vlm_size_in_kib: i64,
    /// KiB that are really free.
    pub available_size_in_kib: i64,
    /// KiB in all.
    pub capacity_in_kib: i64,
    /// Where the next volume would be placed.
    pub next_spawn_result: Vec<SpawnTarget>,
}

/// A node and pool that the next volume would be placed on (schema `QuerySizeInfoSpawnResult`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SpawnTarget {
    /// The node.
    pub node_name: String,
    /// The pool.
    pub stor_pool_name: String,
}

/// The answer of `query-size-info`: always a 200, with the errors in `reports`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::linstor) struct SizeAnswer {
    /// Absent where `reports` hold an error.
    pub(in crate::linstor) space_info: Option<SpaceInfo>,
    /// What LINSTOR has to say.
    pub(in crate::linstor) reports: Vec<ApiCallRc>,
}

/// The answer of `query-all-size-info`: always a 200, with the errors in `reports`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::linstor) struct AllSizesAnswer {
    /// By group.
    pub(in crate::linstor) result: BTreeMap<String, SizeAnswer>,
    /// What LINSTOR has to say.
    pub(in crate::linstor) reports: Vec<ApiCallRc>,
}
