//! allowRemoteVolumeAccess: what CreateVolume answers, and what an attach keeps.

use tonic::Code;

use crate::support::{NODES, World, create, csi::Create, csi::term, publish, refused};

const FROM_SAME_ZONE: &str = "- fromSame:\n  - zone\n";

fn limited(name: &str, access: &str) -> Create {
    create(name).parameter("allowRemoteVolumeAccess", access)
}

async fn zones(world: &World, zones: [&str; 3]) {
    for (node, zone) in NODES.into_iter().zip(zones) {
        world.label(node, "Aux/topology/zone", zone).await;
    }
}

/// Can the volume be attached to the node now? Leaves it detached.
async fn attaches(world: &World, volume: &str, node: &str) -> Result<(), tonic::Status> {
    world.controller.publish(publish(volume, node)).await?;
    world.controller.unpublish(volume, node).await
}

#[tokio::test]
async fn a_volume_that_is_not_reached_remotely_is_attached_where_its_replicas_are() {
    let world = World::start().await;
    let made = world.controller.create(limited("data", "false").parameter("nodeList", "node-1 node-2")).await.unwrap();
    assert_eq!(made.accessible_topology, ["node-1", "node-2"].map(term));
    attaches(&world, "data", "node-2").await.unwrap();
    // The tie-breaker's node is no replica's.
    let message = refused(attaches(&world, "data", "node-3").await, Code::FailedPrecondition);
    for part in ["allowRemoteVolumeAccess", "node-3", "node-1, node-2"] {
        assert!(message.contains(part), "{part} is missing: {message}");
    }
    assert!(world.records("data").await.is_empty());
}

#[tokio::test]
async fn a_listed_client_may_use_what_others_may_not() {
    let world = World::start().await;
    let wanted = limited("data", "false").parameter("nodeList", "node-1").parameter("clientList", "node-2");
    let made = world.controller.create(wanted).await.unwrap();
    assert_eq!(made.accessible_topology, ["node-1", "node-2"].map(term));
    attaches(&world, "data", "node-2").await.unwrap();
    refused(attaches(&world, "data", "node-3").await, Code::FailedPrecondition);
}

#[tokio::test]
async fn what_nodes_share_now_decides_and_not_what_they_shared() {
    let world = World::start().await;
    zones(&world, ["a", "a", "b"]).await;
    let wanted = limited("data", FROM_SAME_ZONE).parameter("nodeList", "node-1");
    let made = world.controller.create(wanted.clone()).await.unwrap();
    assert_eq!(made.accessible_topology, [term("node-1"), term("zone=a")]);
    assert_eq!(world.another_controller().await.create(wanted.clone()).await.unwrap(), made);
    attaches(&world, "data", "node-2").await.unwrap();
    let message = refused(attaches(&world, "data", "node-3").await, Code::FailedPrecondition);
    assert!(message.contains("zone"), "{message}");
    zones(&world, ["b", "a", "b"]).await;
    attaches(&world, "data", "node-3").await.unwrap();
    attaches(&world, "data", "node-1").await.unwrap();
    refused(attaches(&world, "data", "node-2").await, Code::FailedPrecondition);
    let again = world.controller.create(wanted).await.unwrap();
    assert_eq!(again.accessible_topology, [term("node-1"), term("zone=b")]);
}

#[tokio::test]
async fn one_rule_of_several_is_enough_and_each_must_hold_whole() {
    let world = World::start().await;
    zones(&world, ["a", "a", "a"]).await;
    for (node, rack) in NODES.into_iter().zip(["1", "2", "1"]) {
        world.label(node, "Aux/rack", rack).await;
    }
    let both = limited("both", "- fromSame: [zone, rack]").parameter("nodeList", "node-1");
    let made = world.controller.create(both).await.unwrap();
    assert_eq!(made.accessible_topology, [term("node-1"), term("rack=1,zone=a")]);
    attaches(&world, "both", "node-3").await.unwrap();
    refused(attaches(&world, "both", "node-2").await, Code::FailedPrecondition);
    let either = limited("either", "- fromSame: [row]\n- fromSame: [zone]").parameter("nodeList", "node-1");
    world.controller.create(either).await.unwrap();
    attaches(&world, "either", "node-2").await.unwrap();
}

#[tokio::test]
async fn a_volume_without_the_tag_is_reached_from_everywhere() {
    let world = World::start().await;
    for (name, wanted) in [("silent", create("silent")), ("said", limited("said", "true"))] {
        let made = world.controller.create(wanted).await.unwrap();
        assert!(made.accessible_topology.is_empty());
        let props = world.definition(name).await.unwrap().props;
        assert!(!props.keys().any(|key| key.contains("remote-access") || key.contains("clients")), "{props:?}");
        attaches(&world, name, &world.bystander(name).await).await.unwrap();
    }
}

#[tokio::test]
async fn the_rule_is_in_the_creating_request_and_is_compared() {
    let world = World::start().await;
    world.controller.create(limited("data", "false")).await.unwrap();
    assert_eq!(world.definition("data").await.unwrap().props["Aux/linflow/remote-access"], "false");
    for other in [create("data"), limited("data", FROM_SAME_ZONE)] {
        let message = refused(world.controller.create(other).await, Code::AlreadyExists);
        assert!(message.contains("allowRemoteVolumeAccess"), "{message}");
    }
    let local = limited("local", "true").storage_alone();
    let message = refused(world.controller.create(local).await, Code::InvalidArgument);
    assert!(message.contains("DRBD"), "{message}");
}
