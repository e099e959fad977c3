//! One line per call: its method, its gRPC code and its milliseconds; a refusal with its message.
//!
//! The request itself is logged by the services, whose messages are safe to show (see [`redact`](super::redact)).

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use tonic::{Code, Status, codegen::http};
use tower::{Layer, Service};

/// Puts the logging around a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogLayer;

impl<S> Layer<S> for LogLayer {
    type Service = Logged<S>;

    fn layer(&self, inner: S) -> Logged<S> {
        Logged { inner }
    }
}

/// A server whose calls are logged.
#[derive(Clone, Debug)]
pub(super) struct Logged<S> {
    inner: S,
}

impl<S, A, B> Service<http::Request<A>> for Logged<S>
where
    S: Service<http::Request<A>, Response = http::Response<B>, Future: Send + 'static>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<A>) -> Self::Future {
        let call = Call::begin(request.uri().path());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            if let Ok(response) = &answer {
                call.end(&status(response));
            }
            answer
        })
    }
}

/// No status in the headers is success: tonic puts a refusal there, and a unary success into the trailers.
fn status<B>(response: &http::Response<B>) -> Status {
    Status::from_header_map(response.headers()).unwrap_or_else(|| Status::ok(""))
}

/// A call under way. Dropped before its end, it says that the caller went away.
struct Call {
    method: String,
    begun: Instant,
    has_ended: bool,
}

impl Call {
    /// `path` is gRPC's `/csi.v1.Node/NodeStageVolume`.
    fn begin(path: &str) -> Self {
        let method = path.rsplit('/').next().unwrap_or(path).to_owned();
        Self { method, begun: Instant::now(), has_ended: false }
    }

    fn end(mut self, status: &Status) {
        self.has_ended = true;
        let (method, ms, code) = (&self.method, self.milliseconds(), status.code());
        match code {
            Code::Ok if self.is_routine() => tracing::debug!(%method, ?code, ms, "answered"),
            Code::Ok => tracing::info!(%method, ?code, ms, "answered"),
            _ => tracing::warn!(%method, ?code, ms, reason = status.message(), "refused"),
        }
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Kubelet and the sidecars ask these all the time.
    fn is_routine(&self) -> bool {
        self.method == "Probe" || self.method == "NodeGetVolumeStats" || self.method.ends_with("GetCapabilities")
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.has_ended {
            tracing::warn!(method = %self.method, ms = self.milliseconds(), "the caller went away before the answer");
        }
    }
}
