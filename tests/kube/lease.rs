//! One of two controllers.

use std::sync::Arc;
use std::time::Duration;

use linflow::kube::{Lease, Trouble};
use linflow::workflow::Elected;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::api_server::ApiServer;
use super::support::eventually;
use super::{connect, pass};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/linflow/leases";
const NAME: &str = "linflow-reaper-linflow-csi";

fn lease(server: &ApiServer) -> Lease {
    Lease::of_reaper(connect(server), "linflow.csi").unwrap()
}

fn holder(server: &ApiServer) -> String {
    server.object(LEASES, NAME)["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_first_takes_it_and_the_second_waits_for_as_long_as_it_is_renewed() {
    let server = ApiServer::start().await;
    let (first, second) = (lease(&server), lease(&server));
    assert!(!first.is_held());
    first.round().await.unwrap();
    for _ in 0..6 {
        second.round().await.unwrap();
        assert!(first.is_held() && !second.is_held());
        pass(Duration::from_secs(10)).await;
        first.round().await.unwrap();
    }
    let kept = server.object(LEASES, NAME);
    assert_eq!((&kept["spec"]["leaseDurationSeconds"], &kept["spec"]["leaseTransitions"]), (&json!(30), &json!(1)));
    assert!(kept["spec"]["acquireTime"].as_str() < kept["spec"]["renewTime"].as_str(), "{kept}");
}

#[tokio::test]
async fn a_dead_holders_lease_is_taken_when_it_was_seen_unchanged_for_thirty_seconds() {
    let server = ApiServer::start().await;
    let (first, second) = (lease(&server), lease(&server));
    first.round().await.unwrap();
    let dead = holder(&server);
    second.round().await.unwrap();
    pass(Duration::from_secs(29)).await;
    second.round().await.unwrap();
    assert!(!second.is_held() && holder(&server) == dead);
    pass(Duration::from_secs(2)).await;
    second.round().await.unwrap();
    assert!(second.is_held() && holder(&server) != dead);
    assert_eq!(server.object(LEASES, NAME)["spec"]["leaseTransitions"], 2);
}

#[tokio::test]
async fn a_holder_that_can_not_renew_stops_before_another_may_begin() {
    let server = ApiServer::start().await;
    let first = lease(&server);
    first.round().await.unwrap();
    server.forbid("PUT");
    pass(Duration::from_secs(24)).await;
    assert!(matches!(first.round().await, Err(Trouble::Forbidden { .. })));
    assert!(first.is_held(), "its time is not over yet");
    pass(Duration::from_secs(2)).await;
    assert!(!first.is_held());
    server.heal();
    first.round().await.unwrap();
    assert!(first.is_held(), "nobody has taken it");
}

#[tokio::test]
async fn who_finds_it_changed_by_another_has_lost_it() {
    let server = ApiServer::start().await;
    let (first, second) = (lease(&server), lease(&server));
    first.round().await.unwrap();
    second.round().await.unwrap();
    pass(Duration::from_secs(31)).await;
    second.round().await.unwrap();
    first.round().await.unwrap();
    assert!(!first.is_held() && second.is_held());
    first.round().await.unwrap();
    assert!(!first.is_held() && second.is_held());
}

#[tokio::test]
async fn of_three_that_take_it_at_once_one_has_it() {
    let server = ApiServer::start().await;
    for _ in 0..10 {
        let leases = [lease(&server), lease(&server), lease(&server)];
        let rounds = tokio::join!(leases[0].round(), leases[1].round(), leases[2].round());
        assert_eq!(rounds, (Ok(()), Ok(()), Ok(())));
        let held: Vec<&Lease> = leases.iter().filter(|lease| lease.is_held()).collect();
        assert_eq!(held.len(), 1);
        held[0].release().await;
        assert!(!held[0].is_held());
    }
}

#[tokio::test]
async fn a_lease_that_was_given_back_is_free_at_once_and_keeps_what_others_wrote_on_it() {
    let server = ApiServer::start().await;
    let metadata = json!({"name": NAME, "labels": {"team": "storage"}});
    server.put(LEASES, json!({"metadata": metadata, "spec": {}}));
    let (first, second, stop) = (Arc::new(lease(&server)), lease(&server), CancellationToken::new());
    let (running, stopped) = (first.clone(), stop.clone());
    let run = tokio::spawn(async move { running.run(stopped).await });
    eventually("a lease that is held", async || first.is_held().then_some(())).await;
    second.round().await.unwrap();
    assert!(!second.is_held());
    stop.cancel();
    run.await.unwrap();
    assert!(!first.is_held());
    second.round().await.unwrap();
    assert!(second.is_held());
    assert_eq!(server.object(LEASES, NAME)["metadata"]["labels"]["team"], "storage");
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let server = ApiServer::start().await;
    for (line, right) in [("GET", "get leases"), ("POST", "create leases")] {
        server.forbid(line);
        let told = lease(&server).round().await.unwrap_err().to_string();
        assert!(told.contains(&format!("{right}.coordination.k8s.io")), "{told}");
        server.heal();
    }
}
