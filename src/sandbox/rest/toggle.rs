//! `toggle-disk`: a diskless resource gets a disk, a replica loses its own. Recordings: d11, 08_resources.

use super::available::find_pool;
use super::json::{self, MALFORMED};
use super::progress::{self, Site};
use super::reply::{Call, Object, Op, Severity};
use super::resources::call_about;
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::name::Key;
use crate::sandbox::model::resource::Resource;
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The routes of this file: one path for all of it since API 1.28, one for each way before.
pub fn routes() -> Router<SharedCluster> {
    let at = "/v1/resource-definitions/{definition}/resources/{node}/toggle-disk";
    Router::new()
        .route(at, put(by_operation))
        .route(&format!("{at}/diskful"), put(diskful))
        .route(&format!("{at}/diskful/{{pool}}"), put(diskful_in))
        .route(&format!("{at}/diskless"), put(diskless))
        .route(&format!("{at}/diskless/{{pool}}"), put(diskless_in))
}

type Named = (String, String);

async fn diskful(State(cluster): State<SharedCluster>, Path(which): Path<Named>) -> Response {
    add(cluster, which, None).await
}

async fn diskful_in(State(cluster): State<SharedCluster>, Path(which): Path<(String, String, String)>) -> Response {
    add(cluster, (which.0, which.1), Some(which.2)).await
}

async fn diskless(State(cluster): State<SharedCluster>, Path(which): Path<Named>) -> Response {
    drop_disk(cluster, which).await
}

/// The sandbox has one diskless pool, whatever is named.
async fn diskless_in(State(cluster): State<SharedCluster>, Path(which): Path<(String, String, String)>) -> Response {
    drop_disk(cluster, (which.0, which.1)).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Toggle {
    operation: Operation,
    storage_pool: Option<String>,
    #[serde(rename = "migrate_from")]
    _migrate_from: Option<IgnoredAny>,
    #[serde(rename = "layer_list")]
    _layer_list: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
enum Operation {
    #[default]
    #[serde(rename = "INTO_DRBD_DISKFUL")]
    Diskful,
    #[serde(rename = "INTO_DRBD_CLIENT")]
    Client,
    #[serde(rename = "INTO_DRBD_DISKLESS")]
    Diskless,
}

async fn by_operation(State(cluster): State<SharedCluster>, Path(which): Path<Named>, body: Bytes) -> Response {
    match json::read_or_default::<Toggle>(&body, MALFORMED) {
        Ok(Toggle { operation: Operation::Diskful, storage_pool, .. }) => add(cluster, which, storage_pool).await,
        Ok(_) => drop_disk(cluster, which).await,
        Err(unreadable) => unreadable.into_response(),
    }
}

fn find(cluster: &Cluster, (name, node): (&str, &str)) -> Result<(Key, Key, Resource), Fault> {
    let definition = cluster.definition(name)?;
    let missing = || Fault::new(code::NO_RESOURCE, format!("Resource '{name}' on '{node}' not found."));
    let resource = definition.on(&cluster.node(node)?.name).ok_or_else(missing)?;
    Ok((Key::of(&definition.name), Key::of(&resource.node), resource.clone()))
}

async fn add(cluster: SharedCluster, (name, node): Named, pool: Option<String>) -> Response {
    let call = call_about(Op::Modify, &name, &node);
    let work = move |cluster: &mut Cluster, call: &mut Call| add_disk(cluster, call, (&name, &node), pool);
    cluster.change(StatusCode::OK, call, work).await
}

fn add_disk(cluster: &mut Cluster, call: &mut Call, which: (&str, &str), pool: Option<String>) -> Result<(), Fault> {
    let (key, node, resource) = find(cluster, which)?;
    if !resource.is_diskless() {
        let details = call.context().to_owned();
        call.warn(code::HAS_DISK, "Resource already has disk").details(details);
        return Ok(());
    }
    let definition = cluster.definition(which.0)?;
    let pool = match pool {
        Some(pool) if cluster.node(which.1)?.pool(&pool).is_some() => pool,
        Some(pool) => {
            let message = format!("Storage pool '{pool}' on node '{}' not found.", which.1);
            return Err(Fault::new(code::NO_POOL, message));
        }
        None => find_pool(cluster, definition, &node, which.1)?,
    };
    cluster.toggle_diskful(&key, &node, &pool)?;
    let changes = cluster.keep_quorum(&key)?;
    let Some(definition) = cluster.definitions.get(&key) else { return Ok(()) };
    for _ in 0..2 {
        call.entry(Severity::Success, Op::Create, Object::Resource, code::CREATED, progress::STOR_POOL_SET);
    }
    let name = &definition.name;
    call.done(code::MODIFIED, format!("Addition of disk to resource '{name}' on node '{}' registered", resource.node));
    progress::auto_changes(call, name, &changes);
    let sites = progress::sites(cluster, definition);
    let (own, peers) = split(&sites, &resource.node);
    own.iter().for_each(|site| progress::adjusted(call, definition, site));
    for peer in &peers {
        progress::adjusted(call, definition, peer);
        call.done(code::MODIFIED, format!("Prepared '{}' to expect disk on '{}'", peer.node, resource.node));
    }
    peers.iter().for_each(|peer| progress::adjusted(call, definition, peer));
    for site in own {
        progress::volumes(call, definition, site, code::CREATED);
        progress::adjusted(call, definition, site);
        call.done(code::MODIFIED, format!("Added disk on '{}'", site.node));
    }
    Ok(())
}

fn split<'a>(sites: &'a [Site], node: &str) -> (Vec<&'a Site>, Vec<&'a Site>) {
    sites.iter().filter(|site| site.online).partition(|site| site.node == node)
}

async fn drop_disk(cluster: SharedCluster, (name, node): Named) -> Response {
    let call = call_about(Op::Modify, &name, &node);
    let work = move |cluster: &mut Cluster, call: &mut Call| remove_disk(cluster, call, (&name, &node));
    cluster.change(StatusCode::OK, call, work).await
}

fn remove_disk(cluster: &mut Cluster, call: &mut Call, which: (&str, &str)) -> Result<(), Fault> {
    let (key, node, resource) = find(cluster, which)?;
    if resource.is_diskless() {
        let details = call.context().to_owned();
        call.warn(code::HAS_NO_DISK, "Resource already diskless").details(details);
        return Ok(());
    }
    let definition = cluster.definition(which.0)?;
    if definition.diskful().filter(|r| cluster.is_online(&r.node)).count() <= 1 {
        let message = "Cannot remove the disk from the only online resource with a disk";
        return Err(Fault::new(code::TOO_FEW_REPLICAS, message));
    }
    if !definition.is_drbd() {
        let message = "Toggle disk is only supported in combination with DRBD";
        return Err(Fault::new(code::INVALID_LAYER_STACK, message));
    }
    cluster.toggle_diskless(&key, &node)?;
    let changes = cluster.keep_quorum(&key)?;
    let Some(definition) = cluster.definitions.get(&key) else { return Ok(()) };
    call.entry(Severity::Success, Op::Create, Object::Resource, code::CREATED, progress::STOR_POOL_SET);
    let (name, on) = (&definition.name, &resource.node);
    call.done(code::MODIFIED, format!("Removal of disk from resource '{name}' on node '{on}' registered"));
    progress::auto_changes(call, name, &changes);
    let sites = progress::sites(cluster, definition);
    let (own, peers) = split(&sites, on);
    peers.iter().chain(&own).for_each(|site| progress::adjusted(call, definition, site));
    call.done(code::MODIFIED, format!("Removed disk on '{on}'"));
    for peer in peers {
        progress::adjusted(call, definition, peer);
        call.done(code::MODIFIED, format!("Notified '{}' that disk has been removed on '{on}'", peer.node));
    }
    own.iter().for_each(|site| progress::adjusted(call, definition, site));
    Ok(())
}
