//! `/v1/view/resources` and the volumes of a resource: what a resource looks like from outside.

use super::json::Fields;
use super::layers::{Deployed, VolumeParts};
use super::query::Params;
use crate::sandbox::model::cloning::{CLONED_FROM, Cloning};
use crate::sandbox::model::definition::Definition;
use crate::sandbox::model::drbd::Drbd;
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::name::why_invalid;
use crate::sandbox::model::resource::{Deleting, Resource};
use crate::sandbox::model::space::FRESH_KIB;
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value, json};

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new()
        .route("/v1/view/resources", get(list))
        .route("/v1/resource-definitions/{definition}/sync-status", get(sync_status))
        .route("/v1/resource-definitions/{definition}/resources/{node}/volumes", get(volumes))
        .route("/v1/resource-definitions/{definition}/resources/{node}/volumes/{number}", get(volume))
        .route("/v1/stats/resources", get(count))
}

async fn list(State(cluster): State<SharedCluster>, params: Params) -> Response {
    cluster.look(move |cluster| find(cluster, &params)).await
}

fn find(cluster: &Cluster, params: &Params) -> Result<Value, Fault> {
    for name in params.all("resources") {
        if why_invalid(&name).is_some() {
            // Recorded: a list with commas is one name, and no good one.
            let message = format!("The specified resource name '{name}' is invalid.");
            return Err(Fault::new(code::INVALID_RESOURCE_NAME, message));
        }
    }
    params.all("nodes").iter().try_for_each(|node| cluster.node(node).map(drop))?;
    let chosen = cluster.definitions.values().filter(|d| params.lets("resources", &d.name));
    let resources = chosen.flat_map(|definition| definition.resources.values().map(move |r| (definition, r)));
    let found = resources.filter(|(_, resource)| {
        params.lets("nodes", &resource.node)
            && params.lets("storage_pools", &resource.pool)
            && params.lets_props(&resource.props)
            && !resource.volumes.is_empty()
    });
    let render = |(definition, resource)| {
        render(cluster, definition, resource).with("volumes", render_volumes(cluster, definition, resource)).done()
    };
    params.page(found, render)
}

/// What kind of pool a resource is in.
fn kind_of(cluster: &Cluster, resource: &Resource) -> &'static str {
    let pool = || cluster.node(&resource.node).ok().and_then(|node| node.pool(&resource.pool));
    if resource.is_diskless() { "DISKLESS" } else { pool().map_or("FILE_THIN", |pool| pool.kind.name()) }
}

async fn sync_status(State(cluster): State<SharedCluster>, Path(name): Path<String>) -> Response {
    cluster
        .look(move |cluster| {
            let definition = cluster.definition(&name)?;
            let synced = |r: &Resource| {
                Drbd::of(cluster, definition, r).is_alive() && Drbd::of(cluster, definition, r).is_up_to_date()
            };
            Ok(json!({"synced_on_all": !definition.is_drbd() || definition.diskful().all(synced)}))
        })
        .await
}

async fn volumes(State(cluster): State<SharedCluster>, Path((name, node)): Path<(String, String)>) -> Response {
    cluster
        .look(move |cluster| {
            let definition = cluster.definition(&name)?;
            let missing = || Fault::new(code::NO_RESOURCE, format!("Resource '{name}' on '{node}' not found."));
            let resource = definition.on(&node).ok_or_else(missing)?;
            Ok(Value::Array(render_volumes(cluster, definition, resource)))
        })
        .await
}

async fn volume(
    State(cluster): State<SharedCluster>,
    Path((name, node, number)): Path<(String, String, u32)>,
) -> Response {
    cluster
        .look(move |cluster| {
            let definition = cluster.definition(&name)?;
            let found = definition.on(&node).and_then(|resource| {
                let parts = volume_parts(definition, resource).find(|(of, ..)| *of == number)?;
                Some(render_volume(cluster, definition, resource, parts))
            });
            let missing = || format!("Volume '{number}' of resource '{name}' on node '{node}' not found.");
            found.ok_or_else(|| Fault::new(code::NO_VOLUME, missing()))
        })
        .await
}

async fn count(State(cluster): State<SharedCluster>) -> Response {
    cluster
        .look(|cluster| Ok(json!({"count": cluster.definitions.values().map(|d| d.resources.len()).sum::<usize>()})))
        .await
}

/// A resource, without its volumes. What only its satellite knows is missing while that can't be reached.
pub fn render(cluster: &Cluster, definition: &Definition, resource: &Resource) -> Fields {
    let drbd = Drbd::of(cluster, definition, resource);
    let fields = Fields::new()
        .with("name", &definition.name)
        .with("node_name", &resource.node)
        .with("props", &resource.props)
        .with("flags", resource.flags())
        .with("layer_object", Deployed { cluster, definition, resource }.layers());
    let fields = match (is_known(drbd), definition.is_drbd()) {
        (false, _) => fields,
        (true, true) => fields.kept("state", json!({"in_use": resource.open})),
        (true, false) => fields.kept("state", Map::new()),
    };
    fields.with("uuid", &resource.uuid).with("create_timestamp", resource.created_ms)
}

/// Does its satellite tell its state? Not while it is away, and not once the resource is gone there.
pub fn is_known(drbd: Drbd<'_>) -> bool {
    drbd.is_alive() && drbd.resource().deleting == Deleting::No
}

fn render_volumes(cluster: &Cluster, definition: &Definition, resource: &Resource) -> Vec<Value> {
    volume_parts(definition, resource).map(|parts| render_volume(cluster, definition, resource, parts)).collect()
}

fn volume_parts<'a>(definition: &'a Definition, resource: &'a Resource) -> impl Iterator<Item = VolumeParts<'a>> {
    resource.volumes.iter().filter_map(|(number, v)| Some((*number, v, definition.volumes.get(number)?)))
}

fn render_volume(cluster: &Cluster, definition: &Definition, resource: &Resource, parts: VolumeParts<'_>) -> Value {
    let (number, volume, _) = parts;
    let drbd = Drbd::of(cluster, definition, resource);
    let allocated = cluster.allocated_kib(&resource.key(&definition.name, number));
    let empty = resource.is_diskless() || volume.device.is_empty() || (allocated == FRESH_KIB && !definition.is_drbd());
    let deployed = Deployed { cluster, definition, resource };
    let fields = Fields::new()
        .kept("volume_number", number)
        .with("storage_pool_name", &resource.pool)
        .with("provider_kind", kind_of(cluster, resource))
        .with("device_path", deployed.device_path(parts))
        .with("allocated_size_kib", if empty { 0 } else { allocated })
        .with("props", volume_props(cluster, definition, resource, parts))
        .with("flags", volume_flags(definition, resource));
    let fields = if definition.is_drbd() && is_known(drbd) { fields.with("state", volume_state(drbd)) } else { fields };
    fields.with("layer_data_list", deployed.volume_layers(parts)).with("uuid", &volume.uuid).done()
}

fn volume_flags(definition: &Definition, resource: &Resource) -> Vec<&'static str> {
    let deleting = (resource.deleting != Deleting::No).then_some("DELETE");
    let cloning = match definition.cloning {
        Cloning::UntilAsked | Cloning::Held => Some("CLONING"),
        Cloning::Done if definition.props.contains_key(CLONED_FROM) => Some("CLONING_FINISHED"),
        Cloning::Done | Cloning::Failed => None,
    };
    deleting.into_iter().chain(cloning).collect()
}

/// The links that udev makes for DRBD. Where bytes are real there is no DRBD and no link, so none is told.
pub fn volume_props(cluster: &Cluster, definition: &Definition, resource: &Resource, parts: VolumeParts<'_>) -> Value {
    let (number, volume, _) = parts;
    let mut props = volume.props.clone();
    if definition.is_drbd() && !cluster.has_bytes() && !volume.device.is_empty() {
        let by_disk = format!("/dev/drbd/by-disk{}", volume.device.trim_start_matches("/dev"));
        let links = [by_disk, format!("/dev/drbd/by-res/{}/{number}", definition.name)];
        for (at, link) in links.into_iter().skip(usize::from(resource.is_diskless() && !resource.toggled)).enumerate() {
            props.insert(format!("Satellite/Device/Symlinks/{at}"), link);
        }
    }
    json!(props)
}

fn volume_state(drbd: Drbd<'_>) -> Value {
    let state = |peer: Drbd<'_>| {
        let (name, percent) = drbd.replication(peer);
        let fields = Fields::new().with("replication_state", name).with("done_percentage", percent);
        (peer.node().to_owned(), fields.done())
    };
    let states: Map<String, Value> = drbd.connected().map(state).collect();
    Fields::new().with("disk_state", drbd.disk_state()).with("replication_states", states).done()
}
