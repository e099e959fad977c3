//! Where replicas go: counts, pools, layers, groups, and the node that a pod was given.

use linflow::linstor::model::ResourceDefinition;
use serde_json::json;
use tonic::Code;

use crate::support::{NODES, POOL, World, create, refused};

async fn definition(world: &World, name: &str) -> ResourceDefinition {
    world.definition(name).await.expect("it was made")
}

#[tokio::test]
async fn two_replicas_are_the_default_and_one_without_drbd() {
    let world = World::start().await;
    let made = world.controller.create(create("replicated")).await.unwrap();
    assert_eq!(world.replicas("replicated").await.len(), 2);
    assert!(definition(&world, "replicated").await.uses_drbd());
    assert!(made.accessible_topology.is_empty(), "every node reaches it");
    let made = world.controller.create(create("local").storage_alone()).await.unwrap();
    let replicas = world.replicas("local").await;
    assert_eq!(replicas.len(), 1);
    assert!(!definition(&world, "local").await.uses_drbd());
    let reached: Vec<&str> =
        made.accessible_topology.iter().map(|one| one.segments["linflow.csi/hostname"].as_str()).collect();
    assert_eq!(reached, replicas);
}

#[tokio::test]
async fn copies_that_nothing_keeps_equal_are_refused() {
    let world = World::start().await;
    let twins = create("twins").storage_alone().parameter("placementCount", "2");
    let message = refused(world.controller.create(twins).await, Code::InvalidArgument);
    assert!(message.contains("DRBD"), "{message}");
    world.controller.create(create("single").storage_alone().parameter("placementCount", "1")).await.unwrap();
    assert!(world.definition("twins").await.is_none());
}

#[tokio::test]
async fn peer_weakness_4_more_replicas_than_nodes_are_resource_exhausted_and_nothing_is_left() {
    let world = World::start().await;
    world.controller.create(create("three").parameter("placementCount", "3")).await.unwrap();
    assert_eq!(world.replicas("three").await, NODES);
    for wanted in [create("four"), create("four").on("node-1")] {
        let four = wanted.parameter("placementCount", "4");
        refused(world.controller.create(four).await, Code::ResourceExhausted);
        assert!(world.definition("four").await.is_none() && world.resources("four").await.is_empty());
    }
}

#[tokio::test]
async fn the_first_replica_is_on_the_node_that_the_pod_was_given() {
    let world = World::start().await;
    for node in NODES {
        let replicated = world.controller.create(create(&format!("near-{node}")).on(node)).await.unwrap();
        let replicas = world.replicas(&replicated.volume_id).await;
        assert!(replicas.len() == 2 && replicas.contains(&node.to_owned()), "{replicas:?}");
        let local = world.controller.create(create(&format!("on-{node}")).on(node).storage_alone()).await.unwrap();
        assert_eq!(world.replicas(&local.volume_id).await, [node]);
    }
}

#[tokio::test]
async fn a_full_node_is_passed_over_with_drbd_and_exhausted_without() {
    let world = World::start().await;
    world.sandbox.cluster().lock().fill_pool("node-1", crate::support::POOL_KIB).unwrap();
    let made = world.controller.create(create("replicated").on("node-1")).await.unwrap();
    assert_eq!(world.replicas(&made.volume_id).await, ["node-2", "node-3"]);
    let local = create("local").on("node-1").storage_alone();
    refused(world.controller.create(local).await, Code::ResourceExhausted);
    assert!(world.definition("local").await.is_none());
}

#[tokio::test]
async fn a_dead_node_is_passed_over() {
    let world = World::start().await;
    world.crash("node-2");
    for wanted in [create("data"), create("near").on("node-2")] {
        let made = world.controller.create(wanted).await.unwrap();
        assert_eq!(world.replicas(&made.volume_id).await, ["node-1", "node-3"]);
    }
    let local = create("local").on("node-2").storage_alone();
    refused(world.controller.create(local).await, Code::ResourceExhausted);
    let three = create("three").parameter("placementCount", "3");
    refused(world.controller.create(three).await, Code::ResourceExhausted);
    assert!(world.definition("local").await.is_none() && world.definition("three").await.is_none());
}

#[tokio::test]
async fn a_repeat_finds_its_volume_though_a_replica_is_away() {
    let world = World::start().await;
    let made = world.controller.create(create("data")).await.unwrap();
    world.crash(&world.replicas("data").await[0]);
    assert_eq!(world.controller.create(create("data")).await.unwrap(), made);
}

#[tokio::test]
async fn a_failed_create_is_taken_back_beside_a_store_that_is_not_ours() {
    let world = World::start().await;
    let note = json!({"override_props": {"note": "keep"}});
    world.change("PUT", "/v1/key-value-store/four", &note).await;
    let four = create("four").on("node-1").parameter("placementCount", "4");
    refused(world.controller.create(four).await, Code::ResourceExhausted);
    assert!(world.definition("four").await.is_none());
    assert!(world.store("four").await.is_some());
}

#[tokio::test]
async fn a_pool_is_used_where_it_is_named_and_must_exist() {
    let world = World::start().await;
    world.controller.create(create("data").parameter("storagePool", POOL)).await.unwrap();
    let message = refused(
        world.controller.create(create("lost").parameter("storagePool", "nowhere")).await,
        Code::ResourceExhausted,
    );
    assert!(message.contains("nowhere"), "{message}");
    assert!(world.definition("lost").await.is_none());
}

#[tokio::test]
async fn equal_classes_share_a_generated_group_that_is_never_modified() {
    let world = World::start().await;
    world.controller.create(create("one")).await.unwrap();
    let group = definition(&world, "one").await.resource_group_name;
    let (_, before) = world.rest("GET", &format!("/v1/resource-groups/{group}"), &json!(null)).await;
    world.another_controller().await.create(create("two").parameter("placementCount", "2")).await.unwrap();
    world.controller.create(create("three").parameter("placementCount", "3")).await.unwrap();
    assert_eq!(definition(&world, "two").await.resource_group_name, group);
    assert_ne!(definition(&world, "three").await.resource_group_name, group);
    let hash = group.strip_prefix("linflow-").expect("generated groups say whose they are");
    assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{group}");
    let (_, after) = world.rest("GET", &format!("/v1/resource-groups/{group}"), &json!(null)).await;
    assert_eq!(before, after);
    assert_eq!(world.replicas("one").await.len(), 2);
}

#[tokio::test]
async fn an_administrators_group_is_used_as_it_is_and_never_made() {
    let world = World::start().await;
    let gold = json!({"name": "gold", "select_filter": {"place_count": 3, "layer_stack": ["DRBD", "STORAGE"]}});
    world.change("POST", "/v1/resource-groups", &gold).await;
    let (_, before) = world.rest("GET", "/v1/resource-groups/gold", &json!(null)).await;
    world.controller.create(create("data").parameter("resourceGroup", "gold")).await.unwrap();
    assert_eq!(definition(&world, "data").await.resource_group_name, "gold");
    assert_eq!(world.replicas("data").await, NODES);
    assert_eq!(before, world.rest("GET", "/v1/resource-groups/gold", &json!(null)).await.1);
    let message = refused(
        world.controller.create(create("lost").parameter("resourceGroup", "silver")).await,
        Code::InvalidArgument,
    );
    assert!(message.contains("silver"), "{message}");
    assert_eq!(world.rest("GET", "/v1/resource-groups/silver", &json!(null)).await.0, 404);
    assert!(world.definition("lost").await.is_none());
}

#[tokio::test]
async fn a_group_that_was_removed_meanwhile_is_made_again() {
    let world = World::start().await;
    let volume = world.controller.created("one").await;
    let group = definition(&world, "one").await.resource_group_name;
    world.controller.delete(&volume).await.unwrap();
    world.change("DELETE", &format!("/v1/resource-groups/{group}"), &json!(null)).await;
    let first = world.controller.create(create("two")).await;
    assert!(first.as_ref().err().is_none_or(crate::support::is_open), "{first:?}");
    world.controller.create(create("two")).await.unwrap();
    assert_eq!(world.replicas("two").await.len(), 2);
}

#[tokio::test]
async fn another_placement_under_an_existing_name_is_refused() {
    let world = World::start().await;
    world.controller.create(create("data")).await.unwrap();
    for (key, value) in [("placementCount", "3"), ("layerList", "storage"), ("storagePool", POOL)] {
        let other = create("data").parameter(key, value);
        let message = refused(world.controller.create(other).await, Code::AlreadyExists);
        assert!(message.contains(key), "{message}");
    }
    assert_eq!(world.replicas("data").await.len(), 2);
}
