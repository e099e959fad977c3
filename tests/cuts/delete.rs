use serde_json::json;
use tonic::Status;

use crate::{
    state,
    support::{Controller, World, create, csi::Create, publish},
    walk::{Story, walk},
};

/// What the volume has been through before it is deleted.
enum Past {
    Unused,
    /// It was attached, formatted and detached: its records are there.
    Used,
    /// It is attached to a node that has died.
    OnDeadNode,
}

struct Delete(Create, Past);

impl Story for Delete {
    async fn arrange(&self, world: &World) -> String {
        let controller = &world.controller;
        let volume = controller.create(self.0.clone()).await.unwrap().volume_id;
        match self.1 {
            Past::Unused => {}
            Past::Used => {
                controller.publish(publish(&volume, "node-1")).await.unwrap();
                let definition = world.definition(&volume).await.unwrap();
                let key = format!("{}/formatted", definition.props["Aux/linflow/incarnation"]);
                let mark = json!({ "override_props": { key: definition.props["Aux/linflow/fs-uuid"] } });
                world.change("PUT", &format!("/v1/key-value-store/{volume}"), &mark).await;
                controller.unpublish(&volume, "node-1").await.unwrap();
            }
            Past::OnDeadNode => {
                controller.publish(publish(&volume, "node-1")).await.unwrap();
                world.crash("node-1");
            }
        }
        volume
    }

    async fn act(&self, controller: &Controller, volume: &str) -> Result<(), Status> {
        controller.delete(volume).await
    }
}

#[tokio::test]
async fn a_delete_that_is_cut_anywhere_is_completed_by_the_next() {
    let clean = walk(&Delete(create("pvc-1").mib(8), Past::Unused), 3).await;
    assert_eq!(state::count(&clean, "/v1/resource-definitions"), 0);
    assert_eq!(state::count(&clean, "/v1/view/resources"), 0);
}

#[tokio::test]
async fn a_delete_without_drbd_is_completed_by_the_next() {
    let clean = walk(&Delete(create("pvc-1").mib(8).storage_alone(), Past::Unused), 3).await;
    assert_eq!(state::count(&clean, "/v1/resource-definitions"), 0);
}

#[tokio::test]
async fn a_delete_takes_the_records_along_wherever_it_is_cut() {
    let clean = walk(&Delete(create("pvc-1").mib(8).on("node-1"), Past::Used), 4).await;
    assert_eq!(state::count(&clean, "/v1/resource-definitions"), 0);
    assert_eq!(state::count(&clean, "/v1/key-value-store"), 0);
}

#[tokio::test]
async fn a_delete_that_a_dead_node_holds_up_is_left_the_same_wherever_it_is_cut() {
    let clean = walk(&Delete(create("pvc-1").mib(8).on("node-1"), Past::OnDeadNode), 5).await;
    // The node's replica can't be deleted while it is away: LINSTOR keeps the definition, flagged.
    assert_eq!(state::count(&clean, "/v1/resource-definitions"), 1);
    assert_eq!(state::count(&clean, "/v1/key-value-store"), 0);
}

#[tokio::test]
async fn a_release_that_is_cut_anywhere_is_completed_by_the_next() {
    let claim = create("pvc-1").mib(8).parameter("instance", "prod").parameter("dag-id", "etl");
    let clean = walk(&Delete(claim, Past::OnDeadNode), 4).await;
    assert_eq!(state::count(&clean, "/v1/resource-definitions"), 1);
}
