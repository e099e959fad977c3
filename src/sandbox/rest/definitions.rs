//! `/v1/resource-definitions`.

use super::json::{self, Fields, MALFORMED};
use super::progress::{self, Site};
use super::properties;
use super::query::Params;
use super::reply::{Call, Object, Op};
use super::volume_definitions;
use crate::sandbox::model::definition::Definition;
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::group::DEFAULT_GROUP;
use crate::sandbox::model::layer::Layer;
use crate::sandbox::model::name::{Key, check_resource};
use crate::sandbox::model::props::{Changes, GivenProps, Props, QUORUM};
use crate::sandbox::model::tiebreaker::AutoChange;
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new()
        .route("/v1/resource-definitions", get(list).post(create))
        .route("/v1/resource-definitions/{definition}", get(single).put(modify).delete(remove))
        .route("/v1/stats/resource-definitions", get(count))
}

async fn list(State(cluster): State<SharedCluster>, params: Params) -> Response {
    cluster
        .look(move |cluster| {
            let with_volumes = params.is_set("with_volume_definitions");
            let chosen = cluster
                .definitions
                .values()
                .filter(|d| params.lets("resource_definitions", &d.name) && params.lets_props(&d.props));
            params.page(chosen, |d| render(d, with_volumes))
        })
        .await
}

async fn single(State(cluster): State<SharedCluster>, Path(name): Path<String>) -> Response {
    cluster
        .look(move |cluster| {
            let definition = cluster.definition(&name).map_err(|fault| Fault::new(fault.code, fault.message))?;
            Ok(render(definition, false))
        })
        .await
}

async fn count(State(cluster): State<SharedCluster>) -> Response {
    cluster.look(|cluster| Ok(json!({"count": cluster.definitions.len()}))).await
}

fn render(definition: &Definition, with_volumes: bool) -> Value {
    let volumes: Vec<Value> = if with_volumes { volume_definitions::render_all(definition) } else { Vec::new() };
    Fields::new()
        .with("name", &definition.name)
        .with("props", &definition.props)
        .with("flags", flags(definition))
        .with("layer_data", layer_data(definition))
        .with("uuid", &definition.uuid)
        .with("resource_group_name", &definition.group)
        .with("volume_definitions", volumes)
        .done()
}

fn flags(definition: &Definition) -> Vec<&'static str> {
    definition.deleting.then_some("DELETE").into_iter().chain(definition.cloning.flag()).collect()
}

/// A definition's layers; DRBD's data is there once something is deployed.
fn layer_data(definition: &Definition) -> Vec<Value> {
    let layer = |layer: &Layer| match layer {
        Layer::Drbd if !definition.resources.is_empty() => json!({"type": "DRBD", "data": drbd_data(definition)}),
        other => json!({"type": other.name()}),
    };
    definition.layers.iter().flatten().map(layer).collect()
}

/// What DRBD knows of a whole definition. Ports are told per resource since LINSTOR 1.31.
pub fn drbd_data(definition: &Definition) -> Value {
    json!({
        "peer_slots": 7,
        "al_stripes": 1,
        "al_stripe_size_kib": 32,
        "port": -1,
        "transport_type": "IP",
        "secret": definition.secret,
        "down": false,
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DefinitionCreate {
    resource_definition: NewDefinition,
    #[serde(rename = "drbd_port", default)]
    _drbd_port: Option<IgnoredAny>,
    #[serde(rename = "drbd_secret", default)]
    _drbd_secret: Option<IgnoredAny>,
    #[serde(rename = "drbd_peer_slots", default)]
    _drbd_peer_slots: Option<IgnoredAny>,
    #[serde(rename = "drbd_transport_type", default)]
    _drbd_transport_type: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NewDefinition {
    name: Option<String>,
    #[serde(rename = "external_name")]
    _external_name: Option<IgnoredAny>,
    props: GivenProps,
    #[serde(rename = "flags")]
    _flags: Option<IgnoredAny>,
    layer_data: Vec<NewLayer>,
    #[serde(rename = "uuid")]
    _uuid: Option<IgnoredAny>,
    resource_group_name: Option<String>,
    #[serde(rename = "volume_definitions")]
    _volume_definitions: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLayer {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "data", default)]
    _data: Option<IgnoredAny>,
}

fn call_about(op: Op, name: Option<&str>) -> Call {
    let details = format!("Resource definition: {}", name.unwrap_or("null"));
    Call::new(op, Object::Definition, details).about("RscDfn", name)
}

async fn create(State(cluster): State<SharedCluster>, body: Bytes) -> Response {
    let body: DefinitionCreate = match json::read(&body, StatusCode::BAD_REQUEST) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.reported(&cluster).await,
    };
    let new = body.resource_definition;
    let call = call_about(Op::Create, new.name.as_deref());
    cluster.change(StatusCode::CREATED, call, move |cluster, call| create_definition(cluster, call, new)).await
}

fn create_definition(cluster: &mut Cluster, call: &mut Call, new: NewDefinition) -> Result<(), Fault> {
    let name = usable_name(new.name)?;
    let layers: Vec<String> = new.layer_data.into_iter().map(|layer| layer.kind).collect();
    let layers = if layers.is_empty() { None } else { Some(Layer::stack(&layers).map_err(Fault::reported)?) };
    let group = new.resource_group_name.as_deref().unwrap_or(DEFAULT_GROUP);
    let no_group = || Fault::new(code::NO_GROUP, format!("Resource group '{group}' could not be found.")).reported();
    let group = cluster.group(group).map_err(|_| no_group())?.name.clone();
    refuse_existing(cluster, &name)?;
    let mut definition = Definition::new(&name, &group, Props::new(), layers, cluster.free_port());
    let what = format!("resource definition '{name}'");
    properties::change(call, &mut definition.props, &Changes::setting(new.props), Object::Definition, &what)?;
    // Recorded: before the definition is there nothing refers to it.
    call.without_refs();
    let entry = call.done(code::CREATED, format!("New resource definition '{name}' created."));
    entry
        .details(format!("Resource definition '{name}' UUID is: {}", definition.uuid))
        .with("UUID", definition.uuid.clone());
    cluster.definitions.insert(Key::of(&name), definition);
    Ok(())
}

/// The sandbox does not make names up from external names.
fn usable_name(name: Option<String>) -> Result<String, Fault> {
    let message = "The resource name generation for the creation of a new resource definition failed";
    match name {
        None => Err(Fault::new(
            code::IMPLEMENTATION,
            "Creation of resource definition 'null' failed: Resource name must not be null!",
        )
        .reported()),
        Some(name) if name.is_empty() => Err(Fault::new(code::NO_GENERATED_NAME, message)
            .because("An empty name asks for a generated one, and there is no external name to generate it from")
            .advise("Give a name")
            .reported()),
        Some(name) => check_resource(&name).map(|()| name),
    }
}

/// Refuses a name that a definition has, also one that is being deleted.
pub fn refuse_existing(cluster: &Cluster, name: &str) -> Result<(), Fault> {
    if cluster.definitions.contains_key(&Key::of(name)) {
        let message = format!("A resource definition with the name '{name}' already exists");
        return Err(Fault::new(code::DEFINITION_EXISTS, message).because("The ResourceDefinition already exists"));
    }
    Ok(())
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DefinitionModify {
    override_props: GivenProps,
    delete_props: Vec<String>,
    delete_namespaces: Vec<String>,
    #[serde(rename = "drbd_port")]
    _drbd_port: Option<IgnoredAny>,
    #[serde(rename = "drbd_peer_slots")]
    _drbd_peer_slots: Option<IgnoredAny>,
    layer_stack: Option<Vec<String>>,
    resource_group: Option<String>,
}

async fn modify(State(cluster): State<SharedCluster>, Path(name): Path<String>, body: Bytes) -> Response {
    let body: DefinitionModify = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.reported(&cluster).await,
    };
    let call = call_about(Op::Modify, Some(&name));
    cluster.change(StatusCode::OK, call, move |cluster, call| modify_definition(cluster, call, &name, body)).await
}

fn modify_definition(cluster: &mut Cluster, call: &mut Call, name: &str, body: DefinitionModify) -> Result<(), Fault> {
    let changes =
        Changes { set: body.override_props, delete: body.delete_props, delete_namespaces: body.delete_namespaces };
    let group = body.resource_group.map(|group| cluster.group(&group).map(|group| group.name.clone())).transpose()?;
    let layers = body.layer_stack.as_deref().filter(|names| !names.is_empty()).map(Layer::stack).transpose()?;
    let definition = cluster.definition_mut(name)?;
    if layers.as_ref().is_some_and(|layers| !definition.resources.is_empty() && *layers != definition.stack()) {
        let message = format!("The layers of '{name}' can't be changed while it has resources");
        return Err(Fault::new(code::INVALID_LAYER_STACK, message).reported());
    }
    definition.layers = layers.or(definition.layers.take());
    let key = Key::of(&definition.name);
    properties::change(
        call,
        &mut definition.props,
        &changes,
        Object::Definition,
        &format!("resource definition '{name}'"),
    )?;
    if let Some(group) = group {
        definition.group = group;
    }
    if changes.names(QUORUM) {
        definition.note_quorum_setter();
    }
    let uuid = definition.uuid.clone();
    let name = definition.name.clone();
    let before = cluster.definitions.get(&key).map(|d| progress::sites(cluster, d)).unwrap_or_default();
    let autos = cluster.keep_quorum(&key)?;
    progress::auto_changes(call, &name, &autos);
    let entry = call.done(code::MODIFIED, format!("Resource definition '{name}' modified."));
    entry.details(format!("Resource definition '{name}' UUID is: {uuid}")).with("UUID", uuid);
    report_change(cluster, call, &key, &before, &autos);
    cluster.adjust(&key).map_err(|error| Fault::backing(&error))
}

/// What the satellites say of a changed definition.
fn report_change(cluster: &Cluster, call: &mut Call, key: &Key, before: &[Site], autos: &[AutoChange]) {
    let Some(definition) = cluster.definitions.get(key) else { return };
    let all = progress::sites(cluster, definition);
    for site in all.iter().filter(|site| !site.online) {
        call.warn_offline(&site.node);
    }
    for site in all.iter().filter(|site| site.online) {
        progress::adjusted(call, definition, site);
    }
    if let Some(node) = progress::new_tie_breaker(autos) {
        progress::tie_breaker_joined(call, definition, &all, node);
    }
    for auto in autos {
        if let AutoChange::TieBreakerDeleted { node, uuid } = auto {
            progress::tie_breaker_left(call, definition, before, (node, uuid));
        }
    }
}

async fn remove(State(cluster): State<SharedCluster>, Path(name): Path<String>) -> Response {
    let call = call_about(Op::Delete, Some(&name));
    cluster.change(StatusCode::OK, call, move |cluster, call| remove_definition(cluster, call, &name)).await
}

fn remove_definition(cluster: &mut Cluster, call: &mut Call, name: &str) -> Result<(), Fault> {
    check_resource(name)?;
    let key = Key::of(name);
    let Some(definition) = cluster.definitions.get(&key).cloned() else {
        let details = call.context().to_owned();
        call.warn(code::NOT_FOUND, format!("Resource definition: {name} not found.")).details(details);
        return Ok(());
    };
    let name = &definition.name;
    if !definition.snapshots.is_empty() {
        let message = format!("Cannot delete resource definition '{name}' because it has snapshots.");
        return Err(Fault::new(code::SNAPSHOT_EXISTS, message).reported());
    }
    if let Some(user) = definition.resources.values().find(|r| r.open && cluster.is_online(&r.node)) {
        let message = format!("Resource '{name}' on node '{}' is still in use.", user.node);
        return Err(super::removal::in_use(message, name, &user.node));
    }
    let sites = progress::sites(cluster, &definition);
    if !sites.is_empty() {
        call.done(code::DELETED, format!("Resource definition '{name}' marked for deletion."));
        progress::definition_leaves(call, &definition, &sites);
    }
    if cluster.remove_definition(&key)? {
        let entry = call.done(code::DELETED, format!("Resource definition '{name}' deleted."));
        entry.details(format!("Resource definition '{name}' UUID was: {}", definition.uuid));
    }
    Ok(())
}
