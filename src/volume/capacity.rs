//! GetCapacity: what LINSTOR itself says would fit, replicas and over-provisioning counted.
//!
//! The provisioner asks for each class and each topology segment every minute. One request of LINSTOR answers for all
//! classes that have their group; its answer is shared. A class that no volume was made of yet, and one whose replicas
//! can't be on any node, is asked for by its rule.

mod near;
mod shared;

use std::{collections::BTreeMap, sync::Arc};

use near::Near;
use shared::Shared;

use super::{Error, params::OverProvision, place::Placement, spread::Policy, topology::Term};
use crate::linstor::{
    self, Client,
    model::{Node, ResourceGroup, SelectFilter, SizeQuery, SpaceInfo},
    name::{GroupName, NodeName},
};
use crate::workflow::Reach;

/// The group that LINSTOR has from its first start.
const DEFAULT_GROUP: &str = "DfltRscGrp";
/// LINSTOR may answer from what its satellites said so many seconds ago, instead of asking each of them.
const SATELLITES_SECS: u32 = 10;

/// A GetCapacity request, parsed.
#[derive(Debug, Clone)]
pub struct CapacityRequest {
    /// Where the replicas of such a volume go.
    pub placement: Placement,
    /// Who chooses the nodes.
    pub policy: Policy,
    /// Who may use such a volume over the network.
    pub reach: Reach,
    /// How often its class promises the free space.
    pub over_provision: Option<OverProvision>,
    /// The least bytes that such a volume has.
    pub least_bytes: u64,
    /// From where the volume is to be used; none: from anywhere.
    pub from: Option<Term>,
}

/// What fits, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capacity {
    /// What is free for volumes of this placement.
    pub available: u64,
    /// The largest single volume.
    pub largest: u64,
    /// The smallest one.
    pub least: u64,
}

/// The space of each group, by its name in lower case.
type Spaces = Arc<BTreeMap<String, Result<SpaceInfo, linstor::Error>>>;

/// What LINSTOR said of its space a moment ago. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Capacities {
    all: Shared<Spaces>,
    by_rule: Shared<SpaceInfo>,
    groups: Shared<Option<ResourceGroup>>,
    nodes: Shared<Arc<Vec<Node>>>,
    terms: Shared<Vec<NodeName>>,
}

/// LINSTOR's own group: a question that names everything in its filter goes there.
pub(super) fn default_group() -> GroupName {
    GroupName::parse(DEFAULT_GROUP).expect("LINSTOR's default group has a valid name")
}

impl Capacities {
    /// What fits by the request and is reached from where it is asked for. There may be several replicas, of which one
    /// must be near: then the smaller of what fits by the whole rule and of what fits there.
    ///
    /// # Errors
    /// `NoSuchGroup`; LINSTOR's own errors, those in the `reports` of a 200 among them.
    pub async fn capacity(&self, linstor: &Client, request: &CapacityRequest) -> Result<Capacity, Error> {
        let placement = &self.heed(linstor, &request.placement).await?;
        let near = self.near(linstor, request, placement.may_use_drbd()).await?;
        let listed = request.policy.listed();
        let space = match near.among(listed) {
            Near::Nowhere => SpaceInfo::default(),
            Near::Anywhere => self.of_all(linstor, placement, listed).await?,
            Near::On(nodes) => {
                let one = Placement { count: Some(1), spread: BTreeMap::new(), ..placement.clone() };
                let near = self.by_rule(linstor, &one, &nodes).await?;
                if placement.wanted() == 1 { near } else { least(near, self.of_all(linstor, placement, listed).await?) }
            }
        };
        Ok(count(&space, request))
    }

    /// All replicas, wherever they may be.
    async fn of_all(&self, linstor: &Client, placement: &Placement, listed: &[NodeName]) -> Result<SpaceInfo, Error> {
        let of_group = if listed.is_empty() { self.of_group(linstor, placement).await? } else { None };
        match of_group {
            Some(space) => Ok(space),
            None => self.by_rule(linstor, placement, listed).await,
        }
    }

    /// Forgets what was said: a volume was made, grown or removed.
    pub fn forget(&self) {
        self.all.forget();
        self.by_rule.forget();
    }

    /// The placement with what an administrator's group says.
    async fn heed(&self, linstor: &Client, placement: &Placement) -> Result<Placement, Error> {
        let Some(name) = &placement.group else { return Ok(placement.clone()) };
        let group = self.groups.get(name.as_str(), linstor.resource_group(name)).await?;
        Ok(placement.heed(&group.ok_or_else(|| Error::NoSuchGroup(name.clone()))?))
    }

    /// The space of the placement's group, where the group says all of it and is there.
    async fn of_group(&self, linstor: &Client, placement: &Placement) -> Result<Option<SpaceInfo>, Error> {
        if placement.group.is_some() && placement.filter() != SelectFilter::default() {
            return Ok(None);
        }
        let ask = async { linstor.query_all_sizes(SATELLITES_SECS).await.map(Arc::new) };
        let spaces = self.all.get("all", ask).await?;
        Ok(spaces.get(&placement.group_name().as_str().to_ascii_lowercase()).cloned().transpose()?)
    }

    /// Asks with the whole rule in the filter. `nodes`: those to choose from; empty: all.
    async fn by_rule(&self, linstor: &Client, placement: &Placement, nodes: &[NodeName]) -> Result<SpaceInfo, Error> {
        let filter = SelectFilter {
            place_count: placement.replicas(),
            node_name_list: nodes.iter().map(ToString::to_string).collect(),
            ..placement.filter()
        };
        let group = placement.group.clone().unwrap_or_else(default_group);
        let question = format!("{group} {filter:?}");
        let query = SizeQuery { select_filter: Some(filter), ignore_cache_older_than_sec: Some(SATELLITES_SECS) };
        Ok(self.by_rule.get(&question, linstor.query_size(&group, &query)).await?)
    }
}

/// The largest volume of the placement over all nodes, in KiB, to be said beside a refusal; none where LINSTOR doesn't
/// tell.
pub(super) async fn largest_kib(linstor: &Client, placement: &Placement) -> Option<u64> {
    let space = Capacities::default().by_rule(linstor, placement, &[]).await.ok()?;
    u64::try_from(space.max_vlm_size_in_kib).ok()
}

/// What fits by both.
fn least(one: SpaceInfo, other: SpaceInfo) -> SpaceInfo {
    SpaceInfo {
        max_vlm_size_in_kib: one.max_vlm_size_in_kib.min(other.max_vlm_size_in_kib),
        available_size_in_kib: one.available_size_in_kib.min(other.available_size_in_kib),
        ..other
    }
}

/// In CSI's terms. Over-provisioning promises the free space several times, and never more than LINSTOR would make: for
/// pools that aren't thin that is the free space itself.
fn count(space: &SpaceInfo, request: &CapacityRequest) -> Capacity {
    let bytes = |kib: i64| u64::try_from(kib).unwrap_or_default().saturating_mul(1024);
    let (free, largest) = (bytes(space.available_size_in_kib), bytes(space.max_vlm_size_in_kib));
    let (available, largest) = match request.over_provision {
        Some(promise) => {
            let promised = promise.times(free).min(largest);
            (promised, promised)
        }
        None => (free, largest),
    };
    Capacity { available, largest, least: request.least_bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::params::Parameters;

    fn counted(free_kib: i64, largest_kib: i64, ratio: Option<&str>) -> (u64, u64) {
        let class = ratio.map(|ratio| ("overProvision".to_owned(), ratio.to_owned())).into_iter().collect();
        let parameters = Parameters::parse(&class).unwrap();
        let request = CapacityRequest {
            placement: parameters.placement,
            policy: parameters.topology.policy,
            reach: parameters.topology.reach,
            over_provision: parameters.over_provision,
            least_bytes: 4096,
            from: None,
        };
        let space =
            SpaceInfo { available_size_in_kib: free_kib, max_vlm_size_in_kib: largest_kib, ..SpaceInfo::default() };
        let counted = count(&space, &request);
        (counted.available >> 10, counted.largest >> 10)
    }

    /// recordings/linstor-drbd/d09: thin pools, 20 times over-subscribed.
    #[test]
    fn over_provisioning_promises_the_free_space_several_times_and_never_more_than_linstor_would_make() {
        assert_eq!(counted(2_550_784, 50_744_320, None), (2_550_784, 50_744_320));
        assert_eq!(counted(2_550_784, 50_744_320, Some("1.5")), (3_826_176, 3_826_176));
        assert_eq!(counted(2_550_784, 50_744_320, Some("1000")), (50_744_320, 50_744_320));
        // Thick pools, and too few nodes.
        assert_eq!(counted(1000, 1000, Some("3")), (1000, 1000));
        assert_eq!(counted(0, 0, Some("3")), (0, 0));
        assert_eq!(counted(-1, -1, None), (0, 0));
    }
}
