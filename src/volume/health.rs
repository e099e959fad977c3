//! ControllerGetVolumeHealth and ControllerListVolumeHealth: what is wrong with a volume, as LINSTOR and DRBD see it.
//!
//! [`judge()`] decides, without I/O, from one volume's own resources: another volume's trouble never shows here.

mod judge;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use judge::is_good;
pub use judge::judge;
pub use verdict::{Condition, Reason};

use super::{
    Error,
    id::VolumeId,
    known::Known,
    list::{Stores, ids, ledger, parse_token, sort_key},
    page::{Listings, Page},
    record::Ledger,
};
use crate::linstor::{
    Client,
    model::{DefinitionQuery, PropFilter, Resource, ResourceGroup, ViewQuery},
    name::{GroupName, NodeName},
};
use crate::workflow::tag;

/// A volume and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The volume.
    pub id: VolumeId,
    /// What is wrong, each reason once; empty: nothing that is known.
    pub conditions: Vec<Condition>,
}

/// The health of one volume: definition ‖ records ‖ view, then nodes ‖ group. Five requests.
///
/// # Errors
/// `NotFound`, `Foreign`, `Deleting`. What LINSTOR doesn't know of a replica is a condition, not an error.
pub async fn get(linstor: &Client, volume: &VolumeId) -> Result<Health, Error> {
    let query = ViewQuery { resources: vec![volume.resource().clone()], ..ViewQuery::default() };
    let view = async { linstor.resources_view(&query).await.map_err(Error::from) };
    let (known, view) = tokio::try_join!(Known::load(linstor, volume), view)?;
    known.check_claim()?;
    let names: Vec<NodeName> = view.iter().filter_map(|one| NodeName::parse(&one.node_name).ok()).collect();
    let nodes = async {
        match names.is_empty() {
            // An empty filter would ask for all.
            true => Ok(Vec::new()),
            false => linstor.nodes(&names.iter().collect::<Vec<_>>()).await,
        }
    };
    let group = async {
        match GroupName::parse(&known.definition.resource_group_name) {
            Ok(group) if known.ledger.replicas.is_none() => linstor.resource_group(&group).await,
            _ => Ok(None),
        }
    };
    let (nodes, group) = tokio::try_join!(nodes, group)?;
    let asked = asked(&known.ledger, group.as_ref());
    Ok(Health { id: volume.clone(), conditions: judge(asked, &known.definition, &view, &nodes) })
}

/// A page of the volumes of ours with something wrong, by name, of at most `max` (0: all). Five requests, side by side,
/// for a whole walk that takes seconds.
pub async fn list(
    linstor: &Client,
    listings: &Listings<Health>,
    token: &str,
    max: usize,
) -> Result<Page<Health>, Error> {
    listings.page(&parse_token(token)?, max, all(linstor)).await
}

/// All of ours with something wrong, by name.
async fn all(linstor: &Client) -> Result<BTreeMap<String, Health>, Error> {
    let ours = DefinitionQuery { props: vec![PropFilter::Has(tag::DRIVER.to_owned())], ..DefinitionQuery::default() };
    let everything = ViewQuery::default();
    let (definitions, view, nodes, stores, groups) = tokio::try_join!(
        linstor.definitions(&ours),
        linstor.resources_view(&everything),
        linstor.nodes(&[]),
        linstor.kv_list(),
        linstor.resource_groups(),
    )?;
    let stores: Stores = stores.into_iter().map(|(name, store)| (sort_key(&name), store)).collect();
    let groups: BTreeMap<String, ResourceGroup> =
        groups.into_iter().map(|group| (sort_key(&group.name), group)).collect();
    let mut by_volume: BTreeMap<String, Vec<Resource>> = BTreeMap::new();
    for resource in view {
        by_volume.entry(sort_key(&resource.name)).or_default().push(resource);
    }
    let mut sick = BTreeMap::new();
    for definition in definitions.iter().filter(|definition| !definition.is_deleting()) {
        let key = sort_key(&definition.name);
        let group = groups.get(&sort_key(&definition.resource_group_name));
        let resources = by_volume.get(&key).map_or(&[][..], Vec::as_slice);
        let ledger = ledger(definition, &stores)?;
        let conditions = judge(asked(&ledger, group), definition, resources, &nodes);
        let sick_ids = if conditions.is_empty() { BTreeSet::new() } else { ids(definition, &ledger)? };
        for id in sick_ids {
            sick.insert(sort_key(&id.to_string()), Health { id, conditions: conditions.clone() });
        }
    }
    Ok(sick)
}

/// How many replicas the volume is to have: what was last asked for it, else what its group says.
fn asked(ledger: &Ledger, group: Option<&ResourceGroup>) -> Option<u32> {
    ledger.replicas.or_else(|| group?.select_filter.place_count)
}
