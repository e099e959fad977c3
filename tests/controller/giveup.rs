//! When a silent node loses its volume: only where DRBD's quorum proves that it can't write any more.

use std::time::Duration;

use serde_json::json;
use tonic::Code;

use super::attach::spare_node;
use crate::support::{Controller, World, create, eventually, publish, refused};

/// A volume, attached and open on the first of its two replicas.
struct InUse {
    volume: String,
    holder: String,
    survivor: String,
    spare: String,
}

async fn in_use(world: &World) -> InUse {
    let volume = world.controller.created("data").await;
    let replicas = world.replicas(&volume).await;
    let (holder, survivor) = (replicas[0].clone(), replicas[1].clone());
    world.controller.publish(publish(&volume, &holder)).await.unwrap();
    world.set_open(&volume, &holder, true);
    let spare = spare_node(world, &volume).await;
    InUse { volume, holder, survivor, spare }
}

/// A controller that soon says what it sees instead of a proof.
async fn impatient(world: &World) -> Controller {
    world.controller_with(world.linstor(), Duration::from_millis(300)).await
}

/// Fails unless an attach to each node is refused for want of proof and changes nothing.
async fn expect_refused(world: &World, given: &InUse, nodes: &[&str], seen: &str) {
    let controller = impatient(world).await;
    for node in nodes {
        let (answer, requests) = world.count(controller.publish(publish(&given.volume, node))).await;
        let message = refused(answer, Code::FailedPrecondition);
        assert!(message.contains(&given.holder) && message.contains(seen), "{message}");
        assert!(requests.iter().all(|request| request.method == "GET"), "{requests:?}");
        assert_eq!(world.records(&given.volume).await.keys().collect::<Vec<_>>(), [&given.holder]);
    }
}

#[tokio::test]
async fn a_dead_nodes_volume_moves_to_the_surviving_replica() {
    let world = World::start().await;
    let given = in_use(&world).await;
    world.crash(&given.holder);
    let context = world.controller.publish(publish(&given.volume, &given.survivor)).await.unwrap();
    assert!(context.contains_key("linflow.csi/device"));
    assert_eq!(world.records(&given.volume).await.keys().collect::<Vec<_>>(), [&given.survivor]);
    assert_eq!(world.resources(&given.volume).await.len(), 3, "what the dead node holds is not deleted");
    world.restore(&given.holder);
    refused(world.controller.publish(publish(&given.volume, &given.holder)).await, Code::FailedPrecondition);
}

#[tokio::test]
async fn a_dead_nodes_volume_moves_to_a_node_without_a_replica_through_the_survivor() {
    let world = World::start().await;
    let given = in_use(&world).await;
    world.crash(&given.holder);
    world.controller.publish(publish(&given.volume, &given.spare)).await.unwrap();
    assert_eq!(world.records(&given.volume).await.keys().collect::<Vec<_>>(), [&given.spare]);
    assert!(world.definition(&given.volume).await.unwrap().has_majority_quorum());
}

#[tokio::test]
async fn a_pending_detach_is_dropped_when_its_node_is_given_up() {
    let world = World::start().await;
    let given = in_use(&world).await;
    world.crash(&given.holder);
    world.controller.unpublish(&given.volume, &given.holder).await.unwrap();
    world.controller.publish(publish(&given.volume, &given.survivor)).await.unwrap();
    assert_eq!(world.records(&given.volume).await.keys().collect::<Vec<_>>(), [&given.survivor]);
}

#[tokio::test]
async fn without_quorum_a_silent_node_keeps_its_volume() {
    let world = World::start().await;
    let given = in_use(&world).await;
    let off = json!({"override_props": {"DrbdOptions/auto-quorum": "disabled", "DrbdOptions/Resource/quorum": "off"}});
    world.change("PUT", &format!("/v1/resource-definitions/{}", given.volume), &off).await;
    world.crash(&given.holder);
    expect_refused(&world, &given, &[&given.survivor, &given.spare], "quorum is off").await;
}

#[tokio::test]
async fn fewer_than_three_voters_prove_nothing() {
    let world = World::start().await;
    let given = in_use(&world).await;
    let alone = json!({"override_props": {"DrbdOptions/auto-quorum": "disabled", "DrbdOptions/auto-add-quorum-tiebreaker": "false",
        "DrbdOptions/Resource/quorum": "majority"}});
    world.change("PUT", &format!("/v1/resource-definitions/{}", given.volume), &alone).await;
    let tie_breaker = format!("/v1/resource-definitions/{}/resources/{}", given.volume, given.spare);
    world.rest("DELETE", &tie_breaker, &json!(null)).await;
    let majority = json!({"override_props": {"DrbdOptions/Resource/quorum": "majority"}});
    world.change("PUT", &format!("/v1/resource-definitions/{}", given.volume), &majority).await;
    assert_eq!(world.resources(&given.volume).await.len(), 2);
    assert!(world.definition(&given.volume).await.unwrap().has_majority_quorum());
    world.crash(&given.holder);
    expect_refused(&world, &given, &[&given.survivor], "three voters").await;
}

#[tokio::test]
async fn survivors_that_are_stand_alone_are_named_and_waited_for_and_never_reconnected() {
    let world = World::start().await;
    let given = in_use(&world).await;
    world.sandbox.cluster().lock().standalone_survivors = true;
    world.crash(&given.holder);
    let alone = format!("{} is StandAlone from {}", given.survivor, given.spare);
    expect_refused(&world, &given, &[&given.survivor, &given.spare], &alone).await;
}

#[tokio::test]
async fn a_replica_that_is_not_up_to_date_does_not_take_over() {
    let world = World::start().await;
    let given = in_use(&world).await;
    world.sandbox.cluster().lock().set_sync_percent(&given.volume, &given.survivor, 40.0).unwrap();
    world.crash(&given.holder);
    expect_refused(&world, &given, &[&given.survivor, &given.spare], "no up-to-date replica may be promoted").await;
}

#[tokio::test]
async fn a_frozen_node_keeps_its_volume_until_the_others_have_dropped_it() {
    let world = World::start().await;
    let given = in_use(&world).await;
    world.freeze(&given.holder);
    let controller = impatient(&world).await;
    let message = refused(controller.publish(publish(&given.volume, &given.survivor)).await, Code::FailedPrecondition);
    assert!(message.contains("ONLINE"), "nobody has noticed yet: {message}");
    eventually("the survivors to drop the frozen node", || async {
        controller.publish(publish(&given.volume, &given.survivor)).await.ok()
    })
    .await;
    let there = world.resources(&given.volume).await.into_iter().find(|one| one.node_name == given.holder).unwrap();
    assert!(!there.is_live());
    world.thaw(&given.holder);
    refused(controller.publish(publish(&given.volume, &given.holder)).await, Code::FailedPrecondition);
}

#[tokio::test]
async fn without_drbd_a_dead_nodes_volume_stays_with_it() {
    let world = World::start().await;
    let local = create("local").storage_alone().on("node-1");
    let volume = world.controller.create(local).await.unwrap().volume_id;
    world.controller.publish(publish(&volume, "node-1")).await.unwrap();
    world.crash("node-1");
    let message = refused(world.controller.publish(publish(&volume, "node-2")).await, Code::FailedPrecondition);
    assert!(message.contains("node-1"), "{message}");
    assert_eq!(world.resources(&volume).await.len(), 1, "no empty twin");
    world.controller.unpublish(&volume, "node-1").await.unwrap();
    refused(world.controller.publish(publish(&volume, "node-2")).await, Code::FailedPrecondition);
    assert_eq!(world.resources(&volume).await.len(), 1, "no empty twin");
    world.restore("node-1");
    world.controller.publish(publish(&volume, "node-1")).await.unwrap();
}
