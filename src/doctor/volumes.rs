//! Checks of linflow's volumes as they are: their replicas, and what was left behind.

use std::collections::BTreeSet;

use super::facts::{Facts, known};
use super::finding::{Finding, Found};
use super::gather::TRIAL_PREFIX;
use super::words::{count, list};
use crate::linstor::model::{DiskState, Node, Resource, ResourceDefinition, is_same_name};
use crate::volume::record::{self, Ledger};
use crate::workflow::tag::{self, Tags};

/// Is it a volume of linflow's?
pub fn is_ours(definition: &ResourceDefinition) -> bool {
    definition.prop(tag::DRIVER).is_some()
}

/// The resources of a definition.
pub fn replicas<'a>(resources: &'a [Resource], definition: &'a str) -> impl Iterator<Item = &'a Resource> {
    resources.iter().filter(move |one| is_same_name(&one.name, definition))
}

/// Whether each replica is connected and up to date, as far as its node is there to say so.
pub fn replication(facts: &Facts) -> Found {
    let (nodes, resources) = (known(&facts.cluster.nodes)?, known(&facts.cluster.resources)?);
    let definitions = known(&facts.cluster.definitions)?;
    let ours: Vec<&ResourceDefinition> = definitions.iter().filter(|one| is_ours(one) && one.uses_drbd()).collect();
    if ours.is_empty() {
        return Err(Finding::skipped("linflow has no replicated volume here"));
    }
    let seen =
        ours.iter().flat_map(|one| replicas(resources, &one.name)).filter(|one| is_online(nodes, &one.node_name));
    let seen: Vec<&Resource> = seen.collect();
    let apart: Vec<String> = seen.iter().filter(|one| is_apart(one)).map(|one| place(one)).collect();
    let stale: Vec<String> = seen.iter().filter_map(|one| stale_state(one)).collect();
    let mut found = Vec::new();
    if !apart.is_empty() {
        let seen = format!("{} StandAlone: {}", count(apart.len(), "resource"), list(&apart));
        let todo = "drbdadm connect RESOURCE on that node: DRBD does not try again by itself";
        found.push(Finding::fail(seen, todo));
    }
    if !stale.is_empty() {
        let seen = format!("{} not up to date: {}", count(stale.len(), "replica"), list(&stale));
        found.push(Finding::warn(seen, "wait for the resync; linstor resource list shows how far it is"));
    }
    if found.is_empty() {
        let whole =
            format!("each replica of {} that can be seen is up to date", count(ours.len(), "replicated volume"));
        found.push(Finding::ok(whole));
    }
    Ok(found)
}

fn is_online(nodes: &[Node], name: &str) -> bool {
    nodes.iter().any(|node| is_same_name(&node.name, name) && node.is_online())
}

fn is_apart(resource: &Resource) -> bool {
    resource.drbd().is_some_and(|drbd| drbd.connections.values().any(|peer| peer.message == "StandAlone"))
}

fn place(resource: &Resource) -> String {
    format!("{} on {}", resource.name, resource.node_name)
}

/// A replica with its state, where DRBD says that it is not up to date.
fn stale_state(resource: &Resource) -> Option<String> {
    let state = resource.disk_state(0).filter(|state| !resource.is_diskless() && *state != DiskState::UpToDate)?;
    Some(format!("{} ({state})", place(resource)))
}

/// What nobody will take away or finish by itself.
pub fn leftovers(facts: &Facts) -> Found {
    let definitions = known(&facts.cluster.definitions)?;
    let (ours, others): (Vec<&ResourceDefinition>, Vec<&ResourceDefinition>) =
        definitions.iter().partition(|one| is_ours(one));
    let mut found = Vec::new();
    found.extend(deleting(&ours));
    found.extend(unplaced(&ours, known(&facts.cluster.resources)?));
    found.extend(unreadable(&ours));
    found.extend(stray_records(facts, definitions)?);
    found.extend(attachments(facts, &ours)?);
    if found.is_empty() {
        let others = count(others.len(), "definition");
        found.push(Finding::ok(format!(
            "none; {}, and {others} of others, which linflow leaves alone",
            count(ours.len(), "volume")
        )));
    }
    Ok(found)
}

fn names<'a>(definitions: impl Iterator<Item = &'a &'a ResourceDefinition>) -> Vec<&'a str> {
    definitions.map(|one| one.name.as_str()).collect()
}

fn deleting(ours: &[&ResourceDefinition]) -> Option<Finding> {
    let names = names(ours.iter().filter(|one| one.is_deleting()));
    let seen = format!("{} half deleted: {}", count(names.len(), "volume"), list(&names));
    let todo = "bring their nodes back, or give a lost one up: linstor node lost NODE";
    (!names.is_empty()).then(|| Finding::warn(seen, todo))
}

fn unplaced(ours: &[&ResourceDefinition], resources: &[Resource]) -> Option<Finding> {
    let is_bare = |one: &&&ResourceDefinition| !one.is_deleting() && replicas(resources, &one.name).next().is_none();
    let names = names(ours.iter().filter(is_bare));
    let seen = format!("{} without a replica: {}", count(names.len(), "volume"), list(&names));
    let todo = "while its claim waits it is still being made; else: linstor resource-definition delete NAME";
    (!names.is_empty()).then(|| Finding::warn(seen, todo))
}

fn unreadable(ours: &[&ResourceDefinition]) -> Option<Finding> {
    let told = |one: &&ResourceDefinition| Tags::read(&one.props).err().map(|error| format!("{} ({error})", one.name));
    let broken: Vec<String> = ours.iter().filter_map(told).collect();
    let seen = format!("{} with a tag that can't be read: {}", count(broken.len(), "volume"), list(&broken));
    let todo = "put the properties back as they were: linflow does not touch such a volume";
    (!broken.is_empty()).then(|| Finding::fail(seen, todo))
}

/// Instances of the key-value store that belong to no volume.
fn stray_records(facts: &Facts, definitions: &[ResourceDefinition]) -> Result<Option<Finding>, Finding> {
    let own_trial = facts.cluster.trial.as_ref().ok().map(|trial| trial.instance.as_str());
    let store = known(&facts.cluster.store)?.iter();
    let stray: Vec<&str> = store
        .filter(|(name, props)| record::is_ours(props) || name.starts_with(TRIAL_PREFIX))
        .map(|(name, _)| name.as_str())
        .filter(|name| Some(*name) != own_trial && !definitions.iter().any(|one| is_same_name(&one.name, name)))
        .collect();
    let seen = format!("{} without a volume: {}", count(stray.len(), "record instance"), list(&stray));
    let todo = "curl -X DELETE LINSTOR/v1/key-value-store/NAME, where no deletion is under way";
    Ok((!stray.is_empty()).then(|| Finding::warn(seen, todo)))
}

/// Attach records of nodes that LINSTOR does not have, and detaches that wait for theirs.
fn attachments(facts: &Facts, ours: &[&ResourceDefinition]) -> Result<Vec<Finding>, Finding> {
    let (nodes, store) = (known(&facts.cluster.nodes)?, known(&facts.cluster.store)?);
    let (mut homeless, mut waiting, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    for definition in ours {
        let Some((_, props)) = store.iter().find(|(name, _)| is_same_name(name, &definition.name)) else { continue };
        let Ok(Some(tags)) = Tags::read(&definition.props) else { continue };
        let ledger = match Ledger::read(&definition.name, props, &tags.incarnation) {
            Ok(ledger) => ledger,
            Err(error) => {
                unreadable.push(error.to_string());
                continue;
            }
        };
        for (seat, attachment) in &ledger.attachments {
            let place = format!("{} at {}", definition.name, seat.node);
            if !nodes.iter().any(|one| is_same_name(&one.name, seat.node.as_str())) {
                homeless.push(place);
            } else if attachment.detaching {
                waiting.push(place);
            }
        }
    }
    let mut found = Vec::new();
    let unknown = format!("attached to a node that LINSTOR does not have: {}", list(&homeless));
    let detach = "detach it: delete the VolumeAttachment of that node";
    found.extend((!homeless.is_empty()).then(|| Finding::warn(unknown, detach)));
    let pending = format!("a detach waits for its node: {}", list(&waiting));
    let back =
        "bring the node back; a new attach elsewhere gives it up only where DRBD's quorum proves that it can't write";
    found.extend((!waiting.is_empty()).then(|| Finding::warn(pending, back)));
    found.extend((!unreadable.is_empty()).then(|| Finding::fail(list(&unreadable), "put the record back as it was")));
    Ok(found)
}

/// The names of volumes with a limit of reading or writing, which needs control groups of version 1.
pub fn limited(facts: &Facts) -> Result<BTreeSet<&str>, Finding> {
    use crate::volume::qos::Limit;
    let has_limit = |props: &std::collections::BTreeMap<String, String>| {
        Limit::ALL.iter().any(|limit| props.contains_key(limit.property()))
    };
    let definitions = known(&facts.cluster.definitions)?.iter();
    Ok(definitions.filter(|one| has_limit(&one.props)).map(|one| one.name.as_str()).collect())
}

#[cfg(test)]
mod tests;
