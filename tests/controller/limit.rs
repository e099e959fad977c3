//! The attach limit of a node, kept by the controller too.

use linflow::csi::controller::ControllerService;
use linflow::volume::settle::settle;
use linflow::workflow::Instances;
use serde_json::json;
use tokio::task::JoinSet;
use tonic::Code;

use crate::support::{Controller, PATIENCE, World, create, publish, refused};

/// A controller that gives each node so many volumes.
async fn limited(world: &World, most: u32) -> Controller {
    let service = ControllerService::new(world.linstor(), Instances::default(), PATIENCE);
    world.serve(service.with_limit(Some(most))).await
}

/// So many small volumes.
async fn volumes(world: &World, count: usize) -> Vec<String> {
    let mut made = Vec::new();
    for number in 0..count {
        let wanted = create(&format!("volume-{number}")).mib(4);
        made.push(world.controller.create(wanted).await.unwrap().volume_id);
    }
    made
}

#[tokio::test]
async fn one_volume_more_than_a_node_may_have_is_resource_exhausted_and_names_node_limit_and_volumes() {
    let world = World::start().await;
    let controller = limited(&world, 2).await;
    let volumes = volumes(&world, 4).await;
    for volume in &volumes[..2] {
        controller.publish(publish(volume, "node-1")).await.unwrap();
    }
    for _ in 0..2 {
        let answer = controller.publish(publish(&volumes[2], "node-1")).await;
        let message = refused(answer, Code::ResourceExhausted);
        for part in ["node-1", "limit of 2", "volume-0", "volume-1", "--max-volumes-per-node"] {
            assert!(message.contains(part), "{message}");
        }
    }
    assert!(world.records(&volumes[2]).await.is_empty());
    // What is attached is attached again, another node has places of its own, and a place that is left is free.
    controller.publish(publish(&volumes[0], "node-1")).await.unwrap();
    controller.publish(publish(&volumes[2], "node-2")).await.unwrap();
    controller.unpublish(&volumes[0], "node-1").await.unwrap();
    controller.publish(publish(&volumes[3], "node-1")).await.unwrap();
    refused(controller.publish(publish(&volumes[0], "node-1")).await, Code::ResourceExhausted);
}

#[tokio::test]
async fn without_a_limit_nothing_is_counted() {
    let world = World::start().await;
    for volume in volumes(&world, 5).await {
        let (attached, requests) = world.count(world.controller.publish(publish(&volume, "node-1"))).await;
        attached.unwrap();
        assert!(requests.iter().all(|one| one.path != "/v1/key-value-store"), "{requests:?}");
    }
}

#[tokio::test]
async fn what_was_attached_before_the_controller_started_counts_too() {
    let world = World::start().await;
    let volumes = volumes(&world, 3).await;
    for volume in &volumes[..2] {
        world.controller.publish(publish(volume, "node-1")).await.unwrap();
    }
    let controller = limited(&world, 2).await;
    refused(controller.publish(publish(&volumes[2], "node-1")).await, Code::ResourceExhausted);
    controller.publish(publish(&volumes[0], "node-1")).await.unwrap();
}

#[tokio::test]
async fn a_detach_that_waits_for_its_node_counts() {
    let world = World::start().await;
    let controller = limited(&world, 2).await;
    let volumes = volumes(&world, 3).await;
    for volume in &volumes[..2] {
        controller.publish(publish(volume, "node-1")).await.unwrap();
    }
    world.crash("node-1");
    controller.unpublish(&volumes[0], "node-1").await.unwrap();
    world.restore("node-1");
    refused(controller.publish(publish(&volumes[2], "node-1")).await, Code::ResourceExhausted);
    settle(&world.linstor(), controller.service.reservations(), controller.service.limit()).await.unwrap();
    controller.publish(publish(&volumes[2], "node-1")).await.unwrap();
}

/// A full node is looked at before the refusal: other controllers detach, too.
#[tokio::test]
async fn what_another_controller_did_is_seen_before_a_refusal_and_at_the_next_look() {
    let world = World::start().await;
    let controller = limited(&world, 2).await;
    let volumes = volumes(&world, 4).await;
    for volume in &volumes[..2] {
        controller.publish(publish(volume, "node-1")).await.unwrap();
    }
    world.controller.unpublish(&volumes[0], "node-1").await.unwrap();
    controller.publish(publish(&volumes[2], "node-1")).await.unwrap();
    // It has one of two; another controller attaches one more, which the next look tells.
    controller.unpublish(&volumes[1], "node-1").await.unwrap();
    world.controller.publish(publish(&volumes[3], "node-1")).await.unwrap();
    settle(&world.linstor(), controller.service.reservations(), controller.service.limit()).await.unwrap();
    refused(controller.publish(publish(&volumes[1], "node-1")).await, Code::ResourceExhausted);
}

#[tokio::test]
async fn many_attaches_at_once_never_overshoot_in_one_controller() {
    let world = World::start().await;
    let controller = limited(&world, 3).await;
    let mut calls = JoinSet::new();
    for volume in volumes(&world, 8).await {
        let controller = controller.clone();
        calls.spawn(async move { controller.publish(publish(&volume, "node-1")).await });
    }
    let answers = calls.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3, "{answers:?}");
    let refused = answers.into_iter().filter_map(Result::err);
    assert!(refused.map(|status| status.code()).all(|code| code == Code::ResourceExhausted));
}

/// Its record is left behind, and takes no place.
#[tokio::test]
async fn a_volume_that_was_removed_with_linstors_own_tools_takes_no_place() {
    let world = World::start().await;
    let controller = limited(&world, 1).await;
    let volumes = volumes(&world, 2).await;
    controller.publish(publish(&volumes[0], "node-1")).await.unwrap();
    let path = format!("/v1/resource-definitions/{}", volumes[0]);
    world.change("DELETE", &path, &json!(null)).await;
    assert!(world.store(&volumes[0]).await.is_some());
    controller.publish(publish(&volumes[1], "node-1")).await.unwrap();
}

#[tokio::test]
async fn an_attach_on_the_way_costs_one_look_at_the_first_and_none_later() {
    let world = World::start().await;
    let controller = limited(&world, 9).await;
    let looks = |requests: &[linflow::sandbox::requests::Request]| {
        requests.iter().filter(|one| one.path == "/v1/key-value-store").count()
    };
    for (volume, expected) in volumes(&world, 3).await.iter().zip([1, 0, 0]) {
        let (attached, requests) = world.count(controller.publish(publish(volume, "node-1"))).await;
        attached.unwrap();
        assert_eq!(looks(&requests), expected, "{requests:?}");
    }
}
