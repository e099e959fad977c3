//! `/v1/resource-definitions/{definition}/snapshots/{snapshot}` and `/v1/view/snapshots`: seen, changed, deleted.

use super::json::{self, Fields, MALFORMED};
use super::properties::{self, PropsBody};
use super::query::Params;
use super::reply::{Call, Object, Op};
use super::{view, volume_definitions};
use crate::sandbox::model::definition::{Definition, VolumeDefinition};
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::name::Key;
use crate::sandbox::model::props::{Changes, Props};
use crate::sandbox::model::snapshot::{ReplicaSnapshot, Snapshot};
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new()
        .route("/v1/resource-definitions/{definition}/snapshots/{snapshot}", get(single).put(modify).delete(remove))
        .route("/v1/view/snapshots", get(view_all))
}

/// `GET /v1/resource-definitions/{definition}/snapshots`.
pub async fn list(State(cluster): State<SharedCluster>, Path(name): Path<String>, params: Params) -> Response {
    cluster
        .look(move |cluster| {
            let definition = cluster.definition(&name).map_err(|fault| Fault::new(fault.code, fault.message))?;
            params.page(definition.snapshots.values(), |snapshot| render(cluster, definition, snapshot))
        })
        .await
}

async fn single(State(cluster): State<SharedCluster>, Path((name, snapshot)): Path<(String, String)>) -> Response {
    cluster
        .look(move |cluster| {
            let missing = || Fault::new(code::NO_SNAPSHOT, format!("Snapshot '{snapshot}' not found."));
            let definition = cluster.definition(&name).map_err(|_| missing())?;
            let found = definition.snapshots.get(&Key::of(&snapshot)).ok_or_else(missing)?;
            Ok(render(cluster, definition, found))
        })
        .await
}

async fn view_all(State(cluster): State<SharedCluster>, params: Params) -> Response {
    cluster
        .look(move |cluster| {
            let definitions = cluster.definitions.values().filter(|d| params.lets("resources", &d.name));
            let all = definitions.flat_map(|d| d.snapshots.values().map(move |snapshot| (d, snapshot)));
            let chosen = all.filter(|(_, snapshot)| {
                params.lets("snapshots", &snapshot.name)
                    && snapshot.replicas.values().any(|replica| params.lets("nodes", &replica.node))
            });
            params.page(chosen, |(definition, snapshot)| render(cluster, definition, snapshot))
        })
        .await
}

fn render(cluster: &Cluster, definition: &Definition, snapshot: &Snapshot) -> Value {
    let nodes: Vec<&str> = snapshot.replicas.values().map(|replica| replica.node.as_str()).collect();
    let mut all_props = snapshot.definition_props.clone();
    all_props.extend(snapshot.props.clone());
    let volume = |(number, volume): (&u32, &VolumeDefinition)| {
        Fields::new()
            .kept("volume_number", number)
            .with("size_kib", volume.size_kib)
            .with("volume_definition_props", volume_definitions::deployed_props(definition, &volume.props, true))
            .done()
    };
    let replica = |replica: &ReplicaSnapshot| render_replica(cluster, definition, snapshot, replica);
    Fields::new()
        .with("name", &snapshot.name)
        .with("resource_name", &definition.name)
        .with("nodes", nodes)
        .with("props", all_props)
        .with("snapshot_definition_props", &snapshot.props)
        .with("resource_definition_props", &snapshot.definition_props)
        .with("flags", [if snapshot.has_failed { "FAILED_DEPLOYMENT" } else { "SUCCESSFUL" }])
        .with("volume_definitions", snapshot.volumes.iter().map(volume).collect::<Vec<_>>())
        .with("uuid", &snapshot.uuid)
        .with("snapshots", snapshot.replicas.values().map(replica).collect::<Vec<_>>())
        .done()
}

fn render_replica(cluster: &Cluster, definition: &Definition, of: &Snapshot, replica: &ReplicaSnapshot) -> Value {
    let volume = |(number, uuid): (&u32, &String)| {
        let resource = definition.on(&replica.node);
        let parts = resource.and_then(|r| Some((r, r.volumes.get(number)?, definition.volumes.get(number)?)));
        let props =
            parts.map(|(r, volume, defined)| view::volume_props(cluster, definition, r, (*number, volume, defined)));
        Fields::new()
            .with("uuid", uuid)
            .kept("vlm_nr", number)
            .with("props", &props)
            .with("volume_props", &props)
            .done()
    };
    Fields::new()
        .with("snapshot_name", &of.name)
        .with("node_name", &replica.node)
        .with("create_timestamp", replica.created_ms)
        .with("uuid", &replica.uuid)
        .with("resource_props", &replica.props)
        .with("snapshot_volumes", replica.volumes.iter().map(volume).collect::<Vec<_>>())
        .done()
}

/// A call about a snapshot; a name that was not given is `null`.
pub fn call_about(op: Op, name: &str, snapshot: Option<&str>) -> Call {
    let details = format!("Resource: {name}, Snapshot: {}", snapshot.unwrap_or("null"));
    Call::new(op, Object::Snapshot, details).about("RscDfn", name).about("Snapshot", snapshot)
}

/// What LINSTOR says when it needs a snapshot that is not there.
pub fn no_snapshot(name: &str, snapshot: &str) -> Fault {
    Fault::new(code::NO_SNAPSHOT_DEFINITION, format!("Snapshot '{snapshot}' of resource '{name}' not found."))
}

async fn modify(
    State(cluster): State<SharedCluster>,
    Path((name, snapshot)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let changes: Changes = match json::read::<PropsBody>(&body, MALFORMED) {
        Ok(body) => body.into(),
        Err(unreadable) => return unreadable.into_response(),
    };
    let call = call_about(Op::Modify, &name, Some(&snapshot));
    let work = move |cluster: &mut Cluster, call: &mut Call| {
        let definition = cluster.definition_mut(&name)?;
        let found = definition.snapshots.get_mut(&Key::of(&snapshot)).ok_or_else(|| no_snapshot(&name, &snapshot))?;
        let props: &mut Props = &mut found.props;
        properties::change(call, props, &changes, Object::Snapshot, &format!("snapshot '{snapshot}'"))
    };
    cluster.change_aside(StatusCode::OK, call, work).await
}

async fn remove(
    State(cluster): State<SharedCluster>,
    Path((name, snapshot)): Path<(String, String)>,
    params: Params,
) -> Response {
    let call = call_about(Op::Delete, &name, Some(&snapshot));
    let work = move |cluster: &mut Cluster, call: &mut Call| remove_from(cluster, call, (&name, &snapshot), &params);
    cluster.change(StatusCode::OK, call, work).await
}

fn remove_from(cluster: &mut Cluster, call: &mut Call, which: (&str, &str), params: &Params) -> Result<(), Fault> {
    let (key, name) = (Key::of(which.0), Key::of(which.1));
    let found = cluster.definitions.get(&key);
    let found = found.and_then(|definition| Some((definition.name.clone(), definition.snapshots.get(&name)?.clone())));
    let Some((resource, snapshot)) = found else {
        let (details, message) =
            (call.context().to_owned(), format!("Snapshot definition {} of resource {} not found.", which.1, which.0));
        call.warn(code::NOT_FOUND, message).details(details);
        return Ok(());
    };
    let (chosen, left): (Vec<&ReplicaSnapshot>, Vec<&ReplicaSnapshot>) =
        snapshot.replicas.values().partition(|replica| params.lets("nodes", &replica.node));
    let nodes: Vec<Key> = chosen.iter().map(|replica| Key::of(&replica.node)).collect();
    let what = format!("Snapshot '{}' of resource '{resource}'", snapshot.name);
    let lower = format!("snapshot '{}' of '{resource}'", snapshot.name);
    for replica in &chosen {
        let marked = format!("snapshot '{}' of resource '{resource}' on nodes '{}'", snapshot.name, replica.node);
        call.done(code::DELETED, format!("Marked snapshot for deletion {marked}"));
    }
    for replica in &chosen {
        satellite_deleted(cluster, call, (&resource, &snapshot), replica);
        call.done(code::MODIFIED, format!("Deleted {lower} on '{}'", replica.node));
    }
    for replica in left.iter().filter(|_| !chosen.is_empty()) {
        call.done(code::MODIFIED, format!("Updated {lower} on '{}'", replica.node));
    }
    let names: Vec<&str> = chosen.iter().map(|replica| replica.node.as_str()).collect();
    call.done(code::DELETED, format!("{what} on nodes '{}' deleted.", names.join(", ")));
    if cluster.remove_snapshot(&key, &name, &nodes)? {
        let entry = call.done(code::DELETED, format!("{what} deleted."));
        entry.details(format!("{what} UUID was: {}", snapshot.uuid)).with("UUID", snapshot.uuid.clone());
    }
    Ok(())
}

/// A satellite that can't be reached does it later; the snapshot is gone all the same (recorded).
fn satellite_deleted(cluster: &Cluster, call: &mut Call, of: (&str, &Snapshot), replica: &ReplicaSnapshot) {
    if !cluster.is_online(&replica.node) {
        return call.warn_offline(&replica.node);
    }
    for number in replica.volumes.keys() {
        let what = format!("with name '{}' of resource '{}', volume number {number}", of.1.name, of.0);
        let entry = call.done(code::DELETED, format!("({}) Snapshot [FILE THIN] {what} deleted.", replica.node));
        entry.with("VlmNr", number.to_string());
    }
}
