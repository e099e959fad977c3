//! DELETE of a resource: what goes, what stays as a tie-breaker, and what that does to quorum.

use super::progress::{self, Site};
use super::query::Params;
use super::reply::{Call, Op};
use super::resources::call_about;
use crate::sandbox::model::definition::Definition;
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::name::Key;
use crate::sandbox::model::props::AUTO_TIE_BREAKER;
use crate::sandbox::model::resource::{Kind, Resource};
use crate::sandbox::model::tiebreaker::AutoChange;
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::delete;

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new().route("/v1/resource-definitions/{definition}/resources/{node}", delete(remove))
}

/// The refusal of whatever is mounted.
pub fn in_use(message: String, name: &str, node: &str) -> Fault {
    Fault::new(code::IN_USE, message)
        .because("Resource is mounted/in use.")
        .advise(format!("Un-mount resource '{name}' on the node '{node}'."))
}

async fn remove(
    State(cluster): State<SharedCluster>,
    Path((name, node)): Path<(String, String)>,
    params: Params,
) -> Response {
    let keep = params.is_set("keep_tiebreaker");
    let call = call_about(Op::Delete, &name, &node);
    cluster
        .change(StatusCode::OK, call, move |cluster, call| remove_resource(cluster, call, (&name, &node), keep))
        .await
}

fn remove_resource(cluster: &mut Cluster, call: &mut Call, which: (&str, &str), keep: bool) -> Result<(), Fault> {
    let (key, node_key) = (Key::of(which.0), Key::of(which.1));
    let found = cluster
        .definitions
        .get(&key)
        .and_then(|definition| Some((definition.clone(), definition.on(which.1)?.clone())));
    let Some((definition, resource)) = found else {
        let details = call.context().to_owned();
        call.warn(code::NOT_FOUND, format!("{details} not found.")).details(details);
        return Ok(());
    };
    let (name, node) = (definition.name.as_str(), resource.node.as_str());
    if resource.open && cluster.is_online(node) {
        return Err(in_use(format!("Resource '{name}' is still in use."), name, node));
    }
    refuse_last_disk(&definition, &resource)?;
    if keep {
        enable_tie_breaker(cluster, call, &key);
    }
    if becomes_tie_breaker(cluster, &key, &resource) {
        take_over(cluster, call, &key, &node_key);
        return Ok(());
    }
    if definition.is_drbd() {
        remove_drbd(cluster, call, &key, &node_key)
    } else {
        remove_plain(cluster, call, &key, &node_key)
    }
}

/// The last replica stays while someone works on it through the network.
fn refuse_last_disk(definition: &Definition, resource: &Resource) -> Result<(), Fault> {
    let last = !resource.is_diskless() && definition.diskful().count() == 1;
    match definition.resources.values().find(|peer| last && peer.kind == Kind::Client) {
        Some(client) => {
            let message =
                format!("Last resource of '{}' with disk still has diskless resources attached.", definition.name);
            Err(Fault::new(code::IN_USE, message).because("Resource still has diskless users.").advise(format!(
                "Before deleting this resource, delete the diskless resource on the node '{}'.",
                client.node
            )))
        }
        None => Ok(()),
    }
}

/// `keep_tiebreaker` turns tie-breakers on again, where a delete had turned them off.
fn enable_tie_breaker(cluster: &mut Cluster, call: &mut Call, key: &Key) {
    let Some(definition) = cluster.definitions.get_mut(key) else { return };
    if progress::tie_breaker_is_disabled(definition) {
        definition.props.insert(AUTO_TIE_BREAKER.to_owned(), "True".to_owned());
        call.info(code::AUTO_PROPERTY, "Autotiebreaker automatically enabled due to --keep-tiebreaker");
    }
}

/// A client that goes while two replicas need it as a tie-breaker stays as that.
fn becomes_tie_breaker(cluster: &Cluster, key: &Key, resource: &Resource) -> bool {
    let Some(definition) = cluster.definitions.get(key) else { return false };
    let disks = definition.diskful().count();
    let only = definition.staying().filter(|r| r.is_diskless()).count() == 1;
    resource.kind == Kind::Client
        && only
        && disks >= 2
        && disks.is_multiple_of(2)
        && cluster.makes_tie_breakers(definition)
}

fn take_over(cluster: &mut Cluster, call: &mut Call, key: &Key, node: &Key) {
    if let Some(resource) = cluster.resource_mut(key, node) {
        resource.kind = Kind::TieBreaker;
    }
    let message =
        "The given resource will not be deleted but will be taken over as a linstor managed tiebreaker resource.";
    call.info(code::TIE_BREAKER_TAKEOVER, message);
    let Some(definition) = cluster.definitions.get(key) else { return };
    for site in progress::sites(cluster, definition) {
        if !site.online {
            call.warn_offline(&site.node);
            continue;
        }
        progress::adjusted(call, definition, &site);
        call.done(code::MODIFIED, format!("Resource '{}' updated on node '{}'", definition.name, site.node));
    }
}

/// Without DRBD a resource just goes.
fn remove_plain(cluster: &mut Cluster, call: &mut Call, key: &Key, node: &Key) -> Result<(), Fault> {
    let Some((definition, resource, sites)) = parts(cluster, key, node) else { return Ok(()) };
    marked(call, &definition, &resource, "marked for deletion.");
    if !cluster.is_online(&resource.node) {
        cluster.remove_resource(key, node)?;
        call.warn_offline(&resource.node);
        return Ok(());
    }
    cluster.remove_resource(key, node)?;
    tell_peers(call, &definition, &resource, &sites);
    gone(call, &definition, &resource, &sites);
    Ok(())
}

/// With DRBD the peers are told first, and quorum follows the voters that are left.
fn remove_drbd(cluster: &mut Cluster, call: &mut Call, key: &Key, node: &Key) -> Result<(), Fault> {
    let Some((definition, resource, sites)) = parts(cluster, key, node) else { return Ok(()) };
    if resource.is_diskless() && cluster.makes_tie_breakers(&definition) {
        disable_tie_breaker(cluster, call, key);
    }
    marked(call, &definition, &resource, "preparing for deletion.");
    let own = sites.iter().filter(|site| site.node == resource.node);
    for site in own.filter(|site| site.online) {
        progress::satellite_deleted(call, &definition, &Site { disk: false, ..site.clone() });
    }
    for site in &sites {
        if !site.online {
            call.warn_offline(&site.node);
        } else if site.node != resource.node {
            progress::adjusted(call, &definition, site);
        }
        call.done(code::MODIFIED, format!("Preparing deletion of resource on '{}'", site.node));
    }
    let gone_now = cluster.remove_resource(key, node)?;
    let changes = cluster.keep_quorum(key)?;
    if resource.kind == Kind::TieBreaker {
        call.info(code::TIE_BREAKER_DELETING, "Tie breaker marked for deletion");
    }
    progress::auto_changes(call, &definition.name, &changes);
    marked(call, &definition, &resource, "marked for deletion.");
    if gone_now {
        gone(call, &definition, &resource, &sites);
    }
    tell_peers(call, &definition, &resource, &sites);
    join_tie_breaker(cluster, call, key, &changes);
    Ok(())
}

fn join_tie_breaker(cluster: &Cluster, call: &mut Call, key: &Key, changes: &[AutoChange]) {
    let Some(definition) = cluster.definitions.get(key) else { return };
    if let Some(node) = progress::new_tie_breaker(changes) {
        progress::tie_breaker_joined(call, definition, &progress::sites(cluster, definition), node);
    }
}

fn disable_tie_breaker(cluster: &mut Cluster, call: &mut Call, key: &Key) {
    let Some(definition) = cluster.definitions.get_mut(key) else { return };
    definition.props.insert(AUTO_TIE_BREAKER.to_owned(), "False".to_owned());
    let message = format!(
        "Disabling auto-tiebreaker on resource-definition '{}' as tiebreaker resource was manually deleted",
        definition.name
    );
    call.info(code::AUTO_PROPERTY, message);
}

fn parts(cluster: &Cluster, key: &Key, node: &Key) -> Option<(Definition, Resource, Vec<Site>)> {
    let definition = cluster.definitions.get(key)?;
    let resource = definition.resources.get(node)?;
    Some((definition.clone(), resource.clone(), progress::sites(cluster, definition)))
}

fn marked(call: &mut Call, definition: &Definition, resource: &Resource, how: &str) {
    let what = format!("Node: {}, Resource: {}", resource.node, definition.name);
    call.done(code::DELETED, format!("{what} {how}")).details(format!("{what} UUID is: {}", resource.uuid));
}

fn tell_peers(call: &mut Call, definition: &Definition, resource: &Resource, sites: &[Site]) {
    for site in sites.iter().filter(|site| site.online && site.node != resource.node) {
        progress::adjusted(call, definition, site);
        call.done(code::MODIFIED, progress::cleaned_up(&definition.name, &site.node, &resource.node));
    }
}

fn gone(call: &mut Call, definition: &Definition, resource: &Resource, sites: &[Site]) {
    let (name, node) = (&definition.name, &resource.node);
    for site in sites.iter().filter(|site| site.node == *node) {
        progress::volumes(call, definition, site, code::DELETED);
    }
    call.done(code::MODIFIED, format!("Cleaning up '{name}' on '{node}'"));
    let what = format!("Node: {node}, Resource: {name}");
    call.done(code::DELETED, format!("{what} deletion complete."))
        .details(format!("{what} UUID was: {}", resource.uuid));
}
