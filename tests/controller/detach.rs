//! ControllerUnpublishVolume: takes away what attach added, and touches nothing where a node may still write.

use linflow::volume::{
    limit::Limit,
    settle::{Settled, settle},
};
use serde_json::json;
use tonic::Code;

use super::attach::spare_node;
use crate::support::{NODES, World, create, eventually, publish, refused};

#[tokio::test]
async fn a_detach_removes_the_client_and_keeps_replicas_tie_breaker_and_quorum() {
    let world = World::start().await;
    // Three nodes have it all: a third replica, so no tie-breaker; then two and the tie-breaker.
    for (name, count, voters) in [("two", "2", 3), ("three", "3", 3)] {
        let wanted = create(name).parameter("placementCount", count);
        let volume = world.controller.create(wanted).await.unwrap().volume_id;
        let before = world.replicas(&volume).await;
        for node in NODES {
            world.controller.publish(publish(&volume, node)).await.unwrap();
            world.controller.unpublish(&volume, node).await.unwrap();
            assert_eq!(world.replicas(&volume).await, before);
            assert_eq!(world.resources(&volume).await.len(), voters);
            assert!(world.definition(&volume).await.unwrap().has_majority_quorum());
            assert!(world.records(&volume).await.is_empty());
        }
    }
}

#[tokio::test]
async fn a_single_replicas_client_is_removed_altogether() {
    let world = World::start().await;
    let single = create("single").parameter("placementCount", "1").on("node-1");
    let volume = world.controller.create(single).await.unwrap().volume_id;
    world.controller.publish(publish(&volume, "node-2")).await.unwrap();
    assert!(world.resources(&volume).await.iter().any(|one| one.node_name == "node-2" && one.is_diskless()));
    world.controller.unpublish(&volume, "node-2").await.unwrap();
    assert!(world.resources(&volume).await.iter().all(|one| one.node_name != "node-2" || one.is_tie_breaker()));
    assert_eq!(world.replicas(&volume).await, ["node-1"]);
}

#[tokio::test]
async fn peer_weakness_12_a_detach_while_the_device_is_open_is_refused_and_changes_nothing() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let spare = spare_node(&world, &volume).await;
    world.controller.publish(publish(&volume, &spare)).await.unwrap();
    world.set_open(&volume, &spare, true);
    let message = refused(world.controller.unpublish(&volume, &spare).await, Code::FailedPrecondition);
    assert!(message.contains(&spare) && message.contains("unmount"), "{message}");
    assert_eq!(world.records(&volume).await.len(), 1);
    assert_eq!(world.resources(&volume).await.len(), 3);
    world.set_open(&volume, &spare, false);
    world.controller.unpublish(&volume, &spare).await.unwrap();
}

#[tokio::test]
async fn detaching_what_is_not_attached_is_a_success_and_changes_nothing() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let before = world.resources(&volume).await;
    for node in ["node-1", "node-2", "node-3", "node-9", ""] {
        world.controller.unpublish(&volume, node).await.unwrap();
    }
    world.controller.unpublish("missing", "node-1").await.unwrap();
    assert_eq!(world.resources(&volume).await, before);
}

#[tokio::test]
async fn without_a_node_it_is_detached_from_all() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    world.controller.publish(publish(&volume, "node-2")).await.unwrap();
    world.controller.unpublish(&volume, "").await.unwrap();
    assert!(world.records(&volume).await.is_empty());
}

/// Attached on the node without a replica, which then dies, and detached.
async fn pending(world: &World) -> (String, String) {
    let volume = world.controller.created("data").await;
    let node = spare_node(world, &volume).await;
    world.controller.publish(publish(&volume, &node)).await.unwrap();
    world.crash(&node);
    let before: Vec<_> = world.resources(&volume).await.into_iter().map(|one| (one.node_name, one.flags)).collect();
    world.controller.unpublish(&volume, &node).await.unwrap();
    let after: Vec<_> = world.resources(&volume).await.into_iter().map(|one| (one.node_name, one.flags)).collect();
    assert_eq!(before, after, "deleting there would take quorum away");
    (volume, node)
}

/// Looks at the pending detaches once, as the controller does by itself from time to time.
async fn settled(world: &World) -> Settled {
    settle(&world.linstor(), world.controller.service.reservations(), &Limit::default()).await.unwrap()
}

#[tokio::test]
async fn a_detach_from_a_dead_node_waits_for_it_and_keeps_the_record() {
    let world = World::start().await;
    let (volume, node) = pending(&world).await;
    assert_eq!(world.records(&volume).await[&node]["detaching"], json!(true));
    assert!(world.definition(&volume).await.unwrap().has_majority_quorum());
    world.controller.unpublish(&volume, &node).await.unwrap();
    assert_eq!(settled(&world).await, Settled { done: 0, pending: 1 }, "the node is still away");
    assert_eq!(world.records(&volume).await.len(), 1);
}

#[tokio::test]
async fn a_pending_detach_is_completed_when_the_node_is_back() {
    let world = World::start().await;
    let (volume, node) = pending(&world).await;
    world.restore(&node);
    let told = eventually("the detach to be completed", || async {
        let told = settled(&world).await;
        world.records(&volume).await.is_empty().then_some(told)
    });
    assert_eq!(told.await, Settled { done: 1, pending: 0 });
    let there = world.resources(&volume).await.into_iter().find(|one| one.node_name == node);
    assert!(there.expect("the third voter stays").is_tie_breaker());
    assert_eq!(settled(&world).await, Settled::default());
}

#[tokio::test]
async fn a_pending_detach_is_not_completed_while_the_device_is_open() {
    let world = World::start().await;
    let (volume, node) = pending(&world).await;
    world.restore(&node);
    world.set_open(&volume, &node, true);
    assert_eq!(settled(&world).await, Settled { done: 0, pending: 1 });
    assert_eq!(world.records(&volume).await.len(), 1);
}

#[tokio::test]
async fn a_new_attach_there_cancels_the_pending_detach() {
    let world = World::start().await;
    let (volume, node) = pending(&world).await;
    world.restore(&node);
    world.controller.publish(publish(&volume, &node)).await.unwrap();
    assert_eq!(world.records(&volume).await[&node].get("detaching"), None);
    assert_eq!(settled(&world).await, Settled::default());
    assert_eq!(world.records(&volume).await.len(), 1);
}

#[tokio::test]
async fn an_attach_elsewhere_completes_a_pending_detach_of_a_node_that_is_back() {
    let world = World::start().await;
    let (volume, node) = pending(&world).await;
    world.restore(&node);
    let other = world.replicas(&volume).await.remove(0);
    world.controller.publish(publish(&volume, &other)).await.unwrap();
    assert_eq!(world.records(&volume).await.keys().collect::<Vec<_>>(), [&other]);
}

#[tokio::test]
async fn a_refused_attach_leaves_a_pending_detach_to_whoever_may_complete_it() {
    let world = World::start().await;
    let (volume, node) = pending(&world).await;
    let [holder, other] = world.replicas(&volume).await.try_into().unwrap();
    world.restore(&node);
    let incarnation = world.definition(&volume).await.unwrap().props["Aux/linflow/incarnation"].clone();
    let mut record = world.records(&volume).await[&node].clone();
    record.as_object_mut().unwrap().remove("detaching");
    let held = json!({"override_props": {format!("{incarnation}/attach/{holder}"): record.to_string()}});
    world.change("PUT", &format!("/v1/key-value-store/{volume}"), &held).await;
    let message = refused(world.controller.publish(publish(&volume, &other)).await, Code::FailedPrecondition);
    assert!(message.contains(&holder), "{message}");
    assert_eq!(world.records(&volume).await[&node]["detaching"], json!(true));
}

#[tokio::test]
async fn settling_leaves_other_drivers_stores_alone() {
    let world = World::start().await;
    let theirs = json!({"override_props": {"state": "{\"detaching\":true}"}});
    world.change("PUT", "/v1/key-value-store/theirs", &theirs).await;
    let (told, requests) = world.count(settled(&world)).await;
    assert_eq!((told, requests.len()), (Settled::default(), 1));
    assert!(world.store("theirs").await.is_some());
}
