//! A server that is about to stop takes no more calls: who comes is told at once to come again, to whoever serves next.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio_util::sync::CancellationToken;
use tonic::{Status, codegen::http};
use tower::{Layer, Service};

/// Refuses calls once the token is cancelled.
#[derive(Clone, Debug)]
pub(super) struct DrainLayer(pub(super) CancellationToken);

impl<S> Layer<S> for DrainLayer {
    type Service = Drained<S>;

    fn layer(&self, inner: S) -> Drained<S> {
        Drained { inner, stopping: self.0.clone() }
    }
}

/// A server that may be stopping.
#[derive(Clone, Debug)]
pub(super) struct Drained<S> {
    inner: S,
    stopping: CancellationToken,
}

impl<S, A, B> Service<http::Request<A>> for Drained<S>
where
    S: Service<http::Request<A>, Response = http::Response<B>, Future: Send + 'static>,
    B: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<A>) -> Self::Future {
        if self.stopping.is_cancelled() {
            // Not final for anybody: nothing was begun.
            let refusal = Status::unavailable("linflow is stopping: call again");
            return Box::pin(async move { Ok(refusal.into_http()) });
        }
        Box::pin(self.inner.call(request))
    }
}
