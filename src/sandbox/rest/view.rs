//! `/v1/view/resources` and the volumes of a resource: what a resource looks like from outside.

use super::definitions::drbd_data;
use super::json::Fields;
use super::query::Params;
use crate::sandbox::model::cloning::{CLONED_FROM, Cloning};
use crate::sandbox::model::definition::{Definition, VolumeDefinition};
use crate::sandbox::model::drbd::{Connection, Drbd};
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::name::why_invalid;
use crate::sandbox::model::resource::{Deleting, Resource, Volume};
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
        .route("/v1/stats/resources", get(count))
}

async fn list(State(cluster): State<SharedCluster>, params: Params) -> Response {
    cluster.look(move |cluster| find(cluster, &params).map(Value::Array)).await
}

fn find(cluster: &Cluster, params: &Params) -> Result<Vec<Value>, Fault> {
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
    params.page(found.map(render).collect())
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
        .with("layer_object", layer_object(cluster, definition, resource));
    let fields = match (is_known(drbd), definition.is_drbd()) {
        (false, _) => fields,
        (true, true) => fields.kept("state", json!({"in_use": resource.open})),
        (true, false) => fields.kept("state", Map::new()),
    };
    fields.with("uuid", &resource.uuid).with("create_timestamp", resource.created_ms)
}

/// Does its satellite tell its state? Not while it is away, and not once the resource is gone there.
fn is_known(drbd: Drbd<'_>) -> bool {
    drbd.is_alive() && drbd.resource().deleting == Deleting::No
}

fn layer_object(cluster: &Cluster, definition: &Definition, resource: &Resource) -> Value {
    let each = |render: &dyn Fn(u32, &Volume, &VolumeDefinition) -> Value| -> Vec<Value> {
        let pairs =
            resource.volumes.iter().filter_map(|(number, v)| Some((*number, v, definition.volumes.get(number)?)));
        pairs.map(|(number, volume, size)| render(number, volume, size)).collect()
    };
    let storage = each(&|number, volume, size| storage_volume(cluster, definition, resource, (number, volume, size)));
    let storage = json!({"type": "STORAGE", "storage": {"storage_volumes": storage}});
    if !definition.is_drbd() {
        return storage;
    }
    let volumes = each(&|number, volume, size| drbd_volume(cluster, definition, resource, (number, volume, size)));
    let drbd = Drbd::of(cluster, definition, resource);
    let mut flags = if resource.is_diskless() { vec!["DISKLESS"] } else { vec![] };
    if resource.created_ms.is_some() {
        flags.push("INITIALIZED");
    }
    let fields = Fields::new()
        .with("drbd_resource_definition", drbd_data(definition))
        .with("node_id", resource.node_id)
        .with("tcp_ports", [definition.port])
        .with("peer_slots", 7)
        .with("al_stripes", 1)
        .with("al_size", 32)
        .with("flags", flags)
        .with("drbd_volumes", volumes);
    let fields = if is_known(drbd) { with_status(fields, drbd) } else { fields };
    json!({"children": [storage], "type": "DRBD", "drbd": fields.done()})
}

fn with_status(fields: Fields, drbd: Drbd<'_>) -> Fields {
    let connection = |peer: Drbd<'_>| {
        let state = drbd.connection(&peer);
        (peer.node().to_owned(), json!({"connected": state == Connection::Connected, "message": state.name()}))
    };
    fields
        .with("connections", drbd.peers().map(connection).collect::<Map<_, _>>())
        .with("promotion_score", drbd.promotion_score())
        .with("may_promote", drbd.may_promote())
}

/// A volume's number, the volume on its node, and its definition.
pub type VolumeParts<'a> = (u32, &'a Volume, &'a VolumeDefinition);

/// Room for DRBD's own data behind a volume's, KiB (recorded: 60 for 96 MiB).
const DRBD_KIB: u64 = 60;

/// The storage under a volume. FILE_THIN says what is allocated, not the nominal size, as usable; DRBD on top asks for
/// its own room.
fn storage_volume(cluster: &Cluster, definition: &Definition, resource: &Resource, parts: VolumeParts<'_>) -> Value {
    let (number, volume, size) = parts;
    let allocated = cluster.allocated_kib(&resource.key(&definition.name, number));
    let fields = Fields::new().kept("volume_number", number);
    if resource.is_diskless() {
        return fields.with("allocated_size_kib", 0).with("usable_size_kib", size.size_kib).done();
    }
    let fields = match (volume.device.is_empty(), definition.is_drbd()) {
        (true, _) => fields.with("allocated_size_kib", -1).with("usable_size_kib", size.size_kib),
        (false, true) => fields.with("allocated_size_kib", allocated).with("usable_size_kib", size.size_kib + DRBD_KIB),
        (false, false) => fields.with("allocated_size_kib", allocated).with("usable_size_kib", allocated),
    };
    fields.with("device_path", &volume.device).with("disk_state", "[]").done()
}

fn drbd_volume(cluster: &Cluster, definition: &Definition, resource: &Resource, parts: VolumeParts<'_>) -> Value {
    let (number, volume, size) = parts;
    let diskless = resource.is_diskless();
    let allocated = if diskless { json!(-1) } else { json!(size.size_kib + DRBD_KIB) };
    let minor = Fields::new().kept("volume_number", number).with("minor_number", size.minor).done();
    Fields::new()
        .with("drbd_volume_definition", minor)
        .with("device_path", device_path(cluster, definition, (number, volume, size)))
        .with("backing_device", if diskless { "" } else { volume.device.as_str() })
        .with("allocated_size_kib", allocated)
        .with("usable_size_kib", size.size_kib)
        .done()
}

/// Where bytes are real the device is the one that holds them; else it is what DRBD would call it.
fn device_path(cluster: &Cluster, definition: &Definition, parts: VolumeParts<'_>) -> String {
    let (_, volume, size) = parts;
    match size.minor {
        Some(minor) if definition.is_drbd() && !cluster.has_bytes() && !volume.device.is_empty() => {
            format!("/dev/drbd{minor}")
        }
        _ => volume.device.clone(),
    }
}

fn render_volumes(cluster: &Cluster, definition: &Definition, resource: &Resource) -> Vec<Value> {
    let pairs = resource.volumes.iter().filter_map(|(number, v)| Some((*number, v, definition.volumes.get(number)?)));
    pairs.map(|parts| render_volume(cluster, definition, resource, parts)).collect()
}

fn render_volume(cluster: &Cluster, definition: &Definition, resource: &Resource, parts: VolumeParts<'_>) -> Value {
    let (number, volume, _) = parts;
    let drbd = Drbd::of(cluster, definition, resource);
    let allocated = cluster.allocated_kib(&resource.key(&definition.name, number));
    let empty = resource.is_diskless() || volume.device.is_empty() || (allocated == FRESH_KIB && !definition.is_drbd());
    let mut layers = Vec::new();
    if definition.is_drbd() {
        layers.push(json!({"type": "DRBD", "data": drbd_volume(cluster, definition, resource, parts)}));
    }
    layers.push(json!({"type": "STORAGE", "data": storage_volume(cluster, definition, resource, parts)}));
    let fields = Fields::new()
        .kept("volume_number", number)
        .with("storage_pool_name", &resource.pool)
        .with("provider_kind", kind_of(cluster, resource))
        .with("device_path", device_path(cluster, definition, parts))
        .with("allocated_size_kib", if empty { 0 } else { allocated })
        .with("props", volume_props(cluster, definition, resource, parts))
        .with("flags", volume_flags(definition, resource));
    let fields = if definition.is_drbd() && is_known(drbd) { fields.with("state", volume_state(drbd)) } else { fields };
    fields.with("layer_data_list", layers).with("uuid", &volume.uuid).done()
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
        for (at, link) in links.into_iter().skip(usize::from(resource.is_diskless())).enumerate() {
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
