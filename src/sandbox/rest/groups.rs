//! `/v1/resource-groups`: groups and their select filters.

use super::json::{self, Fields, MALFORMED};
use super::progress;
use super::properties::{self, with_props};
use super::query::Params;
use super::reply::{Call, Object, Op};
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::group::{Group, SelectFilter};
use crate::sandbox::model::layer::Layer;
use crate::sandbox::model::name::{Key, check_group};
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
    Router::new()
        .route("/v1/resource-groups", get(list).post(create))
        .route("/v1/resource-groups/{group}", get(single).put(modify).delete(remove))
        .route("/v1/stats/resource-groups", get(count))
}

async fn list(State(cluster): State<SharedCluster>, params: Params) -> Response {
    cluster
        .look(move |cluster| {
            let groups = cluster.groups.values();
            let chosen = groups.filter(|g| params.lets("resource_groups", &g.name) && params.lets_props(&g.props));
            params.page(chosen, render)
        })
        .await
}

async fn single(State(cluster): State<SharedCluster>, Path(name): Path<String>) -> Response {
    cluster
        .look(move |cluster| cluster.group(&name).map(render).map_err(|fault| Fault::new(fault.code, fault.message)))
        .await
}

async fn count(State(cluster): State<SharedCluster>) -> Response {
    cluster.look(|cluster| Ok(json!({"count": cluster.groups.len()}))).await
}

fn render(group: &Group) -> Value {
    let fields = Fields::new().with("name", &group.name).with("description", &group.description);
    with_props(fields, &group.props).with("select_filter", &group.filter).with("uuid", &group.uuid).done()
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct GroupCreate {
    name: String,
    description: String,
    props: GivenProps,
    select_filter: SelectFilter,
    #[serde(rename = "uuid")]
    _uuid: Option<IgnoredAny>,
    #[serde(rename = "peer_slots")]
    _peer_slots: Option<IgnoredAny>,
}

/// What every answer about a group refers to.
fn call_about(op: Op, name: &str) -> Call {
    // Recorded: deleting and modifying a group carry the bits of creating one.
    Call::new(op, Object::Group, format!("Resource group: {name}")).about("RscGrp", name.to_owned())
}

async fn create(State(cluster): State<SharedCluster>, body: Bytes) -> Response {
    let body: GroupCreate = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    if let Some(Err(fault)) = body.select_filter.layer_stack.as_deref().map(Layer::parse) {
        return cluster.look(|_| Err(fault)).await;
    }
    let call = call_about(Op::Create, &body.name);
    cluster.change(StatusCode::CREATED, call, move |cluster, call| create_group(cluster, call, body)).await
}

fn create_group(cluster: &mut Cluster, call: &mut Call, body: GroupCreate) -> Result<(), Fault> {
    let name = body.name;
    check_group(&name)?;
    check_count(&name, &body.select_filter)?;
    if cluster.groups.contains_key(&Key::of(&name)) {
        let message = format!("A Resource group: {name} already exists.");
        return Err(Fault::new(code::GROUP_EXISTS, message).because("The ResourceGroup already exists"));
    }
    // Recorded: the properties of a new group are taken and dropped.
    Changes::setting(body.props).apply(&mut Props::new(), &format!("resource group '{name}'"))?;
    let group = Group::new(&name, &body.description, Props::new(), body.select_filter.normal());
    progress::warn_missing_pools(cluster, call, &group.filter);
    let entry = call.done(code::CREATED, format!("New resource group '{name}' created."));
    entry.details(format!("Resource group '{name}' UUID is: {}", group.uuid)).with("UUID", group.uuid.clone());
    cluster.groups.insert(Key::of(&name), group);
    Ok(())
}

fn check_count(name: &str, filter: &SelectFilter) -> Result<(), Fault> {
    match filter.place_count {
        Some(count) if count < 1 => {
            Err(Fault::new(code::INVALID_PLACE_COUNT, format!("Resource group: {name}, place-count must be positive.")))
        }
        _ => Ok(()),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct GroupModify {
    description: Option<String>,
    override_props: GivenProps,
    delete_props: Vec<String>,
    delete_namespaces: Vec<String>,
    select_filter: Option<SelectFilter>,
    #[serde(rename = "peer_slots")]
    _peer_slots: Option<IgnoredAny>,
    #[serde(rename = "snap_names")]
    _snap_names: Option<IgnoredAny>,
    #[serde(rename = "copy_all_snaps")]
    _copy_all_snaps: Option<IgnoredAny>,
}

async fn modify(State(cluster): State<SharedCluster>, Path(name): Path<String>, body: Bytes) -> Response {
    let body: GroupModify = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    let call = call_about(Op::Create, &name);
    cluster.change(StatusCode::OK, call, move |cluster, call| modify_group(cluster, call, &name, body)).await
}

fn modify_group(cluster: &mut Cluster, call: &mut Call, name: &str, body: GroupModify) -> Result<(), Fault> {
    let changes =
        Changes { set: body.override_props, delete: body.delete_props, delete_namespaces: body.delete_namespaces };
    let group = cluster.group_mut(name)?;
    if let Some(filter) = &body.select_filter {
        check_count(name, filter)?;
        filter.layer_stack.as_deref().map(Layer::parse).transpose()?;
    }
    properties::change(call, &mut group.props, &changes, Object::Definition, &format!("resource group '{name}'"))?;
    if let Some(description) = body.description {
        group.description = description;
    }
    if let Some(filter) = body.select_filter {
        group.filter = filter.over(&group.filter).normal();
    }
    let entry = call.done(code::MODIFIED, format!("Resource group '{}' modified.", group.name));
    entry.details(format!("Resource group '{}' UUID is: {}", group.name, group.uuid)).with("UUID", group.uuid.clone());
    let (group, filter) = (group.name.clone(), group.filter.clone());
    progress::adjust_group(cluster, call, &group, &filter)
}

async fn remove(State(cluster): State<SharedCluster>, Path(name): Path<String>) -> Response {
    let call = call_about(Op::Create, &name);
    cluster.change(StatusCode::OK, call, move |cluster, call| remove_group(cluster, call, &name)).await
}

fn remove_group(cluster: &mut Cluster, call: &mut Call, name: &str) -> Result<(), Fault> {
    check_group(name)?;
    let key = Key::of(name);
    if cluster.definitions.values().any(|definition| Key::of(&definition.group) == key) {
        let message = format!("Cannot delete resource group '{name}' because it has existing resource definitions.");
        return Err(Fault::new(code::DEFINITION_EXISTS, message));
    }
    let Some(group) = cluster.groups.remove(&key) else {
        let details = call.context().to_owned();
        call.warn(code::NOT_FOUND, format!("Resource group: {name} not found.")).details(details);
        return Ok(());
    };
    let entry = call.done(code::DELETED, format!("Resource group '{}' deleted.", group.name));
    entry.details(format!("Resource group '{}' UUID was: {}", group.name, group.uuid)).with("UUID", group.uuid.clone());
    Ok(())
}
