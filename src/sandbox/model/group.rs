//! Resource groups: how to place the volumes that are spawned from them.

use super::fault::{Fault, code};
use super::identity;
use super::props::Props;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The group of definitions that name none.
pub const DEFAULT_GROUP: &str = "DfltRscGrp";

/// A resource group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Group {
    /// The name, as given.
    pub name: String,
    /// LINSTOR's identity of it.
    pub uuid: String,
    /// Free text.
    pub description: String,
    /// Its properties.
    pub props: Props,
    /// How to place.
    pub filter: SelectFilter,
    /// Its volume groups: number to identity.
    pub volume_groups: BTreeMap<u32, String>,
}

impl Group {
    /// A group with two replicas unless the filter says otherwise.
    pub fn new(name: &str, description: &str, props: Props, filter: SelectFilter) -> Self {
        let place_count = filter.place_count.or(Some(2));
        Self {
            name: name.to_owned(),
            uuid: identity::uuid(),
            description: description.to_owned(),
            props,
            filter: SelectFilter { place_count, ..filter },
            volume_groups: BTreeMap::new(),
        }
    }

    /// Adds a volume group with the first free number, or the one asked for.
    pub fn add_volume_group(&mut self, number: Option<u32>) -> Result<u32, Fault> {
        let number = number.unwrap_or_else(|| first_free(&self.volume_groups));
        if self.volume_groups.contains_key(&number) {
            let message =
                format!("A volume group with the number {number} already exists in resource group '{}'.", self.name);
            let fault = Fault::new(code::VOLUME_GROUP_EXISTS, message);
            return Err(Fault { volume: Some((self.name.clone(), number)), ..fault }
                .because("The VolumeGroup already exists")
                .detailed(format!("Resource group: {}, Volume number: {number}", self.name)));
        }
        self.volume_groups.insert(number, identity::uuid());
        Ok(number)
    }
}

/// The lowest number that is not taken.
pub fn first_free<T>(taken: &BTreeMap<u32, T>) -> u32 {
    (0..).find(|n| !taken.contains_key(n)).unwrap_or_default()
}

/// What LINSTOR calls AutoSelectFilter: every wish is optional, and a request's wishes go before those of the group.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelectFilter {
    /// How many replicas in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place_count: Option<i64>,
    /// How many replicas more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_place_count: Option<i64>,
    /// Only on these nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_name_list: Option<Vec<String>>,
    /// In this pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_pool: Option<String>,
    /// In any of these pools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_pool_list: Option<Vec<String>>,
    /// The diskless pools that `diskless_on_remaining` may use; the sandbox has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_pool_diskless_list: Option<Vec<String>>,
    /// Not where these resources are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_place_with_rsc: Option<Vec<String>>,
    /// Not where resources are whose whole name this regular expression fits, without regard to case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_place_with_rsc_regex: Option<String>,
    /// Nodes that have this property with one value, or with the value after `=`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas_on_same: Option<Vec<String>>,
    /// Nodes that have this property with different values, and never the value after `=`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas_on_different: Option<Vec<String>>,
    /// How many replicas may be on nodes with one value of a property.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_replicas_on_different_map: Option<BTreeMap<String, i64>>,
    /// The layers, top first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_stack: Option<Vec<String>>,
    /// Only pools of these kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_list: Option<Vec<String>>,
    /// Clients on all other nodes that can be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diskless_on_remaining: Option<bool>,
    /// Kept and shown, not obeyed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diskless_type: Option<String>,
    /// Kept and shown, not obeyed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overprovision: Option<f64>,
    /// Kept and shown, not obeyed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_count: Option<i64>,
}

impl SelectFilter {
    /// This filter's wishes, and those of `base` where this one has none.
    pub fn over(self, base: &Self) -> Self {
        Self {
            place_count: self.place_count.or(base.place_count),
            additional_place_count: self.additional_place_count,
            node_name_list: self.node_name_list.or_else(|| base.node_name_list.clone()),
            storage_pool: if self.storage_pool_list.is_some() {
                self.storage_pool
            } else {
                self.storage_pool.or_else(|| base.storage_pool.clone())
            },
            storage_pool_list: self.storage_pool_list.or_else(|| base.storage_pool_list.clone()),
            storage_pool_diskless_list: self
                .storage_pool_diskless_list
                .or_else(|| base.storage_pool_diskless_list.clone()),
            not_place_with_rsc: self.not_place_with_rsc.or_else(|| base.not_place_with_rsc.clone()),
            not_place_with_rsc_regex: self.not_place_with_rsc_regex.or_else(|| base.not_place_with_rsc_regex.clone()),
            replicas_on_same: self.replicas_on_same.or_else(|| base.replicas_on_same.clone()),
            replicas_on_different: self.replicas_on_different.or_else(|| base.replicas_on_different.clone()),
            x_replicas_on_different_map: self
                .x_replicas_on_different_map
                .or_else(|| base.x_replicas_on_different_map.clone()),
            layer_stack: self.layer_stack.or_else(|| base.layer_stack.clone()),
            provider_list: self.provider_list.or_else(|| base.provider_list.clone()),
            diskless_on_remaining: self.diskless_on_remaining.or(base.diskless_on_remaining),
            diskless_type: self.diskless_type.or_else(|| base.diskless_type.clone()),
            overprovision: self.overprovision.or(base.overprovision),
            port_count: self.port_count.or(base.port_count),
        }
    }

    /// Makes `storage_pool` and `storage_pool_list` agree, as LINSTOR shows them both.
    pub fn normal(mut self) -> Self {
        match (&self.storage_pool, &self.storage_pool_list) {
            (Some(pool), _) => self.storage_pool_list = Some(vec![pool.clone()]),
            (None, Some(pools)) => self.storage_pool = pools.first().cloned(),
            (None, None) => {}
        }
        self
    }

    /// The pools that will do, in the keys of their names; empty where any will.
    pub fn pools(&self) -> BTreeSet<String> {
        let listed = self.storage_pool_list.iter().flatten().chain(&self.storage_pool);
        listed.map(|pool| pool.to_uppercase()).collect()
    }
}
