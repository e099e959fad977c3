//! `/v1/key-value-store`.

use super::json::{self, MALFORMED};
use super::properties::PropsBody;
use super::reply::{Call, Object, Op};
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::kv::KeyValueStore;
use crate::sandbox::model::name::check_kv;
use crate::sandbox::model::props::Changes;
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new()
        .route("/v1/key-value-store", get(list))
        .route("/v1/key-value-store/{store}", get(single).put(modify).delete(remove))
}

fn render(store: &KeyValueStore) -> Value {
    json!({"name": store.name, "props": store.props})
}

async fn list(State(cluster): State<SharedCluster>) -> Response {
    cluster.look_aside(|cluster| Ok(cluster.kv.all().map(render).collect())).await
}

/// One store comes as a list of one.
async fn single(State(cluster): State<SharedCluster>, Path(name): Path<String>) -> Response {
    cluster
        .look_aside(move |cluster| {
            check_kv(&name)?;
            let missing = || Fault::new(code::NO_KV, format!("Could not find key value store instance '{name}'."));
            cluster.kv.get(&name).map(|store| json!([render(store)])).ok_or_else(missing)
        })
        .await
}

async fn modify(State(cluster): State<SharedCluster>, Path(name): Path<String>, body: Bytes) -> Response {
    let changes: Changes = match json::read::<PropsBody>(&body, MALFORMED) {
        Ok(body) => body.into(),
        Err(unreadable) => return unreadable.into_response(),
    };
    let work = move |cluster: &mut Cluster, call: &mut Call| {
        cluster.kv.change(&name, &changes)?;
        call.entry(
            super::reply::Severity::Success,
            Op::Modify,
            Object::KeyValueStore,
            code::MODIFIED,
            "Successfully updated properties",
        );
        Ok(())
    };
    cluster.change_aside(StatusCode::OK, Call::new(Op::None, Object::None, ""), work).await
}

async fn remove(State(cluster): State<SharedCluster>, Path(name): Path<String>) -> Response {
    let work = move |cluster: &mut Cluster, call: &mut Call| {
        match cluster.kv.remove(&name)? {
            Some(store) => {
                let entry = call.done(code::DELETED, format!("Kvs '{}' deleted.", store.name));
                entry.details(format!("Kvs '{}' UUID was: {}", store.name, store.uuid));
            }
            None => {
                let entry = call.warn(code::NOT_FOUND, format!("Deletion of kvs '{name}' had no effect."));
                entry.cause(format!("Kvs '{name}' does not exist."));
            }
        }
        Ok(())
    };
    cluster.change_aside(StatusCode::OK, Call::new(Op::None, Object::None, ""), work).await
}
