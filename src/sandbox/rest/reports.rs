//! `/v1/error-reports`.

use super::json::Fields;
use super::query::Params;
use crate::sandbox::model::SharedCluster;
use crate::sandbox::model::reports::ErrorReport;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new()
        .route("/v1/error-reports", get(list))
        .route("/v1/error-reports/{id}", get(single))
        .route("/v1/stats/error-reports", get(count))
}

/// The newest first where they are limited. `node` lets the controller's alone pass: simulated satellites write none.
async fn list(State(cluster): State<SharedCluster>, params: Params) -> Response {
    cluster
        .look_aside(move |cluster| {
            let (since, limit) = (params.number("since")?, params.number("limit")?);
            let since = u64::try_from(since).unwrap_or(0);
            let limit = usize::try_from(limit).ok().filter(|n| *n > 0).unwrap_or(usize::MAX);
            let with_text = params.is_set("withContent");
            let reports = cluster.reports.all().iter().rev();
            let chosen = reports.filter(|r| r.time_ms >= since && params.lets("node", CONTROLLER));
            Ok(chosen.take(limit).map(|report| render(report, with_text)).collect())
        })
        .await
}

/// One report comes as a list of one, a missing one as a list of none.
async fn single(State(cluster): State<SharedCluster>, Path(id): Path<String>) -> Response {
    cluster
        .look_aside(move |cluster| {
            Ok(cluster.reports.all().iter().filter(|report| report.id == id).map(|r| render(r, true)).collect())
        })
        .await
}

async fn count(State(cluster): State<SharedCluster>) -> Response {
    cluster.look_aside(|cluster| Ok(json!({"count": cluster.reports.all().len()}))).await
}

const CONTROLLER: &str = "sandbox";

fn render(report: &ErrorReport, with_text: bool) -> Value {
    let text = format!("ERROR REPORT {}\n\nReported error: {}\n{}\n", report.id, report.message, report.cause);
    Fields::new()
        .with("node_name", CONTROLLER)
        .with("error_time", report.time_ms)
        .with("filename", format!("ErrorReport-{}.log", report.id))
        .with("text", if with_text { text.as_str() } else { "" })
        .with("module", "CONTROLLER")
        .with("version", "1.33.3")
        .with("exception", "ApiRcException")
        .with("exception_message", &report.message)
        .done()
}
