//! `/v1/resource-definitions/{definition}/resources`: resources on named nodes, made and deleted.

use super::available::{self, NewResource};
use super::json::{self, MALFORMED};
use super::progress;
use super::properties;
use super::query::Params;
use super::reply::{Call, Object, Op};
use super::view;
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::layer::Layer;
use crate::sandbox::model::name::Key;
use crate::sandbox::model::node::DISKLESS_POOL;
use crate::sandbox::model::props::{Changes, GivenProps, POOL_NAME};
use crate::sandbox::model::resource::Kind;
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new()
        .route("/v1/resource-definitions/{definition}/resources", get(list).post(create_list))
        .route("/v1/resource-definitions/{definition}/resources/{node}", get(single).post(create).put(modify))
}

async fn list(State(cluster): State<SharedCluster>, Path(name): Path<String>, params: Params) -> Response {
    cluster
        .look(move |cluster| {
            let definition = cluster.definition(&name)?;
            params.page(definition.resources.values(), |r| view::render(cluster, definition, r).done())
        })
        .await
}

async fn single(State(cluster): State<SharedCluster>, Path((name, node)): Path<(String, String)>) -> Response {
    cluster
        .look(move |cluster| {
            let definition = cluster.definition(&name)?;
            let missing = || Fault::new(code::NO_RESOURCE, format!("Resource '{name}' on '{node}' not found."));
            definition.on(&node).map(|resource| view::render(cluster, definition, resource).done()).ok_or_else(missing)
        })
        .await
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ResourceCreate {
    resource: Wanted,
    layer_list: Option<Vec<String>>,
    #[serde(rename = "drbd_node_id")]
    _drbd_node_id: Option<IgnoredAny>,
    #[serde(rename = "drbd_tcp_port_count")]
    _drbd_tcp_port_count: Option<IgnoredAny>,
    #[serde(rename = "drbd_tcp_ports")]
    _drbd_tcp_ports: Option<IgnoredAny>,
    #[serde(rename = "snap_names")]
    _snap_names: Option<IgnoredAny>,
    #[serde(rename = "copy_all_snaps")]
    _copy_all_snaps: Option<IgnoredAny>,
    #[serde(rename = "drbd_client")]
    _drbd_client: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    #[serde(rename = "name")]
    _name: Option<IgnoredAny>,
    node_name: String,
    props: GivenProps,
    flags: Vec<String>,
    #[serde(rename = "effective_props")]
    _effective_props: Option<IgnoredAny>,
    #[serde(rename = "layer_object")]
    _layer_object: Option<IgnoredAny>,
    #[serde(rename = "state")]
    _state: Option<IgnoredAny>,
    #[serde(rename = "uuid")]
    _uuid: Option<IgnoredAny>,
    #[serde(rename = "create_timestamp")]
    _create_timestamp: Option<IgnoredAny>,
}

async fn create_list(State(cluster): State<SharedCluster>, Path(name): Path<String>, body: Bytes) -> Response {
    match json::read::<Vec<ResourceCreate>>(&body, MALFORMED) {
        Ok(wanted) => create_all(&cluster, name, wanted).await,
        Err(unreadable) => unreadable.into_response(),
    }
}

async fn create(
    State(cluster): State<SharedCluster>,
    Path((name, node)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    match json::read::<ResourceCreate>(&body, MALFORMED) {
        Ok(mut wanted) => {
            wanted.resource.node_name = node;
            create_all(&cluster, name, vec![wanted]).await
        }
        Err(unreadable) => unreadable.into_response(),
    }
}

async fn create_all(cluster: &SharedCluster, name: String, wanted: Vec<ResourceCreate>) -> Response {
    let nodes: Vec<String> = wanted.iter().map(|one| format!("'{}'", one.resource.node_name)).collect();
    let details = format!("Node(s): {}, Resource: '{name}'", nodes.join(", "));
    let call = Call::new(Op::Create, Object::Resource, details).about("RscDfn", name.clone());
    let work = move |cluster: &mut Cluster, call: &mut Call| {
        for one in &wanted {
            // Recorded: an unknown node is refused before the call is about anything.
            cluster.node(&one.resource.node_name).inspect_err(|_| *call = Call::new(Op::None, Object::None, ""))?;
        }
        wanted.into_iter().try_for_each(|one| create_resource(cluster, call, &name, one))
    };
    cluster.change(StatusCode::CREATED, call, work).await
}

fn create_resource(cluster: &mut Cluster, call: &mut Call, name: &str, one: ResourceCreate) -> Result<(), Fault> {
    let definition = cluster.definition(name)?;
    let (key, name) = (Key::of(&definition.name), definition.name.clone());
    let node = cluster.node(&one.resource.node_name)?;
    let (node_key, node_name) = (Key::of(&node.name), node.name.clone());
    if definition.resources.contains_key(&node_key) {
        let details = call.context().to_owned();
        let entry =
            call.info(code::RESOURCE_EXISTS, format!("A resource '{name}' on node '{node_name}' already exists."));
        entry.cause("Resource already exists").details(details);
        return Ok(());
    }
    let pool = one.resource.props.pairs().find(|(key, _)| *key == POOL_NAME).map(|(_, pool)| pool.clone());
    let known = |pool: &String| {
        Key::of(pool) == Key::of(DISKLESS_POOL) || cluster.nodes.values().any(|node| node.pool(pool).is_some())
    };
    if let Some(pool) = pool.as_ref().filter(|pool| !known(pool)) {
        return Err(no_pool_definition(pool));
    }
    if let Some(pool) =
        pool.as_ref().filter(|pool| Key::of(pool) != Key::of(DISKLESS_POOL) && node.pool(pool).is_none())
    {
        return Err(Fault::new(code::NO_POOL, format!("Storage pool '{pool}' on node '{node_name}' not found.")));
    }
    let layers = match &one.layer_list {
        Some(names) if !names.is_empty() => Layer::stack(names)?,
        _ => definition.stack(),
    };
    let flagged = one.resource.flags.iter().any(|flag| flag == "DISKLESS" || flag == "DRBD_DISKLESS");
    let diskless = flagged || pool.as_ref().is_some_and(|pool| Key::of(pool) == Key::of(DISKLESS_POOL));
    if diskless && !layers.contains(&Layer::Drbd) {
        let message = "The given storage pool is a diskless storage pool, but no layer from the given layer-list supports diskless storage pools.";
        return Err(Fault::new(code::INVALID_LAYER_STACK, message).reported());
    }
    let kind = if diskless { Kind::Client } else { Kind::Diskful };
    let new = NewResource { kind, layers, says_pool: pool.is_some(), pool: pool.clone() };
    available::add(cluster, call, &key, &node_key, new)?;
    let changes = Changes::setting(one.resource.props);
    if let Some(resource) = cluster.resource_mut(&key, &node_key) {
        changes.apply(&mut resource.props, &format!("resource '{name}'"))?;
        if pool.is_none() && kind == Kind::Diskful {
            // Recorded: where no pool was given none is noted.
            resource.props.remove(POOL_NAME);
        }
    }
    Ok(())
}

fn no_pool_definition(pool: &str) -> Fault {
    Fault::new(code::NO_POOL_DEFINITION, format!("Storage pool definition '{pool}' not found."))
        .because(format!("The specified storage pool definition '{pool}' could not be found in the database"))
        .advise(format!("Create a storage pool definition '{pool}' first."))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ResourceModify {
    override_props: GivenProps,
    delete_props: Vec<String>,
    delete_namespaces: Vec<String>,
    #[serde(rename = "drbd_tiebreaker")]
    _drbd_tiebreaker: Option<IgnoredAny>,
    #[serde(rename = "drbd_client")]
    _drbd_client: Option<IgnoredAny>,
}

/// What an answer about one resource refers to.
pub fn call_about(op: Op, name: &str, node: &str) -> Call {
    Call::new(op, Object::Resource, format!("Node: {node}, Resource: {name}")).about("RscDfn", name).about("Node", node)
}

async fn modify(
    State(cluster): State<SharedCluster>,
    Path((name, node)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let body: ResourceModify = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    let changes =
        Changes { set: body.override_props, delete: body.delete_props, delete_namespaces: body.delete_namespaces };
    let call = call_about(Op::Modify, &name, &node);
    let work = move |cluster: &mut Cluster, call: &mut Call| {
        let key = Key::of(&cluster.definition(&name)?.name);
        let missing = || Fault::new(code::NO_RESOURCE, format!("Resource '{name}' on '{node}' not found."));
        let resource = cluster.resource_mut(&key, &Key::of(&node)).ok_or_else(missing)?;
        properties::change(call, &mut resource.props, &changes, Object::Resource, &format!("resource '{name}'"))?;
        let entry = call.done(code::MODIFIED, format!("Resource '{name}' on node '{node}' modified."));
        entry
            .details(format!("Resource '{name}' on node '{node}' UUID is: {}", resource.uuid))
            .with("UUID", resource.uuid.clone());
        let Some(definition) = cluster.definitions.get(&key) else { return Ok(()) };
        for site in progress::sites(cluster, definition) {
            if site.online { progress::adjusted(call, definition, &site) } else { call.warn_offline(&site.node) }
        }
        cluster.adjust(&key).map_err(|error| Fault::backing(&error))
    };
    cluster.change(StatusCode::OK, call, work).await
}
