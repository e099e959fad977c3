//! ControllerPublishVolume: a record, a device that is really there, and never two nodes at once.

use linflow::sandbox::faults::{Action, Matcher};
use serde_json::json;
use std::time::Duration;
use tonic::Code;

use crate::support::{NODES, World, create, csi::Create, is_open, publish, refused, soon};

/// The node that has no replica of a volume with two.
pub async fn spare_node(world: &World, volume: &str) -> String {
    let replicas = world.replicas(volume).await;
    NODES.map(str::to_owned).into_iter().find(|node| !replicas.contains(node)).expect("three nodes, two replicas")
}

#[tokio::test]
async fn an_attach_is_a_record_of_its_node_under_the_volumes_incarnation() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let context = world.controller.publish(publish(&volume, "node-1")).await.unwrap();
    let records = world.records(&volume).await;
    let record = &records["node-1"];
    assert_eq!(records.len(), 1);
    assert_eq!((&record["mode"], &record["read_only"]), (&json!("SINGLE_NODE_WRITER"), &json!(false)));
    assert_eq!(record["claim"], json!(volume));
    assert!(record["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{record}");
    let device = world.resources(&volume).await.into_iter().find(|one| one.node_name == "node-1").unwrap();
    assert_eq!(context["linflow.csi/device"], device.device_path(0).unwrap());
    assert_eq!(context["linflow.csi/bytes"], (1u64 << 30).to_string());
    assert!(!context.contains_key("linflow.csi/formatted"), "it is read live");
}

#[tokio::test]
async fn every_node_can_have_a_replicated_volume_one_after_the_other() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    for node in NODES {
        world.controller.publish(publish(&volume, node)).await.unwrap();
        assert_eq!(world.controller.get(&volume).await.unwrap().status.unwrap().published_node_ids, [node]);
        world.controller.unpublish(&volume, node).await.unwrap();
    }
    assert_eq!(world.replicas(&volume).await.len(), 2);
}

#[tokio::test]
async fn an_unknown_node_is_not_found_and_an_offline_one_unavailable() {
    let world = World::start().await;
    world.crash("node-3");
    for wanted in [create("replicated"), create("local").storage_alone().on("node-1")] {
        let volume = world.controller.create(wanted).await.unwrap().volume_id;
        let message = refused(world.controller.publish(publish(&volume, "node-9")).await, Code::NotFound);
        assert!(message.contains("node-9"), "{message}");
        let message = refused(world.controller.publish(publish(&volume, "node-3")).await, Code::Unavailable);
        assert!(message.contains("OFFLINE"), "{message}");
        assert!(world.records(&volume).await.is_empty());
    }
    refused(world.controller.publish(publish("missing", "node-1")).await, Code::NotFound);
}

#[tokio::test]
async fn a_second_node_is_refused_while_the_first_one_lives() {
    let world = World::start().await;
    for wanted in [create("replicated"), create("local").storage_alone().on("node-1")] {
        let volume = world.controller.create(wanted).await.unwrap().volume_id;
        world.controller.publish(publish(&volume, "node-1")).await.unwrap();
        let message = refused(world.controller.publish(publish(&volume, "node-2")).await, Code::FailedPrecondition);
        assert!(message.contains("node-1"), "{message}");
        assert_eq!(world.records(&volume).await.keys().collect::<Vec<_>>(), ["node-1"]);
    }
}

#[tokio::test]
async fn the_same_node_in_another_way_already_exists() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    world.controller.publish(publish(&volume, "node-1")).await.unwrap();
    let mut other = publish(&volume, "node-1");
    other.readonly = true;
    let message = refused(world.controller.publish(other).await, Code::AlreadyExists);
    assert!(message.contains("readonly"), "{message}");
    assert_eq!(world.records(&volume).await["node-1"]["read_only"], json!(false));
}

#[tokio::test]
async fn without_drbd_a_volume_is_attached_at_its_replica_only_and_no_twin_is_made() {
    let world = World::start().await;
    let local: Create = create("local").storage_alone().on("node-1");
    let volume = world.controller.create(local).await.unwrap().volume_id;
    let message = refused(world.controller.publish(publish(&volume, "node-2")).await, Code::FailedPrecondition);
    assert!(message.contains("node-1") && message.contains("no DRBD"), "{message}");
    assert_eq!(world.resources(&volume).await.len(), 1);
    assert!(world.records(&volume).await.is_empty());
    world.controller.publish(publish(&volume, "node-1")).await.unwrap();
}

#[tokio::test]
async fn the_tie_breaker_becomes_a_client_and_a_tie_breaker_again() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let spare = spare_node(&world, &volume).await;
    let there = || async { world.resources(&volume).await.into_iter().find(|one| one.node_name == spare) };
    assert!(there().await.expect("LINSTOR adds one").is_tie_breaker());
    world.controller.publish(publish(&volume, &spare)).await.unwrap();
    let client = there().await.unwrap();
    assert!(client.is_diskless() && !client.is_tie_breaker());
    world.controller.unpublish(&volume, &spare).await.unwrap();
    assert!(there().await.expect("the third voter stays").is_tie_breaker());
    assert!(world.definition(&volume).await.unwrap().has_majority_quorum());
}

/// The satellite is gone after the look at the nodes: LINSTOR still says 200 to make-available.
#[tokio::test]
async fn a_200_of_make_available_for_a_dead_node_is_not_believed() {
    let world = World::start().await;
    let controller = world.controller_with(world.linstor(), Duration::from_millis(300)).await;
    let volume = controller.created("data").await;
    let node = world.bystander(&volume).await;
    let matcher = Matcher::contains("/make-available").times(1);
    let gate = world.sandbox.faults().gate(matcher, linflow::sandbox::faults::Moment::Before);
    let (answer, ()) = tokio::join!(controller.publish(publish(&volume, &node)), async {
        soon("make-available", gate.arrived()).await;
        world.crash(&node);
        gate.release();
    });
    let message = refused(answer, Code::Unavailable);
    assert!(message.contains(&node), "{message}");
    assert_eq!(world.records(&volume).await.len(), 1, "the device may yet appear");
    world.restore(&node);
    controller.publish(publish(&volume, &node)).await.unwrap();
}

#[tokio::test]
async fn a_repeat_brings_back_a_device_that_was_taken_away() {
    let world = World::start().await;
    let single = create("data").parameter("placementCount", "1").on("node-1");
    let volume = world.controller.create(single).await.unwrap().volume_id;
    world.controller.publish(publish(&volume, "node-2")).await.unwrap();
    world.change("DELETE", "/v1/resource-definitions/data/resources/node-2", &json!(null)).await;
    world.controller.publish(publish(&volume, "node-2")).await.unwrap();
    let there = world.resources(&volume).await.into_iter().find(|one| one.node_name == "node-2");
    assert!(there.is_some_and(|one| one.is_diskless() && !one.is_tie_breaker()));
}

/// LINSTOR refuses the next make-available with this code, in the mask of errors.
fn refuse_once(world: &World, code: i64) {
    let refuse = Action::Refuse { status: 500, ret_code: -0x4000_0000_0000_0000 | code, message: "no".to_owned() };
    world.sandbox.faults().inject(Matcher::contains("/make-available").times(1), refuse);
}

#[tokio::test]
async fn a_refused_attach_leaves_no_record() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let node = world.bystander(&volume).await;
    refuse_once(&world, 996);
    refused(world.controller.publish(publish(&volume, &node)).await, Code::ResourceExhausted);
    assert!(world.records(&volume).await.is_empty());
    world.controller.publish(publish(&volume, "node-2")).await.unwrap();
}

/// FAIL_UNKNOWN_ERROR: a satellite failed somewhere on the way, and the device may yet appear.
#[tokio::test]
async fn an_attach_of_unknown_outcome_keeps_its_record() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let node = world.bystander(&volume).await;
    refuse_once(&world, 998);
    let status = world.controller.publish(publish(&volume, &node)).await.unwrap_err();
    assert!(is_open(&status), "{status:?}");
    assert_eq!(world.records(&volume).await.len(), 1);
    refused(world.controller.publish(publish(&volume, "node-2")).await, Code::FailedPrecondition);
    world.controller.publish(publish(&volume, &node)).await.unwrap();
}

#[tokio::test]
async fn a_refused_repeat_keeps_the_record_of_what_a_pod_may_be_using() {
    let world = World::start().await;
    let single = create("data").parameter("placementCount", "1").on("node-1");
    let volume = world.controller.create(single).await.unwrap().volume_id;
    world.controller.publish(publish(&volume, "node-2")).await.unwrap();
    world.change("DELETE", "/v1/resource-definitions/data/resources/node-2", &json!(null)).await;
    refuse_once(&world, 996);
    refused(world.controller.publish(publish(&volume, "node-2")).await, Code::ResourceExhausted);
    assert_eq!(world.records(&volume).await.len(), 1);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_stops_everything_but_is_not_removed() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let incarnation = world.definition(&volume).await.unwrap().props["Aux/linflow/incarnation"].clone();
    let broken = json!({"override_props": {format!("{incarnation}/attach/node-1"): "{"}});
    world.change("PUT", "/v1/key-value-store/data", &broken).await;
    refused(world.controller.publish(publish(&volume, "node-2")).await, Code::Internal);
    refused(world.controller.unpublish(&volume, "node-1").await, Code::Internal);
    refused(world.controller.delete(&volume).await, Code::Internal);
    assert!(world.definition(&volume).await.is_some_and(|definition| !definition.is_deleting()));
    assert_eq!(world.store(&volume).await.unwrap().len(), 1);
}
