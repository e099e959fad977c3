//! `/v1/encryption/passphrase`: the master passphrase of encrypted volumes.

use super::json::{self, MALFORMED};
use super::reply::{Call, Object, Op};
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new().route("/v1/encryption/passphrase", get(status).post(create).put(modify).patch(enter))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Passphrases {
    new_passphrase: Option<String>,
    old_passphrase: Option<String>,
}

async fn status(State(cluster): State<SharedCluster>) -> Response {
    cluster.look_aside(|cluster| Ok(json!({"status": cluster.encryption.status()}))).await
}

async fn create(State(cluster): State<SharedCluster>, body: Bytes) -> Response {
    set(cluster, body, StatusCode::CREATED, Op::Create).await
}

/// Without an old passphrase this is a creation, as in LINSTOR.
async fn modify(State(cluster): State<SharedCluster>, body: Bytes) -> Response {
    set(cluster, body, StatusCode::OK, Op::Modify).await
}

async fn set(cluster: SharedCluster, body: Bytes, success: StatusCode, op: Op) -> Response {
    let body: Passphrases = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    let old = body.old_passphrase.filter(|_| op == Op::Modify);
    let call = Call::new(if old.is_some() { Op::Modify } else { Op::Create }, Object::Controller, "");
    let work = move |cluster: &mut Cluster, call: &mut Call| {
        let missing = || Fault::new(code::UNKNOWN, "The new passphrase must not be null").reported();
        let new = body.new_passphrase.ok_or_else(missing)?;
        if let Some(old) = old {
            cluster.encryption.modify(&old, &new)?;
            call.done(code::MODIFIED, "Crypt passphrase updated");
        } else {
            cluster.encryption.create(&new)?;
            call.done(code::CREATED, "Crypt passphrase created.");
        }
        Ok(())
    };
    cluster.change_aside(success, call, work).await
}

/// The body is the passphrase, a JSON string.
async fn enter(State(cluster): State<SharedCluster>, body: Bytes) -> Response {
    let passphrase: String = match json::read(&body, MALFORMED) {
        Ok(passphrase) => passphrase,
        Err(unreadable) => return unreadable.into_response(),
    };
    let call = Call::new(Op::Modify, Object::Controller, "");
    let work = move |cluster: &mut Cluster, call: &mut Call| {
        cluster.encryption.enter(&passphrase)?;
        call.done(code::PASSPHRASE_ACCEPTED, "Passphrase accepted");
        Ok(())
    };
    cluster.change_aside(StatusCode::OK, call, work).await
}
