//! Terms of a topology that name no node: their segments are asked for at LINSTOR.

use tonic::Code;

use crate::support::{NODES, World, create, csi::term, publish, refused};

/// node-1 in zone a; node-2 and node-3 in zone b, each property spelt in its own way.
async fn zoned() -> World {
    let world = World::start().await;
    world.label("node-1", "Aux/topology/example.org/zone", "a").await;
    world.label("node-2", "Aux/topology/example.org/zone", "b").await;
    world.label("node-3", "Aux/example.org/zone", "b").await;
    world
}

const ZONES: [&str; 2] = ["example.org/zone=a", "example.org/zone=b"];

#[tokio::test]
async fn zones_get_a_replica_each() {
    let world = zoned().await;
    for (name, preferred) in [("near-b", vec![ZONES[1], ZONES[0]]), ("any", vec![])] {
        world.controller.create(create(name).places(&preferred, &ZONES)).await.unwrap();
        let replicas = world.replicas(name).await;
        assert!(replicas.len() == 2 && replicas.contains(&"node-1".to_owned()), "{replicas:?}");
    }
}

#[tokio::test]
async fn one_zone_holds_all_replicas_where_it_can_and_its_property_is_found_in_both_spellings() {
    let world = zoned().await;
    world.controller.create(create("data").places(&ZONES[1..], &ZONES[1..])).await.unwrap();
    assert_eq!(world.replicas("data").await, ["node-2", "node-3"]);
    let local = create("local").storage_alone().places(&ZONES[..1], &ZONES[..1]);
    let made = world.controller.create(local).await.unwrap();
    assert_eq!(
        (world.replicas("local").await, made.accessible_topology),
        (vec!["node-1".to_owned()], vec![term("node-1")])
    );
}

#[tokio::test]
async fn all_segments_of_a_term_must_be_a_nodes() {
    let world = zoned().await;
    world.label("node-3", "Aux/rack", "7").await;
    let both = "example.org/zone=b,rack=7";
    world.controller.create(create("data").storage_alone().places(&[both], &[both])).await.unwrap();
    assert_eq!(world.replicas("data").await, ["node-3"]);
}

#[tokio::test]
async fn a_pools_segment_is_a_node_with_that_pool() {
    let world = zoned().await;
    for node in ["node-1", "node-3"] {
        world.add_pool(node, "fast").await;
    }
    let fast = "linflow.csi/pool-fast=true";
    world.controller.create(create("data").places(&[], &[fast])).await.unwrap();
    assert_eq!(world.replicas("data").await, ["node-1", "node-3"]);
    let zoned = "example.org/zone=b,linflow.csi/pool-fast=true";
    world.controller.create(create("local").storage_alone().places(&[], &[zoned])).await.unwrap();
    assert_eq!(world.replicas("local").await, ["node-3"]);
}

#[tokio::test]
async fn a_place_that_no_node_has_is_exhausted_and_beside_others_is_passed_over() {
    let world = zoned().await;
    let nowhere = [
        "example.org/zone=c",
        "other=x",
        "linflow.csi/pool-lost=true",
        "linflow.csi/rack=7",
        "linflow.csi/pool-pool1=false",
        "not a key=x",
        "example.org/zone=a,rack=1",
    ];
    for place in nowhere {
        let message =
            refused(world.controller.create(create("data").places(&[], &[place])).await, Code::ResourceExhausted);
        assert!(message.contains(place), "{message}");
    }
    assert!(world.definition("data").await.is_none());
    // A preferred place is a wish.
    world.controller.create(create("data").places(&["other=x"], &["other=x", "node-2", "node-3"])).await.unwrap();
    assert_eq!(world.replicas("data").await, ["node-2", "node-3"]);
    world.controller.create(create("free").places(&["other=x"], &[])).await.unwrap();
    assert_eq!(world.replicas("free").await.len(), 2);
}

#[tokio::test]
async fn a_repeat_finds_its_volume_though_its_place_has_gone() {
    let world = zoned().await;
    let wanted = create("data").places(&ZONES[1..], &ZONES[1..]);
    let made = world.controller.create(wanted.clone()).await.unwrap();
    for node in NODES {
        world.label(node, "Aux/topology/example.org/zone", "c").await;
    }
    assert_eq!(world.controller.create(wanted.clone()).await.unwrap(), made);
    assert_eq!(world.another_controller().await.create(wanted).await.unwrap(), made);
    world.controller.publish(publish("data", "node-1")).await.unwrap();
}
