//! `/metrics` of a real process.

use std::time::Duration;

use linflow::{
    csi::registration::proto::{InfoRequest, registration_client::RegistrationClient},
    metrics::catalogue::MEMBERS,
    sandbox::faults::{Action, Matcher, Moment},
};
use tonic::Code;

use crate::support::{World, create, driver::Driver, eventually, publish, refused, soon};

const VOLUME: &str = "a-volume-of-somebody";

async fn controller(world: &World) -> Driver {
    Driver::start(world, "controller", &["--admin-listen", "127.0.0.1:0"]).await
}

/// The value of a sample, which is `name{labels}`; 0 where there is none.
async fn sample(driver: &Driver, sample: &str) -> u64 {
    let (status, page) = driver.page("/metrics").await;
    assert_eq!(status, 200);
    let value = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

fn calls(method: &str, code: &str) -> String {
    let labels = format!("driver_name=\"linflow.csi\",method_name=\"/csi.v1.{method}\",grpc_status_code=\"{code}\"");
    format!("csi_plugin_operations_seconds_count{{{labels}}}")
}

fn requests(method: &str, route: &str, outcome: &str) -> String {
    let labels = format!("method=\"{method}\",route=\"{route}\",outcome=\"{outcome}\"");
    format!("linflow_linstor_request_seconds_count{{{labels}}}")
}

#[tokio::test]
async fn calls_and_requests_are_counted_by_kind_and_outcome_and_no_id_is_told() {
    let world = World::start().await;
    let driver = controller(&world).await;
    let client = driver.controller(&world).await;
    client.create(create(VOLUME)).await.unwrap();
    refused(client.create(create(VOLUME).gib(2)).await, Code::AlreadyExists);
    client.publish(publish(VOLUME, "node-1")).await.unwrap();

    assert_eq!(sample(&driver, &calls("Controller/CreateVolume", "OK")).await, 1);
    assert_eq!(sample(&driver, &calls("Controller/CreateVolume", "AlreadyExists")).await, 1);
    assert_eq!(sample(&driver, &requests("POST", "resource-groups/{group}/spawn", "ok")).await, 1);
    assert!(sample(&driver, &requests("PUT", "key-value-store/{instance}", "ok")).await >= 1);
    assert!(sample(&driver, "linflow_linstor_queue_seconds_count").await > 4);

    let page = driver.page("/metrics").await.1;
    for id in [VOLUME, "node-1"] {
        assert!(!page.contains(id), "{id} is on the page: {page}");
    }
    let members = MEMBERS.map(|member| format!("{} {}", member.name, member.kind));
    for told in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        assert!(members.iter().any(|member| member == told), "{told} is not in the catalogue");
    }
}

#[tokio::test]
async fn a_method_that_csi_does_not_have_is_no_label_of_its_own() {
    let world = World::start().await;
    let driver = controller(&world).await;
    let refusal = RegistrationClient::new(driver.channel().await).get_info(InfoRequest {}).await.unwrap_err();
    assert_eq!(refusal.code(), Code::Unimplemented);
    let page = driver.page("/metrics").await.1;
    assert!(page.contains("method_name=\"unknown\",grpc_status_code=\"Unimplemented\"") && !page.contains("GetInfo"));
}

#[tokio::test]
async fn repetitions_silence_and_the_queue_are_told() {
    let world = World::start().await;
    let driver = controller(&world).await;
    let client = driver.controller(&world).await;
    let faults = world.sandbox.faults();
    faults.inject(Matcher::prefix("/v1/resource-definitions").times(1), Action::Drop(Moment::Before));
    refused(client.get("nothing").await, Code::NotFound);
    assert_eq!(sample(&driver, &requests("GET", "resource-definitions", "unanswered")).await, 1);
    let repeats = "linflow_linstor_repeats_total{method=\"GET\",route=\"resource-definitions\"}";
    assert_eq!(sample(&driver, repeats).await, 1);

    let gate = faults.gate(Matcher::prefix("/v1/resource-definitions").times(1), Moment::Before);
    let call = tokio::spawn(async move { client.get("nothing").await });
    soon("the held request", gate.arrived()).await;
    // The call's other requests are not held.
    let under_way = async |count| (sample(&driver, "linflow_linstor_in_flight").await == count).then_some(());
    eventually("one request under way", async || under_way(1).await).await;
    assert_eq!(sample(&driver, "linflow_linstor_waiting").await, 0);
    gate.release();
    refused(call.await.unwrap(), Code::NotFound);
    eventually("none under way", async || under_way(0).await).await;
}

#[tokio::test]
async fn a_reply_that_is_slow_for_its_kind_is_counted_and_told_in_the_log() {
    let world = World::start().await;
    let driver = controller(&world).await;
    let client = driver.controller(&world).await;
    let slow = "linflow_linstor_slow_replies_total{method=\"GET\",route=\"resource-definitions\"}";
    for _ in 0..16 {
        refused(client.get("nothing").await, Code::NotFound);
    }
    assert_eq!(sample(&driver, slow).await, 0);
    let delay = Action::Delay(Duration::from_millis(1100));
    world.sandbox.faults().inject(Matcher::prefix("/v1/resource-definitions").times(1), delay);
    refused(client.get("nothing").await, Code::NotFound);
    assert_eq!(sample(&driver, slow).await, 1);
    let line = driver.await_log("LINSTOR replies far slower than it used to").await;
    for words in ["WARN", "route=GET /v1/resource-definitions", "ms=1", "usual_ms=", "more=0"] {
        assert!(line.contains(words), "{words} is missing: {line}");
    }
}
