use serde_json::Value;
use tonic::Status;

use crate::{
    state,
    support::{Controller, World, create, csi::Create, publish},
    walk::{Story, walk},
};

/// What the volume has been through before it is attached to node-2.
enum Past {
    Unused,
    /// It is attached to node-1, which has died.
    OnDeadNode,
    /// It was detached from node-1 while that was away, and the node is back.
    DetachPending,
}

struct Publish(Create, Past);

impl Story for Publish {
    async fn arrange(&self, world: &World) -> String {
        let controller = &world.controller;
        let volume = controller.create(self.0.clone()).await.unwrap().volume_id;
        if !matches!(self.1, Past::Unused) {
            controller.publish(publish(&volume, "node-1")).await.unwrap();
            world.crash("node-1");
        }
        if matches!(self.1, Past::DetachPending) {
            controller.unpublish(&volume, "node-1").await.unwrap();
            world.restore("node-1");
        }
        volume
    }

    async fn act(&self, controller: &Controller, volume: &str) -> Result<(), Status> {
        controller.publish(publish(volume, "node-2")).await.map(drop)
    }
}

async fn walk_publish(request: Create, past: Past, least: u64) -> Value {
    let clean = walk(&Publish(request, past), least).await;
    let stores = &clean["/v1/key-value-store"];
    let records: Vec<_> = stores[0]["props"].as_object().unwrap().keys().collect();
    assert_eq!(state::count(&clean, "/v1/key-value-store"), 1);
    assert!(
        records.len() == 2 && records[0].ends_with("/attach/node-2") && records[1].ends_with("/used"),
        "{records:?}"
    );
    clean
}

#[tokio::test]
async fn an_attach_to_a_replica_that_is_cut_anywhere_is_completed_by_the_next() {
    walk_publish(create("pvc-1").mib(8).on("node-2"), Past::Unused, 6).await;
}

#[tokio::test]
async fn an_attach_that_makes_a_diskless_client_is_completed_by_the_next() {
    walk_publish(create("pvc-1").mib(8).on("node-1").parameter("placementCount", "1"), Past::Unused, 6).await;
}

#[tokio::test]
async fn an_attach_that_makes_the_tie_breaker_a_client_is_completed_by_the_next() {
    let clean = walk_publish(create("pvc-1").mib(8).on("node-3"), Past::Unused, 6).await;
    assert_eq!(state::flags_on(&clean, "node-2"), ["DISKLESS", "DRBD_DISKLESS"]);
}

#[tokio::test]
async fn an_attach_without_drbd_is_completed_by_the_next() {
    walk_publish(create("pvc-1").mib(8).storage_alone().on("node-2"), Past::Unused, 5).await;
}

#[tokio::test]
async fn an_attach_that_gives_a_dead_node_up_is_completed_by_the_next() {
    // A look more, for the proof, and the dead node's record.
    walk_publish(create("pvc-1").mib(8).on("node-1"), Past::OnDeadNode, 8).await;
}

#[tokio::test]
async fn an_attach_that_finds_a_detach_pending_completes_both_wherever_it_is_cut() {
    walk_publish(create("pvc-1").mib(8).on("node-1"), Past::DetachPending, 8).await;
}
