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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tonic::{Code, codegen::http};
    use tower::{Layer, Service, service_fn};

    use super::*;

    #[tokio::test]
    async fn a_call_is_taken_until_the_server_stops_and_unavailable_then() {
        let stopping = CancellationToken::new();
        let answer = async |_: http::Request<()>| Ok::<_, Infallible>(http::Response::new(()));
        let mut server = layer(stopping.clone()).layer(service_fn(answer));
        let taken = server.call(http::Request::new(())).await.unwrap();
        assert!(Status::from_header_map(taken.headers()).is_none());
        stopping.cancel();
        let refused = server.call(http::Request::new(())).await.unwrap();
        assert_eq!(Status::from_header_map(refused.headers()).unwrap().code(), Code::Unavailable);
    }
}
