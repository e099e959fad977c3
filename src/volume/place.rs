//! Where a volume's replicas go: the resource group that says so, and the order of requests that makes them.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::id::short_hash;
use crate::linstor::model::{DRBD, LUKS, ResourceGroup, STORAGE, SelectFilter};
use crate::linstor::name::{GroupName, PoolName};

/// How many replicas a volume may have: LINSTOR reserves seven peers for each by default.
pub(super) const MAX_REPLICAS: u32 = 8;

/// A layer of LINSTOR's stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Replication.
    Drbd,
    /// Encryption.
    Luks,
    /// A cache before the storage (dm-cache). Passed on, not tested.
    Cache,
    /// A cache for writes (dm-writecache). Passed on, not tested.
    WriteCache,
    /// A device that is reached over the network (NVMe-oF). Passed on, not tested.
    Nvme,
    /// The storage pool's own device.
    Storage,
}

/// A layer that linflow doesn't place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("layer {0:?} is not supported; use \"drbd storage\", \"storage\", or one of them with luks before storage")]
pub struct UnknownLayer(String);

impl FromStr for Layer {
    type Err = UnknownLayer;

    fn from_str(name: &str) -> Result<Self, UnknownLayer> {
        let is_it = |layer: &Self| layer.as_str().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(is_it).ok_or_else(|| UnknownLayer(name.to_owned()))
    }
}

impl Layer {
    /// All that may be named.
    const ALL: [Self; 6] = [Self::Drbd, Self::Luks, Self::Cache, Self::WriteCache, Self::Nvme, Self::Storage];

    /// LINSTOR's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drbd => DRBD,
            Self::Luks => LUKS,
            Self::Cache => "CACHE",
            Self::WriteCache => "WRITECACHE",
            Self::Nvme => "NVME",
            Self::Storage => STORAGE,
        }
    }

    /// Is linflow tested with it?
    pub fn is_tested(self) -> bool {
        matches!(self, Self::Drbd | Self::Luks | Self::Storage)
    }
}

/// What a StorageClass says about placement. What it leaves out, an administrator's resource group or the defaults
/// decide.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placement {
    /// `resourceGroup`: an administrator's group, which is used as it is and never changed.
    pub group: Option<GroupName>,
    /// `placementCount`: replicas with a disk; default 2, or 1 without DRBD.
    pub count: Option<u32>,
    /// `storagePool`: the pools to choose from; empty means any.
    pub pools: Vec<PoolName>,
    /// `layerList`: default `drbd storage`.
    pub layers: Option<Vec<Layer>>,
    /// `encryption`: is LUKS put above the storage, where it isn't among the layers?
    pub encrypt: bool,
    /// `replicasOnSame`: node properties in which the replicas agree, `Aux/` included.
    pub on_same: Vec<String>,
    /// `replicasOnDifferent`: node properties in which they differ.
    pub on_different: Vec<String>,
    /// `xReplicasOnDifferent`: node properties with so many replicas for each value.
    pub spread: BTreeMap<String, u32>,
    /// `doNotPlaceWithRegex`: not beside resources of these names.
    pub not_with: Option<String>,
    /// `disklessOnRemaining`: a diskless resource on every other node?
    pub diskless_on_remaining: Option<bool>,
    /// `disklessStoragePool`: the pool of diskless resources.
    pub diskless_pool: Option<PoolName>,
    /// What the administrator's group says where the class is silent; read with [`Placement::heed`].
    pub group_says: GroupSays,
}

/// What an administrator's group says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupSays {
    /// Its replicas with a disk.
    pub count: Option<u32>,
    /// Its layers in LINSTOR's names, top first; empty: LINSTOR's default, DRBD on storage.
    pub layers: Vec<String>,
}

impl Placement {
    /// The same placement with what the administrator's group says, where the class is silent.
    pub fn heed(&self, group: &ResourceGroup) -> Self {
        let filter = &group.select_filter;
        let group_says = GroupSays { count: filter.place_count, layers: filter.layer_stack.clone() };
        Self { group_says, ..self.clone() }
    }

    /// May the volume be replicated by DRBD?
    pub fn may_use_drbd(&self) -> bool {
        match &self.layers {
            Some(layers) => layers.contains(&Layer::Drbd),
            None => self.group_says.layers.is_empty() || self.group_says.layers.iter().any(|layer| layer == DRBD),
        }
    }

    /// How many replicas are asked for. None: the administrator's group decides, and has not been read or does not say.
    pub fn replicas(&self) -> Option<u32> {
        let default = match &self.group {
            Some(_) if self.may_use_drbd() => self.group_says.count,
            _ => Some(if self.may_use_drbd() { 2 } else { 1 }),
        };
        self.count.or(default)
    }

    /// How many replicas there will be: LINSTOR makes two where nobody says.
    pub fn wanted(&self) -> u32 {
        self.replicas().unwrap_or(2)
    }

    /// The names of the layers that are asked for. Empty: the administrator's group decides.
    pub fn layer_names(&self) -> Vec<String> {
        let name = |layers: &[Layer]| layers.iter().map(|layer| layer.as_str().to_owned()).collect();
        let mut names: Vec<String> = match (&self.layers, &self.group) {
            (Some(layers), _) => name(layers),
            (None, Some(_)) if !self.encrypt => Vec::new(),
            (None, Some(_)) if !self.group_says.layers.is_empty() => self.group_says.layers.clone(),
            (None, _) => name(&[Layer::Drbd, Layer::Storage]),
        };
        if self.encrypt && !names.iter().any(|name| name == LUKS) {
            names.insert(names.len().saturating_sub(1), LUKS.to_owned());
        }
        names
    }

    /// The layers that a volume of it will have: where nobody says, LINSTOR's default.
    pub fn stack(&self) -> Vec<String> {
        let asked = [self.layer_names(), self.group_says.layers.clone()].into_iter().find(|layers| !layers.is_empty());
        asked.unwrap_or_else(|| [DRBD, STORAGE].map(str::to_owned).into())
    }

    /// The names of the pools to choose from.
    pub fn pool_names(&self) -> Vec<String> {
        self.pools.iter().map(ToString::to_string).collect()
    }

    /// The rule that the class asks for, as a generated group holds it: without an administrator's group all of it,
    /// with one only what the class says itself.
    pub fn filter(&self) -> SelectFilter {
        SelectFilter {
            place_count: if self.group.is_some() { self.count } else { self.replicas() },
            storage_pool_list: self.pool_names(),
            layer_stack: self.layer_names(),
            replicas_on_same: self.on_same.clone(),
            replicas_on_different: self.on_different.clone(),
            x_replicas_on_different_map: self.spread.clone(),
            not_place_with_rsc_regex: self.not_with.clone(),
            storage_pool_diskless_list: self.diskless_pool.iter().map(ToString::to_string).collect(),
            diskless_on_remaining: self.diskless_on_remaining,
            ..SelectFilter::default()
        }
    }

    /// What goes into a request beside the group, its count aside. A generated group says it all itself.
    pub fn explicit(&self) -> SelectFilter {
        match self.group {
            Some(_) => SelectFilter { place_count: None, ..self.filter() },
            None => SelectFilter::default(),
        }
    }

    /// The same for some of several replicas: a diskless resource elsewhere would be in the way of the others.
    pub fn first(&self) -> SelectFilter {
        let explicit = self.explicit();
        let later = self.diskless_on_remaining.filter(|_| self.replicas() != Some(1)).map(|_| false);
        SelectFilter { diskless_on_remaining: later.or(explicit.diskless_on_remaining), ..explicit }
    }

    /// The resource group: the administrator's, or one named after a hash of everything that it would hold, so that it
    /// never has to be modified (raising a group's place_count adds replicas to all of its volumes at once).
    pub fn group_name(&self) -> GroupName {
        self.group.clone().unwrap_or_else(|| {
            let hash = short_hash(&self.describe());
            GroupName::parse(&format!("linflow-{hash}")).expect("linflow- and 32 hex digits make a group name")
        })
    }

    /// What a generated group stands for, as text: its description, and what its name is a hash of.
    pub fn describe(&self) -> String {
        let count = self.replicas().unwrap_or_default();
        let (pools, layers) = (self.pool_names().join(","), self.layer_names().join(","));
        // The quotes keep a value from looking like another parameter.
        let rest: String = self.refinements().iter().map(|(key, value)| format!(" {key}={value:?}")).collect();
        format!("linflow: placementCount={count} storagePool={pools} layerList={layers}{rest}")
    }

    /// Each parameter with its value: all that the class comes to, where no administrator's group may say otherwise
    /// later.
    pub fn says(&self) -> Vec<(&'static str, String)> {
        let (count, layers) = match &self.group {
            Some(_) => (self.count, self.layers.is_some().then(|| self.layer_names().join(","))),
            None => (self.replicas(), Some(self.layer_names().join(","))),
        };
        let group = self.group.as_ref().map(ToString::to_string);
        let pools = Some(self.pool_names().join(",")).filter(|pools| !pools.is_empty());
        let encrypt = (self.encrypt && layers.is_none()).then(|| "true".to_owned());
        let said = [
            ("resourceGroup", group),
            ("placementCount", count.map(|count| count.to_string())),
            ("storagePool", pools),
            ("layerList", layers),
            ("encryption", encrypt),
        ];
        let said = said.into_iter().filter_map(|(key, value)| Some((key, value?)));
        said.chain(self.refinements()).collect()
    }

    /// What a class seldom says.
    fn refinements(&self) -> Vec<(&'static str, String)> {
        let list = |list: &[String]| Some(list.join(",")).filter(|text| !text.is_empty());
        let spread: Vec<String> = self.spread.iter().map(|(key, count)| format!("{key}: {count}")).collect();
        let said = [
            ("replicasOnSame", list(&self.on_same)),
            ("replicasOnDifferent", list(&self.on_different)),
            ("xReplicasOnDifferent", list(&spread)),
            ("doNotPlaceWithRegex", self.not_with.clone()),
            ("disklessOnRemaining", self.diskless_on_remaining.map(|is| is.to_string())),
            ("disklessStoragePool", self.diskless_pool.as_ref().map(ToString::to_string)),
        ];
        said.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

/// Was this group made by linflow, so that it says all that the class did?
pub fn is_generated(group: &GroupName) -> bool {
    let hash = group.as_str().strip_prefix("linflow-").unwrap_or_default();
    hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_placements_share_a_group_and_different_ones_never_do() {
        let two = Placement::default();
        let three = Placement { count: Some(3), ..Placement::default() };
        let local = Placement { layers: Some(vec![Layer::Storage]), ..Placement::default() };
        assert_eq!(two.group_name(), Placement { count: Some(2), ..Placement::default() }.group_name());
        assert_ne!(two.group_name(), three.group_name());
        assert_ne!(two.group_name(), local.group_name());
    }

    #[test]
    fn a_generated_group_is_known_by_its_name() {
        assert!(is_generated(&Placement::default().group_name()));
        for name in ["gold", "linflow-gold", "DfltRscGrp"] {
            assert!(!is_generated(&GroupName::parse(name).unwrap()), "{name}");
        }
    }

    #[test]
    fn an_administrators_group_decides_what_the_class_leaves_out() {
        let placement = Placement { group: Some(GroupName::parse("gold").unwrap()), ..Placement::default() };
        assert_eq!(placement.group_name().as_str(), "gold");
        assert_eq!((placement.replicas(), placement.layer_names().len()), (None, 0));
        let three: ResourceGroup = serde_json::from_value(json!({"select_filter": {"place_count": 3}})).unwrap();
        assert_eq!((placement.heed(&three).replicas(), placement.heed(&three).may_use_drbd()), (Some(3), true));
        let local = json!({"select_filter": {"place_count": 1, "layer_stack": ["LUKS", "STORAGE"]}});
        let local = placement.heed(&serde_json::from_value(local).unwrap());
        assert_eq!((local.replicas(), local.may_use_drbd(), local.layer_names().len()), (Some(1), false, 0));
    }

    #[test]
    fn encryption_is_added_to_the_layers_of_an_administrators_group() {
        let gold = Placement { group: Some(GroupName::parse("gold").unwrap()), encrypt: true, ..Placement::default() };
        let said = |stack: &[&str]| {
            let group: ResourceGroup =
                serde_json::from_value(json!({"select_filter": {"layer_stack": stack}})).unwrap();
            gold.heed(&group).layer_names().join(" ")
        };
        assert_eq!(said(&[]), "DRBD LUKS STORAGE");
        assert_eq!(said(&["STORAGE"]), "LUKS STORAGE");
        assert_eq!(said(&["DRBD", "LUKS", "STORAGE"]), "DRBD LUKS STORAGE");
    }

    #[test]
    fn a_value_cannot_pass_for_another_parameter() {
        let one = Placement { not_with: Some("a disklessOnRemaining=true".to_owned()), ..Placement::default() };
        let other =
            Placement { not_with: Some("a".to_owned()), diskless_on_remaining: Some(true), ..Placement::default() };
        assert_ne!(one.group_name(), other.group_name());
        assert_ne!(one.describe(), other.describe());
    }
}
