//! DeleteVolume: what is gone, what stays, and what must be let go of first.

use serde_json::json;
use tonic::Code;

use crate::support::{World, create, eventually, publish, refused};

#[tokio::test]
async fn a_delete_takes_definition_replicas_and_records_away() {
    let world = World::start().await;
    for wanted in [create("replicated"), create("local").storage_alone()] {
        let volume = world.controller.create(wanted).await.unwrap().volume_id;
        let node = world.replicas(&volume).await.remove(0);
        world.controller.publish(publish(&volume, &node)).await.unwrap();
        world.controller.unpublish(&volume, &node).await.unwrap();
        world.controller.delete(&volume).await.unwrap();
        assert!(world.definition(&volume).await.is_none() && world.resources(&volume).await.is_empty());
        assert!(world.store(&volume).await.is_none());
        world.controller.delete(&volume).await.unwrap();
        refused(world.controller.get(&volume).await, Code::NotFound);
        refused(world.controller.publish(publish(&volume, &node)).await, Code::NotFound);
        world.controller.unpublish(&volume, &node).await.unwrap();
    }
}

#[tokio::test]
async fn the_definition_goes_first_and_its_records_after() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let props = world.definition(&volume).await.unwrap().props;
    let key = format!("{}/formatted", props["Aux/linflow/incarnation"]);
    let mark = json!({"override_props": {key: props["Aux/linflow/fs-uuid"]}});
    world.change("PUT", "/v1/key-value-store/data", &mark).await;
    let (deleted, requests) = world.count(world.controller.delete(&volume)).await;
    deleted.unwrap();
    let deletes: Vec<&str> =
        requests.iter().filter(|one| one.method == "DELETE").map(|one| one.path.as_str()).collect();
    assert_eq!(deletes, ["/v1/resource-definitions/data", "/v1/key-value-store/data"]);
}

#[tokio::test]
async fn an_attached_volume_is_not_deleted_under_its_pod() {
    let world = World::start().await;
    let local = create("local").storage_alone();
    for wanted in [create("replicated"), local] {
        let volume = world.controller.create(wanted).await.unwrap().volume_id;
        let node = world.replicas(&volume).await.remove(0);
        world.controller.publish(publish(&volume, &node)).await.unwrap();
        let message = refused(world.controller.delete(&volume).await, Code::FailedPrecondition);
        assert!(message.contains(&node) && message.contains("detach"), "{message}");
        assert!(!world.definition(&volume).await.unwrap().is_deleting());
        assert_eq!(world.records(&volume).await.len(), 1);
        world.controller.unpublish(&volume, &node).await.unwrap();
        world.controller.delete(&volume).await.unwrap();
    }
}

#[tokio::test]
async fn a_volume_that_is_open_without_a_record_is_not_deleted() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let node = world.replicas(&volume).await.remove(0);
    world.set_open(&volume, &node, true);
    let message = refused(world.controller.delete(&volume).await, Code::FailedPrecondition);
    assert!(message.contains("data"), "{message}");
    assert!(world.definition(&volume).await.is_some());
    world.set_open(&volume, &node, false);
    world.controller.delete(&volume).await.unwrap();
}

#[tokio::test]
async fn a_definition_that_waits_for_a_dead_node_is_deleted_to_callers_and_cannot_be_made_anew() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let lost = world.replicas(&volume).await.remove(0);
    world.crash(&lost);
    world.controller.delete(&volume).await.unwrap();
    assert!(world.definition(&volume).await.unwrap().is_deleting(), "LINSTOR keeps it until the node is back");
    world.controller.delete(&volume).await.unwrap();
    let message = refused(world.controller.create(create("data")).await, Code::Aborted);
    assert!(message.contains("deleting"), "{message}");
    refused(world.controller.publish(publish(&volume, "node-1")).await, Code::Aborted);
    world.controller.unpublish(&volume, "node-1").await.unwrap();
    assert!(world.controller.list(0, "").await.unwrap().entries.is_empty());
    world.restore(&lost);
    eventually("the node to finish the delete", || async { world.definition(&volume).await.is_none().then_some(()) })
        .await;
    world.controller.created("data").await;
}

#[tokio::test]
async fn records_of_an_earlier_volume_of_the_name_are_not_believed() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    world.controller.publish(publish(&volume, "node-1")).await.unwrap();
    let left = world.store(&volume).await.unwrap();
    world.controller.unpublish(&volume, "node-1").await.unwrap();
    world.controller.delete(&volume).await.unwrap();
    // As a delete that was cut between definition and records leaves it.
    world.change("PUT", "/v1/key-value-store/data", &json!({"override_props": left})).await;
    world.controller.created("data").await;
    let status = world.controller.get(&volume).await.unwrap().status.unwrap();
    assert!(status.published_node_ids.is_empty(), "{status:?}");
    world.controller.publish(publish(&volume, "node-2")).await.unwrap();
    world.controller.unpublish(&volume, "node-2").await.unwrap();
    world.controller.delete(&volume).await.unwrap();
    assert!(world.store(&volume).await.is_none());
}

#[tokio::test]
async fn records_without_a_definition_are_tidied_up() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    world.controller.publish(publish(&volume, "node-1")).await.unwrap();
    let left = world.store(&volume).await.unwrap();
    world.controller.unpublish(&volume, "node-1").await.unwrap();
    world.controller.delete(&volume).await.unwrap();
    world.change("PUT", "/v1/key-value-store/data", &json!({"override_props": left})).await;
    world.controller.delete(&volume).await.unwrap();
    assert!(world.store(&volume).await.is_none());
}
