//! `/v1/nodes`: the nodes and their properties.

use super::json::{self, Fields, MALFORMED};
use super::properties;
use super::query::Params;
use super::reply::{Call, Object, Op};
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::name::Key;
use crate::sandbox::model::node::Node;
use crate::sandbox::model::props::{Changes, GivenProps};
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
        .route("/v1/nodes", get(list))
        .route("/v1/nodes/{node}", get(single).put(modify))
        .route("/v1/nodes/{node}/net-interfaces", get(interfaces))
        .route("/v1/stats/nodes", get(count))
}

async fn list(State(cluster): State<SharedCluster>, params: Params) -> Response {
    cluster
        .look(move |cluster| {
            let nodes = cluster.nodes.values().filter(|n| params.lets("nodes", &n.name) && params.lets_props(&n.props));
            params.page(nodes, render)
        })
        .await
}

async fn single(State(cluster): State<SharedCluster>, Path(name): Path<String>) -> Response {
    cluster.look(move |cluster| find(cluster, &name).map(render)).await
}

async fn interfaces(State(cluster): State<SharedCluster>, Path(name): Path<String>) -> Response {
    cluster.look(move |cluster| find(cluster, &name).map(|node| json!([interface(node)]))).await
}

async fn count(State(cluster): State<SharedCluster>) -> Response {
    cluster.look(|cluster| Ok(json!({"count": cluster.nodes.len()}))).await
}

/// A single GET says less about a missing node than other calls do.
fn find<'a>(cluster: &'a Cluster, name: &str) -> Result<&'a Node, Fault> {
    cluster.node(name).map_err(|fault| Fault::new(fault.code, fault.message))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NodeModify {
    #[serde(rename = "node_type")]
    _node_type: Option<IgnoredAny>,
    override_props: GivenProps,
    delete_props: Vec<String>,
    delete_namespaces: Vec<String>,
}

async fn modify(State(cluster): State<SharedCluster>, Path(name): Path<String>, body: Bytes) -> Response {
    let body: NodeModify = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    let changes =
        Changes { set: body.override_props, delete: body.delete_props, delete_namespaces: body.delete_namespaces };
    let call = Call::new(Op::Modify, Object::Node, format!("Node: {name}")).about("Node", name.clone());
    let work = move |cluster: &mut Cluster, call: &mut Call| {
        cluster.node(&name)?;
        let Some(node) = cluster.nodes.get_mut(&Key::of(&name)) else { return Ok(()) };
        properties::change(call, &mut node.props, &changes, Object::Node, &format!("node '{name}'"))?;
        let entry = call.done(code::MODIFIED, format!("Node '{}' modified.", node.name));
        entry.details(format!("Node '{}' UUID is: {}", node.name, node.uuid)).with("UUID", node.uuid.clone());
        if node.is_online() {
            call.done(code::MODIFIED, format!("({}) Node changes applied.", node.name));
        } else {
            call.warn_offline(&node.name);
        }
        Ok(())
    };
    cluster.change(StatusCode::OK, call, work).await
}

fn interface(node: &Node) -> Value {
    Fields::new()
        .with("name", "default")
        .with("address", format!("127.0.0.{}", node.number))
        .with("satellite_port", 3366)
        .with("satellite_encryption_type", "PLAIN")
        .kept("is_active", true)
        .with("uuid", &node.interface_uuid)
        .done()
}

fn render(node: &Node) -> Value {
    let online = node.is_online();
    let fields = Fields::new()
        .with("name", &node.name)
        .with("type", "SATELLITE")
        .with("props", &node.props)
        .with("net_interfaces", [interface(node)])
        .with("connection_status", if online { "ONLINE" } else { "OFFLINE" })
        .with("uuid", &node.uuid);
    let evicted_at = node.offline_since_ms.map(|since| since + EVICTED_AFTER_MS);
    with_abilities(fields, online).with("eviction_timestamp", evicted_at).done()
}

/// When LINSTOR would evict a node that is away (recorded: an hour). The sandbox evicts none.
const EVICTED_AFTER_MS: u64 = 3_600_000;

/// What a satellite can do. The sandbox's can do DRBD on files, and say why they can't do the rest; one that is
/// offline is not asked.
fn with_abilities(fields: Fields, online: bool) -> Fields {
    let providers: &[&str] = if online { &["DISKLESS", "FILE_THIN", "FILE"] } else { &["DISKLESS"] };
    let layers: &[&str] =
        if online { &["DRBD", "LUKS", "NVME", "WRITECACHE", "CACHE", "STORAGE"] } else { &["STORAGE"] };
    let reasons =
        |names: &[&str], why: &str| -> Value { names.iter().map(|name| ((*name).to_owned(), json!([why]))).collect() };
    let providers_missing = ["LVM", "SPDK", "STORAGE_SPACES", "ZFS_THIN", "ZFS", "STORAGE_SPACES_THIN", "LVM_THIN"];
    let layers_missing: &[&str] =
        if online { &["BCACHE"] } else { &["LUKS", "NVME", "BCACHE", "WRITECACHE", "CACHE", "DRBD"] };
    let why = if online { "The sandbox does not have it." } else { "No information from satellite yet" };
    fields
        .with("storage_providers", providers)
        .with("resource_layers", layers)
        .with("unsupported_providers", reasons(&providers_missing, why))
        .with("unsupported_layers", reasons(layers_missing, why))
}
