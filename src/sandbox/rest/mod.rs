//! LINSTOR's REST API, the part that the sandbox speaks. Thin: it reads, asks the model, and renders.

mod available;
mod cloning;
mod controller;
mod definitions;
mod encryption;
mod groups;
mod hanging;
mod json;
mod kv;
mod layers;
mod nodes;
mod placing;
mod pool_changes;
mod pools;
mod progress;
mod properties;
mod query;
mod removal;
mod reply;
mod reports;
mod resources;
mod restoring;
mod sizes;
mod snapshots;
mod snapshotting;
mod spawn;
mod toggle;
mod view;
mod volume_definitions;
mod volume_groups;

use super::model::fault::{Fault, code};
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
        .merge(pool_changes::routes())
        .merge(groups::routes())
        .merge(volume_groups::routes())
        .merge(spawn::routes())
        .merge(sizes::routes())
        .merge(definitions::routes())
        .merge(volume_definitions::routes())
        .merge(placing::routes())
        .merge(resources::routes())
        .merge(removal::routes())
        .merge(toggle::routes())
        .merge(encryption::routes())
        .merge(available::routes())
        .merge(view::routes())
        .merge(snapshots::routes())
        .merge(snapshotting::routes())
        .merge(restoring::routes())
        .merge(cloning::routes())
        .merge(kv::routes())
        .merge(reports::routes())
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(axum::middleware::from_fn_with_state(cluster.clone(), hanging::wait))
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

/// Does a call need the roles of now? What touches no resource does not pay for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Roles {
    /// Recomputed before and after.
    Current,
    /// Recomputed before; the call changes nothing.
    Seen,
    /// Left as they are.
    Aside,
}

impl SharedCluster {
    /// Runs `work` on the cluster, off the runtime: backings block.
    async fn run<T: Send + 'static>(
        &self,
        roles: Roles,
        work: impl FnOnce(&mut Cluster) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let cluster = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let mut cluster = cluster.lock();
            let refresh = |cluster: &mut Cluster| cluster.refresh_all().map_err(|error| Fault::backing(&error));
            if roles != Roles::Aside {
                refresh(&mut cluster)?;
            }
            let result = work(&mut cluster);
            if roles == Roles::Current {
                refresh(&mut cluster)?;
            }
            cluster.save().map_err(|error| Fault::unsaved(&error))?;
            Ok(result)
        });
        let broken = |error| Fault::new(code::IMPLEMENTATION, format!("the request failed: {error}"));
        task.await.unwrap_or_else(|error| Err(broken(error)))
    }

    /// Answers a call that changes resources.
    async fn change(
        &self,
        success: StatusCode,
        call: Call,
        work: impl FnOnce(&mut Cluster, &mut Call) -> Result<(), Fault> + Send + 'static,
    ) -> Response {
        self.answer(Roles::Current, success, call, work).await
    }

    /// Answers a call that changes what has nothing to do with resources.
    async fn change_aside(
        &self,
        success: StatusCode,
        call: Call,
        work: impl FnOnce(&mut Cluster, &mut Call) -> Result<(), Fault> + Send + 'static,
    ) -> Response {
        self.answer(Roles::Aside, success, call, work).await
    }

    async fn answer(
        &self,
        roles: Roles,
        success: StatusCode,
        mut call: Call,
        work: impl FnOnce(&mut Cluster, &mut Call) -> Result<(), Fault> + Send + 'static,
    ) -> Response {
        let mut failed = call.clone();
        let ran = self.run(roles, move |cluster| {
            if let Err(fault) = work(cluster, &mut call) {
                call.refuse(fault, cluster);
            }
            call
        });
        match ran.await {
            Ok(call) => call.answer(success),
            Err(fault) => {
                failed.refuse_unreported(fault);
                failed.answer(success)
            }
        }
    }

    /// Answers a call that looks at resources.
    async fn look(&self, work: impl FnOnce(&Cluster) -> Result<Value, Fault> + Send + 'static) -> Response {
        self.show(Roles::Seen, work).await
    }

    /// Answers a call that looks at what has nothing to do with resources.
    async fn look_aside(&self, work: impl FnOnce(&Cluster) -> Result<Value, Fault> + Send + 'static) -> Response {
        self.show(Roles::Aside, work).await
    }

    async fn show(
        &self,
        roles: Roles,
        work: impl FnOnce(&Cluster) -> Result<Value, Fault> + Send + 'static,
    ) -> Response {
        let refused = |fault: Fault, cluster: &mut Cluster| {
            let mut call = Call::new(Op::None, Object::None, "");
            call.refuse(fault, cluster);
            call
        };
        let ran = self.run(roles, move |cluster| work(cluster).map_err(|fault| refused(fault, cluster)));
        match ran.await {
            Ok(Ok(value)) => Json(value).into_response(),
            Ok(Err(call)) => call.answer(StatusCode::OK),
            Err(fault) => {
                let mut call = Call::new(Op::None, Object::None, "");
                call.refuse_unreported(fault);
                call.answer(StatusCode::OK)
            }
        }
    }
}
