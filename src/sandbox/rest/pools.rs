//! Storage pools, of one node and of all.

use super::json::Fields;
use super::query::Params;
use super::reply;
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::name::Key;
use crate::sandbox::model::node::{DISKLESS_POOL, Node};
use crate::sandbox::model::props::Props;
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new()
        .route("/v1/view/storage-pools", get(view))
        .route("/v1/nodes/{node}/storage-pools", get(of_node))
        .route("/v1/nodes/{node}/storage-pools/{pool}", get(single))
        .route("/v1/storage-pool-definitions", get(definitions))
        .route("/v1/stats/storage-pools", get(count))
}

/// A pool, its name and its properties, to be filtered before it is rendered.
struct PoolView<'a> {
    node: &'a Node,
    name: &'a str,
    props: Props,
    diskless: bool,
}

/// Diskless pools first, then the others, each in the order of nodes: as LINSTOR lists them.
fn pools(cluster: &Cluster) -> Vec<PoolView<'_>> {
    let diskless = |node| PoolView { node, name: DISKLESS_POOL, props: Props::new(), diskless: true };
    let thin = |node| PoolView { node, name: node.pool.name.as_str(), props: thin_props(node), diskless: false };
    cluster.nodes.values().map(diskless).chain(cluster.nodes.values().map(thin)).collect()
}

fn thin_props(node: &Node) -> Props {
    let props =
        [("StorDriver/StorPoolName", node.pool.folder.as_str()), ("StorDriver/internal/AllocationGranularity", "1")];
    props.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

async fn view(State(cluster): State<SharedCluster>, params: Params) -> Response {
    cluster
        .look(move |cluster| {
            let chosen = pools(cluster).into_iter().filter(|pool| {
                params.lets("nodes", &pool.node.name)
                    && params.lets("storage_pools", pool.name)
                    && params.lets_props(&pool.props)
            });
            Ok(Value::Array(params.page(chosen.map(|pool| render(cluster, &pool)).collect())?))
        })
        .await
}

async fn of_node(State(cluster): State<SharedCluster>, Path(node): Path<String>, params: Params) -> Response {
    cluster
        .look(move |cluster| {
            let node = cluster.node(&node)?;
            let pools =
                pools(cluster).into_iter().filter(|p| p.node.name == node.name && params.lets("storage_pools", p.name));
            Ok(Value::Array(params.page(pools.map(|pool| render(cluster, &pool)).collect())?))
        })
        .await
}

async fn single(State(cluster): State<SharedCluster>, Path((node, pool)): Path<(String, String)>) -> Response {
    cluster
        .look(move |cluster| {
            let name = &cluster.node(&node)?.name;
            let found = pools(cluster).into_iter().find(|p| p.node.name == *name && Key::of(p.name) == Key::of(&pool));
            let missing = || Fault::new(code::NO_POOL, format!("Storage pool '{pool}' on node '{node}' not found."));
            found.map(|pool| render(cluster, &pool)).ok_or_else(missing)
        })
        .await
}

async fn definitions(State(cluster): State<SharedCluster>) -> Response {
    cluster
        .look(|cluster| {
            let mut names = vec!["DfltStorPool"];
            names.extend(cluster.nodes.values().next().map(|node| node.pool.name.as_str()));
            Ok(names.iter().map(|name| json!({"storage_pool_name": name})).collect())
        })
        .await
}

async fn count(State(cluster): State<SharedCluster>) -> Response {
    cluster.look(|cluster| Ok(json!({"count": pools(cluster).len()}))).await
}

fn render(cluster: &Cluster, pool: &PoolView<'_>) -> Value {
    let (node, diskless) = (pool.node, pool.diskless);
    let traits = if diskless {
        json!({"SupportsSnapshots": "false"})
    } else {
        json!({"Provisioning": "Thin", "SupportsSnapshots": "false"})
    };
    let fields = Fields::new()
        .with("storage_pool_name", pool.name)
        .with("node_name", &node.name)
        .with("provider_kind", if diskless { "DISKLESS" } else { "FILE_THIN" })
        .with("props", &pool.props)
        .with("static_traits", traits);
    let fields = match (node.is_online(), diskless) {
        (false, _) => fields.with("reports", reply::offline_report(&node.name)),
        (true, true) => fields.with("free_capacity", i64::MAX).with("total_capacity", i64::MAX),
        (true, false) => {
            fields.with("free_capacity", cluster.free_kib(node)).with("total_capacity", node.pool.size_kib)
        }
    };
    fields
        .with("free_space_mgr_name", format!("{};{}", node.name, pool.name))
        .with("uuid", if diskless { &node.diskless_pool_uuid } else { &node.pool.uuid })
        .kept("supports_snapshots", false)
        .kept("external_locking", false)
        .done()
}
