//! `/v1/resource-definitions/{definition}/resources`: resources on named nodes, made and deleted.

use super::available::{self, NewResource};
use super::json::{self, MALFORMED};
use super::progress::{self, Site};
use super::properties;
use super::query::Params;
use super::reply::{Call, Object, Op};
use super::view;
use crate::sandbox::model::definition::{Definition, Layer};
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::name::Key;
use crate::sandbox::model::node::DISKLESS_POOL;
use crate::sandbox::model::props::{AUTO_TIE_BREAKER, Changes, GivenProps, POOL_NAME};
use crate::sandbox::model::resource::{Kind, Resource};
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
use serde_json::Value;

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new().route("/v1/resource-definitions/{definition}/resources", get(list).post(create_list)).route(
        "/v1/resource-definitions/{definition}/resources/{node}",
        get(single).post(create).put(modify).delete(remove),
    )
}

async fn list(State(cluster): State<SharedCluster>, Path(name): Path<String>, params: Params) -> Response {
    cluster
        .look(move |cluster| {
            let definition = cluster.definition(&name)?;
            let all = definition.resources.values().map(|resource| view::render(cluster, definition, resource).done());
            Ok(Value::Array(params.page(all.collect())?))
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
        Err(answer) => answer,
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
        Err(answer) => answer,
    }
}

async fn create_all(cluster: &SharedCluster, name: String, wanted: Vec<ResourceCreate>) -> Response {
    let nodes: Vec<String> = wanted.iter().map(|one| format!("'{}'", one.resource.node_name)).collect();
    if let Some(missing) =
        wanted.iter().find(|one| !cluster.lock().nodes.contains_key(&Key::of(&one.resource.node_name)))
    {
        // Recorded: an unknown node is refused before the call is anything's.
        let node = missing.resource.node_name.clone();
        return cluster.look(move |cluster| cluster.node(&node).map(|_| Value::Null)).await;
    }
    let details = format!("Node(s): {}, Resource: '{name}'", nodes.join(", "));
    let call = Call::new(Op::Create, Object::Resource, details).about("RscDfn", name.clone());
    let work = move |cluster: &mut Cluster, call: &mut Call| {
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
        Key::of(pool) == Key::of(DISKLESS_POOL)
            || cluster.nodes.values().any(|n| Key::of(&n.pool.name) == Key::of(pool))
    };
    if let Some(pool) = pool.as_ref().filter(|pool| !known(pool)) {
        return Err(no_pool_definition(pool));
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
    let new = NewResource { kind, layers, says_pool: pool.is_some() };
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

fn call_about(op: Op, name: &str, node: &str) -> Call {
    Call::new(op, Object::Resource, format!("Node: {node}, Resource: {name}")).about("RscDfn", name).about("Node", node)
}

async fn modify(
    State(cluster): State<SharedCluster>,
    Path((name, node)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let body: ResourceModify = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(answer) => return answer,
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
