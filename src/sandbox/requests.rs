//! Which requests the sandbox was asked, so that a test can count them against its budget.

use axum::extract::{Request as HttpRequest, State};
use axum::middleware::Next;
use axum::response::Response;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The HTTP method, upper case.
    pub method: String,
    /// The path, still percent-encoded.
    pub path: String,
    /// The query without its `?`, still percent-encoded; empty where there is none.
    pub query: String,
}

/// How many requests the log keeps: a sandbox may run for months.
const KEPT: usize = 10_000;

/// The requests since the start or the last [`RequestLog::take`], at most the last 10,000, in the order of arrival.
/// Clones share one log.
#[derive(Debug, Clone, Default)]
pub struct RequestLog(Arc<Mutex<VecDeque<Request>>>);

impl RequestLog {
    fn requests(&self) -> MutexGuard<'_, VecDeque<Request>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many requests are in the log.
    pub fn count(&self) -> usize {
        self.requests().len()
    }

    /// The requests in the log, which is empty afterwards.
    pub fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.requests()).into()
    }

    fn push(&self, request: Request) {
        let mut requests = self.requests();
        if requests.len() == KEPT {
            requests.pop_front();
        }
        requests.push_back(request);
    }

    /// Empties the log.
    pub fn reset(&self) {
        self.requests().clear();
    }
}

/// The middleware that fills the log.
pub async fn record(State(log): State<RequestLog>, request: HttpRequest, next: Next) -> Response {
    let (method, uri) = (request.method().to_string(), request.uri());
    let query = uri.query().unwrap_or_default().to_owned();
    log.push(Request { method, path: uri.path().to_owned(), query });
    next.run(request).await
}
