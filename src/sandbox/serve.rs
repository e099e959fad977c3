//! The sandbox's HTTP server: axum's router behind an accept loop of its own, so that faults can close a connection
//! without an answer, and so that a request which has arrived is carried out even when its client goes away (as on a
//! real controller).

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    response::Response,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use super::faults::{Faults, Severed};

/// Larger than any request of ours.
const BODY_LIMIT_BYTES: usize = 4 << 20;
/// How long requests may take to finish once the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves `router` on `listener`, with `faults` around each request, until `stop`. Then it accepts nothing more, takes
/// the rules away, closes what they hold, and returns when the requests under way have finished or five seconds have
/// passed.
pub async fn serve(listener: TcpListener, router: Router, faults: Faults, stop: CancellationToken) {
    let server = Server { router, faults, stop, tasks: TaskTracker::new() };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = server.stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => drop(server.tasks.spawn(server.clone().converse(stream))),
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                // Out of descriptors, accept fails at once and would spin.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    server.faults.sever();
    server.tasks.close();
    if tokio::time::timeout(DRAIN, server.tasks.wait()).await.is_err() {
        tracing::warn!("requests were still under way {DRAIN:?} after the stop");
    }
}

#[derive(Clone)]
struct Server {
    router: Router,
    faults: Faults,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    /// Answers the requests of one connection.
    async fn converse(self, stream: TcpStream) {
        let stop = self.stop.clone();
        let service = service_fn(|request| self.clone().answer(request));
        let mut connection = std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        let outcome = tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    /// An error makes hyper close the connection and write nothing.
    async fn answer(self, request: hyper::Request<Incoming>) -> Result<Response, Severed> {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(Body::new(body), BODY_LIMIT_BYTES).await.map_err(|_| Severed)?;
        let tasks = self.tasks.clone();
        let request = Request::from_parts(head, body);
        // In a task of its own: hyper drops this future when the client is gone.
        tasks.spawn(self.carry_out(request)).await.unwrap_or(Err(Severed))
    }

    async fn carry_out(self, request: hyper::Request<Bytes>) -> Result<Response, Severed> {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let act = async {
            let answer: Result<Response, Infallible> = self.router.oneshot(request.map(Body::from)).await;
            answer.unwrap_or_else(|never| match never {})
        };
        self.faults.around(&method, &uri, act).await
    }
}
