//! Requests held at a gate.

use linflow::sandbox::faults::{Matcher, Moment};

use crate::server::{Server, read, soon};

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
