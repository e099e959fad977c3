//! LINSTOR's REST API, the part that the sandbox speaks. Thin: it reads, asks the model, and renders.

mod available;
mod controller;
mod definitions;
mod groups;
mod json;
mod kv;
mod nodes;
mod placing;
mod pools;
mod progress;
mod properties;
mod query;
mod reply;
mod reports;
mod resources;
mod sizes;
mod spawn;
mod view;
mod volume_definitions;
mod volume_groups;

use super::model::fault::Fault;
use super::model::{Cluster, SharedCluster};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use reply::{Call, Object, Op};
use serde_json::Value;

/// The routes of the API over a cluster.
pub fn router(cluster: SharedCluster) -> Router {
    Router::new()
        .merge(controller::routes())
        .merge(nodes::routes())
        .merge(pools::routes())
        .merge(groups::routes())
        .merge(volume_groups::routes())
        .merge(spawn::routes())
        .merge(sizes::routes())
        .merge(definitions::routes())
        .merge(volume_definitions::routes())
        .merge(placing::routes())
        .merge(resources::routes())
        .merge(available::routes())
        .merge(view::routes())
        .merge(kv::routes())
        .merge(reports::routes())
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .with_state(cluster)
}

async fn unknown_path(uri: Uri) -> Response {
    reply::http_refusal(StatusCode::NOT_FOUND, format!("Path '{}' not found on server.", uri.path()))
}

async fn unknown_method(method: Method, uri: Uri) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::OK.into_response();
    }
    let message = format!("Method '{method}' not allowed on path '{}'.", uri.path());
    reply::http_refusal(StatusCode::METHOD_NOT_ALLOWED, message)
}

impl SharedCluster {
    /// Runs `work` on the cluster, with roles recomputed before and after, off the runtime: backings block.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Cluster) -> T + Send + 'static) -> Result<T, Fault> {
        let cluster = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let mut cluster = cluster.lock();
            cluster.refresh_all().map_err(|error| Fault::backing(&error))?;
            let result = work(&mut cluster);
            cluster.refresh_all().map_err(|error| Fault::backing(&error))?;
            Ok(result)
        });
        task.await.unwrap_or_else(|error| {
            Err(Fault::new(super::model::fault::code::IMPLEMENTATION, format!("the request failed: {error}"))
                .reported())
        })
    }

    /// Answers a call that changes something.
    async fn change(
        &self,
        success: StatusCode,
        call: Call,
        work: impl FnOnce(&mut Cluster, &mut Call) -> Result<(), Fault> + Send + 'static,
    ) -> Response {
        let mut failed = call.clone();
        let ran = self.run(move |cluster| {
            let mut call = call;
            if let Err(fault) = work(cluster, &mut call) {
                call.refuse(fault, cluster);
            }
            call
        });
        match ran.await {
            Ok(call) => call.answer(success),
            Err(fault) => {
                failed.refuse(fault, &mut self.lock());
                failed.answer(success)
            }
        }
    }

    /// Answers a call that only looks.
    async fn look(&self, work: impl FnOnce(&Cluster) -> Result<Value, Fault> + Send + 'static) -> Response {
        match self.run(|cluster| work(cluster)).await.flatten() {
            Ok(value) => Json(value).into_response(),
            Err(fault) => {
                let mut call = Call::new(Op::None, Object::None, "");
                call.refuse(fault, &mut self.lock());
                call.answer(StatusCode::OK)
            }
        }
    }
}
