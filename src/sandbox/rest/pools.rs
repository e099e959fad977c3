//! Storage pools, of one node and of all, as they are seen.

use super::json::Fields;
use super::query::Params;
use super::reply;
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::name::Key;
use crate::sandbox::model::node::{DISKLESS_POOL, Node};
use crate::sandbox::model::pool::{Pool, PoolKind};
use crate::sandbox::model::props::Props;
use crate::sandbox::model::space::Rooms;
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new()
        .route("/v1/view/storage-pools", get(view))
        .route("/v1/storage-pool-definitions", get(definitions))
        .route("/v1/stats/storage-pools", get(count))
}

/// A pool of a node; `None` is the diskless one.
type PoolView<'a> = (&'a Node, Option<&'a Pool>);

/// Diskless pools first, then the others, each name in the order of nodes: as LINSTOR lists them.
fn pools(cluster: &Cluster) -> Vec<PoolView<'_>> {
    let diskless = cluster.nodes.values().map(|node| (node, None));
    let mut others: Vec<PoolView<'_>> =
        cluster.nodes.values().flat_map(|node| node.pools.iter().map(move |pool| (node, Some(pool)))).collect();
    others.sort_by_key(|pool| Key::of(name(pool)));
    diskless.chain(others).collect()
}

fn name<'a>(&(_, pool): &PoolView<'a>) -> &'a str {
    pool.map_or(DISKLESS_POOL, |pool| pool.name.as_str())
}

async fn view(State(cluster): State<SharedCluster>, params: Params) -> Response {
    cluster
        .look(move |cluster| {
            let (rooms, none) = (cluster.rooms(), Props::new());
            let chosen = pools(cluster).into_iter().filter(|pool| {
                params.lets("nodes", &pool.0.name)
                    && params.lets("storage_pools", name(pool))
                    && params.lets_props(pool.1.map_or(&none, |pool| &pool.props))
            });
            params.page(chosen, |pool| render(&rooms, pool))
        })
        .await
}

/// `GET /v1/nodes/{node}/storage-pools`.
pub async fn of_node(State(cluster): State<SharedCluster>, Path(node): Path<String>, params: Params) -> Response {
    cluster
        .look(move |cluster| {
            let (node, rooms) = (cluster.node(&node)?, cluster.rooms());
            let pools = pools(cluster).into_iter().filter(|p| p.0.name == node.name);
            let pools = pools.filter(|pool| params.lets("storage_pools", name(pool)));
            params.page(pools, |pool| render(&rooms, pool))
        })
        .await
}

/// `GET /v1/nodes/{node}/storage-pools/{pool}`.
pub async fn single(State(cluster): State<SharedCluster>, Path((node, pool)): Path<(String, String)>) -> Response {
    cluster
        .look(move |cluster| {
            let on = &cluster.node(&node)?.name;
            let mut pools = pools(cluster).into_iter();
            let found = pools.find(|p| p.0.name == *on && Key::of(name(p)) == Key::of(&pool));
            let missing = || Fault::new(code::NO_POOL, format!("Storage pool '{pool}' on node '{node}' not found."));
            found.map(|pool| render(&cluster.rooms(), pool)).ok_or_else(missing)
        })
        .await
}

async fn definitions(State(cluster): State<SharedCluster>) -> Response {
    cluster
        .look(|cluster| {
            let all = cluster.nodes.values().flat_map(|node| &node.pools);
            let names: BTreeMap<Key, &str> = all.map(|pool| (Key::of(&pool.name), pool.name.as_str())).collect();
            let names = std::iter::once("DfltStorPool").chain(names.into_values());
            Ok(names.map(|name| json!({"storage_pool_name": name})).collect())
        })
        .await
}

async fn count(State(cluster): State<SharedCluster>) -> Response {
    cluster.look(|cluster| Ok(json!({"count": pools(cluster).len()}))).await
}

fn render(rooms: &Rooms<'_>, (node, pool): PoolView<'_>) -> Value {
    let traits = match pool.map(|pool| pool.kind) {
        None => json!({"SupportsSnapshots": "false"}),
        Some(PoolKind::FileThin) => json!({"Provisioning": "Thin", "SupportsSnapshots": "true"}),
        Some(PoolKind::File) => json!({"Provisioning": "Fat", "SupportsSnapshots": "true"}),
    };
    let fields = Fields::new()
        .with("storage_pool_name", name(&(node, pool)))
        .with("node_name", &node.name)
        .with("provider_kind", pool.map_or("DISKLESS", |pool| pool.kind.name()))
        .with("props", pool.map(|pool| &pool.props))
        .with("static_traits", traits);
    let fields = match (node.is_online(), pool) {
        (false, _) => fields.with("reports", reply::offline_report(&node.name)),
        (true, None) => fields.with("free_capacity", i64::MAX).with("total_capacity", i64::MAX),
        (true, Some(pool)) => {
            fields.with("free_capacity", rooms.free_kib(node, pool)).with("total_capacity", pool.size_kib)
        }
    };
    fields
        .with("free_space_mgr_name", format!("{};{}", node.name, name(&(node, pool))))
        .with("uuid", pool.map_or(&node.diskless_pool_uuid, |pool| &pool.uuid))
        .kept("supports_snapshots", pool.is_some())
        .kept("external_locking", false)
        .done()
}
