//! NodeGetVolumeHealth and NodeGetStorageHealth through gRPC, with LINSTOR behind the node.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use linflow::{
    csi::proto::{
        NodeGetStorageHealthRequest, NodeGetVolumeHealthRequest, StorageHealthErrorType, VolumeHealthErrorType,
        volume_health::VolumeHealthEntry,
    },
    node::{
        host::Operation,
        scripted::{Fault, ScriptedHost, Step},
    },
};
use support::{World, create, node::OnNode, refused};
use tonic::{Code, Status};

async fn on_node(world: &World, host: ScriptedHost) -> OnNode {
    let volume = world.controller.create(create("data").mib(64)).await.unwrap().volume_id;
    OnNode::attach_to(world, &volume, "node-1", None, host).await
}

async fn health(on_node: &OnNode, staging: &str) -> Result<Vec<VolumeHealthEntry>, Status> {
    let request = NodeGetVolumeHealthRequest {
        volume_id: on_node.volume.clone(),
        staging_target_path: staging.to_owned(),
        ..NodeGetVolumeHealthRequest::default()
    };
    let answer = on_node.client.clone().node_get_volume_health(request).await?.into_inner();
    let told = answer.volume_health.unwrap();
    assert_eq!(told.volume_id, on_node.volume);
    Ok(told.health_statuses)
}

fn reasons(told: &[VolumeHealthEntry]) -> Vec<(VolumeHealthErrorType, &str)> {
    told.iter().map(|entry| (entry.status(), entry.reason.as_str())).collect()
}

/// What drbdsetup says of the volume: of one that is recorded under another name.
fn recorded(volume: &str) -> String {
    include_str!("fixtures/drbdsetup/primary_quorum_lost_suspended.json").replace("\"qv\"", &format!("{volume:?}"))
}

#[tokio::test]
async fn a_volume_without_quorum_is_inaccessible_from_this_node_and_says_what_to_do() {
    let world = World::start().await;
    let volume = world.controller.create(create("data").mib(64)).await.unwrap().volume_id;
    let host = ScriptedHost::new();
    host.set_drbd(&recorded(&volume));
    let on_node = OnNode::attach_to(&world, &volume, "node-1", None, host).await;
    on_node.stage().await.unwrap();
    let (told, requests) = world.count(health(&on_node, "/staging")).await;
    let told = told.unwrap();
    use VolumeHealthErrorType::{Degraded, Inaccessible};
    let wanted = [(Inaccessible, "QuorumLost"), (Inaccessible, "IoSuspended"), (Degraded, "ReplicaUnreachable")];
    assert_eq!(reasons(&told), wanted);
    assert!(told[0].message.contains("not connected: node-2, node-3"), "{}", told[0].message);
    assert_eq!(requests.len(), 0, "what the node sees for itself takes no request");
}

#[tokio::test]
async fn linstor_is_asked_once_where_the_node_sees_nothing_and_an_unknown_volume_is_not_found() {
    let world = World::start().await;
    let on_node = on_node(&world, ScriptedHost::new()).await;
    let (told, requests) = world.count(health(&on_node, "")).await;
    // The device is there and can be read; drbdsetup isn't.
    assert_eq!(reasons(&told.unwrap()), [(VolumeHealthErrorType::UnknownVolumeHealthType, "DrbdStateUnknown")]);
    assert_eq!(requests.len(), 1);

    let other = OnNode { volume: "never-made".to_owned(), client: on_node.client.clone(), context: Default::default() };
    let message = refused(health(&other, "").await, Code::NotFound);
    assert!(message.contains("never-made is not on this node"), "{message}");
    let none = OnNode { volume: String::new(), ..other };
    refused(health(&none, "").await, Code::InvalidArgument);
}

#[tokio::test]
async fn a_volume_that_nobody_can_tell_of_is_unknown_and_not_healthy() {
    let world = World::start().await;
    let on_node = on_node(&world, ScriptedHost::new()).await;
    let elsewhere = world.node("node-2", ScriptedHost::new(), linflow::workflow::AnyDirectory::None).await;
    let on_other = OnNode { client: elsewhere, volume: on_node.volume.clone(), context: on_node.context.clone() };
    world.sandbox.stop().await.unwrap();
    let told = health(&on_other, "").await.unwrap();
    assert_eq!(reasons(&told), [(VolumeHealthErrorType::UnknownVolumeHealthType, "VolumeStateUnknown")]);
}

#[tokio::test]
async fn a_hung_filesystem_does_not_hang_the_call() {
    let world = World::start().await;
    let host = ScriptedHost::new();
    let on_node = on_node(&world, host).await;
    on_node.stage().await.unwrap();
    // Played on a machine of its own, since the host of a node can't be reached from here.
    let hung = ScriptedHost::new();
    hung.fail(Step::Host(Operation::Inspect), Fault::Hang);
    let client = world.node("node-1", hung, linflow::workflow::AnyDirectory::None).await;
    let told = health(&OnNode { client, volume: on_node.volume.clone(), context: on_node.context }, "/staging").await;
    let told = told.unwrap();
    assert!(reasons(&told).contains(&(VolumeHealthErrorType::Inaccessible, "Unresponsive")), "{told:?}");
}

#[tokio::test]
async fn the_storage_of_a_node_is_healthy_until_linstor_or_its_satellite_is_away() {
    let world = World::start().await;
    let client = world.node("node-1", ScriptedHost::new(), linflow::workflow::AnyDirectory::None).await;
    let look = async || {
        let answer = client.clone().node_get_storage_health(NodeGetStorageHealthRequest::default()).await;
        let told = answer.unwrap().into_inner().backend_health;
        told.into_iter().map(|entry| (entry.status(), entry.reason)).collect::<Vec<_>>()
    };
    assert_eq!(look().await, []);
    world.crash("node-1");
    let degraded = StorageHealthErrorType::StorageDegraded;
    assert_eq!(look().await, [(degraded, "SatelliteOffline".to_owned())]);
    world.sandbox.stop().await.unwrap();
    assert_eq!(look().await, [(degraded, "LinstorUnreachable".to_owned())]);
}
