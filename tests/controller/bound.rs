//! ControllerModifyVolume where the class says which nodes may have a volume, or use it: what a PersistentVolume was told
//! stays true, for it is never told again.

use tonic::Code;

use crate::support::{NODES, World, create, csi::Create, publish, refused};

async fn zoned(zones: [&str; 3]) -> World {
    let world = World::start().await;
    for (node, zone) in NODES.into_iter().zip(zones) {
        world.label(node, "Aux/topology/zone", zone).await;
    }
    world
}

fn limited(access: &str, nodes: &[&str]) -> Create {
    let count = nodes.len().to_string();
    let wanted = create("data").parameter("allowRemoteVolumeAccess", access).parameter("placementCount", &count);
    wanted.places(nodes, nodes)
}

async fn modify(world: &World, replicas: &str) -> Result<(), tonic::Status> {
    world.controller.modify("data", &[("qosReadIops", "7"), ("placementCount", replicas)]).await
}

async fn attaches(world: &World, node: &str) {
    world.controller.publish(publish("data", node)).await.unwrap();
    world.controller.unpublish("data", node).await.unwrap();
}

#[tokio::test]
async fn a_replica_that_a_persistent_volume_names_never_goes_and_nothing_is_changed() {
    let world = World::start().await;
    world.controller.create(limited("false", &["node-1", "node-2"])).await.unwrap();
    let message = refused(modify(&world, "1").await, Code::InvalidArgument);
    for part in ["node-1, node-2", "PersistentVolume", "allowRemoteVolumeAccess false"] {
        assert!(message.contains(part), "{part} is missing: {message}");
    }
    assert_eq!(world.replicas("data").await, ["node-1", "node-2"]);
    let definition = world.definition("data").await.unwrap();
    assert!(!definition.props.keys().any(|key| key.contains("blkio")), "{:?}", definition.props);
    assert_eq!(world.store("data").await, None);
}

/// Whichever node it would be by its name alone.
#[tokio::test]
async fn what_was_added_later_goes_first() {
    for later in NODES {
        let world = World::start().await;
        let first: Vec<&str> = NODES.into_iter().filter(|node| *node != later).collect();
        world.controller.create(limited("false", &first)).await.unwrap();
        modify(&world, "3").await.unwrap();
        assert_eq!(world.replicas("data").await, NODES);
        world.another_controller().await.modify("data", &[("placementCount", "2")]).await.unwrap();
        assert_eq!(world.replicas("data").await, first);
        for node in first {
            attaches(&world, node).await;
        }
    }
}

#[tokio::test]
async fn one_replica_of_a_zone_may_go_and_the_last_one_stays() {
    for (zones, kept) in [(["a", "a", "b"], ["node-1", "node-3"]), (["b", "a", "a"], ["node-1", "node-2"])] {
        let world = zoned(zones).await;
        world.controller.create(limited("- fromSame: [zone]", &NODES)).await.unwrap();
        modify(&world, "2").await.unwrap();
        assert_eq!(world.replicas("data").await, kept);
        for node in NODES {
            attaches(&world, node).await;
        }
        let message = refused(modify(&world, "1").await, Code::InvalidArgument);
        assert!(message.contains(&kept.join(", ")), "{message}");
    }
}

#[tokio::test]
async fn a_new_replica_is_best_where_the_volume_is_used() {
    for (zones, used) in [(["a", "b", "a"], "node-3"), (["a", "a", "b"], "node-2")] {
        let world = zoned(zones).await;
        world.controller.create(limited("- fromSame: [zone]", &["node-1"])).await.unwrap();
        modify(&world, "2").await.unwrap();
        assert_eq!(world.replicas("data").await, ["node-1", used]);
        modify(&world, "3").await.unwrap();
        assert_eq!(world.replicas("data").await, NODES);
    }
}

#[tokio::test]
async fn replicas_stay_on_the_nodes_that_the_class_lists() {
    let world = World::start().await;
    world.controller.create(create("data").parameter("nodeList", "node-3 node-2")).await.unwrap();
    let message = refused(modify(&world, "3").await, Code::InvalidArgument);
    assert!(message.contains("nodeList node-2, node-3"), "{message}");
    assert_eq!(world.replicas("data").await, ["node-2", "node-3"]);
    for (count, replicas) in [("1", 1), ("2", 2)] {
        modify(&world, count).await.unwrap();
        let there = world.replicas("data").await;
        assert!(there.len() == replicas && !there.contains(&"node-1".to_owned()), "{there:?}");
    }
}
