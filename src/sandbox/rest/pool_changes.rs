//! `/v1/nodes/{node}/storage-pools`: pools made, changed and deleted. Recording: 03_storage_pools.

use super::json::{self, MALFORMED};
use super::pools;
use super::properties::{self, PropsBody};
use super::reply::{Call, Object, Op};
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::name::Key;
use crate::sandbox::model::pool::{FOLDER, Pool, PoolKind};
use crate::sandbox::model::props::{Changes, GivenProps};
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new()
        .route("/v1/nodes/{node}/storage-pools", get(pools::of_node).post(create))
        .route("/v1/nodes/{node}/storage-pools/{pool}", get(pools::single).put(modify).delete(remove))
}

/// Kinds that LINSTOR has and the sandbox's satellites do not.
const UNSUPPORTED: [&str; 9] =
    ["DISKLESS", "LVM", "LVM_THIN", "ZFS", "ZFS_THIN", "SPDK", "REMOTE_SPDK", "STORAGE_SPACES", "STORAGE_SPACES_THIN"];

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PoolCreate {
    storage_pool_name: String,
    provider_kind: String,
    props: GivenProps,
    #[serde(rename = "node_name")]
    _node_name: Option<IgnoredAny>,
    #[serde(rename = "shared_space")]
    _shared_space: Option<IgnoredAny>,
    #[serde(rename = "external_locking")]
    _external_locking: Option<IgnoredAny>,
}

fn about(node: &str, pool: &str) -> String {
    format!("Node: {node}, Storage pool name: {pool}")
}

fn call_about(op: Op, node: &str, pool: &str) -> Call {
    // Recorded: refusals of a new pool have no details.
    let details = if op == Op::Create { String::new() } else { about(node, pool) };
    Call::new(op, Object::StoragePool, details).about("StorPoolDfn", pool).about("Node", node)
}

async fn create(State(cluster): State<SharedCluster>, Path(node): Path<String>, body: Bytes) -> Response {
    let body: PoolCreate = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    let kind = match body.provider_kind.as_str() {
        "FILE_THIN" => Ok(PoolKind::FileThin),
        "FILE" => Ok(PoolKind::File),
        other if UNSUPPORTED.contains(&other) => {
            let message = format!("The satellite does not support the device provider {other}");
            Err(Fault::new(code::UNSUPPORTED_PROVIDER, message))
        }
        other => {
            let mut call = Call::new(Op::None, Object::None, "");
            let message = format!("Given provider kind '{other}' is invalid");
            call.refuse_unreported(Fault::new(code::INVALID_LAYER, message));
            return (StatusCode::BAD_REQUEST, Json(call.entries())).into_response();
        }
    };
    let call = call_about(Op::Create, &node, &body.storage_pool_name);
    cluster.change(StatusCode::CREATED, call, move |cluster, call| add(cluster, call, &node, body, kind)).await
}

fn add(
    cluster: &mut Cluster,
    call: &mut Call,
    node: &str,
    body: PoolCreate,
    kind: Result<PoolKind, Fault>,
) -> Result<(), Fault> {
    let name = body.storage_pool_name;
    let owner = cluster.node(node)?;
    let kind = kind?;
    if owner.pool(&name).is_some() {
        return Err(Fault::new(code::POOL_EXISTS, format!("{} already exists.", about(node, &name))));
    }
    let folder = body.props.pairs().find(|(key, _)| ["StorDriver/FileDir", FOLDER].contains(&key.as_str()));
    let Some(folder) = folder.map(|(_, folder)| folder.clone()) else {
        return Err(Fault::new(code::UNKNOWN, format!("({node}) Failed to apply storage pool changes")).reported());
    };
    let size_kib = owner.pools.first().map_or(0, |pool| pool.size_kib);
    let pool = Pool::new(&name, kind, size_kib, &folder);
    let uuid = pool.uuid.clone();
    cluster.add_pool(&Key::of(node), pool);
    call.done(code::CREATED, format!("Successfully set property key(s): {FOLDER}"));
    let entry = call.done(code::CREATED, format!("New storage pool '{name}' on node '{node}' registered."));
    entry.details(format!("Storage pool '{name}' on node '{node}' UUID is: {uuid}")).with("UUID", uuid);
    applied(cluster, call, node, &name);
    Ok(())
}

fn applied(cluster: &Cluster, call: &mut Call, node: &str, pool: &str) {
    if !cluster.is_online(node) {
        return call.warn_offline(node);
    }
    call.done(code::MODIFIED, format!("({node}) Changes applied to storage pool '{pool}' of node '{node}'"));
    call.done(code::MODIFIED, format!("Storage pool updated on '{node}'"));
}

async fn modify(
    State(cluster): State<SharedCluster>,
    Path((node, pool)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let changes: Changes = match json::read::<PropsBody>(&body, MALFORMED) {
        Ok(body) => body.into(),
        Err(unreadable) => return unreadable.into_response(),
    };
    let call = call_about(Op::Modify, &node, &pool);
    let work = move |cluster: &mut Cluster, call: &mut Call| {
        cluster.node(&node)?;
        let found = cluster.nodes.get_mut(&Key::of(&node)).and_then(|node| node.pool_mut(&pool));
        let missing = || Fault::new(code::NO_POOL, format!("Storage pool '{pool}' on node '{node}' not found."));
        let found = found.ok_or_else(missing)?;
        let what = format!("storage pool '{pool}' on node '{node}'");
        properties::change(call, &mut found.props, &changes, Object::StoragePool, &what)?;
        let entry = call.done(code::MODIFIED, format!("Storage pool '{pool}' on node '{node}' modified."));
        let uuid = found.uuid.clone();
        entry.details(format!("Storage pool '{pool}' on node '{node}' UUID is: {uuid}")).with("UUID", uuid);
        applied(cluster, call, &node, &pool);
        Ok(())
    };
    cluster.change(StatusCode::OK, call, work).await
}

async fn remove(State(cluster): State<SharedCluster>, Path((node, pool)): Path<(String, String)>) -> Response {
    let call = call_about(Op::Delete, &node, &pool);
    cluster.change(StatusCode::OK, call, move |cluster, call| take(cluster, call, &node, &pool)).await
}

fn take(cluster: &mut Cluster, call: &mut Call, node: &str, pool: &str) -> Result<(), Fault> {
    let what = call.context().to_owned();
    let Some(found) = cluster.node(node).ok().and_then(|node| node.pool(pool)) else {
        let message = format!("Deletion of storage pool '{pool}' on node '{node}' had no effect.");
        let entry = call.warn(code::NOT_FOUND, message);
        entry.cause(format!("Storage pool '{pool}' on node '{node}' does not exist.")).details(what);
        return Ok(());
    };
    let uuid = found.uuid.clone();
    let users = cluster.users_of_pool(&Key::of(node), pool);
    if !users.is_empty() {
        let message = format!(
            "The specified storage pool '{pool}' on node '{node}' can not be deleted as volumes / snapshot-volumes are \
             still using it."
        );
        let list: Vec<String> = users.iter().map(|user| format!("   Node name: '{node}', {user}")).collect();
        let details =
            format!("Volumes / snapshot-volumes that are still using the storage pool: \n{}", list.join("\n"));
        let fault = Fault::new(code::IN_USE, message).detailed(details);
        return Err(fault.advise("Delete the listed volumes and snapshot-volumes first.").reported());
    }
    cluster.take_pool(&Key::of(node), pool);
    call.done(code::DELETED, format!("{what} deleted.")).details(format!("{what} UUID was: {uuid}")).with("UUID", uuid);
    Ok(())
}
