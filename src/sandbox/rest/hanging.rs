//! What a frozen node does to requests, until LINSTOR notices: whatever needs its satellite waits.

use super::Roles;
use super::query::Params;
use super::reply::http_refusal;
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use percent_encoding::percent_decode_str;
use tokio::time::{Instant, sleep_until};

/// Lets a request wait for the satellites that it needs. A view of resources is given up on when the wait is over
/// (recorded: 500 after 6.9 s); a change goes on, with the node OFFLINE.
pub async fn wait(State(cluster): State<SharedCluster>, params: Params, request: Request, next: Next) -> Response {
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
    let (method, views) = (request.method().clone(), path == VIEW);
    let hang = cluster.run(Roles::Aside, move |cluster| hangs_until(cluster, &method, &path, &params)).await;
    // A cluster that can't be asked answers the request itself with what is wrong.
    if let Ok(Some(until)) = hang {
        sleep_until(until).await;
        if views {
            let message = "An unknown error occurred: a satellite does not answer.".to_owned();
            return http_refusal(StatusCode::INTERNAL_SERVER_ERROR, message);
        }
    }
    next.run(request).await
}

const VIEW: &str = "/v1/view/resources";
const POOLS: &str = "/v1/view/storage-pools";

/// Until when the nodes hang that a request needs; `None` where it needs none that does.
fn hangs_until(cluster: &Cluster, method: &Method, path: &str, params: &Params) -> Option<Instant> {
    let hung = cluster.nodes.values().filter(|node| needs(cluster, &node.name, method, path, params));
    hung.filter_map(|node| node.hangs_until()).max()
}

/// Does a request need a node's satellite?
fn needs(cluster: &Cluster, node: &str, method: &Method, path: &str, params: &Params) -> bool {
    let parts: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
    let has = |definition: &str| cluster.definition(definition).is_ok_and(|definition| definition.on(node).is_some());
    match (method, parts.as_slice()) {
        (&Method::GET, _) if path == VIEW => {
            let mut chosen = cluster.definitions.values().filter(|d| params.lets("resources", &d.name));
            params.lets("nodes", node) && chosen.any(|definition| definition.on(node).is_some())
        }
        (&Method::GET, _) if path == POOLS => params.lets("nodes", node) && !params.is_set("cached"),
        (&Method::GET, _) => false,
        // A resource that is there is available, whatever its node does.
        (_, ["resource-definitions", name, "resources", on, "make-available"]) => {
            on.eq_ignore_ascii_case(node) && !has(name)
        }
        (_, ["resource-definitions", name, "resources", on, ..]) => has(name) || on.eq_ignore_ascii_case(node),
        (_, ["resource-definitions", _, "autoplace"] | ["resource-groups", _, "spawn"]) => true,
        (_, ["actions", "snapshot", "multi"]) => true,
        (_, ["resource-definitions", name, ..]) => has(name),
        _ => false,
    }
}
