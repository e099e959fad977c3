//! `/v1/controller`, `/health`: the version and the controller's properties.

use super::json::{self, Fields, MALFORMED};
use super::properties::PropsBody;
use super::reply::{Call, Object, Op, Severity};
use crate::sandbox::model::SharedCluster;
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::props::Changes;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};

/// The LINSTOR whose answers were recorded.
const VERSION: &str = "1.33.3";
/// The REST API that it speaks.
const REST_API_VERSION: &str = "1.27.0";

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new()
        .route("/health", get(|| async { StatusCode::OK }))
        .route("/v1/controller/version", get(version))
        .route("/v1/controller/properties", get(list).post(modify))
        .route("/v1/controller/properties/{*key}", delete(remove))
}

async fn version() -> Response {
    let fields = Fields::new()
        .with("version", VERSION)
        .with("git_hash", "linflow-sandbox")
        .with("build_time", "2026-01-01T00:00:00+00:00")
        .with("rest_api_version", REST_API_VERSION);
    Json(fields.done()).into_response()
}

async fn list(State(cluster): State<SharedCluster>) -> Response {
    cluster.look_aside(|cluster| Ok(serde_json::json!(cluster.props))).await
}

async fn modify(State(cluster): State<SharedCluster>, body: Bytes) -> Response {
    let changes: Changes = match json::read::<PropsBody>(&body, MALFORMED) {
        Ok(body) => body.into(),
        Err(unreadable) => return unreadable.into_response(),
    };
    let call = Call::new(Op::Create, Object::Controller, "Controller");
    let work = move |cluster: &mut crate::sandbox::model::Cluster, call: &mut Call| {
        changes.apply(&mut cluster.props, "the controller").map_err(as_controller)?;
        for (key, value) in changes.set.pairs() {
            call.done(code::CREATED, format!("Successfully set property '{key}' to value '{value}'"));
        }
        for key in &changes.delete {
            call.entry(Severity::Success, Op::Delete, Object::Controller, code::DELETED, deleted(key));
        }
        for node in cluster.nodes.values().filter(|node| node.is_online()) {
            let message = format!("({}) Controller properties applied", node.name);
            call.entry(Severity::Info, Op::Modify, Object::Controller, 0, message);
        }
        Ok(())
    };
    cluster.change_aside(StatusCode::CREATED, call, work).await
}

async fn remove(State(cluster): State<SharedCluster>, Path(key): Path<String>) -> Response {
    let call = Call::new(Op::Delete, Object::Controller, "Controller");
    let changes = Changes { delete: vec![key.clone()], ..Changes::default() };
    let work = move |cluster: &mut crate::sandbox::model::Cluster, call: &mut Call| {
        changes.apply(&mut cluster.props, "the controller")?;
        call.done(code::DELETED, deleted(&key));
        Ok(())
    };
    cluster.change_aside(StatusCode::OK, call, work).await
}

fn deleted(key: &str) -> String {
    format!("Successfully deleted property '{key}'")
}

/// The controller words an unknown key differently and writes no report.
fn as_controller(fault: Fault) -> Fault {
    if fault.code == code::INVALID_PROPERTY && fault.cause.ends_with("is not whitelisted.") {
        return Fault::new(fault.code, fault.cause.trim_end_matches('.'));
    }
    fault
}
