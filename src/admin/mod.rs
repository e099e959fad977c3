//! For whoever runs the process, over HTTP: `/healthz` (it lives), `/readyz` (it can serve, or why not) and `/metrics`.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    routing::get,
};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long a readiness check may take: less than the second that kubelet gives a probe, so that it hears the reason.
const READY_TIMEOUT: Duration = Duration::from_millis(900);

/// Whether the process can serve.
pub trait Readiness: Send + Sync + 'static {
    /// `Ok` where calls can be served. Errors: one line for a person, saying what is missing.
    fn check(&self) -> impl Future<Output = Result<(), String>> + Send;
}

/// What `/metrics` answers.
pub struct Page {
    /// Its `Content-Type`.
    pub media_type: &'static str,
    /// The text of this moment.
    pub text: Box<dyn Fn() -> String + Send + Sync>,
}

/// Serves until `shutdown` is cancelled. Errors: the listener fails.
///
/// `/healthz` answers 200 while the process lives; `/readyz` 200, or 503 with the reason, which is also given where the
/// check takes too long for a probe; `/metrics` the page. None needs credentials, so none may tell a secret.
pub async fn serve(
    listener: TcpListener,
    readiness: impl Readiness,
    metrics: Page,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let metrics = Arc::new(metrics);
    let page = async move || ([(CONTENT_TYPE, metrics.media_type)], (metrics.text)());
    let routes = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(answer_ready))
        .with_state(Arc::new(readiness))
        .route("/metrics", get(page));
    axum::serve(listener, routes).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

async fn answer_ready<R: Readiness>(State(readiness): State<Arc<R>>) -> (StatusCode, String) {
    match tokio::time::timeout(READY_TIMEOUT, readiness.check()).await {
        Ok(Ok(())) => (StatusCode::OK, "ok\n".to_owned()),
        Ok(Err(reason)) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "what is asked for readiness does not answer within a second\n".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        task::JoinHandle,
    };

    enum Scripted {
        Ready,
        NotReady,
        Hanging,
    }

    impl Readiness for Scripted {
        async fn check(&self) -> Result<(), String> {
            match self {
                Self::Ready => Ok(()),
                Self::NotReady => Err("LINSTOR does not answer".to_owned()),
                Self::Hanging => std::future::pending().await,
            }
        }
    }

    async fn start(readiness: Scripted) -> (std::net::SocketAddr, CancellationToken, JoinHandle<std::io::Result<()>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shutdown = CancellationToken::new();
        let page = Page { media_type: "text/plain", text: Box::new(|| "calls 1\n".to_owned()) };
        (address, shutdown.clone(), tokio::spawn(serve(listener, readiness, page, shutdown)))
    }

    async fn get(address: std::net::SocketAddr, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(address).await.expect("the server listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: linflow\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("the server answers and closes");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("HTTP has a status");
        (status, answer.split_once("\r\n\r\n").expect("HTTP has a body").1.to_owned())
    }

    #[tokio::test]
    async fn health_and_metrics_are_told_while_readiness_tells_its_reason() {
        let (address, ..) = start(Scripted::NotReady).await;
        assert_eq!(get(address, "/healthz").await, (200, "ok\n".to_owned()));
        assert_eq!(get(address, "/readyz").await, (503, "LINSTOR does not answer\n".to_owned()));
        assert_eq!(get(address, "/metrics").await, (200, "calls 1\n".to_owned()));
        assert_eq!(get(address, "/").await.0, 404);
    }

    #[tokio::test]
    async fn readiness_is_ok_when_the_check_passes() {
        let (address, ..) = start(Scripted::Ready).await;
        assert_eq!(get(address, "/readyz").await, (200, "ok\n".to_owned()));
    }

    #[tokio::test]
    async fn a_hanging_check_is_not_ready() {
        tokio::time::pause();
        let answer = answer_ready(State(Arc::new(Scripted::Hanging))).await;
        assert_eq!(answer.0, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test]
    async fn shutdown_ends_the_server() {
        let (address, shutdown, server) = start(Scripted::Ready).await;
        assert_eq!(get(address, "/healthz").await.0, 200);
        shutdown.cancel();
        server.await.expect("the server does not panic").expect("it ends well");
        assert!(TcpStream::connect(address).await.is_err());
    }
}
