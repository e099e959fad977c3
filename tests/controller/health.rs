//! What is said of a volume's health: what is wrong with it, what can't be known, and nothing of other volumes.

use linflow::csi::proto::{
    ControllerPublishVolumeRequest, VolumeHealthErrorType as ErrorType, volume_health::VolumeHealthEntry,
};
use tonic::Code;

use crate::support::{World, create, csi::block, eventually, publish, refused};

/// The status and reason of each entry.
fn said(entries: &[VolumeHealthEntry]) -> Vec<(ErrorType, &str)> {
    entries.iter().map(|entry| (entry.status(), entry.reason.as_str())).collect()
}

async fn make(world: &World, name: &str, node: &str) -> String {
    world.controller.create(create(name).mib(4).capability(block()).on(node)).await.unwrap().volume_id
}

async fn make_local(world: &World, name: &str, node: &str) -> String {
    let wanted = create(name).mib(4).capability(block()).storage_alone().on(node);
    world.controller.create(wanted).await.unwrap().volume_id
}

/// The node of a replica beside that one.
async fn other_replica(world: &World, volume: &str, node: &str) -> String {
    world.replicas(volume).await.into_iter().find(|replica| replica != node).unwrap()
}

#[tokio::test]
async fn a_healthy_volume_has_nothing_wrong_attached_or_not() {
    let world = World::start().await;
    let volume = make(&world, "data", "node-1").await;
    let local = make_local(&world, "local", "node-2").await;
    assert_eq!(world.controller.health(&volume).await.unwrap(), []);
    assert_eq!(world.controller.health(&local).await.unwrap(), []);
    let attach = ControllerPublishVolumeRequest { volume_capability: Some(block()), ..publish(&volume, "node-1") };
    world.controller.publish(attach).await.unwrap();
    world.set_open(&volume, "node-1", true);
    assert_eq!(world.controller.health(&volume).await.unwrap(), []);
    assert_eq!(world.controller.list_health(0, "").await.unwrap().entries, []);
}

#[tokio::test]
async fn a_lost_replica_degrades_a_volume_and_a_lost_majority_makes_it_inaccessible() {
    let world = World::start().await;
    let volume = make(&world, "data", "node-1").await;
    let other = other_replica(&world, &volume, "node-1").await;
    world.crash(&other);
    let entries = world.controller.health(&volume).await.unwrap();
    assert_eq!(said(&entries), [(ErrorType::Degraded, "ReplicaNodeAway")]);
    let message = &entries[0].message;
    assert!(message.contains("1 of 2 replicas") && message.contains(&format!("{other} (OFFLINE)")), "{message}");
    let third = ["node-2", "node-3"].into_iter().find(|node| *node != other).unwrap();
    world.crash(third);
    let entries = world.controller.health(&volume).await.unwrap();
    assert_eq!(said(&entries), [(ErrorType::Inaccessible, "QuorumLost")]);
    world.crash("node-1");
    let entries = world.controller.health(&volume).await.unwrap();
    assert_eq!(said(&entries), [(ErrorType::Inaccessible, "NoReplicaReachable")]);
}

#[tokio::test]
async fn a_volume_without_drbd_is_inaccessible_while_its_node_is_away_and_fine_again_afterwards() {
    let world = World::start().await;
    let local = make_local(&world, "local", "node-2").await;
    world.crash("node-2");
    assert_eq!(
        said(&world.controller.health(&local).await.unwrap()),
        [(ErrorType::Inaccessible, "NoReplicaReachable")]
    );
    world.restore("node-2");
    eventually("the node to be back", async || world.controller.health(&local).await.unwrap().is_empty().then_some(()))
        .await;
}

/// Its condition is computed over all resources of the cluster: one sick volume marks all.
#[tokio::test]
async fn peer_weakness_6_the_trouble_of_one_volume_is_not_said_of_another() {
    let world = World::start().await;
    let (sick, well) = (make_local(&world, "sick", "node-3").await, make_local(&world, "well", "node-1").await);
    world.crash("node-3");
    assert_eq!(world.controller.health(&sick).await.unwrap().len(), 1);
    assert_eq!(world.controller.health(&well).await.unwrap(), []);
    let listed = world.controller.list_health(0, "").await.unwrap();
    let ids: Vec<&str> = listed.entries.iter().map(|entry| entry.volume_id.as_str()).collect();
    assert_eq!(ids, [sick.as_str()]);
    assert_eq!(listed.entries[0].health_statuses, world.controller.health(&sick).await.unwrap());
}

#[tokio::test]
async fn the_list_holds_the_sick_volumes_alone_each_on_one_page() {
    let world = World::start().await;
    for number in 0..7 {
        make_local(&world, &format!("sick-{number}"), "node-3").await;
        make_local(&world, &format!("well-{number}"), "node-1").await;
    }
    world.crash("node-3");
    let sick: Vec<String> = (0..7).map(|number| format!("sick-{number}")).collect();
    for max in [1, 3, 7, 8] {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let page = world.controller.list_health(max, &token).await.unwrap();
            assert!(page.entries.len() <= usize::try_from(max).unwrap());
            seen.extend(page.entries.into_iter().map(|entry| entry.volume_id));
            token = page.next_token;
            if token.is_empty() || seen.len() > sick.len() {
                break;
            }
        }
        assert_eq!(seen, sick, "pages of {max}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_its_code() {
    let world = World::start().await;
    refused(world.controller.health("").await, Code::InvalidArgument);
    refused(world.controller.health("pvc-none").await, Code::NotFound);
    refused(world.controller.list_health(-1, "").await, Code::InvalidArgument);
    refused(world.controller.list_health(0, "page-2").await, Code::Aborted);
}
