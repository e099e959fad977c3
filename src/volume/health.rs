//! ControllerGetVolumeHealth and ControllerListVolumeHealth: what is wrong with a volume, as LINSTOR and DRBD see it.
//!
//! [`judge()`] decides, without I/O, from one volume's own resources: another volume's trouble never shows here.

mod judge;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

pub use judge::judge;
pub use verdict::{Condition, Reason, Severity};

use super::{
    Error,
    id::VolumeId,
    known::Known,
    list::{next_token, parse_token, sort_key},
    record::Ledger,
};
use crate::linstor::{
    Client,
    model::{DefinitionQuery, PropFilter, Resource, ResourceDefinition, ResourceGroup, ViewQuery},
    name::{GroupName, NodeName, ResourceName},
};
use crate::workflow::tag::{self, Tags};

/// A volume and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The volume.
    pub id: VolumeId,
    /// What is wrong, each reason once; empty: nothing that is known.
    pub conditions: Vec<Condition>,
}

/// A part of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthPage {
    /// The volumes with a condition, by name.
    pub volumes: Vec<Health>,
    /// What asks for the next part; none: there is no more.
    pub next: Option<String>,
}

/// The health of one volume: definition ‖ records ‖ view, then nodes ‖ group. Five requests.
///
/// # Errors
/// `NotFound`, `Foreign`, `Deleting`. What LINSTOR doesn't know of a replica is a condition, not an error.
pub async fn get(linstor: &Client, volume: &VolumeId) -> Result<Health, Error> {
    let query = ViewQuery { resources: vec![volume.resource().clone()], ..ViewQuery::default() };
    let view = async { linstor.resources_view(&query).await.map_err(Error::from) };
    let (known, view) = tokio::try_join!(Known::load(linstor, volume), view)?;
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

/// The volumes of ours with something wrong, by name, at most `max` (0: all) after where the token says. Five requests
/// at any size, side by side.
pub async fn list(linstor: &Client, token: &str, max: usize) -> Result<HealthPage, Error> {
    let after = parse_token(token)?;
    let ours = DefinitionQuery { props: vec![PropFilter::Has(tag::DRIVER.to_owned())], ..DefinitionQuery::default() };
    let everything = ViewQuery::default();
    let (mut definitions, view, nodes, stores, groups) = tokio::try_join!(
        linstor.definitions(&ours),
        linstor.resources_view(&everything),
        linstor.nodes(&[]),
        linstor.kv_list(),
        linstor.resource_groups(),
    )?;
    definitions.retain(|definition| !definition.is_deleting() && sort_key(&definition.name) > after);
    definitions.sort_by_key(|definition| sort_key(&definition.name));
    let mut by_volume: BTreeMap<String, Vec<Resource>> = BTreeMap::new();
    let listed: BTreeSet<String> = definitions.iter().map(|definition| sort_key(&definition.name)).collect();
    for resource in view.into_iter().filter(|resource| listed.contains(&sort_key(&resource.name))) {
        by_volume.entry(sort_key(&resource.name)).or_default().push(resource);
    }
    let groups: BTreeMap<String, ResourceGroup> =
        groups.into_iter().map(|group| (sort_key(&group.name), group)).collect();
    let mut volumes = Vec::new();
    for definition in &definitions {
        let ledger = read_ledger(definition, &stores)?;
        let group = groups.get(&sort_key(&definition.resource_group_name));
        let resources = by_volume.get(&sort_key(&definition.name)).map_or(&[][..], Vec::as_slice);
        let conditions = judge(asked(&ledger, group), definition, resources, &nodes);
        if !conditions.is_empty() {
            volumes.push(Health { id: ResourceName::parse(&definition.name)?.into(), conditions });
        }
        // One more than asked for shows that there is a next part.
        if max > 0 && volumes.len() > max {
            volumes.truncate(max);
            let next = volumes.last().map(|last| next_token(last.id.resource().as_str()));
            return Ok(HealthPage { volumes, next });
        }
    }
    Ok(HealthPage { volumes, next: None })
}

fn read_ledger(
    definition: &ResourceDefinition,
    stores: &BTreeMap<String, BTreeMap<String, String>>,
) -> Result<Ledger, Error> {
    Ok(match (Tags::read(&definition.props)?, stores.get(&definition.name)) {
        (Some(tags), Some(store)) => Ledger::read(&definition.name, store, &tags.incarnation)?,
        _ => Ledger::default(),
    })
}

/// How many replicas the volume is to have: what was last asked for it, else what its group says.
fn asked(ledger: &Ledger, group: Option<&ResourceGroup>) -> Option<u32> {
    ledger.replicas.or_else(|| group?.select_filter.place_count)
}
