//! A server that is about to stop takes no more calls: who comes is told at once to come again, to whoever serves next.

use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Status,
    service::{Interceptor, InterceptorLayer},
};

/// Refuses calls once `stopping` is cancelled.
pub(super) fn layer(stopping: CancellationToken) -> InterceptorLayer<impl Interceptor + Clone> {
    InterceptorLayer::new(move |request: Request<()>| match stopping.is_cancelled() {
        false => Ok(request),
        // Not final for anybody: nothing was begun.
        true => Err(Status::unavailable("linflow is stopping: call again")),
    })
}
