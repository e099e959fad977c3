//! A claim that was released: whoever made it gets nothing more by its id.

use axum::http::Method;
use linflow::csi::proto::ValidateVolumeCapabilitiesRequest;
use linflow::sandbox::faults::{Matcher, Moment};
use tonic::Code;

use crate::support::{
    PATIENCE, World,
    claims::{Owned, RUN, seat},
    create,
    csi::mount,
    is_open, publish, refused,
    snapshots::{group, snapshot},
    soon,
};

/// A run's volume with one replica, on node-1, and the id of a claim of it that was released.
async fn released(world: &World) -> (Owned<'_>, String) {
    let owned = runs_volume(world).await;
    let id = owned.claim("pvc-late", None).await;
    world.controller.delete(&id).await.unwrap();
    (owned, id)
}

async fn runs_volume(world: &World) -> Owned<'_> {
    Owned::make(world, create("data").on("node-1").parameter("placementCount", "1"), RUN).await
}

#[tokio::test]
async fn no_call_but_those_that_let_go_takes_a_claim_that_was_released() {
    let world = World::start().await;
    let (owned, id) = released(&world).await;
    let controller = &world.controller;
    let before = world.definition(&owned.resource).await;
    let validated = ValidateVolumeCapabilitiesRequest {
        volume_id: id.clone(),
        volume_capabilities: vec![mount("ext4")],
        ..ValidateVolumeCapabilitiesRequest::default()
    };
    let refusals = [
        ("attach", controller.publish(publish(&id, "node-1")).await.map(drop)),
        ("expand", controller.expand(&id, 2 << 30, 0).await.map(drop)),
        ("modify", controller.modify(&id, &[("qosReadIops", "100")]).await),
        ("get", controller.get(&id).await.map(drop)),
        ("health", controller.health(&id).await.map(drop)),
        ("validate", controller.client.clone().validate_volume_capabilities(validated).await.map(drop)),
        ("snapshot", controller.snapshot(snapshot("nightly", &id)).await.map(drop)),
        ("group", controller.group(group("weekly", &[&owned.first, &id])).await.map(drop)),
        ("copy", controller.create(create("copy").of_volume(&id)).await.map(drop)),
    ];
    for (call, answer) in refusals {
        let message = refused(answer, Code::NotFound);
        assert!(message.contains("was released") && message.contains(&id), "{call}: {message}");
    }
    assert_eq!(world.snapshots().await, []);
    assert_eq!(world.definition(&owned.resource).await, before);
    controller.unpublish(&id, "node-1").await.unwrap();
    controller.delete(&id).await.unwrap();
    // The claim that stands has all of it, and is told of its member by its own id.
    let taken = controller.group(group("weekly", &[&owned.first])).await.unwrap();
    assert_eq!(taken.snapshots[0].source_volume_id, owned.first);
}

/// The snapshotter asks until the snapshot is ready, and deletes none that it was refused for good.
#[tokio::test]
async fn a_snapshot_that_was_begun_for_a_claim_is_seen_through_when_that_is_released() {
    let world = World::start().await;
    let owned = runs_volume(&world).await;
    let id = owned.claim("pvc-late", None).await;
    let patient = snapshot("nightly", &id);
    let gate = world.sandbox.faults().gate(Matcher::contains("/snapshot/multi").times(1), Moment::After);
    let hasty = world.controller_with(world.impatient_linstor(std::time::Duration::from_millis(300)), PATIENCE).await;
    let cut = hasty.snapshot(patient.clone()).await.unwrap_err();
    assert!(is_open(&cut), "{cut:?}");
    gate.release();
    world.controller.delete(&id).await.unwrap();
    let (taken, requests) = world.count(world.controller.snapshot(patient.clone())).await;
    let taken = taken.unwrap();
    assert!(taken.ready_to_use && requests.len() <= 5, "a look before and one after: {requests:#?}");
    assert_eq!(world.controller.snapshot(patient).await.unwrap(), taken, "a repeat finds the same");
    let message = refused(world.controller.snapshot(snapshot("another", &id)).await, Code::NotFound);
    assert!(message.contains("was released"), "{message}");
    assert_eq!(world.snapshots().await.len(), 1);
}

/// Is the claim one still?
async fn has_claim(world: &World, owned: &Owned<'_>, id: &str) -> bool {
    let key = format!("/claim/{}", id.split_once('@').unwrap().1);
    world.store(&owned.resource).await.unwrap().keys().any(|one| one.contains(&key))
}

/// The attach has read that the claim stands; another controller releases it before the attach writes its record.
#[tokio::test]
async fn an_attach_whose_claim_is_released_before_its_record_is_written_is_refused_and_leaves_nothing() {
    let world = World::start().await;
    let (other, owned) = (world.another_controller().await, runs_volume(&world).await);
    let id = owned.claim("pvc-late", None).await;
    let gate = world.sandbox.faults().gate(record(), Moment::Before);
    let (answer, ()) = tokio::join!(world.controller.publish(publish(&id, "node-2")), async {
        soon("the record", gate.arrived()).await;
        other.delete(&id).await.unwrap();
        gate.release();
    });
    let message = refused(answer, Code::NotFound);
    assert!(message.contains("was released"), "{message}");
    assert_eq!((owned.seats().await.len(), owned.clients().await.len()), (0, 0));
    // The volume is free for the claims that stand, on any node.
    world.controller.publish(publish(&owned.first, "node-3")).await.unwrap();
}

/// The record is there, and the device is not yet: whoever releases the claim now must detach it first.
#[tokio::test]
async fn a_claim_is_not_released_between_the_record_of_its_attach_and_its_device() {
    let world = World::start().await;
    let (other, owned) = (world.another_controller().await, runs_volume(&world).await);
    let id = owned.claim("pvc-late", None).await;
    let gate = world.sandbox.faults().gate(record(), Moment::After);
    let (answer, ()) = tokio::join!(world.controller.publish(publish(&id, "node-2")), async {
        soon("the record", gate.arrived()).await;
        let message = refused(other.delete(&id).await, Code::FailedPrecondition);
        assert!(message.contains("node-2"), "{message}");
        gate.release();
    });
    answer.unwrap();
    assert!(has_claim(&world, &owned, &id).await);
    assert_eq!(owned.seats().await, [seat("node-2", &id)]);
}

/// The release has read that the claim is attached nowhere; another controller attaches it before the release writes. No
/// two requests can tell which came first: what is left is an attachment that its caller can let go of, and nobody else
/// is let in beside it.
#[tokio::test]
async fn a_claim_that_is_attached_while_it_is_released_holds_the_volume_until_it_is_detached() {
    let world = World::start().await;
    let (other, owned) = (world.another_controller().await, runs_volume(&world).await);
    let id = owned.claim("pvc-late", None).await;
    let gate = world.sandbox.faults().gate(record(), Moment::Before);
    let (answer, ()) = tokio::join!(world.controller.delete(&id), async {
        soon("the release", gate.arrived()).await;
        other.publish(publish(&id, "node-2")).await.unwrap();
        gate.release();
    });
    answer.unwrap();
    assert!(!has_claim(&world, &owned, &id).await);
    assert_eq!(owned.seats().await, [seat("node-2", &id)]);
    refused(world.controller.publish(publish(&id, "node-2")).await, Code::NotFound);
    refused(world.controller.publish(publish(&owned.first, "node-3")).await, Code::FailedPrecondition);
    world.controller.unpublish(&id, "node-2").await.unwrap();
    assert_eq!((owned.seats().await.len(), owned.clients().await.len()), (0, 0));
    world.controller.publish(publish(&owned.first, "node-3")).await.unwrap();
}

fn record() -> Matcher {
    Matcher::contains("/key-value-store/").method(&Method::PUT).times(1)
}
