//! Each call as a whole: one line in the log, with its method, its gRPC code and its milliseconds, a refusal with its
//! message; and one measurement.
//!
//! The request itself is logged by the services, whose messages are safe to show (see [`redact`](super::redact)).

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use tonic::{Code, Status, codegen::http};
use tower::{Layer, Service};

use super::proto::METHODS;
use crate::metrics::Operations;

/// Watches the calls to a server.
#[derive(Clone, Debug)]
pub(super) struct CallLayer(pub(super) Operations);

impl<S> Layer<S> for CallLayer {
    type Service = Watched<S>;

    fn layer(&self, inner: S) -> Watched<S> {
        Watched { inner, operations: self.0.clone() }
    }
}

/// A server whose calls are watched.
#[derive(Clone, Debug)]
pub(super) struct Watched<S> {
    inner: S,
    operations: Operations,
}

impl<S, A, B> Service<http::Request<A>> for Watched<S>
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
        let call = Call::begin(request.uri().path(), self.operations.clone());
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
    /// gRPC's `/csi.v1.Node/NodeStageVolume`.
    path: &'static str,
    begun: Instant,
    has_ended: bool,
    operations: Operations,
}

impl Call {
    fn begin(path: &str, operations: Operations) -> Self {
        // Anybody may call anything, and each name would be one more label.
        let path = METHODS.into_iter().find(|method| *method == path).unwrap_or("unknown");
        Self { path, begun: Instant::now(), has_ended: false, operations }
    }

    fn end(mut self, status: &Status) {
        self.has_ended = true;
        let (method, ms, code) = (self.method(), self.milliseconds(), status.code());
        match code {
            Code::Ok if self.is_routine() => tracing::debug!(%method, ?code, ms, "answered"),
            Code::Ok => tracing::info!(%method, ?code, ms, "answered"),
            _ => tracing::warn!(%method, ?code, ms, reason = status.message(), "refused"),
        }
        self.operations.ended(self.path, name(code), self.begun.elapsed());
    }

    fn method(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Kubelet and the sidecars ask these all the time.
    fn is_routine(&self) -> bool {
        let method = self.method();
        method == "Probe" || method == "NodeGetVolumeStats" || method.ends_with("GetCapabilities")
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.has_ended {
            tracing::warn!(method = %self.method(), ms = self.milliseconds(), "the caller went away before the answer");
            self.operations.ended(self.path, name(Code::Cancelled), self.begun.elapsed());
        }
    }
}

/// A code as Go spells it, and with Go every other part of Kubernetes.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}
