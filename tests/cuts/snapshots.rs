use serde_json::Value;
use tonic::Status;

use crate::{
    state,
    support::{
        Controller, World, create,
        snapshots::{group, member_ids, snapshot},
    },
    walk::{Story, walk},
};

/// Takes a snapshot, of a volume that was formatted.
struct Take;

impl Story for Take {
    async fn arrange(&self, world: &World) -> String {
        let volume = world.controller.create(create("pvc-1").mib(8)).await.unwrap().volume_id;
        world.format(&volume).await;
        volume
    }

    async fn act(&self, controller: &Controller, volume: &str) -> Result<(), Status> {
        controller.snapshot(snapshot("nightly", volume)).await.map(|taken| assert!(taken.ready_to_use))
    }
}

/// Takes a snapshot again, after the satellites have failed.
struct Retake;

impl Story for Retake {
    async fn arrange(&self, world: &World) -> String {
        let volume = Take.arrange(world).await;
        world.snapshot_that_fails(&volume, "nightly").await;
        volume
    }

    async fn act(&self, controller: &Controller, volume: &str) -> Result<(), Status> {
        Take.act(controller, volume).await
    }
}

/// Deletes a snapshot.
struct Delete;

impl Story for Delete {
    async fn arrange(&self, world: &World) -> String {
        let volume = Take.arrange(world).await;
        world.controller.snapshot(snapshot("nightly", &volume)).await.unwrap().snapshot_id
    }

    async fn act(&self, controller: &Controller, id: &str) -> Result<(), Status> {
        controller.delete_snapshot(id).await
    }
}

/// Takes a group, or deletes it.
enum Group {
    Take,
    Delete,
}

const MEMBERS: [&str; 3] = ["pvc-1", "pvc-2", "pvc-3"];

impl Story for Group {
    async fn arrange(&self, world: &World) -> String {
        for name in MEMBERS {
            world.controller.create(create(name).mib(8)).await.unwrap();
        }
        match self {
            Self::Take => String::new(),
            Self::Delete => {
                let taken = world.controller.group(group("nightly", &MEMBERS)).await.unwrap();
                format!("{} {}", taken.group_snapshot_id, member_ids(&taken).join(" "))
            }
        }
    }

    async fn act(&self, controller: &Controller, ids: &str) -> Result<(), Status> {
        match self {
            Self::Take => controller.group(group("nightly", &MEMBERS)).await.map(|taken| assert!(taken.ready_to_use)),
            Self::Delete => {
                let mut ids = ids.split(' ').map(str::to_owned);
                let id = ids.next().unwrap();
                controller.delete_group(&id, &ids.collect::<Vec<_>>()).await
            }
        }
    }
}

fn snapshots(state: &Value) -> usize {
    state::count(state, "/v1/view/snapshots")
}

#[tokio::test]
async fn a_snapshot_that_is_cut_anywhere_is_taken_once_by_the_next() {
    assert_eq!(snapshots(&walk(&Take, 4).await), 1);
}

#[tokio::test]
async fn a_failed_snapshot_is_replaced_by_the_next_wherever_it_is_cut() {
    assert_eq!(snapshots(&walk(&Retake, 7).await), 1);
}

#[tokio::test]
async fn the_deletion_of_a_snapshot_that_is_cut_anywhere_is_completed_by_the_next() {
    assert_eq!(snapshots(&walk(&Delete, 2).await), 0);
}

#[tokio::test]
async fn a_group_that_is_cut_anywhere_is_taken_once_by_the_next() {
    assert_eq!(snapshots(&walk(&Group::Take, 4).await), 3);
}

#[tokio::test]
async fn the_deletion_of_a_group_that_is_cut_anywhere_is_completed_by_the_next() {
    assert_eq!(snapshots(&walk(&Group::Delete, 4).await), 0);
}
