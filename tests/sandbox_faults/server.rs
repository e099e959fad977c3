//! The server that the faults strike, and a client that sees what is on the wire.

use std::{future::Future, io::ErrorKind, net::SocketAddr, time::Duration};

use axum::{Router, http::Method, routing::post};
use linflow::sandbox::{
    faults::{Action, Faults, Matcher, admin_router},
    serve::serve,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// A server whose one act is to count.
pub struct Server {
    pub address: SocketAddr,
    pub faults: Faults,
    pub acts: watch::Sender<u32>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(Router::new()).await
    }

    pub async fn start_with(more: Router) -> Self {
        let (faults, stop, acts) = (Faults::default(), CancellationToken::new(), watch::Sender::new(0));
        let counter = acts.clone();
        let act = move || async move {
            counter.send_modify(|count| *count += 1);
            "done"
        };
        let router = Router::new().route("/act", post(act)).merge(admin_router(faults.clone())).merge(more);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(serve(listener, router, faults.clone(), stop.clone()));
        Self { address, faults, acts, stop, task }
    }

    pub fn acted(&self) -> u32 {
        *self.acts.borrow()
    }

    pub async fn connect(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\ncontent-length: {length}");
        let request = format!("{head}\r\ncontent-type: application/json\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// The whole answer; empty where the connection was closed without one.
    pub async fn send(&self, method: &str, path: &str, body: &str) -> String {
        read(self.connect(method, path, body).await).await
    }

    pub async fn act(&self) -> String {
        self.send("POST", "/act", "").await
    }

    pub fn inject(&self, then: Action) {
        self.faults.inject(Matcher::prefix("/act").method(&Method::POST).times(1), then);
    }

    /// The server still works: a further request is done and answered.
    pub async fn assert_recovers(&self) {
        let before = self.acted();
        assert!(self.act().await.ends_with("done"));
        assert_eq!(self.acted(), before + 1);
    }

    pub async fn stop(self) {
        self.stop.cancel();
        soon(self.task).await.unwrap();
    }
}

pub async fn read(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    match soon(stream.read_to_end(&mut answer)).await {
        Ok(_) => {}
        // The kernel's way of closing where unread bytes are left.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    String::from_utf8(answer).unwrap()
}

pub async fn soon<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(10), what).await.expect("it happens within ten seconds")
}
