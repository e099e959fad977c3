//! What LINSTOR says while it works: which satellite did what, and what it did by itself.

use super::reply::{Call, Object, Op, Severity};
use crate::sandbox::model::Cluster;
use crate::sandbox::model::definition::Definition;
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::group::SelectFilter;
use crate::sandbox::model::name::Key;
use crate::sandbox::model::place::Wish;
use crate::sandbox::model::props::AUTO_TIE_BREAKER;
use crate::sandbox::model::resource::Kind;
use crate::sandbox::model::tiebreaker::AutoChange;
use std::collections::BTreeSet;

/// A node of a definition, as its satellite's answers need it.
#[derive(Debug, Clone)]
pub struct Site {
    /// The node's name.
    pub node: String,
    /// Has it a replica?
    pub disk: bool,
    /// Can it be reached?
    pub online: bool,
}

/// The nodes of a definition, in the order of their names.
pub fn sites(cluster: &Cluster, definition: &Definition) -> Vec<Site> {
    let site = |resource: &crate::sandbox::model::resource::Resource| Site {
        node: resource.node.clone(),
        disk: !resource.is_diskless(),
        online: cluster.is_online(&resource.node),
    };
    definition.resources.values().map(site).collect()
}

/// Says of a node's volumes what became of them. LINSTOR calls every change that touches a thin file "resized".
pub fn volumes(call: &mut Call, definition: &Definition, site: &Site, code: u16) {
    let verb = match code {
        code::CREATED => "created",
        code::DELETED => "deleted",
        _ => "resized",
    };
    for number in definition.volumes.keys().filter(|_| site.disk) {
        let message =
            format!("({}) Volume number {number} of resource '{}' [FILE THIN] {verb}", site.node, definition.name);
        let entry = call.also(Object::Volume, code, message);
        // A call on several definitions refers to none by itself.
        entry.with("RscDfn", definition.name.clone()).with("VlmNr", number.to_string());
    }
}

/// Says that a node's satellite took a change of a definition: DRBD is adjusted, or the files are looked at.
pub fn adjusted(call: &mut Call, definition: &Definition, site: &Site) {
    if definition.is_drbd() {
        let message = format!("({}) Resource '{}' [DRBD] adjusted.", site.node, definition.name);
        call.also(Object::Resource, code::MODIFIED, message);
    } else {
        volumes(call, definition, site, code::MODIFIED);
    }
}

/// Says what LINSTOR did by itself.
pub fn auto_changes(call: &mut Call, name: &str, changes: &[AutoChange]) {
    for change in changes {
        match change {
            AutoChange::TieBreakerCreated { node } => {
                call.entry(Severity::Success, Op::Create, Object::Resource, code::CREATED, STOR_POOL_SET);
                call.info(code::TIE_BREAKER_CREATED, format!("Tie breaker resource '{name}' created on {node}"));
            }
            AutoChange::TieBreakerDeleted { .. } => {
                call.info(code::TIE_BREAKER_DELETING, "Tie breaker marked for deletion");
            }
            AutoChange::NoNodeForTieBreaker => {
                let message = format!(
                    "Could not find suitable node to automatically create a tie breaking resource for '{name}'."
                );
                call.warn(code::NO_TIE_BREAKER_NODE, message);
            }
            AutoChange::QuorumOn { from } => {
                let message = format!(
                    "Resource-definition property 'DrbdOptions/Resource/quorum' updated from {from} to 'majority' by AutoQuorum"
                );
                call.info(code::AUTO_PROPERTY, message);
            }
            AutoChange::QuorumOff => {
                let message = "Resource-definition property 'DrbdOptions/Resource/quorum' was removed as there are not \
                               enough resources for quorum";
                call.info(code::QUORUM_REMOVED, message);
            }
        }
    }
}

/// What LINSTOR says for each pool that it writes down.
pub const STOR_POOL_SET: &str = "Successfully set property key(s): StorPoolName";

/// The node of the tie-breaker among the changes, if one was made.
pub fn new_tie_breaker(changes: &[AutoChange]) -> Option<&str> {
    changes.iter().find_map(|change| match change {
        AutoChange::TieBreakerCreated { node } => Some(node.as_str()),
        _ => None,
    })
}

/// Says that a tie-breaker joined.
pub fn tie_breaker_joined(call: &mut Call, definition: &Definition, all: &[Site], node: &str) {
    for site in all {
        adjusted(call, definition, site);
        if site.node == node {
            call.done(code::MODIFIED, format!("Created resource '{}' on '{node}'", definition.name));
        } else {
            peer_added(call, definition, &site.node, &[node]);
        }
    }
    ready(call, definition, node);
}

/// Says that a node learned of new peers.
pub fn peer_added(call: &mut Call, definition: &Definition, node: &str, peers: &[&str]) {
    let peers = peers.iter().map(|peer| format!("'{peer}'")).collect::<Vec<_>>().join(", ");
    call.done(code::MODIFIED, format!("Added peer(s) {peers} to resource '{}' on '{node}'", definition.name));
}

/// Says that a resource is ready.
pub fn ready(call: &mut Call, definition: &Definition, node: &str) {
    let details = call.context().to_owned();
    call.done(code::CREATED, format!("Resource '{}' on '{node}' ready", definition.name)).details(details);
}

/// Warns of pools in a filter that no node has.
pub fn warn_missing_pools(cluster: &Cluster, call: &mut Call, filter: &SelectFilter) {
    let known = |pool: &&String| cluster.nodes.values().any(|node| node.pool(pool).is_some());
    let missing: Vec<&str> =
        filter.storage_pool_list.iter().flatten().filter(|pool| !known(pool)).map(String::as_str).collect();
    if !missing.is_empty() {
        let message =
            format!("The following configured storage pools do not exist on any node:\n\t{}", missing.join("\n\t"));
        call.entry(Severity::Warn, Op::None, Object::None, code::NOT_FOUND, message).without_refs();
    }
}

/// After a group has changed its definitions follow: missing replicas are added, none is taken away.
pub fn adjust_group(cluster: &mut Cluster, call: &mut Call, group: &str, filter: &SelectFilter) -> Result<(), Fault> {
    let of_group = |(_, d): &(&Key, &Definition)| Key::of(&d.group) == Key::of(group) && !d.resources.is_empty();
    let keys: Vec<Key> = cluster.definitions.iter().filter(of_group).map(|(key, _)| key.clone()).collect();
    for key in keys {
        let Some(definition) = cluster.definitions.get(&key) else { continue };
        let wanted = filter.place_count.and_then(|count| usize::try_from(count).ok()).unwrap_or(2);
        let have = definition.diskful().count();
        if wanted > have {
            super::placing::place(cluster, call, &key, filter, wanted - have)?;
        }
        let Some(definition) = cluster.definitions.get(&key) else { continue };
        for site in sites(cluster, definition).iter().filter(|site| site.online) {
            adjusted(call, definition, site);
            call.done(code::MODIFIED, format!("Updated Resource definition '{}' on '{}'", definition.name, site.node));
        }
        cluster.adjust(&key).map_err(|error| Fault::backing(&error))?;
    }
    Ok(())
}

/// What a definition wants of the autoplacer.
pub fn wish<'a>(definition: &Definition, missing: usize, taken: &'a BTreeSet<Key>, layers: &'a str) -> Wish<'a> {
    Wish { missing, total: definition.diskful().count() + missing, taken, size_kib: definition.size_kib(), layers }
}

/// Is a new resource's tie-breaker switched off on its definition?
pub fn tie_breaker_is_disabled(definition: &Definition) -> bool {
    definition.props.get(AUTO_TIE_BREAKER).is_some_and(|value| value.eq_ignore_ascii_case("false"))
}

/// Nodes where a replica can't be added: those with one, and those with a client that is someone's.
pub fn taken_by(definition: &Definition) -> BTreeSet<Key> {
    let taken = definition.resources.iter().filter(|(_, resource)| resource.kind != Kind::TieBreaker);
    taken.map(|(node, _)| node.clone()).collect()
}

/// Says that a tie-breaker is gone: first its satellite, then the others that are told.
pub fn tie_breaker_left(call: &mut Call, definition: &Definition, before: &[Site], gone: (&str, &str)) {
    let (node, uuid) = gone;
    let name = &definition.name;
    call.also(Object::Resource, code::DELETED, format!("({node}) Resource '{name}' [DRBD] deleted."));
    call.done(code::MODIFIED, format!("Cleaning up '{name}' on '{node}'"));
    for site in before.iter().filter(|site| site.node != node && site.online) {
        adjusted(call, definition, site);
        call.done(code::MODIFIED, cleaned_up(name, &site.node, node));
    }
    let entry = call.done(code::DELETED, format!("Node: {node}, Resource: {name} deletion complete."));
    entry.details(format!("Node: {node}, Resource: {name} UUID was: {uuid}"));
}

/// What a peer is told of a resource that goes.
pub fn cleaned_up(name: &str, peer: &str, node: &str) -> String {
    format!("Notified '{peer}' that '{name}' is being cleaned up on Node(s): [{node}]")
}

/// Says how a definition's resources go. DRBD takes diskless ones down first and tells the others.
pub fn definition_leaves(call: &mut Call, definition: &Definition, sites: &[Site]) {
    for site in sites.iter().filter(|site| !site.online) {
        call.warn_offline(&site.node);
    }
    let online = || sites.iter().filter(|site| site.online);
    for site in online().filter(|site| !site.disk) {
        resource_leaves(call, definition, site);
        for peer in online().filter(|peer| peer.disk) {
            adjusted(call, definition, peer);
            call.done(code::MODIFIED, format!("Resource '{}' on '{}' marked for deletion", definition.name, peer.node));
            adjusted(call, definition, peer);
            call.done(code::MODIFIED, format!("Resource '{}' on '{}' deleted", definition.name, peer.node));
        }
    }
    online().filter(|site| site.disk).for_each(|site| resource_leaves(call, definition, site));
}

fn resource_leaves(call: &mut Call, definition: &Definition, site: &Site) {
    // A second delete of a definition that waits for a node finds the other nodes clean.
    if !definition.deleting {
        satellite_deleted(call, definition, site);
    }
    call.done(code::MODIFIED, format!("Resource '{}' on '{}' marked for deletion", definition.name, site.node));
}

/// Says that a satellite took a resource down.
pub fn satellite_deleted(call: &mut Call, definition: &Definition, site: &Site) {
    if definition.is_drbd() {
        let message = format!("({}) Resource '{}' [DRBD] deleted.", site.node, definition.name);
        call.also(Object::Resource, code::DELETED, message);
    }
    volumes(call, definition, site, code::DELETED);
}
