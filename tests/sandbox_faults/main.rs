//! Each fault as a client sees it on the wire, and whether the request was carried out.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers, too")]

mod gates;
mod scripts;
mod server;

use std::time::{Duration, Instant};

use linflow::sandbox::faults::{Action, Matcher, Moment};
use serde_json::Value;
use server::{Server, read, soon};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

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
        soon(async {
            while server.faults.list()[0].hit == 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let answered = tokio::time::timeout(Duration::from_millis(50), stream.peek(&mut [0])).await;
        assert!(answered.is_err(), "it answered {answered:?}");
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
