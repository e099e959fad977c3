use serde_json::{Value, json};
use tonic::Status;

use crate::{
    state,
    support::{Controller, World, create, csi::Create, publish},
    walk::{Story, walk},
};

/// What has become of node-2, to which the volume is attached.
#[derive(Clone, Copy, PartialEq)]
enum Node {
    Alive,
    Dead,
    /// LINSTOR has been told to forget it. The sandbox keeps its nodes, so the record names one that never was.
    Removed,
}

/// Detaches a volume that is attached to node-2.
struct Unpublish {
    volume: Create,
    node: Node,
    /// The node that the call names; empty: all.
    from: &'static str,
}

fn unpublish(volume: Create) -> Unpublish {
    Unpublish { volume, node: Node::Alive, from: "node-2" }
}

impl Story for Unpublish {
    async fn arrange(&self, world: &World) -> String {
        let controller = &world.controller;
        let volume = controller.create(self.volume.clone()).await.unwrap().volume_id;
        controller.publish(publish(&volume, "node-2")).await.unwrap();
        match self.node {
            Node::Alive => {}
            Node::Dead => world.crash("node-2"),
            Node::Removed => rename_in_records(world, &volume).await,
        }
        volume
    }

    async fn act(&self, controller: &Controller, volume: &str) -> Result<(), Status> {
        controller.unpublish(volume, self.from).await
    }
}

/// Makes the attach record one of a node that LINSTOR doesn't know.
async fn rename_in_records(world: &World, volume: &str) {
    let store = world.store(volume).await.unwrap();
    let (key, record) = store.iter().find(|(key, _)| key.contains("/attach/")).unwrap();
    let renamed = json!({ "override_props": { key.replace("node-2", "node-9"): record }, "delete_props": [key] });
    world.change("PUT", &format!("/v1/key-value-store/{volume}"), &renamed).await;
}

async fn walk_unpublish(story: Unpublish, least: u64, resources: usize) -> Value {
    let clean = walk(&story, least).await;
    assert_eq!(state::count(&clean, "/v1/view/resources"), resources, "{clean:#}");
    let records = clean["/v1/key-value-store"][0]["props"].as_object().unwrap();
    let attached: Vec<&Value> =
        records.iter().filter(|(key, _)| key.contains("/attach/")).map(|(_, record)| record).collect();
    if story.node == Node::Dead {
        assert_eq!(attached[0]["detaching"], json!(true), "{attached:?}");
    } else {
        // That it was attached once is remembered.
        assert!(attached.is_empty() && records.len() == 1, "{records:?}");
    }
    clean
}

#[tokio::test]
async fn a_detach_of_a_diskless_client_that_is_cut_anywhere_is_completed_by_the_next() {
    walk_unpublish(unpublish(create("pvc-1").mib(8).on("node-1").parameter("placementCount", "1")), 5, 1).await;
}

#[tokio::test]
async fn a_detach_of_a_client_that_was_the_tie_breaker_makes_it_that_again_wherever_it_is_cut() {
    let clean = walk_unpublish(unpublish(create("pvc-1").mib(8).on("node-3")), 5, 3).await;
    assert!(state::flags_on(&clean, "node-2").contains(&"TIE_BREAKER"));
}

#[tokio::test]
async fn a_detach_from_all_nodes_is_completed_by_the_next() {
    let volume = create("pvc-1").mib(8).on("node-1").parameter("placementCount", "1");
    walk_unpublish(Unpublish { from: "", ..unpublish(volume) }, 5, 1).await;
}

#[tokio::test]
async fn a_detach_from_a_replica_is_completed_by_the_next() {
    walk_unpublish(unpublish(create("pvc-1").mib(8).on("node-2")), 4, 3).await;
}

#[tokio::test]
async fn a_detach_without_drbd_is_completed_by_the_next() {
    walk_unpublish(unpublish(create("pvc-1").mib(8).storage_alone().on("node-2")), 4, 1).await;
}

#[tokio::test]
async fn a_detach_from_a_dead_node_is_left_pending_wherever_it_is_cut() {
    let volume = create("pvc-1").mib(8).on("node-2");
    walk_unpublish(Unpublish { node: Node::Dead, ..unpublish(volume) }, 5, 3).await;
}

#[tokio::test]
async fn a_detach_from_a_node_that_linstor_has_forgotten_is_completed_by_the_next() {
    let volume = create("pvc-1").mib(8).on("node-2");
    walk_unpublish(Unpublish { node: Node::Removed, from: "node-9", ..unpublish(volume) }, 4, 3).await;
}
