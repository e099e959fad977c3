use tonic::Status;

use crate::{
    state,
    support::{Controller, World, claims::RUN, create, csi::Create, csi::resource},
    walk::{Story, walk},
};

/// Where the bytes come from.
#[derive(Clone, Copy)]
enum From {
    Snapshot,
    Volume,
}

/// A copy, by its request without the source, of a volume like it of 8 MiB.
struct Copy(Create, From);

impl Copy {
    fn request(&self, source: &str) -> Create {
        match self.1 {
            From::Snapshot => self.0.clone().of_snapshot(&format!("{}/snap-1", resource(source))),
            From::Volume => self.0.clone().of_volume(source),
        }
    }
}

impl Story for Copy {
    /// The source has an owner and a finished filesystem, and neither may be lost on the way, or kept.
    async fn arrange(&self, world: &World) -> String {
        let source = create("pvc-1").mib(8).parameter("instance", "prod").parameter("dag-id", "etl");
        let source = match self.0.0.parameters.get("layerList") {
            Some(_) => source.storage_alone().on("node-2"),
            None => source,
        };
        let volume = world.controller.create(source).await.unwrap().volume_id;
        world.format(&volume).await;
        if let From::Snapshot = self.1 {
            world.snapshot(&volume, "snap-1").await;
        }
        volume
    }

    async fn act(&self, controller: &Controller, source: &str) -> Result<(), Status> {
        controller.create(self.request(source)).await.map(drop)
    }
}

async fn walk_copy(story: Copy, least: u64, snapshots: usize) {
    let clean = walk(&story, least).await;
    assert_eq!(state::count(&clean, "/v1/resource-definitions"), 2);
    assert_eq!(state::count(&clean, "/v1/view/snapshots"), snapshots);
    assert_eq!(state::count(&clean, "/v1/key-value-store"), 2);
}

#[tokio::test]
async fn a_restore_that_is_cut_anywhere_is_completed_by_the_next() {
    // Look, snapshot, nodes, group, definition, record, volumes, replicas, tags, two looks.
    walk_copy(Copy(create("copy").mib(8), From::Snapshot), 10, 1).await;
}

#[tokio::test]
async fn a_restore_that_grows_and_has_more_replicas_is_completed_by_the_next() {
    let larger = create("copy").mib(16).parameter("placementCount", "3").parameter("dag-id", "sales");
    walk_copy(Copy(larger.parameter("instance", "prod"), From::Snapshot), 14, 1).await;
}

#[tokio::test]
async fn a_clone_that_is_cut_anywhere_is_completed_by_the_next() {
    // Look, source, its records, its view, group, clone, record, looks.
    walk_copy(Copy(create("copy").mib(8), From::Volume), 8, 0).await;
}

#[tokio::test]
async fn a_clone_that_grows_is_completed_by_the_next() {
    walk_copy(Copy(create("copy").mib(16), From::Volume), 10, 0).await;
}

/// LINSTOR can't clone there: a snapshot stands between, and goes again.
#[tokio::test]
async fn a_clone_through_a_snapshot_is_completed_by_the_next() {
    walk_copy(Copy(create("copy").mib(8).storage_alone(), From::Volume), 14, 0).await;
}

/// The copy that a task gets of another task's volume, in a class like this.
struct Fork(fn(Create) -> Create);

impl Fork {
    fn of_task(&self, name: &str, task: &str) -> Create {
        let wanted = RUN.iter().fold(create(name).mib(8), |wanted, (key, value)| wanted.parameter(key, value));
        self.0(wanted.parameter("task-id", task))
    }
}

impl Story for Fork {
    async fn arrange(&self, world: &World) -> String {
        let volume = world.controller.create(self.of_task("pvc-1", "extract").on("node-2")).await.unwrap().volume_id;
        world.format(&volume).await;
        volume
    }

    async fn act(&self, controller: &Controller, _: &str) -> Result<(), Status> {
        let wanted = self.of_task("pvc-2", "transform").parameter("from", "task:extract");
        controller.create(wanted).await.map(drop)
    }
}

/// The owner's volume and the source, the clone as any other, and the claim of it, which asks first.
#[tokio::test]
async fn a_copy_of_another_tasks_volume_that_is_cut_anywhere_is_completed_and_claimed_by_the_next() {
    for (class, least) in [((|plain| plain) as fn(Create) -> Create, 16), (Create::storage_alone, 22)] {
        let clean = walk(&Fork(class), least).await;
        assert_eq!(state::count(&clean, "/v1/resource-definitions"), 2);
        assert_eq!(state::count(&clean, "/v1/view/snapshots"), 0);
        assert_eq!(state::count(&clean, "/v1/key-value-store"), 2);
    }
}
