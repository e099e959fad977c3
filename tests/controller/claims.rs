//! Several claims of one volume on nodes: a record each, and the device leaves a node with the last of them.

use axum::http::Method;
use linflow::{
    csi::controller::ControllerService,
    csi::proto::{
        ControllerPublishVolumeRequest,
        volume_capability::{AccessType, MountVolume, access_mode::Mode},
    },
    sandbox::faults::{Matcher, Moment},
    volume::settle::settle,
    workflow::Instances,
};
use serde_json::json;
use tonic::Code;

use crate::support::{
    PATIENCE, World,
    claims::{Owned, RUN, reading, seat},
    create,
    csi::capability,
    publish, refused, soon,
};

/// A run's volume with one replica, on node-1: everywhere else it is used through a client.
async fn runs_volume(world: &World) -> Owned<'_> {
    Owned::make(world, create("data").on("node-1").parameter("placementCount", "1"), RUN).await
}

pub(super) fn many_readers(id: &str, node: &str) -> ControllerPublishVolumeRequest {
    let mount = MountVolume { fs_type: "ext4".to_owned(), ..MountVolume::default() };
    let capability = capability(Mode::MultiNodeReaderOnly, AccessType::Mount(mount));
    ControllerPublishVolumeRequest { volume_capability: Some(capability), ..publish(id, node) }
}

#[tokio::test]
async fn the_claims_of_a_volume_have_a_record_each_on_one_node_and_none_on_another() {
    let world = World::start().await;
    let owned = runs_volume(&world).await;
    let (one, other) = (owned.claim("pvc-1", None).await, owned.claim("pvc-2", None).await);
    let context = world.controller.publish(publish(&one, "node-2")).await.unwrap();
    assert_eq!(world.controller.publish(publish(&other, "node-2")).await.unwrap(), context);
    let mut expected = vec![seat("node-2", &one), seat("node-2", &other)];
    expected.sort();
    assert_eq!(owned.seats().await, expected);
    assert_eq!(world.records(&owned.resource).await[&seat("node-2", &one)]["claim"], json!(one));
    let third = owned.claim("pvc-3", None).await;
    let message = refused(world.controller.publish(publish(&third, "node-1")).await, Code::FailedPrecondition);
    assert!(message.contains("node-2"), "{message}");
}

#[tokio::test]
async fn the_device_leaves_a_node_with_its_last_claim() {
    let world = World::start().await;
    let owned = runs_volume(&world).await;
    let (one, other) = (owned.claim("pvc-1", None).await, owned.claim("pvc-2", None).await);
    for id in [&one, &other] {
        world.controller.publish(publish(id, "node-2")).await.unwrap();
    }
    // The other claim's pods have it open.
    world.set_open(&owned.resource, "node-2", true);
    for _ in 0..2 {
        world.controller.unpublish(&one, "node-2").await.unwrap();
        assert_eq!((owned.seats().await, owned.clients().await), (vec![seat("node-2", &other)], vec!["node-2".into()]));
    }
    refused(world.controller.unpublish(&other, "node-2").await, Code::FailedPrecondition);
    world.set_open(&owned.resource, "node-2", false);
    world.controller.unpublish(&other, "node-2").await.unwrap();
    assert_eq!((owned.seats().await.len(), owned.clients().await.len()), (0, 0));
}

#[tokio::test]
async fn a_detach_from_all_nodes_takes_its_own_claim_alone() {
    let world = World::start().await;
    let owned = runs_volume(&world).await;
    let (one, other) = (owned.claim("pvc-1", None).await, owned.claim("pvc-2", None).await);
    for id in [&one, &other] {
        world.controller.publish(publish(id, "node-2")).await.unwrap();
    }
    world.controller.unpublish(&one, "").await.unwrap();
    assert_eq!(owned.seats().await, [seat("node-2", &other)]);
}

#[tokio::test]
async fn a_claim_that_was_released_is_not_found_and_can_still_be_detached() {
    let world = World::start().await;
    let owned = runs_volume(&world).await;
    let id = owned.claim("pvc-1", None).await;
    world.controller.publish(publish(&id, "node-2")).await.unwrap();
    owned.release("pvc-1").await;
    let message = refused(world.controller.publish(publish(&id, "node-2")).await, Code::NotFound);
    assert!(message.contains("released"), "{message}");
    refused(world.controller.get(&id).await, Code::NotFound);
    world.controller.unpublish(&id, "node-2").await.unwrap();
    assert!(owned.seats().await.is_empty() && owned.clients().await.is_empty());
}

#[tokio::test]
async fn each_claim_is_listed_with_its_own_nodes_and_pages_go_on_between_them() {
    let world = World::start().await;
    let owned = runs_volume(&world).await;
    let mut ids = vec![owned.claim("pvc-1", None).await, owned.claim("pvc-2", None).await, owned.first.clone()];
    world.controller.publish(publish(&ids[0], "node-2")).await.unwrap();
    let attached = ids[0].clone();
    ids.sort();
    let mut listed = Vec::new();
    let mut token = String::new();
    loop {
        let page = world.controller.list(1, &token).await.unwrap();
        for entry in page.entries {
            let id = entry.volume.unwrap().volume_id;
            let expected: &[&str] = if id == attached { &["node-2"] } else { &[] };
            assert_eq!(entry.status.unwrap().published_node_ids, expected);
            assert_eq!(world.controller.get(&id).await.unwrap().status.unwrap().published_node_ids, expected);
            listed.push(id);
        }
        token = page.next_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, ids);
}

#[tokio::test]
async fn a_sick_volume_is_told_of_by_each_of_its_claims() {
    let world = World::start().await;
    let owned = Owned::make(&world, create("data").on("node-1"), RUN).await;
    let mut ids = vec![owned.claim("pvc-1", None).await, owned.claim("pvc-2", None).await, owned.first.clone()];
    ids.sort();
    world.crash("node-1");
    let sick = world.controller.list_health(0, "").await.unwrap().entries;
    let told: Vec<String> = sick.into_iter().map(|entry| entry.volume_id).collect();
    assert_eq!(told, ids);
}

#[tokio::test]
async fn a_nodes_limit_counts_volumes_and_not_claims() {
    let world = World::start().await;
    let service = ControllerService::new(world.linstor(), Instances::default(), PATIENCE);
    let controller = world.serve(service.with_limit(Some(1))).await;
    let owned = runs_volume(&world).await;
    let plain = world.controller.created("plain").await;
    let (one, other) = (owned.claim("pvc-1", None).await, owned.claim("pvc-2", None).await);
    for id in [&one, &other] {
        controller.publish(publish(id, "node-2")).await.unwrap();
    }
    settle(&world.linstor(), controller.service.reservations(), controller.service.limit()).await.unwrap();
    controller.unpublish(&one, "node-2").await.unwrap();
    refused(controller.publish(publish(&plain, "node-2")).await, Code::ResourceExhausted);
    controller.publish(publish(&one, "node-2")).await.unwrap();
    for id in [&one, &other] {
        controller.unpublish(id, "node-2").await.unwrap();
    }
    controller.publish(publish(&plain, "node-2")).await.unwrap();
}

#[tokio::test]
async fn a_detach_that_waits_for_its_node_leaves_the_device_to_the_claims_that_stay() {
    let world = World::start().await;
    let owned = runs_volume(&world).await;
    let (one, other) = (owned.claim("pvc-1", None).await, owned.claim("pvc-2", None).await);
    for id in [&one, &other] {
        world.controller.publish(publish(id, "node-2")).await.unwrap();
    }
    world.crash("node-2");
    world.controller.unpublish(&one, "node-2").await.unwrap();
    let records = world.records(&owned.resource).await;
    assert_eq!(records[&seat("node-2", &one)]["detaching"], json!(true));
    assert_eq!(records[&seat("node-2", &other)].get("detaching"), None);
    world.restore("node-2");
    world.set_open(&owned.resource, "node-2", true);
    let service = &world.controller.service;
    let settled = settle(&world.linstor(), service.reservations(), service.limit()).await.unwrap();
    assert_eq!((settled.done, settled.pending), (1, 0));
    assert_eq!((owned.seats().await, owned.clients().await), (vec![seat("node-2", &other)], vec!["node-2".into()]));
}

#[tokio::test]
async fn a_volume_is_not_deleted_while_a_claim_of_it_is_attached() {
    let world = World::start().await;
    let owned = runs_volume(&world).await;
    let id = owned.claim("pvc-1", None).await;
    world.controller.publish(publish(&id, "node-2")).await.unwrap();
    let message = refused(world.controller.delete(&id).await, Code::FailedPrecondition);
    assert!(message.contains("node-2"), "{message}");
}

#[tokio::test]
async fn a_claim_that_only_reads_leaves_the_device_writable_for_the_others_in_either_order() {
    let world = World::start().await;
    let owned = runs_volume(&world).await;
    let (writer, reader) = (owned.claim("pvc-1", None).await, owned.claim("pvc-2", None).await);
    for order in [
        [publish(&writer, "node-2"), reading(&reader, "node-2")],
        [reading(&reader, "node-2"), publish(&writer, "node-2")],
    ] {
        for request in order {
            let context = world.controller.publish(request.clone()).await.unwrap();
            assert_eq!(context.get("linflow.csi/read-only"), None);
            assert_eq!(context.contains_key("linflow.csi/only-reads"), request.readonly);
            assert_eq!(world.controller.publish(request).await.unwrap(), context);
        }
        for id in [&writer, &reader] {
            world.controller.unpublish(id, "node-2").await.unwrap();
        }
    }
}

#[tokio::test]
async fn readers_on_many_nodes_keep_a_writer_away_and_one_beside_a_writer_stays_alone_on_its_node() {
    let world = World::start().await;
    let owned = runs_volume(&world).await;
    let mut ids = Vec::new();
    for name in ["pvc-1", "pvc-2", "pvc-3"] {
        ids.push(owned.claim(name, None).await);
    }
    let [writer, one, other] = &ids[..] else { panic!("three claims") };
    for (id, node) in [(one, "node-2"), (other, "node-3")] {
        let context = world.controller.publish(many_readers(id, node)).await.unwrap();
        assert_eq!(
            (&context["linflow.csi/read-only"][..], context.contains_key("linflow.csi/only-reads")),
            ("true", false)
        );
    }
    let message = refused(world.controller.publish(publish(writer, "node-2")).await, Code::FailedPrecondition);
    assert!(message.contains("superblock") && message.contains("node-2"), "{message}");
    for (id, node) in [(one, "node-2"), (other, "node-3")] {
        world.controller.unpublish(id, node).await.unwrap();
    }
    world.controller.publish(publish(writer, "node-2")).await.unwrap();
    let context = world.controller.publish(many_readers(one, "node-2")).await.unwrap();
    assert_eq!(context.get("linflow.csi/read-only"), None);
    assert_eq!(context["linflow.csi/only-reads"], "true");
    // The writer has gone, and the device is still open for writing there.
    world.controller.unpublish(writer, "node-2").await.unwrap();
    refused(world.controller.publish(many_readers(other, "node-3")).await, Code::FailedPrecondition);
}

/// The last claim's detach has seen no other record; then another controller attaches a claim to that node.
#[tokio::test]
async fn a_claim_that_comes_while_the_last_one_leaves_has_its_device_in_the_end() {
    let world = World::start().await;
    let attacher = world.another_controller().await;
    let owned = runs_volume(&world).await;
    let (leaver, comer) = (owned.claim("pvc-1", None).await, owned.claim("pvc-2", None).await);
    world.controller.publish(publish(&leaver, "node-2")).await.unwrap();
    let removal = Matcher::contains("/resources/node-2").method(&Method::DELETE).times(1);
    let gate = world.sandbox.faults().gate(removal, Moment::Before);
    let (left, ()) = tokio::join!(world.controller.unpublish(&leaver, "node-2"), async {
        soon("the removal", gate.arrived()).await;
        attacher.publish(publish(&comer, "node-2")).await.unwrap();
        gate.release();
    });
    left.unwrap();
    assert_eq!((owned.seats().await, owned.clients().await), (vec![seat("node-2", &comer)], vec!["node-2".into()]));
}

/// Each of two controllers has seen the other's claim when it lets go of its own.
#[tokio::test]
async fn two_claims_that_leave_a_node_at_once_take_the_device_along() {
    let world = World::start().await;
    let second = world.another_controller().await;
    let owned = runs_volume(&world).await;
    let (one, other) = (owned.claim("pvc-1", None).await, owned.claim("pvc-2", None).await);
    for id in [&one, &other] {
        world.controller.publish(publish(id, "node-2")).await.unwrap();
    }
    let record = Matcher::contains("/key-value-store/").method(&Method::PUT).times(1);
    let gate = world.sandbox.faults().gate(record, Moment::Before);
    let (left, ()) = tokio::join!(world.controller.unpublish(&one, "node-2"), async {
        soon("the first one's record", gate.arrived()).await;
        second.unpublish(&other, "node-2").await.unwrap();
        gate.release();
    });
    left.unwrap();
    assert_eq!((owned.seats().await.len(), owned.clients().await.len()), (0, 0));
}
