use tonic::Status;

use crate::{
    state,
    support::{Controller, World, create, csi::Create},
    walk::{Story, walk},
};

impl Story for Create {
    async fn arrange(&self, _: &World) -> String {
        self.0.name.clone()
    }

    async fn act(&self, controller: &Controller, _: &str) -> Result<(), Status> {
        controller.create(self.clone()).await.map(drop)
    }
}

async fn walk_create(request: Create, least: u64, resources: usize) {
    let clean = walk(&request, least).await;
    assert_eq!(state::count(&clean, "/v1/resource-definitions"), 1);
    assert_eq!(state::count(&clean, "/v1/view/resources"), resources, "{clean:#}");
    assert_eq!(state::count(&clean, "/v1/key-value-store"), 0);
}

#[tokio::test]
async fn a_create_that_is_cut_anywhere_is_completed_by_the_next() {
    // Look, group, spawn, look. Two replicas and the tie-breaker.
    walk_create(create("pvc-1").mib(8), 3, 3).await;
}

#[tokio::test]
async fn a_create_whose_first_replica_has_its_node_is_completed_by_the_next() {
    // The rest is placed in a request of its own.
    walk_create(create("pvc-1").mib(8).on("node-2"), 4, 3).await;
}

#[tokio::test]
async fn a_create_without_drbd_is_completed_by_the_next() {
    walk_create(create("pvc-1").mib(8).storage_alone(), 3, 1).await;
}

#[tokio::test]
async fn a_create_without_drbd_on_a_node_is_completed_by_the_next() {
    walk_create(create("pvc-1").mib(8).storage_alone().on("node-3"), 3, 1).await;
}

#[tokio::test]
async fn a_create_with_an_owner_and_a_hashed_name_is_completed_by_the_next() {
    let request = create("PVC with spaces and capitals, ünd mehr")
        .mib(8)
        .parameter("linflow.csi/scope", "run")
        .parameter("linflow.csi/instance", "prod")
        .parameter("linflow.csi/dag-id", "etl")
        .parameter("linflow.csi/run-id", "manual__2026-01-01T00:00:00+00:00");
    walk_create(request, 3, 3).await;
}
