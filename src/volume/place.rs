//! Where a volume's replicas go: the resource group that says so, and the order of requests that makes them.

use std::str::FromStr;

use super::id::short_hash;
use crate::linstor::model::{DRBD, ResourceGroup, STORAGE};
use crate::linstor::name::{GroupName, PoolName};

/// A layer of LINSTOR's stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Replication.
    Drbd,
    /// The storage pool's own device.
    Storage,
}

/// A layer that linflow doesn't place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("layer {0:?} is not supported; use \"drbd storage\" or \"storage\"")]
pub struct UnknownLayer(String);

impl FromStr for Layer {
    type Err = UnknownLayer;

    fn from_str(name: &str) -> Result<Self, UnknownLayer> {
        match name.to_ascii_lowercase().as_str() {
            "drbd" => Ok(Self::Drbd),
            "storage" => Ok(Self::Storage),
            _ => Err(UnknownLayer(name.to_owned())),
        }
    }
}

impl Layer {
    /// LINSTOR's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drbd => DRBD,
            Self::Storage => STORAGE,
        }
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
    /// What the administrator's group says where the class is silent; read with [`Placement::heed`].
    pub group_says: GroupSays,
}

/// What an administrator's group says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupSays {
    /// Its replicas with a disk.
    pub count: Option<u32>,
    /// Is DRBD missing in its layers? Then a volume is reached on its replica's node alone.
    pub is_local: bool,
}

impl Placement {
    /// The same placement with what the administrator's group says, where the class is silent.
    pub fn heed(&self, group: &ResourceGroup) -> Self {
        let filter = &group.select_filter;
        let is_local = !filter.layer_stack.is_empty() && !filter.layer_stack.iter().any(|layer| layer == DRBD);
        Self { group_says: GroupSays { count: filter.place_count, is_local }, ..self.clone() }
    }

    /// May the volume be replicated by DRBD?
    pub fn may_use_drbd(&self) -> bool {
        match &self.layers {
            Some(layers) => layers.contains(&Layer::Drbd),
            None => !self.group_says.is_local,
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

    /// The count that goes into a request beside the group: a generated group says it itself.
    pub fn explicit_count(&self) -> Option<u32> {
        self.group.as_ref().and(self.count)
    }

    /// The names of the layers that are asked for. Empty: the administrator's group decides.
    pub fn layer_names(&self) -> Vec<String> {
        let layers = match (&self.layers, &self.group) {
            (Some(layers), _) => layers.as_slice(),
            (None, Some(_)) => &[],
            (None, None) => &[Layer::Drbd, Layer::Storage],
        };
        layers.iter().map(|layer| layer.as_str().to_owned()).collect()
    }

    /// The names of the pools to choose from.
    pub fn pool_names(&self) -> Vec<String> {
        self.pools.iter().map(ToString::to_string).collect()
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
        format!(
            "linflow: placementCount={count} storagePool={} layerList={}",
            self.pool_names().join(","),
            self.layer_names().join(",")
        )
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
}
