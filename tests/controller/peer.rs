//! Known faults of linstor-csi that no other file is about, each with its number in docs/compared.md.

use linflow::csi::proto::{
    ControllerGetCapabilitiesRequest,
    controller_service_capability::{Type, rpc},
};
use serde_json::json;
use tonic::Code;

use super::attach::spare_node;
use crate::support::{
    World, create, eventually, publish, refused,
    snapshots::{snapshot, unique},
};

/// Each time something has just been read, then changes behind this controller's back, and decides the next call.
#[tokio::test]
async fn peer_weakness_11_what_protects_data_is_decided_by_what_linstor_says_now() {
    let world = World::start().await;
    let other = world.another_controller().await;
    let volume = world.controller.created("data").await;
    let spare = spare_node(&world, &volume).await;
    let replica = world.replicas(&volume).await.remove(0);
    world.controller.publish(publish(&volume, &spare)).await.unwrap();
    world.controller.unpublish(&volume, &spare).await.unwrap();
    // Attached elsewhere since.
    other.publish(publish(&volume, &spare)).await.unwrap();
    refused(world.controller.publish(publish(&volume, &replica)).await, Code::FailedPrecondition);
    refused(world.controller.delete(&volume).await, Code::FailedPrecondition);
    // Opened since, and closed.
    world.set_open(&volume, &spare, true);
    refused(world.controller.unpublish(&volume, &spare).await, Code::FailedPrecondition);
    world.set_open(&volume, &spare, false);
    world.controller.unpublish(&volume, &spare).await.unwrap();
    // Free since, and its node dead since.
    other.publish(publish(&volume, &replica)).await.unwrap();
    assert_eq!(world.controller.health(&volume).await.unwrap(), []);
    world.crash(&replica);
    assert_ne!(world.controller.health(&volume).await.unwrap(), []);
    refused(world.controller.publish(publish(&volume, &replica)).await, Code::Unavailable);
    // A snapshot since, which a deletion would take along; and gone since.
    let id = other.snapshot(snapshot(&unique(1), &volume)).await.unwrap().snapshot_id;
    refused(world.controller.delete(&volume).await, Code::FailedPrecondition);
    other.delete_snapshot(&id).await.unwrap();
    world.controller.delete(&volume).await.unwrap();
}

#[tokio::test]
async fn peer_weakness_22_attributes_snapshots_published_nodes_and_readers_are_offered() {
    let world = World::start().await;
    let mut client = world.controller.client.clone();
    let told = client.controller_get_capabilities(ControllerGetCapabilitiesRequest {}).await.unwrap().into_inner();
    let kinds = told.capabilities.iter().filter_map(|capability| match capability.r#type.as_ref()? {
        Type::Rpc(kind) => Some(kind.r#type()),
    });
    let kinds: Vec<rpc::Type> = kinds.collect();
    for offered in [
        rpc::Type::ModifyVolume,
        rpc::Type::GetSnapshot,
        rpc::Type::PublishReadonly,
        rpc::Type::ListVolumesPublishedNodes,
        rpc::Type::GetVolumeHealth,
        rpc::Type::ListVolumeHealth,
    ] {
        assert!(kinds.contains(&offered), "{offered:?}");
    }
    // What is offered is there.
    let volume = world.controller.created("data").await;
    world.controller.modify(&volume, &[("placementCount", "3")]).await.unwrap();
    assert_eq!(world.replicas(&volume).await.len(), 3);
    world.controller.publish(publish(&volume, "node-2")).await.unwrap();
    let listed = world.controller.list(0, "").await.unwrap().entries.remove(0);
    assert_eq!(listed.status.unwrap().published_node_ids, ["node-2"]);
    let taken = world.controller.snapshot(snapshot(&unique(1), &volume)).await.unwrap();
    assert_eq!(world.controller.get_snapshot(&taken.snapshot_id).await.unwrap(), taken);
}

/// One thread serves all of this, LINSTOR too: a call that slept would hold up everything.
#[tokio::test]
async fn peer_weakness_23_a_call_that_waits_holds_nobody_up_and_ends_when_its_cause_is_gone() {
    let world = World::start().await;
    let volume = world.controller.created("waiting").await;
    let [holder, survivor] = world.replicas(&volume).await.try_into().unwrap();
    world.controller.publish(publish(&volume, &holder)).await.unwrap();
    world.set_open(&volume, &holder, true);
    // Those that are left have lost each other, too.
    world.sandbox.cluster().lock().standalone_survivors = true;
    world.crash(&holder);
    let controller = world.controller.clone();
    let attach = publish(&volume, &survivor);
    world.sandbox.requests().reset();
    let waiting = tokio::spawn(async move { controller.publish(attach).await });
    eventually("a second look", || async { (world.sandbox.requests().count() > 6).then_some(()) }).await;

    let other = create("other").parameter("placementCount", "1").on(&survivor);
    let other = world.controller.create(other).await.unwrap().volume_id;
    world.controller.publish(publish(&other, &survivor)).await.unwrap();
    world.controller.unpublish(&other, &survivor).await.unwrap();
    world.controller.delete(&other).await.unwrap();
    assert!(!waiting.is_finished());
    let adjusting = json!({"override_props": {"Aux/touch": "1"}});
    world.change("PUT", &format!("/v1/resource-definitions/{volume}"), &adjusting).await;
    waiting.await.unwrap().unwrap();
}
