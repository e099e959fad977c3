//! Servers to talk to, and clients that talk to them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use linflow::linstor::{Client, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

pub const VERSION: &str = include_str!("../fixtures/linstor/version.json");
pub const VIEW: &str = include_str!("../fixtures/linstor/view_drbd.json");
pub const NODES: &str = include_str!("../fixtures/linstor/nodes_one_offline.json");
pub const SPAWNED: &str = include_str!("../fixtures/linstor/spawn_replies.json");

/// An answer as LINSTOR gives it.
pub fn json(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, "application/json")
}

/// An answer of something in front of LINSTOR.
pub fn page(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw("<html>try later</html>", "text/html")
}

/// A controller that tells its version; everything else is for the test to mount.
pub async fn controller() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path("/v1/controller/version")).respond_with(json(200, VERSION)).mount(&server).await;
    server
}

/// A controller that gives this answer to everything but the question for its version.
pub async fn controller_that_answers(answer: ResponseTemplate) -> MockServer {
    let server = controller().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

/// What a server was asked, as `METHOD /path?query`, without the questions for its version.
pub async fn asked(server: &MockServer) -> Vec<String> {
    let all = server.received_requests().await.unwrap();
    let line = |request: &wiremock::Request| {
        let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{} {}{query}", request.method, request.url.path())
    };
    all.iter().map(line).filter(|line| line != "GET /v1/controller/version").collect()
}

/// How often a server was asked for its version.
pub async fn version_questions(server: &MockServer) -> usize {
    let all = server.received_requests().await.unwrap();
    all.iter().filter(|request| request.url.path() == "/v1/controller/version").count()
}

/// Settings with room for a slow machine: only what hangs for good runs into them.
pub fn settings(urls: &[&str]) -> Settings {
    Settings::new(urls.iter().map(|url| url.parse().unwrap()).collect())
}

/// A client with these settings' defaults.
pub fn client(urls: &[&str]) -> Client {
    Client::new(&settings(urls)).unwrap()
}

/// How long a hanging controller is waited for. Everything else has the defaults, so that a slow machine is no failure.
pub const SOON: Duration = Duration::from_millis(500);

/// An answer that comes long after everybody has given up.
pub fn never() -> ResponseTemplate {
    json(200, "[]").set_delay(Duration::from_secs(3600))
}

/// A port that nobody listens at, kept from others as long as the socket lives.
pub fn dead_port() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}

/// A controller that tells its version, and then breaks the connection on every other request.
pub struct Breaking {
    pub url: String,
    broken: Arc<Mutex<Vec<String>>>,
}

impl Breaking {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let broken = Arc::new(Mutex::new(Vec::new()));
        let seen = broken.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let line = request_line(&mut stream).await;
                if line.contains("/v1/controller/version") {
                    stream.write_all(&http_answer(VERSION)).await.unwrap();
                } else {
                    seen.lock().unwrap().push(line);
                }
            }
        });
        Self { url, broken }
    }

    /// The first lines of the requests that were broken off.
    pub fn broken(&self) -> Vec<String> {
        self.broken.lock().unwrap().clone()
    }
}

/// A controller that gives these answers, one a connection, and is gone when the task has ended.
pub async fn dying(answers: &'static [&'static str]) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let life = tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            request_line(&mut stream).await;
            stream.write_all(&http_answer(answer)).await.unwrap();
        }
    });
    (url, life)
}

/// Reads a request without a body to its end, or one with a body to the end of its headers; gives its first line.
pub async fn request_line(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned()
}

/// A 200 with this JSON, after which the connection is closed.
pub fn http_answer(body: &str) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
    format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
