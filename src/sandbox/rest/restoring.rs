//! Volumes from snapshots: first a definition's volumes, then its resources, on the nodes that hold the snapshot.

use super::json::{self, MALFORMED};
use super::progress;
use super::reply::{Call, Object, Op};
use super::snapshots::no_snapshot;
use crate::sandbox::model::definition::{Definition, VolumeDefinition};
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::name::Key;
use crate::sandbox::model::snapshot::Snapshot;
use crate::sandbox::model::tiebreaker::AutoChange;
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    let definition = "/v1/resource-definitions/{definition}";
    Router::new()
        .route(&format!("{definition}/snapshot-restore-volume-definition/{{snapshot}}"), post(restore_volumes))
        .route(&format!("{definition}/snapshot-restore-resource/{{snapshot}}"), post(restore_resources))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Restore {
    to_resource: String,
    nodes: Vec<String>,
    stor_pool_rename: BTreeMap<String, String>,
}

fn find(cluster: &Cluster, name: &str, snapshot: &str) -> Result<(String, Snapshot), Fault> {
    let definition = cluster.definition(name)?;
    let found = definition.snapshots.get(&Key::of(snapshot)).ok_or_else(|| no_snapshot(name, snapshot))?;
    Ok((definition.name.clone(), found.clone()))
}

async fn restore_volumes(
    State(cluster): State<SharedCluster>,
    Path((name, snapshot)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let to = match json::read::<Restore>(&body, MALFORMED) {
        Ok(body) => body.to_resource,
        Err(unreadable) => return unreadable.into_response(),
    };
    let call = Call::new(Op::Create, Object::Snapshot, format!("Volume definitions of resource: {to}"));
    let work = move |cluster: &mut Cluster, call: &mut Call| add_volumes(cluster, call, (&name, &snapshot), &to);
    cluster.change(StatusCode::OK, call, work).await
}

fn add_volumes(cluster: &mut Cluster, call: &mut Call, which: (&str, &str), to: &str) -> Result<(), Fault> {
    let (source, snapshot) = find(cluster, which.0, which.1)?;
    let target = cluster.definition_mut(to)?;
    if let Some(number) = snapshot.volumes.keys().find(|number| target.volumes.contains_key(number)) {
        let message =
            format!("A volume definition with the number {number} already exists in resource definition '{to}'.");
        return Err(Fault::new(code::VOLUME_DEFINITION_EXISTS, message).because("The VolumeDefinition already exists"));
    }
    for (number, volume) in &snapshot.volumes {
        target.volumes.insert(*number, VolumeDefinition::new(volume.size_kib, None, volume.props.clone()));
    }
    let what = format!("'{}' restored from resource '{source}', snapshot '{}'.", target.name, snapshot.name);
    // Recorded: the code is that of a deletion.
    call.done(code::DELETED, format!("Volume definitions of resource definition {what}")).details("Resource UUIDs: ");
    let key = Key::of(to);
    cluster.number_volumes(&key);
    Ok(())
}

async fn restore_resources(
    State(cluster): State<SharedCluster>,
    Path((name, snapshot)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let body: Restore = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    let on = if body.nodes.is_empty() { String::new() } else { format!("Nodes: {}; ", body.nodes.join(", ")) };
    let details = format!("{on}Resource: {}", body.to_resource);
    let call = Call::new(Op::Create, Object::Resource, details).about("RscDfn", body.to_resource.clone());
    let work = move |cluster: &mut Cluster, call: &mut Call| restore(cluster, call, (&name, &snapshot), &body);
    cluster.change(StatusCode::OK, call, work).await
}

fn restore(cluster: &mut Cluster, call: &mut Call, which: (&str, &str), body: &Restore) -> Result<(), Fault> {
    let (source, snapshot) = find(cluster, which.0, which.1)?;
    let target = cluster.definition(&body.to_resource)?;
    let (key, name, has_volumes) = (Key::of(&target.name), target.name.clone(), !target.volumes.is_empty());
    if !target.resources.is_empty() {
        let message = "Cannot restore to resource definition which already has resources";
        return Err(Fault::new(code::RESOURCE_IS_DEPLOYED, message).reported());
    }
    let nodes = nodes_with(&source, &snapshot, &body.nodes)?;
    if !has_volumes {
        let details = format!(
            "The target resource definition has no volume definitions. The restored resources will be empty.\n{}",
            call.context()
        );
        call.warn(code::NOT_FOUND, "No volumes to restore.")
            .details(details)
            .correction("Restore the volume definitions first.");
    }
    cluster.check_master_key(&snapshot.layers)?;
    let snapshot = cluster.renamed(snapshot, &body.stor_pool_rename)?;
    let changes = cluster.restore_snapshot((&source, &snapshot), &nodes, &key)?;
    let Some(target) = cluster.definitions.get(&key) else { return Ok(()) };
    call.turn_to(Object::Snapshot);
    progress::auto_changes(call, &name, &changes);
    let on = if body.nodes.is_empty() { String::new() } else { format!(" on nodes '{}'", body.nodes.join(", ")) };
    let uuids: Vec<&str> = target.resources.values().map(|resource| resource.uuid.as_str()).collect();
    let message = format!("Resource '{name}'{on} restored from resource '{source}', snapshot '{}'.", snapshot.name);
    call.also(Object::Resource, code::CREATED, message).details(format!("Resource UUIDs: {}", uuids.join(", ")));
    satellites_made(cluster, call, target, &changes);
    if !has_volumes {
        let message = format!("No volumes have been defined for resource '{name}'");
        call.turn_to(Object::Resource);
        call.warn(code::NOT_FOUND, message);
    }
    Ok(())
}

/// The nodes to restore on: those asked for, all of which must hold the snapshot, else all that hold it.
fn nodes_with(source: &str, snapshot: &Snapshot, asked: &[String]) -> Result<Vec<Key>, Fault> {
    if asked.is_empty() {
        return Ok(snapshot.replicas.keys().cloned().collect());
    }
    let held = |node: &String| {
        let missing = format!("Snapshot '{}' of resource '{source}' on node '{node}' not found.", snapshot.name);
        let key = Key::of(node);
        let held = snapshot.replicas.contains_key(&key).then_some(key);
        held.ok_or_else(|| Fault::new(code::NO_SNAPSHOT, missing).reported())
    };
    asked.iter().map(held).collect()
}

/// What the satellites say: the tie-breaker's first, then those with disks, then all of the tie-breaker that joined.
fn satellites_made(cluster: &Cluster, call: &mut Call, target: &Definition, changes: &[AutoChange]) {
    let sites = progress::sites(cluster, target);
    let tie_breaker = progress::new_tie_breaker(changes);
    let disks: Vec<&str> = sites.iter().filter(|site| site.disk).map(|site| site.node.as_str()).collect();
    for site in sites.iter().filter(|site| Some(site.node.as_str()) == tie_breaker) {
        progress::adjusted(call, target, site);
        progress::peer_added(call, target, &site.node, &disks);
    }
    for site in sites.iter().filter(|site| site.disk) {
        if !site.online {
            call.warn_offline(&site.node);
            continue;
        }
        progress::volumes(call, target, site, code::CREATED);
        if target.is_drbd() {
            progress::adjusted(call, target, site);
        }
        call.done(code::MODIFIED, format!("Created resource '{}' on '{}'", target.name, site.node));
    }
    for site in sites.iter().filter(|site| site.disk && site.online && target.is_drbd()) {
        ready(call, target, &site.node);
    }
    let Some(node) = tie_breaker else { return };
    for site in sites.iter().filter(|site| site.online) {
        progress::adjusted(call, target, site);
        if site.node == node {
            call.done(code::MODIFIED, format!("Created resource '{}' on '{node}'", target.name));
        } else {
            progress::peer_added(call, target, &site.node, &[node]);
        }
    }
    ready(call, target, node);
}

fn ready(call: &mut Call, target: &Definition, node: &str) {
    let message = format!("Resource '{}' on '{node}' ready", target.name);
    call.also(Object::Resource, code::CREATED, message).details(format!("Resource: {}", target.name));
}
