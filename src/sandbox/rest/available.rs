//! `make-available`: a device on a node, however it is best made there.

use super::json::{self, MALFORMED};
use super::progress;
use super::reply::{Call, Object, Op};
use crate::sandbox::model::definition::Definition;
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::layer::Layer;
use crate::sandbox::model::name::Key;
use crate::sandbox::model::resource::{Deleting, Kind};
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new().route("/v1/resource-definitions/{definition}/resources/{node}/make-available", post(make_available))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MakeAvailable {
    layer_list: Option<Vec<String>>,
    diskful: bool,
    #[serde(rename = "drbd_tcp_ports")]
    _drbd_tcp_ports: Option<IgnoredAny>,
    #[serde(rename = "snap_names")]
    _snap_names: Option<IgnoredAny>,
    #[serde(rename = "copy_all_snaps")]
    _copy_all_snaps: Option<IgnoredAny>,
}

async fn make_available(
    State(cluster): State<SharedCluster>,
    Path((name, node)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let body: MakeAvailable = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    let call = Call::new(Op::Create, Object::Resource, format!("Node: {node}, Resource: '{name}'"))
        .about("RscDfn", name.clone())
        .about("Node", node.clone());
    cluster.change(StatusCode::OK, call, move |cluster, call| run(cluster, call, (&name, &node), &body)).await
}

fn run(cluster: &mut Cluster, call: &mut Call, which: (&str, &str), body: &MakeAvailable) -> Result<(), Fault> {
    let layers = body.layer_list.as_deref().filter(|names| !names.is_empty());
    let layers = layers.map(Layer::stack).transpose().map_err(Fault::reported)?;
    let definition = cluster.definition(which.0)?;
    let key = Key::of(&definition.name);
    let node = Key::of(&cluster.node(which.1)?.name);
    if definition.resources.contains_key(&node) {
        return reuse(cluster, call, (&key, &node), layers.as_deref(), body.diskful);
    }
    let layers = layers.unwrap_or_else(|| definition.stack());
    let through_network = layers.contains(&Layer::Drbd) && definition.diskful().next().is_some() && !body.diskful;
    let kind = if through_network { Kind::Client } else { Kind::Diskful };
    let pool = if kind == Kind::Diskful { Some(find_pool(cluster, definition, &node, which.1)?) } else { None };
    add(cluster, call, &key, &node, NewResource { kind, layers, says_pool: true, pool })
}

/// A resource that is there: whatever its node is doing, LINSTOR is content (recorded for dead nodes too).
fn reuse(
    cluster: &mut Cluster,
    call: &mut Call,
    at: (&Key, &Key),
    layers: Option<&[Layer]>,
    diskful: bool,
) -> Result<(), Fault> {
    let (key, node) = at;
    let Some(definition) = cluster.definitions.get(key) else { return Ok(()) };
    if layers.is_some_and(|layers| layers != definition.stack()) {
        return Err(Fault::new(code::INVALID_LAYER_STACK, "Layerstack of deployed resource does not match").reported());
    }
    let Some(resource) = cluster.resource_mut(key, node) else { return Ok(()) };
    resource.deleting = Deleting::No;
    let name = resource.node.clone();
    match resource.kind {
        Kind::TieBreaker | Kind::Client if diskful => return add_disk(cluster, call, key, node),
        Kind::TieBreaker => resource.kind = Kind::Client,
        Kind::Client | Kind::Diskful => {}
    }
    // What a delete had taken back from the voters counts again.
    cluster.keep_quorum(key)?;
    cluster.deploy(key, &Key::of(&name))?;
    call.done(0, "Resource already deployed as requested");
    Ok(())
}

/// Makes a diskless resource a replica.
fn add_disk(cluster: &mut Cluster, call: &mut Call, key: &Key, node: &Key) -> Result<(), Fault> {
    let Some(definition) = cluster.definitions.get(key) else { return Ok(()) };
    let name = cluster.nodes.get(node).map(|node| node.name.clone()).unwrap_or_default();
    let pool = find_pool(cluster, definition, node, &name).ok();
    cluster.give_disk(key, node, pool.as_deref())?;
    let changes = cluster.keep_quorum(key)?;
    call.done(code::CREATED, progress::STOR_POOL_SET);
    let Some(definition) = cluster.definitions.get(key) else { return Ok(()) };
    progress::auto_changes(call, &definition.name, &changes);
    let on = definition.resources.get(node).map(|resource| resource.node.as_str()).unwrap_or_default();
    for site in progress::sites(cluster, definition).iter().filter(|site| site.online) {
        if Key::of(&site.node) == *node {
            progress::volumes(call, definition, site, code::CREATED);
            progress::adjusted(call, definition, site);
            call.done(code::MODIFIED, format!("Added disk on '{}'", site.node));
        } else {
            progress::adjusted(call, definition, site);
            call.done(code::MODIFIED, format!("Prepared '{}' to expect disk on '{on}'", site.node));
        }
    }
    Ok(())
}

/// A replica needs a pool that the group allows, with room, on a node that can be reached.
pub fn find_pool(cluster: &Cluster, definition: &Definition, node: &Key, name: &str) -> Result<String, Fault> {
    let filter = cluster.group(&definition.group).map(|group| group.filter.clone()).unwrap_or_default();
    let fitting = cluster.fitting(&filter, definition.size_kib(), &cluster.rooms())?;
    let found = fitting.into_iter().find(|spot| Key::of(&spot.node.name) == *node);
    let message = || {
        format!(
            "Autoplacer could not find diskful stor pool on node {name} matching resource-groups autoplace-settings"
        )
    };
    found.map(|spot| spot.pool.name.clone()).ok_or_else(|| Fault::new(code::NO_POOL, message()))
}

/// A resource to be made on a named node.
#[derive(Debug)]
pub struct NewResource {
    /// With a disk or without.
    pub kind: Kind,
    /// Its layers, which become the definition's where that has none yet.
    pub layers: Vec<Layer>,
    /// Does LINSTOR note its pool, and say so?
    pub says_pool: bool,
    /// The storage pool for its disk; the node's first where none is named.
    pub pool: Option<String>,
}

/// Makes a resource on a named node, and says so.
pub fn add(cluster: &mut Cluster, call: &mut Call, key: &Key, node: &Key, new: NewResource) -> Result<(), Fault> {
    cluster.check_master_key(&new.layers)?;
    let before = cluster.definitions.get(key).map(|d| progress::sites(cluster, d)).unwrap_or_default();
    cluster.set_layers(key, new.layers);
    cluster.add_resource(key, node, new.kind, new.pool.as_deref())?;
    let changes = cluster.keep_quorum(key)?;
    let Some(definition) = cluster.definitions.get(key) else { return Ok(()) };
    let (name, Some(resource)) = (&definition.name, definition.resources.get(node)) else { return Ok(()) };
    let on = &resource.node;
    if new.says_pool {
        call.done(code::CREATED, progress::STOR_POOL_SET);
    }
    progress::auto_changes(call, name, &changes);
    let entry = call.done(code::CREATED, format!("New resource '{name}' on node '{on}' registered."));
    entry
        .details(format!("Resource '{name}' on node '{on}' UUID is: {}", resource.uuid))
        .with("UUID", resource.uuid.clone());
    for (number, volume) in &resource.volumes {
        let message =
            format!("Volume with number '{number}' on resource '{name}' on node '{on}' successfully registered");
        let entry = call.also(Object::Volume, code::CREATED, message);
        entry
            .details(format!("Volume UUID is: {}", volume.uuid))
            .with("VlmNr", number.to_string())
            .with("Node", on.clone());
    }
    for site in before.iter().filter(|site| site.online) {
        progress::adjusted(call, definition, site);
        progress::peer_added(call, definition, &site.node, &[on]);
    }
    let site = progress::Site { node: on.clone(), disk: !resource.is_diskless(), online: cluster.is_online(on) };
    if !site.online {
        call.warn_offline(on);
    } else {
        progress::volumes(call, definition, &site, code::CREATED);
        if definition.is_drbd() {
            progress::adjusted(call, definition, &site);
        }
    }
    call.done(code::MODIFIED, format!("Created resource '{name}' on '{on}'"));
    if definition.is_drbd() && site.online {
        progress::ready(call, definition, on);
    }
    if let Some(tie_breaker) = progress::new_tie_breaker(&changes) {
        progress::tie_breaker_joined(call, definition, &progress::sites(cluster, definition), tie_breaker);
    }
    Ok(())
}
