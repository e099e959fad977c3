//! Each fault as a client sees it on the wire, and whether the request was carried out.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers, too")]

use std::{
    future::Future,
    io::ErrorKind,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, http::Method, routing::post};
use linflow::sandbox::{
    faults::{Action, Faults, Matcher, Moment, NodeFaults, Rule, admin_router, node_router},
    serve::serve,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// A server whose one act is to count.
struct Server {
    address: SocketAddr,
    faults: Faults,
    acts: watch::Sender<u32>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        Self::start_with(Router::new()).await
    }

    async fn start_with(more: Router) -> Self {
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

    fn acted(&self) -> u32 {
        *self.acts.borrow()
    }

    async fn connect(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\ncontent-length: {length}");
        let request = format!("{head}\r\ncontent-type: application/json\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// The whole answer; empty where the connection was closed without one.
    async fn send(&self, method: &str, path: &str, body: &str) -> String {
        read(self.connect(method, path, body).await).await
    }

    async fn act(&self) -> String {
        self.send("POST", "/act", "").await
    }

    fn inject(&self, then: Action) {
        self.faults.inject(Matcher::prefix("/act").method(&Method::POST).times(1), then);
    }

    /// The server still works: a further request is done and answered.
    async fn assert_recovers(&self) {
        let before = self.acted();
        assert!(self.act().await.ends_with("done"));
        assert_eq!(self.acted(), before + 1);
    }

    async fn stop(self) {
        self.stop.cancel();
        soon(self.task).await.unwrap();
    }
}

async fn read(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    match soon(stream.read_to_end(&mut answer)).await {
        Ok(_) => {}
        // The kernel's way of closing where unread bytes are left.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    String::from_utf8(answer).unwrap()
}

async fn soon<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(10), what).await.expect("it happens within ten seconds")
}

#[tokio::test]
async fn drop_before_closes_the_connection_and_does_nothing() {
    let server = Server::start().await;
    server.inject(Action::Drop(Moment::Before));
    assert_eq!(server.act().await, "");
    assert_eq!(server.acted(), 0);
    server.assert_recovers().await;
    server.stop().await;
}

#[tokio::test]
async fn drop_after_acts_and_closes_the_connection_without_an_answer() {
    let server = Server::start().await;
    server.inject(Action::Drop(Moment::After));
    assert_eq!(server.act().await, "");
    assert_eq!(server.acted(), 1);
    server.assert_recovers().await;
    server.stop().await;
}

#[tokio::test]
async fn a_refusal_speaks_linstor_and_does_nothing() {
    let server = Server::start().await;
    server.inject(Action::Refuse { status: 500, ret_code: -4611686018427386924, message: "no room".to_owned() });
    let answer = server.act().await;
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    assert!(answer.ends_with(r#"[{"message":"no room","ret_code":-4611686018427386924}]"#), "{answer}");
    assert_eq!(server.acted(), 0);
    server.stop().await;
}

#[tokio::test]
async fn a_server_error_is_html_and_acts_when_told() {
    let server = Server::start().await;
    for (at, acted) in [(Moment::Before, 0), (Moment::After, 1)] {
        server.inject(Action::ServerError { status: 502, at });
        let answer = server.act().await;
        assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("text/html"), "{answer}");
        assert_eq!(server.acted(), acted);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_malformed_answer_is_200_and_no_json() {
    let server = Server::start().await;
    server.inject(Action::Malformed);
    let answer = server.act().await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    assert!(!body.is_empty() && serde_json::from_str::<Value>(body).is_err(), "{body}");
    assert_eq!(server.acted(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_delayed_request_is_answered_late() {
    let server = Server::start().await;
    server.inject(Action::Delay(Duration::from_millis(80)));
    let start = Instant::now();
    assert!(server.act().await.ends_with("done"));
    assert!(start.elapsed() >= Duration::from_millis(80));
    server.stop().await;
}

#[tokio::test]
async fn a_hanging_request_is_closed_when_its_rule_goes() {
    let server = Server::start().await;
    for (at, acted) in [(Moment::Before, 0), (Moment::After, 1)] {
        server.inject(Action::Hang(at));
        let stream = server.connect("POST", "/act", "").await;
        let answered = tokio::time::timeout(Duration::from_millis(100), stream.peek(&mut [0])).await;
        assert!(answered.is_err(), "it answered {answered:?}");
        assert_eq!(server.faults.list().last().unwrap().hit, 1);
        server.faults.clear();
        assert_eq!(read(stream).await, "");
        assert_eq!(server.acted(), acted);
    }
    server.stop().await;
}

#[tokio::test]
async fn stopping_closes_what_is_held_and_frees_the_port() {
    let server = Server::start().await;
    let gate = server.faults.gate(Matcher::any(), Moment::Before);
    let stream = server.connect("POST", "/act", "").await;
    soon(gate.arrived()).await;
    let (address, acts) = (server.address, server.acts.clone());
    server.stop().await;
    assert_eq!(read(stream).await, "");
    assert_eq!(*acts.borrow(), 0);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn stopping_does_not_wait_for_idle_connections() {
    let server = Server::start().await;
    let silent = TcpStream::connect(server.address).await.unwrap();
    let mut kept_alive = TcpStream::connect(server.address).await.unwrap();
    kept_alive.write_all(b"POST /act HTTP/1.1\r\nhost: sandbox\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    soon(kept_alive.read_exact(&mut first)).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let start = Instant::now();
    server.stop().await;
    assert!(start.elapsed() < Duration::from_secs(2), "it took {:?}", start.elapsed());
    assert_eq!(read(silent).await, "");
}

#[tokio::test]
async fn a_gate_before_holds_a_request_until_it_is_released() {
    let server = Server::start().await;
    let gate = server.faults.gate(Matcher::prefix("/act"), Moment::Before);
    let stream = server.connect("POST", "/act", "").await;
    soon(gate.arrived()).await;
    assert_eq!(server.acted(), 0);
    gate.release();
    assert!(read(stream).await.ends_with("done"));
    assert_eq!(server.acted(), 1);
    server.assert_recovers().await;
    server.stop().await;
}

#[tokio::test]
async fn a_gate_after_holds_the_answer_of_what_was_done() {
    let server = Server::start().await;
    let gate = server.faults.gate(Matcher::prefix("/act"), Moment::After);
    let stream = server.connect("POST", "/act", "").await;
    soon(gate.arrived()).await;
    assert_eq!(server.acted(), 1);
    gate.release();
    assert!(read(stream).await.ends_with("done"));
    server.stop().await;
}

#[tokio::test]
async fn a_severed_gate_before_means_never_done_and_after_means_done_untold() {
    let server = Server::start().await;
    for (at, acted) in [(Moment::Before, 0), (Moment::After, 1)] {
        let gate = server.faults.gate(Matcher::prefix("/act"), at);
        let stream = server.connect("POST", "/act", "").await;
        soon(gate.arrived()).await;
        gate.sever();
        assert_eq!(read(stream).await, "");
        assert_eq!(server.acted(), acted);
    }
    server.assert_recovers().await;
    server.stop().await;
}

#[tokio::test]
async fn a_released_request_is_done_though_its_client_is_gone() {
    let server = Server::start().await;
    let gate = server.faults.gate(Matcher::prefix("/act"), Moment::Before);
    let stream = server.connect("POST", "/act", "").await;
    soon(gate.arrived()).await;
    drop(stream);
    gate.release();
    soon(server.acts.subscribe().wait_for(|acts| *acts == 1)).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_gate_counts_its_arrivals_and_opens_for_all_when_dropped() {
    let server = Server::start().await;
    let gate = server.faults.gate(Matcher::prefix("/act"), Moment::Before);
    let (first, second) = (server.connect("POST", "/act", "").await, server.connect("POST", "/act", "").await);
    soon(gate.arrived_count(2)).await;
    drop(gate);
    assert!(read(first).await.ends_with("done") && read(second).await.ends_with("done"));
    server.stop().await;
}

#[tokio::test]
async fn scripts_add_list_and_remove_rules() {
    let server = Server::start().await;
    let rule = r#"{"when":{"path":{"contains":"act"},"times":1},"then":{"drop":"after"}}"#;
    let added = server.send("POST", "/sandbox/faults", rule).await;
    assert!(added.starts_with("HTTP/1.1 201") && added.ends_with(r#"{"id":0}"#), "{added}");
    assert_eq!(server.act().await, "");
    assert_eq!(server.acted(), 1);

    let listed = server.send("GET", "/sandbox/faults", "").await;
    let listed: Value = serde_json::from_str(listed.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!((&listed[0]["hit"], &listed[0]["is_spent"]), (&json!(1), &json!(true)));
    let again: Rule = serde_json::from_value(json!({ "when": listed[0]["when"], "then": listed[0]["then"] })).unwrap();
    assert_eq!(again, serde_json::from_str(rule).unwrap());

    assert!(server.send("DELETE", "/sandbox/faults/7", "").await.starts_with("HTTP/1.1 404"));
    assert!(server.send("DELETE", "/sandbox/faults", "").await.starts_with("HTTP/1.1 204"));
    assert!(server.faults.list().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_script_holds_a_request_and_lets_it_go_on() {
    let server = Server::start().await;
    server.send("POST", "/sandbox/faults", r#"{"then":{"gate":"after"}}"#).await;
    let stream = server.connect("POST", "/act", "").await;
    soon(server.acts.subscribe().wait_for(|acts| *acts == 1)).await.unwrap();
    assert!(server.send("DELETE", "/sandbox/faults/0", "").await.starts_with("HTTP/1.1 204"));
    assert!(read(stream).await.ends_with("done"));
    server.stop().await;
}

#[tokio::test]
async fn a_rule_that_makes_no_sense_is_refused() {
    let server = Server::start().await;
    for (rule, status) in [
        (r#"{"then":"explode"}"#, "422"),
        (r#"{"when":{"paths":"any"},"then":"malformed"}"#, "422"),
        (r#"{"then":{"server_error":{"status":7,"at":"before"}}}"#, "400"),
    ] {
        let answer = server.send("POST", "/sandbox/faults", rule).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    assert!(server.faults.list().is_empty());
    server.stop().await;
}

/// Records what befell whom.
#[derive(Default)]
struct Nodes(Mutex<Vec<String>>);

impl Nodes {
    fn note(&self, event: &str, node: &str) -> Result<(), String> {
        if node != "node-1" {
            return Err(format!("there is no node {node}"));
        }
        self.0.lock().unwrap().push(format!("{event} {node}"));
        Ok(())
    }
}

impl NodeFaults for Nodes {
    fn crash(&self, node: &str) -> Result<(), String> {
        self.note("crash", node)
    }

    fn freeze(&self, node: &str) -> Result<(), String> {
        self.note("freeze", node)
    }

    fn thaw(&self, node: &str) -> Result<(), String> {
        self.note("thaw", node)
    }

    fn restore(&self, node: &str) -> Result<(), String> {
        self.note("restore", node)
    }
}

#[tokio::test]
async fn scripts_crash_freeze_thaw_and_restore_nodes() {
    let nodes = Arc::new(Nodes::default());
    let server = Server::start_with(node_router(nodes.clone())).await;
    for event in ["crash", "freeze", "thaw", "restore"] {
        let answer = server.send("POST", &format!("/sandbox/nodes/node-1/{event}"), "").await;
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }
    assert_eq!(*nodes.0.lock().unwrap(), ["crash node-1", "freeze node-1", "thaw node-1", "restore node-1"]);

    let unknown = server.send("POST", "/sandbox/nodes/node-9/crash", "").await;
    assert!(unknown.starts_with("HTTP/1.1 409") && unknown.contains("no node node-9"), "{unknown}");
    let nonsense = server.send("POST", "/sandbox/nodes/node-1/explode", "").await;
    assert!(nonsense.starts_with("HTTP/1.1 404"), "{nonsense}");
    assert_eq!(nodes.0.lock().unwrap().len(), 4);
    server.stop().await;
}
