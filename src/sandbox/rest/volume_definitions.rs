//! `/v1/resource-definitions/{definition}/volume-definitions`: sizes, and growing.

use super::json::{self, Fields, MALFORMED, Whole};
use super::progress::{self, Site};
use super::properties;
use super::reply::{Call, Object, Op};
use crate::sandbox::model::definition::{Definition, VolumeDefinition};
use crate::sandbox::model::drbd::Drbd;
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::layer::Layer;
use crate::sandbox::model::name::Key;
use crate::sandbox::model::props::{Changes, GivenProps, Props};
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new().route("/v1/resource-definitions/{definition}/volume-definitions", get(list).post(create)).route(
        "/v1/resource-definitions/{definition}/volume-definitions/{number}",
        get(single).put(modify).delete(remove),
    )
}

async fn list(State(cluster): State<SharedCluster>, Path(name): Path<String>) -> Response {
    cluster.look(move |cluster| cluster.definition(&name).map(|d| Value::Array(render_all(d)))).await
}

async fn single(State(cluster): State<SharedCluster>, Path((name, number)): Path<(String, String)>) -> Response {
    cluster
        .look(move |cluster| {
            let definition = cluster.definition(&name)?;
            let number = parse_number(&number)?;
            let missing = || Fault::new(code::NO_VOLUME_DEFINITION, format!("Volume definition '{number}' not found."));
            definition.volumes.get(&number).map(|volume| render(definition, number, volume)).ok_or_else(missing)
        })
        .await
}

/// A path segment that is no number is a path that LINSTOR does not have, and says so in its own way.
fn parse_number(number: &str) -> Result<u32, Fault> {
    let unknown = |_| Fault::new(code::UNKNOWN, "An unknown error occurred.").detailed("HTTP 404 Not Found").reported();
    number.parse().map_err(unknown)
}

/// All volumes of a definition.
pub fn render_all(definition: &Definition) -> Vec<Value> {
    definition.volumes.iter().map(|(number, volume)| render(definition, *number, volume)).collect()
}

fn render(definition: &Definition, number: u32, volume: &VolumeDefinition) -> Value {
    let layer = |layer: &Layer| match (layer, volume.minor) {
        (Layer::Drbd, Some(minor)) => json!({"type": "DRBD", "data": {"volume_number": number, "minor_number": minor}}),
        _ => json!({"type": layer.name()}),
    };
    let layers: Vec<Value> = definition.layers.iter().flatten().map(layer).collect();
    let deployed = !definition.resources.is_empty();
    Fields::new()
        .kept("volume_number", number)
        .with("size_kib", volume.size_kib)
        .with("props", deployed_props(definition, &volume.props, deployed))
        .with("flags", if deployed && definition.is_drbd() { vec!["DRBD_INITIALIZED"] } else { vec![] })
        .with("layer_data", layers)
        .with("uuid", &volume.uuid)
        .done()
}

/// What LINSTOR notes on a volume once it is deployed.
pub fn deployed_props(definition: &Definition, given: &Props, deployed: bool) -> Props {
    let mut props = given.clone();
    let mut note = |key: &str, value: &str| props.insert(key.to_owned(), value.to_owned());
    if deployed {
        note("DrbdOptions/Disk/block-size", "512");
        note("StorDriver/internal/AllocationGranularity", "1");
    }
    if deployed && definition.is_drbd() {
        note("DrbdOptions/Disk/discard-zeroes-if-aligned", "yes");
        note("DrbdOptions/Disk/rs-discard-granularity", "65536");
        let first = definition.diskful().next().map(|resource| resource.node.to_uppercase());
        note("Linstor/Drbd/InitialUptoDateOn", &first.unwrap_or_default());
    }
    props
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VolumeCreate {
    volume_definition: NewVolume,
    #[serde(rename = "drbd_minor_number", default)]
    _drbd_minor_number: Option<IgnoredAny>,
    #[serde(rename = "passphrase", default)]
    _passphrase: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NewVolume {
    volume_number: Option<Whole>,
    size_kib: Option<Whole>,
    props: GivenProps,
    #[serde(rename = "flags")]
    _flags: Option<IgnoredAny>,
    #[serde(rename = "layer_data")]
    _layer_data: Option<IgnoredAny>,
    #[serde(rename = "uuid")]
    _uuid: Option<IgnoredAny>,
}

async fn create(State(cluster): State<SharedCluster>, Path(name): Path<String>, body: Bytes) -> Response {
    let body: VolumeCreate = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    let details = format!("Volume definitions for resource definition '{name}'");
    let call = Call::new(Op::Create, Object::VolumeDefinition, details).about("RscDfn", name.clone());
    let work =
        move |cluster: &mut Cluster, call: &mut Call| create_volume(cluster, call, &name, body.volume_definition);
    cluster.change(StatusCode::OK, call, work).await
}

fn create_volume(cluster: &mut Cluster, call: &mut Call, name: &str, new: NewVolume) -> Result<(), Fault> {
    if let Some(deployed) = cluster.definition(name).ok().filter(|definition| !definition.resources.is_empty()) {
        cluster.check_master_key(&deployed.stack())?;
    }
    let definition = cluster.definition_mut(name)?;
    let key = Key::of(&definition.name);
    let number = definition.volume_number(new.volume_number.map(|number| number.0))?;
    let size_kib = definition.check_size(number, new.size_kib.map_or(0, |size| size.0))?;
    let mut volume = VolumeDefinition::new(size_kib, None, Props::new());
    properties::change(
        call,
        &mut volume.props,
        &Changes::setting(new.props),
        Object::VolumeDefinition,
        "the volume definition",
    )?;
    definition.volumes.insert(number, volume);
    let message =
        format!("New volume definition with number '{number}' of resource definition '{}' created.", definition.name);
    call.done(code::CREATED, message).with("VlmNr", number.to_string());
    cluster.number_volumes(&key);
    for node in cluster.nodes_of(&key) {
        cluster.deploy(&key, &node)?;
    }
    let Some(definition) = cluster.definitions.get(&key) else { return Ok(()) };
    for site in progress::sites(cluster, definition).iter().filter(|site| site.online) {
        let message =
            format!("({}) Volume number {number} of resource '{}' [FILE THIN] created", site.node, definition.name);
        call.also(Object::Volume, code::CREATED, message).with("VlmNr", number.to_string());
        call.done(code::MODIFIED, format!("Created volume for resource '{}' on '{}'", definition.name, site.node));
    }
    Ok(())
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct VolumeModify {
    size_kib: Option<Whole>,
    override_props: GivenProps,
    delete_props: Vec<String>,
    delete_namespaces: Vec<String>,
    #[serde(rename = "flags")]
    _flags: Option<IgnoredAny>,
}

fn call_about(op: Op, name: &str, number: &str) -> Call {
    let details = format!("Resource definition: {name}, Volume number: {number}");
    Call::new(op, Object::VolumeDefinition, details).about("RscDfn", name).about("VlmNr", number)
}

async fn modify(
    State(cluster): State<SharedCluster>,
    Path((name, number)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let body: VolumeModify = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    let call = call_about(Op::Modify, &name, &number);
    let work =
        move |cluster: &mut Cluster, call: &mut Call| modify_volume(cluster, call, &name, parse_number(&number)?, body);
    cluster.change(StatusCode::OK, call, work).await
}

fn modify_volume(
    cluster: &mut Cluster,
    call: &mut Call,
    name: &str,
    number: u32,
    body: VolumeModify,
) -> Result<(), Fault> {
    let definition = cluster.definition(name)?;
    let key = Key::of(&definition.name);
    let volume = definition.volumes.get(&number).ok_or_else(|| no_volume(name, number))?;
    let size_kib = body.size_kib.map(|size| new_size(cluster, definition, volume, size.0)).transpose()?;
    let (uuid, was_kib) = (volume.uuid.clone(), volume.size_kib);
    let changes =
        Changes { set: body.override_props, delete: body.delete_props, delete_namespaces: body.delete_namespaces };
    let mut props = volume.props.clone();
    properties::change(call, &mut props, &changes, Object::VolumeDefinition, "the volume definition")?;
    if size_kib == Some(was_kib) {
        let message = "VolumeDefinition already has the expected size, no satellite update will be triggered.";
        call.warn(code::SIZE_UNCHANGED, message);
    }
    let message = format!("Volume definition with number '{number}' of resource definition '{name}' modified.");
    let details = format!("Volume definition with number '{number}' of resource definition '{name}' UUID is: {uuid}");
    call.done(code::MODIFIED, message).details(details).with("UUID", uuid);
    let size_kib = size_kib.filter(|size| *size != was_kib);
    let state = cluster.definitions.get_mut(&key).and_then(|definition| definition.volumes.get_mut(&number));
    if let Some(volume) = state {
        volume.props = props;
        volume.size_kib = size_kib.unwrap_or(was_kib);
    }
    match size_kib {
        Some(size_kib) => resize(cluster, call, &key, number, (was_kib, size_kib)),
        None => Ok(()),
    }
}

fn no_volume(name: &str, number: u32) -> Fault {
    let what = format!("'{name}' with volume number '{number}'");
    Fault::new(code::NO_VOLUME_DEFINITION, format!("Volume definition {what} not found."))
        .because(format!("The specified volume definition {what} could not be found in the database"))
        .advise(format!("Create a volume definition with the name '{name}' first."))
}

/// The size that was asked for, where it is allowed: DRBD grows only, and only while every replica is up to date.
fn new_size(
    cluster: &Cluster,
    definition: &Definition,
    volume: &VolumeDefinition,
    size_kib: i64,
) -> Result<u64, Fault> {
    let too_small = || Fault::new(code::INVALID_SIZE, format!("The given size [{size_kib}KiB] is too small"));
    let size_kib = u64::try_from(size_kib).ok().filter(|size| *size > 0).ok_or_else(too_small)?;
    if !definition.is_drbd() || definition.resources.is_empty() {
        return Ok(size_kib);
    }
    if size_kib < volume.size_kib {
        let message = "Shrinking volumes is not supported by layer 'DRBD'. Volumes can only grow in size.";
        return Err(Fault::new(code::INVALID_SIZE, message));
    }
    let drbd = |resource| Drbd::of(cluster, definition, resource);
    let behind = definition.diskful().any(|r| !drbd(r).is_alive() || !drbd(r).is_up_to_date());
    if size_kib > volume.size_kib && behind {
        let message = "Cannot resize volume, because we have a non-UpToDate DRBD device.";
        return Err(Fault::new(code::NOT_UP_TO_DATE, message));
    }
    Ok(size_kib)
}

/// Resizes on the nodes, and says so: all are updated, resized and updated again; DRBD is resized on one of them.
/// Shrinking says the same; the sandbox keeps the bytes then.
fn resize(cluster: &mut Cluster, call: &mut Call, key: &Key, number: u32, kib: (u64, u64)) -> Result<(), Fault> {
    if kib.1 > kib.0 {
        cluster.grow_volume(key, number, kib.1)?;
    }
    let Some(definition) = cluster.definitions.get(key).cloned() else { return Ok(()) };
    let sites = progress::sites(cluster, &definition);
    let name = &definition.name;
    if !definition.is_drbd() {
        for (verb, kind) in [("Updated volume", true), ("Resized resource", false), ("Updated volume", true)] {
            for site in &sites {
                if site.online {
                    progress::volumes(call, &definition, site, code::MODIFIED)
                } else {
                    call.warn_offline(&site.node)
                }
                let what = if kind { format!("{verb} {number} of '{name}'") } else { format!("{verb} '{name}'") };
                call.done(code::MODIFIED, format!("{what} on '{}'", site.node));
            }
        }
        return Ok(());
    }
    report_drbd_resize(call, &definition, &sites, number);
    Ok(())
}

fn report_drbd_resize(call: &mut Call, definition: &Definition, sites: &[Site], number: u32) {
    let name = &definition.name;
    let waits = |call: &mut Call, site: &Site| {
        call.also(Object::Resource, 0, format!("({}) Resource '{name}' [DRBD] not adjusted", site.node))
            .cause("The layer below has not provided its new size yet");
    };
    let updated = |call: &mut Call, node: &str| {
        call.done(code::MODIFIED, format!("Updated volume {number} of '{name}' on '{node}'"));
    };
    for site in sites {
        progress::volumes(call, definition, site, code::MODIFIED);
        waits(call, site);
        updated(call, &site.node);
    }
    for site in sites {
        waits(call, site);
        call.done(code::MODIFIED, format!("Resized resource '{name}' on '{}'", site.node));
    }
    let resizer = sites.iter().find(|site| site.disk).map(|site| site.node.clone()).unwrap_or_default();
    sites.iter().filter(|site| site.node != resizer).for_each(|site| waits(call, site));
    for site in sites.iter().filter(|site| site.node == resizer) {
        progress::adjusted(call, definition, site);
        call.done(code::MODIFIED, format!("Resized DRBD resource '{name}' on '{}'", site.node));
    }
    for site in sites {
        progress::adjusted(call, definition, site);
        updated(call, &site.node);
    }
}

async fn remove(State(cluster): State<SharedCluster>, Path((name, number)): Path<(String, String)>) -> Response {
    let call = call_about(Op::Delete, &name, &number);
    let work =
        move |cluster: &mut Cluster, call: &mut Call| remove_volume(cluster, call, &name, parse_number(&number)?);
    cluster.change(StatusCode::OK, call, work).await
}

fn remove_volume(cluster: &mut Cluster, call: &mut Call, name: &str, number: u32) -> Result<(), Fault> {
    let key = Key::of(&cluster.definition(name)?.name);
    let Some(uuid) = cluster.take_volume(&key, number)? else {
        let details = call.context().to_owned();
        call.warn(code::NOT_FOUND, format!("{details} not found.")).details(details);
        return Ok(());
    };
    let what = format!("Volume definition with number '{number}' of resource definition '{name}'");
    call.done(code::DELETED, format!("{what} marked for deletion.")).details(format!("{what} UUID is: {uuid}"));
    call.done(code::DELETED, format!("{what} deleted.")).details(format!("{what} UUID was: {uuid}"));
    Ok(())
}
