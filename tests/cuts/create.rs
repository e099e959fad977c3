use tonic::Status;

use crate::{
    state,
    support::{
        Controller, World,
        claims::{DAG, RUN, TASK},
        create,
        csi::{Create, resource},
    },
    walk::{Story, walk},
};

impl Story for Create {
    async fn arrange(&self, world: &World) -> String {
        for (node, zone) in [("node-1", "a"), ("node-2", "b"), ("node-3", "b")] {
            world.label(node, "Aux/zone", zone).await;
        }
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
    // Generation, group, spawn, record, view.
    let clean = walk(&request, 5).await;
    assert_eq!(state::count(&clean, "/v1/view/resources"), 3, "{clean:#}");
    assert_eq!(state::count(&clean, "/v1/key-value-store"), 1);
}

/// A claim of an owner's volume that has another one, and maybe a definition that can't go for a node that is away.
struct Beside {
    claim: Create,
    is_deleting: bool,
}

fn claim(name: &str, mib: i64) -> Create {
    claim_of(RUN, name, mib)
}

fn claim_of(owner: &[(&str, &str)], name: &str, mib: i64) -> Create {
    owner.iter().fold(create(name).bytes(mib << 20, 0), |claim, (key, value)| claim.parameter(key, value))
}

impl Story for Beside {
    async fn arrange(&self, world: &World) -> String {
        let mut first = self.claim.clone().bytes(8 << 20, 0);
        first.0.name = "pvc-0".to_owned();
        let first = world.controller.create(first).await.unwrap().volume_id;
        if self.is_deleting {
            world.crash(&world.replicas(&first).await[0]);
            world.linstor().delete_definition(&resource(&first).parse().unwrap()).await.unwrap();
        }
        first
    }

    async fn act(&self, controller: &Controller, _: &str) -> Result<(), Status> {
        controller.create(self.claim.clone()).await.map(drop)
    }
}

#[tokio::test]
async fn another_claim_of_an_owner_is_completed_by_the_next() {
    for owner in [&TASK[..], RUN, DAG] {
        let clean = walk(&Beside { claim: claim_of(owner, "pvc-1", 8), is_deleting: false }, 7).await;
        assert_eq!(state::count(&clean, "/v1/resource-definitions"), 1);
    }
}

#[tokio::test]
async fn another_claim_that_grows_the_volume_is_completed_by_the_next() {
    walk(&Beside { claim: claim("pvc-1", 16), is_deleting: false }, 9).await;
}

#[tokio::test]
async fn a_claim_that_begins_a_generation_is_completed_by_the_next() {
    let clean = walk(&Beside { claim: claim("pvc-1", 8), is_deleting: true }, 7).await;
    assert_eq!(state::count(&clean, "/v1/resource-definitions"), 2);
}

#[tokio::test]
async fn a_create_by_zones_is_completed_by_the_next() {
    // Two questions for the zones, then a replica in each.
    let zones = ["zone=b", "zone=a"];
    walk_create(create("pvc-1").mib(8).places(&zones, &zones), 6, 3).await;
}

#[tokio::test]
async fn a_create_on_listed_nodes_with_a_client_is_completed_by_the_next() {
    let listed = create("pvc-1").mib(8).parameter("nodeList", "node-1 node-3").parameter("clientList", "node-2");
    walk_create(listed, 4, 3).await;
}

#[tokio::test]
async fn a_create_whose_access_is_by_zone_is_completed_by_the_next() {
    let access = create("pvc-1").mib(8).parameter("allowRemoteVolumeAccess", "- fromSame: [zone]");
    walk_create(access.places(&["node-2", "node-1", "node-3"], &["node-1", "node-2", "node-3"]), 5, 3).await;
}
