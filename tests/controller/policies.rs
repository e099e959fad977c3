//! Which nodes get the replicas: preferred and requisite terms for each of them, and the policies of a class.

use tonic::Code;

use crate::support::{NODES, POOL_KIB, World, create, csi::Create, publish, refused};

/// Nodes as external-provisioner names them where a pod was scheduled: all are allowed, the pod's comes first.
fn near(name: &str, node: &str) -> Create {
    let mut rotated = NODES;
    rotated.rotate_left(NODES.iter().position(|one| *one == node).unwrap());
    create(name).places(&rotated, &NODES)
}

fn fill(world: &World, node: &str, kib: u64) {
    world.sandbox.cluster().lock().fill_pool(node, kib).unwrap();
}

#[tokio::test]
async fn the_pods_node_has_a_replica_and_linstor_chooses_the_roomiest_of_the_others() {
    let world = World::start().await;
    fill(&world, "node-2", POOL_KIB / 2);
    world.controller.create(near("data", "node-1")).await.unwrap();
    assert_eq!(world.replicas("data").await, ["node-1", "node-3"]);
    world.controller.create(near("other", "node-2")).await.unwrap();
    assert!(world.replicas("other").await.contains(&"node-2".to_owned()));
}

#[tokio::test]
async fn every_replica_is_on_a_preferred_node_while_there_is_room() {
    let world = World::start().await;
    for full in [None, Some("node-2"), Some("node-3")] {
        let name = format!("without-{}", full.unwrap_or("none"));
        NODES.iter().for_each(|node| fill(&world, node, 0));
        full.into_iter().for_each(|node| fill(&world, node, POOL_KIB));
        world.controller.create(create(&name).places(&["node-3", "node-2"], &NODES)).await.unwrap();
        let expected = match full {
            None => ["node-2", "node-3"],
            Some("node-2") => ["node-1", "node-3"],
            Some(_) => ["node-1", "node-2"],
        };
        assert_eq!(world.replicas(&name).await, expected);
    }
}

/// The incumbent then places replicas anywhere (peer-linstor-csi.md, section 2, Topology).
#[tokio::test]
async fn requisite_nodes_that_are_enough_and_have_no_room_are_exhausted_and_no_other_is_taken() {
    let world = World::start().await;
    fill(&world, "node-2", POOL_KIB);
    let allowed = ["node-1", "node-2"];
    for wanted in [create("data").places(&allowed, &allowed), create("data").places(&[], &allowed)] {
        refused(world.controller.create(wanted).await, Code::ResourceExhausted);
        assert!(world.definition("data").await.is_none());
    }
    fill(&world, "node-2", 0);
    world.controller.create(create("data").places(&[], &allowed)).await.unwrap();
    assert_eq!(world.replicas("data").await, allowed);
}

#[tokio::test]
async fn fewer_requisite_nodes_than_replicas_get_what_they_can_hold() {
    let world = World::start().await;
    world.controller.create(create("one").on("node-2")).await.unwrap();
    assert!(world.replicas("one").await.contains(&"node-2".to_owned()));
    let two = ["node-2", "node-3"];
    world.controller.create(create("three").parameter("placementCount", "3").places(&two, &two)).await.unwrap();
    assert_eq!(world.replicas("three").await, NODES);
    fill(&world, "node-2", POOL_KIB);
    world.controller.create(create("elsewhere").on("node-2")).await.unwrap();
    assert_eq!(world.replicas("elsewhere").await, ["node-1", "node-3"]);
}

#[tokio::test]
async fn a_volume_that_is_used_where_it_is_stays_on_requisite_nodes() {
    let world = World::start().await;
    let restricted = |name: &str| create(name).parameter("allowRemoteVolumeAccess", "false");
    let message = refused(world.controller.create(restricted("data").on("node-1")).await, Code::ResourceExhausted);
    assert!(message.contains("strict-topology") && message.contains("node-1"), "{message}");
    assert!(world.definition("data").await.is_none());
    let allowed = ["node-1", "node-3"];
    world.controller.create(restricted("data").places(&allowed[..1], &allowed)).await.unwrap();
    assert_eq!(world.replicas("data").await, allowed);
    fill(&world, "node-3", POOL_KIB);
    let local = create("local").storage_alone().places(&["node-3", "node-1"], &allowed);
    world.controller.create(local).await.unwrap();
    assert_eq!(world.replicas("local").await, ["node-1"]);
    fill(&world, "node-1", POOL_KIB);
    let local = create("none").storage_alone().places(&["node-3", "node-1"], &allowed);
    refused(world.controller.create(local).await, Code::ResourceExhausted);
}

#[tokio::test]
async fn autoplace_leaves_the_choice_to_linstor_but_for_what_must_be_reached() {
    let world = World::start().await;
    fill(&world, "node-1", POOL_KIB / 2);
    let auto = |name: &str| create(name).parameter("placementPolicy", "autoplace");
    world.controller.create(auto("data").on("node-1")).await.unwrap();
    assert_eq!(world.replicas("data").await, ["node-2", "node-3"]);
    world.controller.create(auto("local").storage_alone().on("node-1")).await.unwrap();
    assert_eq!(world.replicas("local").await, ["node-1"]);
}

#[tokio::test]
async fn follow_topology_goes_through_the_terms_in_their_order() {
    let world = World::start().await;
    fill(&world, "node-1", POOL_KIB / 2);
    let follow = |name: &str| create(name).parameter("placementPolicy", "FollowTopology");
    let order = ["node-3", "node-1", "node-2"];
    world.controller.create(follow("data").places(&order, &NODES)).await.unwrap();
    assert_eq!(world.replicas("data").await, ["node-1", "node-3"]);
    fill(&world, "node-1", POOL_KIB);
    world.controller.create(follow("other").places(&order, &NODES)).await.unwrap();
    assert_eq!(world.replicas("other").await, ["node-2", "node-3"]);
}

#[tokio::test]
async fn balanced_is_read_as_the_default() {
    let world = World::start().await;
    world.controller.create(near("data", "node-2").parameter("placementPolicy", "Balanced")).await.unwrap();
    assert!(world.replicas("data").await.contains(&"node-2".to_owned()));
}

#[tokio::test]
async fn a_list_of_nodes_is_where_the_replicas_are_and_a_repeat_changes_nothing() {
    let world = World::start().await;
    let listed = |nodes: &str| near("data", "node-2").parameter("nodeList", nodes);
    let made = world.controller.create(listed("node-1 node-3")).await.unwrap();
    assert_eq!(world.replicas("data").await, ["node-1", "node-3"]);
    assert_eq!(world.controller.create(listed("node-3,node-1")).await.unwrap(), made);
    let other = world.another_controller().await;
    assert_eq!(other.create(listed("node-1 node-3").parameter("placementPolicy", "Manual")).await.unwrap(), made);
    let message = refused(world.controller.create(listed("node-1 node-2")).await, Code::AlreadyExists);
    assert!(message.contains("nodeList") && message.contains("node-3"), "{message}");
    assert_eq!(world.replicas("data").await, ["node-1", "node-3"]);
}

#[tokio::test]
async fn a_listed_node_without_room_is_exhausted_and_nothing_is_left() {
    let world = World::start().await;
    fill(&world, "node-3", POOL_KIB);
    let listed = create("data").parameter("nodeList", "node-1 node-3");
    refused(world.controller.create(listed).await, Code::ResourceExhausted);
    assert!(world.definition("data").await.is_none());
    let local = create("data").storage_alone().parameter("nodeList", "node-1").on("node-2");
    let message = refused(world.controller.create(local).await, Code::ResourceExhausted);
    assert!(message.contains("nodeList") && message.contains("node-2"), "{message}");
}

#[tokio::test]
async fn a_listed_replica_that_is_missing_is_made_by_the_repeat() {
    let world = World::start().await;
    let listed = create("data").parameter("nodeList", "node-1 node-3");
    world.controller.create(listed.clone()).await.unwrap();
    world.change("DELETE", "/v1/resource-definitions/data/resources/node-3", &serde_json::Value::Null).await;
    world.controller.create(listed).await.unwrap();
    assert_eq!(world.replicas("data").await, ["node-1", "node-3"]);
}

#[tokio::test]
async fn a_listed_client_keeps_its_diskless_resource_when_nobody_uses_it() {
    let world = World::start().await;
    for (name, pool) in [("plain", None), ("pooled", Some("DfltDisklessStorPool"))] {
        let wanted = create(name).parameter("nodeList", "node-1 node-2").parameter("clientList", "node-3");
        let wanted = pool.into_iter().fold(wanted, |it, pool| it.parameter("disklessStoragePool", pool));
        let made = world.controller.create(wanted.clone()).await.unwrap();
        let is_client = async || {
            let client = world.resources(name).await.into_iter().find(|one| one.node_name == "node-3").unwrap();
            client.is_diskless() && !client.is_tie_breaker()
        };
        assert!(is_client().await);
        world.controller.publish(publish(name, "node-3")).await.unwrap();
        world.controller.unpublish(name, "node-3").await.unwrap();
        assert!(is_client().await, "a detach takes only what an attach has made");
        assert_eq!(world.controller.create(wanted).await.unwrap(), made);
        let without = create(name).parameter("nodeList", "node-1 node-2");
        refused(world.controller.create(without).await, Code::AlreadyExists);
    }
}
