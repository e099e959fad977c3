use serde_json::json;
use tonic::Status;

use crate::{
    state,
    support::{Controller, World, create, csi::Create, publish},
    walk::{Story, walk},
};

/// Detaches a volume that is attached to node-2.
struct Unpublish {
    volume: Create,
    /// Has node-2 died before?
    is_dead: bool,
    /// The node that the call names; empty: all.
    from: &'static str,
}

fn unpublish(volume: Create) -> Unpublish {
    Unpublish { volume, is_dead: false, from: "node-2" }
}

impl Story for Unpublish {
    async fn arrange(&self, world: &World, controller: &Controller) -> String {
        let volume = controller.create(self.volume.clone()).await.unwrap().volume_id;
        controller.publish(publish(&volume, "node-2")).await.unwrap();
        if self.is_dead {
            world.change("POST", "/sandbox/nodes/node-2/crash", &json!(null)).await;
        }
        volume
    }

    async fn act(&self, controller: &Controller, volume: &str) -> Result<(), Status> {
        controller.unpublish(volume, self.from).await
    }
}

async fn walk_unpublish(story: Unpublish, least: u64, resources: usize) {
    let clean = walk(&story, least).await;
    assert_eq!(state::count(&clean, "/v1/view/resources"), resources, "{clean:#}");
    let stores = &clean["/v1/key-value-store"];
    match story.is_dead {
        false => assert_eq!(stores, &json!([])),
        true => {
            let record = stores[0]["props"].as_object().unwrap().values().next().unwrap();
            assert_eq!(record["detaching"], json!(true), "{record}");
        }
    }
}

#[tokio::test]
async fn a_detach_of_a_diskless_client_that_is_cut_anywhere_is_completed_by_the_next() {
    walk_unpublish(unpublish(create("pvc-1").mib(8).on("node-1").parameter("placementCount", "1")), 5, 1).await;
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
    walk_unpublish(Unpublish { is_dead: true, ..unpublish(volume) }, 5, 3).await;
}
