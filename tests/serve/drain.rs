//! SIGTERM: what runs is finished, and nothing new is begun.

use linflow::{
    csi::proto::{ProbeRequest, identity_client::IdentityClient},
    linstor::model::{Node, Resource},
    sandbox::faults::{Gate, Matcher, Moment},
};
use tokio::task::JoinHandle;
use tonic::{Code, Status};

use crate::support::{World, driver::Driver, eventually, publish, soon};

const VOLUME: &str = "held";

/// A process that attaches a volume, held where the attach is recorded and the device is not there yet.
struct Attaching {
    world: World,
    driver: Driver,
    gate: Gate,
    call: JoinHandle<Result<(), Status>>,
    node: String,
}

impl Attaching {
    async fn start(flags: &[&str]) -> Self {
        let world = World::start().await;
        world.controller.created(VOLUME).await;
        let node = world.bystander(VOLUME).await;
        let driver = Driver::start(&world, "controller", &[&["--admin-listen", "127.0.0.1:0"], flags].concat()).await;
        let gate = world.sandbox.faults().gate(Matcher::contains("/make-available").times(1), Moment::Before);
        let (controller, request) = (driver.controller(&world).await, publish(VOLUME, &node));
        let call = tokio::spawn(async move { controller.publish(request).await.map(drop) });
        soon("the held request", gate.arrived()).await;
        Self { world, driver, gate, call, node }
    }
}

async fn is_attached(world: &World, node: &str) -> bool {
    // The tie-breaker that the node has before is no device.
    let is_client = |resource: &Resource| resource.node_name == node && !resource.is_tie_breaker();
    let has_device = world.resources(VOLUME).await.iter().any(is_client);
    has_device && world.records(VOLUME).await.contains_key(node)
}

#[tokio::test]
async fn a_call_under_way_is_answered_and_a_new_one_is_told_to_come_again() {
    let Attaching { world, mut driver, gate, call, node } = Attaching::start(&[]).await;
    let mut idle = IdentityClient::new(driver.channel().await);
    idle.probe(ProbeRequest {}).await.unwrap();
    driver.terminate();
    driver.await_page("/readyz", 503, "stopping").await;
    assert_eq!(driver.page("/healthz").await.0, 200);
    let refusal = eventually("a refusal", async || idle.clone().probe(ProbeRequest {}).await.err()).await;
    assert_eq!(refusal.code(), Code::Unavailable, "{refusal:?}");
    assert!(!driver.has_ended() && !call.is_finished());

    gate.release();
    call.await.unwrap().unwrap();
    assert!(driver.ended().await.success());
    assert!(is_attached(&world, &node).await);
}

#[tokio::test]
async fn an_operation_whose_caller_has_gone_runs_to_its_end() {
    let Attaching { world, mut driver, gate, call, node } = Attaching::start(&[]).await;
    call.abort();
    driver.await_log("the caller went away before the answer").await;
    driver.terminate();
    driver.await_page("/readyz", 503, "stopping").await;
    assert!(!driver.has_ended());
    gate.release();
    assert!(driver.ended().await.success());
    assert!(is_attached(&world, &node).await);
}

#[tokio::test]
async fn a_detach_that_waited_for_its_node_is_completed_too_where_it_was_begun() {
    let world = World::start().await;
    world.controller.created(VOLUME).await;
    let node = world.bystander(VOLUME).await;
    world.controller.publish(publish(VOLUME, &node)).await.unwrap();
    world.crash(&node);
    world.controller.unpublish(VOLUME, &node).await.unwrap();
    world.restore(&node);
    let is_back = async || world.linstor().nodes(&[]).await.unwrap().iter().all(Node::is_online).then_some(());
    eventually("the node's return", is_back).await;

    let delete = Matcher::contains("/resources/").method(&"DELETE".parse().unwrap());
    let gate = world.sandbox.faults().gate(delete.times(1), Moment::Before);
    let mut driver = Driver::start(&world, "controller", &["--admin-listen", "127.0.0.1:0"]).await;
    soon("the held request", gate.arrived()).await;
    driver.terminate();
    driver.await_page("/readyz", 503, "stopping").await;
    assert!(!driver.has_ended() && world.records(VOLUME).await.contains_key(&node));
    gate.release();
    assert!(driver.ended().await.success());
    assert!(world.records(VOLUME).await.is_empty());
}

#[tokio::test]
async fn what_takes_longer_than_it_may_is_cut_and_completed_by_the_next() {
    let Attaching { world, mut driver, gate, call, node } = Attaching::start(&["--drain-timeout", "300ms"]).await;
    driver.terminate();
    assert_eq!(driver.ended().await.code(), Some(1));
    driver.await_log("calls were still running 300ms after the signal").await;
    assert!(call.await.unwrap().is_err());
    gate.sever();
    assert!(!is_attached(&world, &node).await);
    world.controller.publish(publish(VOLUME, &node)).await.unwrap();
    assert!(is_attached(&world, &node).await);
}

#[tokio::test]
async fn an_idle_process_ends_at_once_though_connections_are_open() {
    let world = World::start().await;
    let mut driver = Driver::start(&world, "controller", &[]).await;
    let mut idle = IdentityClient::new(driver.channel().await);
    idle.probe(ProbeRequest {}).await.unwrap();
    driver.terminate();
    assert!(driver.ended().await.success());
}
