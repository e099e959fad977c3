//! The admin endpoint: faults and node failures for scripts (docs/faults.md).

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;

use super::{Action, Faults, Rule, RuleId};

/// What can happen to a simulated node. Calls may block. An error says why it could not happen, such as an unknown
/// node.
pub trait NodeFaults: Send + Sync + 'static {
    /// Power is gone: the node is OFFLINE at once and its replicas are away.
    fn crash(&self, node: &str) -> Result<(), String>;
    /// The node stops answering, but may still write.
    fn freeze(&self, node: &str) -> Result<(), String>;
    /// A frozen node goes on.
    fn thaw(&self, node: &str) -> Result<(), String>;
    /// A crashed node comes back, and its replicas resync.
    fn restore(&self, node: &str) -> Result<(), String>;
}

/// `/sandbox/faults`: GET lists, POST adds, DELETE takes all away; `DELETE /sandbox/faults/{id}` takes one away.
pub fn admin_router(faults: Faults) -> Router {
    Router::new()
        .route("/sandbox/faults", get(list).post(add).delete(clear))
        .route("/sandbox/faults/{id}", axum::routing::delete(release))
        .with_state(faults)
}

/// `POST /sandbox/nodes/{node}/{crash|freeze|thaw|restore}`.
pub fn node_router(nodes: Arc<dyn NodeFaults>) -> Router {
    Router::new().route("/sandbox/nodes/{node}/{event}", post(befall)).with_state(nodes)
}

async fn list(State(faults): State<Faults>) -> Response {
    Json(faults.list()).into_response()
}

async fn add(State(faults): State<Faults>, Json(rule): Json<Rule>) -> Response {
    if let Action::Refuse { status, .. } | Action::ServerError { status, .. } = rule.then
        && StatusCode::from_u16(status).is_err()
    {
        return refuse(StatusCode::BAD_REQUEST, &format!("{status} is no HTTP status; give 100 to 999"));
    }
    (StatusCode::CREATED, Json(json!({ "id": faults.add(rule) }))).into_response()
}

async fn clear(State(faults): State<Faults>) -> StatusCode {
    faults.clear();
    StatusCode::NO_CONTENT
}

async fn release(State(faults): State<Faults>, Path(id): Path<RuleId>) -> Response {
    if faults.release(id) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        refuse(StatusCode::NOT_FOUND, &format!("there is no rule {id}"))
    }
}

async fn befall(State(nodes): State<Arc<dyn NodeFaults>>, Path((node, event)): Path<(String, String)>) -> Response {
    type Event = fn(&dyn NodeFaults, &str) -> Result<(), String>;
    let happen: Event = match event.as_str() {
        "crash" => |nodes, node| nodes.crash(node),
        "freeze" => |nodes, node| nodes.freeze(node),
        "thaw" => |nodes, node| nodes.thaw(node),
        "restore" => |nodes, node| nodes.restore(node),
        _ => return refuse(StatusCode::NOT_FOUND, "a node can crash, freeze, thaw or restore"),
    };
    match tokio::task::spawn_blocking(move || happen(&*nodes, &node)).await {
        Ok(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(reason)) => refuse(StatusCode::CONFLICT, &reason),
        Err(panic) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &panic.to_string()),
    }
}

fn refuse(status: StatusCode, reason: &str) -> Response {
    (status, Json(json!({ "error": reason }))).into_response()
}
