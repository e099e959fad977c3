//! What people are told.

use linflow::workflow::{ClaimRef, Directory, Notice, Object};
use serde_json::Value;

use super::api_server::ApiServer;
use super::{directory, pass, pod};
use std::time::{Duration, Instant};

const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/airflow/events";

fn notice(message: &str) -> Notice {
    let about = Object::Pod(pod("task", "u1"));
    Notice { about, is_warning: true, reason: "VolumeRefused", message: message.to_owned() }
}

#[tokio::test]
async fn an_event_names_the_pod_the_driver_and_what_happened() {
    let server = ApiServer::start().await;
    directory(&server).tell(&notice("it is of another run")).await;
    let [event] = &server.objects(EVENTS)[..] else { panic!("one Event") };
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    assert_eq!((text("/regarding/kind"), text("/regarding/name"), text("/regarding/uid")), ("Pod", "task", "u1"));
    assert_eq!((text("/type"), text("/reason"), text("/note")), ("Warning", "VolumeRefused", "it is of another run"));
    assert_eq!((text("/reportingController"), text("/metadata/namespace")), ("linflow.csi", "airflow"));
    // Kubernetes refuses an Event without them.
    for required in ["/eventTime", "/reportingInstance", "/action"] {
        assert_ne!(text(required), "", "{required}");
    }
}

#[tokio::test]
async fn a_claim_is_told_of_too() {
    let server = ApiServer::start().await;
    let claim = ClaimRef { namespace: "airflow".to_owned(), name: "data".to_owned(), uid: None };
    let notice = Notice { about: Object::Claim(claim), is_warning: false, ..notice("the data stays") };
    directory(&server).tell(&notice).await;
    let [event] = &server.objects(EVENTS)[..] else { panic!("one Event") };
    assert_eq!((&event["regarding"]["kind"], &event["type"]), (&"PersistentVolumeClaim".into(), &"Normal".into()));
}

#[tokio::test]
async fn the_same_is_said_once_in_ten_minutes_and_something_else_at_once() {
    let server = ApiServer::start().await;
    let directory = directory(&server);
    for _ in 0..3 {
        directory.tell(&notice("a")).await;
        directory.clone().tell(&notice("a")).await;
    }
    assert_eq!(server.objects(EVENTS).len(), 1);
    directory.tell(&notice("b")).await;
    directory.tell(&Notice { about: Object::Pod(pod("task", "u2")), ..notice("a") }).await;
    assert_eq!(server.objects(EVENTS).len(), 3);
    pass(Duration::from_secs(601)).await;
    directory.tell(&notice("a")).await;
    assert_eq!(server.objects(EVENTS).len(), 4);
}

#[tokio::test]
async fn what_could_not_be_told_is_told_at_the_next_try() {
    let server = ApiServer::start().await;
    let directory = directory(&server);
    server.forbid("POST");
    directory.tell(&notice("a")).await;
    server.heal();
    directory.tell(&notice("a")).await;
    assert_eq!(server.objects(EVENTS).len(), 1);
}

#[tokio::test]
async fn telling_keeps_a_call_for_two_seconds_at_most() {
    let server = ApiServer::start().await;
    server.hang("POST");
    let started = Instant::now();
    directory(&server).tell(&notice("a")).await;
    assert!((1..5).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_flood_of_different_notices_ends() {
    let server = ApiServer::start().await;
    let directory = directory(&server);
    for number in 0..1010 {
        directory.tell(&notice(&number.to_string())).await;
    }
    assert_eq!(server.objects(EVENTS).len(), 1000);
}
