//! Carrying out a fault around one request.

use std::future::Future;

use axum::{
    Json,
    http::{Method, StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{Action, Faults, Moment, gate::Hold};

/// The connection is to be closed without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fault cut the connection; remove the rule under /sandbox/faults to get answers")]
pub struct Severed;

impl Faults {
    /// Answers a request: `act` does it and gives the true answer; the first rule that matches decides whether that
    /// happens and what the client sees.
    ///
    /// # Errors
    /// [`Severed`] where the client is to see its connection closed.
    pub async fn around<F>(&self, method: &Method, uri: &Uri, act: F) -> Result<Response, Severed>
    where
        F: Future<Output = Response>,
    {
        let Some((action, hold)) = self.strike(method, uri) else { return Ok(act.await) };
        tracing::info!(%method, %uri, ?action, "a fault strikes");
        match action {
            Action::Refuse { status, ret_code, message } => {
                Ok((status_of(status), Json(json!([{ "ret_code": ret_code, "message": message }]))).into_response())
            }
            Action::Delay(duration) => {
                tokio::time::sleep(duration).await;
                Ok(act.await)
            }
            Action::Drop(at) => {
                act_if_after(at, act).await;
                Err(Severed)
            }
            Action::ServerError { status, at } => {
                act_if_after(at, act).await;
                Ok(html_page(status_of(status)))
            }
            Action::Malformed => {
                act.await;
                Ok(([(CONTENT_TYPE, "application/json")], r#"[{"ret_code":"#).into_response())
            }
            Action::Hang(at) => {
                act_if_after(at, act).await;
                hold.wait().await;
                Err(Severed)
            }
            Action::Gate(at) => pass_gate(at, hold, act).await,
        }
    }
}

async fn act_if_after(at: Moment, act: impl Future<Output = Response>) {
    if at == Moment::After {
        act.await;
    }
}

async fn pass_gate(at: Moment, hold: Hold, act: impl Future<Output = Response>) -> Result<Response, Severed> {
    if at == Moment::Before {
        return if hold.wait().await { Ok(act.await) } else { Err(Severed) };
    }
    let answer = act.await;
    if hold.wait().await { Ok(answer) } else { Err(Severed) }
}

fn html_page(status: StatusCode) -> Response {
    let body = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n");
    (status, [(CONTENT_TYPE, "text/html")], body).into_response()
}

/// `admin` has refused impossible numbers; one from a test's own rule shows as 500.
fn status_of(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
