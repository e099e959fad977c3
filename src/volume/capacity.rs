//! GetCapacity: what LINSTOR itself says would fit, replicas and over-provisioning counted.

use super::{Error, place::Placement};
use crate::linstor::{
    Client,
    model::{SelectFilter, SizeQuery},
    name::{GroupName, NodeName},
};

/// The group that LINSTOR has from its first start.
const DEFAULT_GROUP: &str = "DfltRscGrp";

/// What fits, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capacity {
    /// What is free for volumes of this placement.
    pub available: u64,
    /// The largest single volume.
    pub largest: u64,
}

/// LINSTOR's own group: a question that names everything in its filter goes there.
pub(super) fn default_group() -> GroupName {
    GroupName::parse(DEFAULT_GROUP).expect("LINSTOR's default group has a valid name")
}

/// Asks LINSTOR what fits by the placement, which has heeded the administrator's group where it names one. Without DRBD
/// only `node` counts where one is named, since the data is reached there alone.
pub async fn capacity(linstor: &Client, placement: &Placement, node: Option<&NodeName>) -> Result<Capacity, Error> {
    let local = node.filter(|_| !placement.may_use_drbd());
    let filter = SelectFilter {
        place_count: placement.replicas(),
        node_name_list: local.iter().map(ToString::to_string).collect(),
        storage_pool_list: placement.pool_names(),
        layer_stack: placement.layer_names(),
        ..SelectFilter::default()
    };
    let group = placement.group.clone().unwrap_or_else(default_group);
    let query = SizeQuery { select_filter: Some(filter), ..SizeQuery::default() };
    let space = linstor.query_size(&group, &query).await?;
    let bytes = |kib: i64| u64::try_from(kib).unwrap_or_default().saturating_mul(1024);
    Ok(Capacity { available: bytes(space.available_size_in_kib), largest: bytes(space.max_vlm_size_in_kib) })
}
