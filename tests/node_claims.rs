//! A task's volume from try to try, seen from the node: who was it attached for, and has the one before let go?
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use std::collections::BTreeMap;

use linflow::{
    csi::proto::{
        NodePublishVolumeRequest, NodeStageVolumeRequest, NodeUnpublishVolumeRequest, NodeUnstageVolumeRequest,
        node_client::NodeClient,
    },
    node::{host::PathKind, scripted::ScriptedHost},
};
use support::{
    Controller, World,
    claims::{Owned, Pods, TASK},
    create,
    csi::mount,
    node::pod,
    publish, refused,
};
use tonic::{Code, Status, transport::Channel};

const NODE: &str = "node-1";
const RUN_ID: &str = "manual__1";
const TRIES: [&str; 2] = ["try-1", "try-2"];

fn staging(name: &str) -> String {
    format!("/staging-{name}")
}

fn target(name: &str) -> String {
    format!("/pods/uid-{name}/volumes/kubernetes.io~csi/{name}/mount")
}

/// A task's volume and the node on which its tries run.
struct Bench<'a> {
    pods: Pods,
    controller: Controller,
    owned: Owned<'a>,
    node: NodeClient<Channel>,
}

/// A try that has the volume attached.
struct Try<'a> {
    bench: &'a Bench<'a>,
    name: &'static str,
    id: String,
    context: BTreeMap<String, String>,
}

impl<'a> Bench<'a> {
    async fn start(world: &'a World) -> Self {
        let pods = Pods::none();
        let controller = pods.controller(world).await;
        let owned = Owned::make(world, create("data").mib(64).on(NODE), &TASK).await;
        let replica = world.resources(&owned.resource).await.into_iter().find(|one| one.node_name == NODE).unwrap();
        let host = ScriptedHost::new();
        host.add_device(replica.device_path(0).unwrap(), 64 << 20);
        for name in TRIES {
            host.add_path(&staging(name), PathKind::Directory);
            host.add_path(target(name).rsplit_once('/').unwrap().0, PathKind::Directory);
        }
        let node = world.node(NODE, host, pods.directory()).await;
        Self { pods, controller, owned, node }
    }

    /// The next try's pod, its claim and the attach.
    async fn attach(&self, name: &'static str) -> Result<Try<'_>, Status> {
        let id = self.owned.claim(name, Some(self.pods.put(name, RUN_ID, "Running"))).await;
        let context = self.controller.publish(publish(&id, NODE)).await?;
        Ok(Try { bench: self, name, id, context })
    }
}

impl Try<'_> {
    async fn stage(&self) -> Result<(), Status> {
        let request = NodeStageVolumeRequest {
            volume_id: self.id.clone(),
            publish_context: self.context.clone(),
            staging_target_path: staging(self.name),
            volume_capability: Some(mount("ext4")),
            ..NodeStageVolumeRequest::default()
        };
        self.bench.node.clone().node_stage_volume(request).await.map(drop)
    }

    /// NodePublishVolume for a pod of that UID.
    async fn publish_for(&self, uid: &str) -> Result<(), Status> {
        let request = NodePublishVolumeRequest {
            volume_id: self.id.clone(),
            publish_context: self.context.clone(),
            staging_target_path: staging(self.name),
            target_path: target(self.name),
            volume_capability: Some(mount("ext4")),
            volume_context: pod("airflow", self.name, uid),
            ..NodePublishVolumeRequest::default()
        };
        self.bench.node.clone().node_publish_volume(request).await.map(drop)
    }

    async fn publish(&self) -> Result<(), Status> {
        self.publish_for(&format!("uid-{}", self.name)).await
    }

    async fn unpublish(&self) {
        let request = NodeUnpublishVolumeRequest { volume_id: self.id.clone(), target_path: target(self.name) };
        self.bench.node.clone().node_unpublish_volume(request).await.unwrap();
    }

    async fn unstage(&self) {
        let (volume_id, staging_target_path) = (self.id.clone(), staging(self.name));
        let request = NodeUnstageVolumeRequest { volume_id, staging_target_path };
        self.bench.node.clone().node_unstage_volume(request).await.unwrap();
    }
}

#[tokio::test]
async fn a_pod_that_the_claim_was_not_attached_for_is_denied() {
    let world = World::start().await;
    let bench = Bench::start(&world).await;
    let first = bench.attach("try-1").await.unwrap();
    first.stage().await.unwrap();
    let message = refused(first.publish_for("another").await, Code::PermissionDenied);
    assert!(message.contains("uid-try-1") && message.contains("another"), "{message}");
    first.publish().await.unwrap();
}

/// KubernetesExecutor keeps failed pods; kubelet unmounts what they had.
#[tokio::test]
async fn a_failed_pod_that_is_kept_on_the_same_node_does_not_block_the_retry_once_its_mount_is_gone() {
    let world = World::start().await;
    let bench = Bench::start(&world).await;
    let first = bench.attach("try-1").await.unwrap();
    first.stage().await.unwrap();
    first.publish().await.unwrap();
    let early = bench.attach("try-2").await;
    assert_eq!(early.err().map(|status| status.code()), Some(Code::FailedPrecondition), "the first try runs");
    bench.pods.put("try-1", RUN_ID, "Failed");
    let second = bench.attach("try-2").await.unwrap();
    second.stage().await.unwrap();
    let message = refused(second.publish().await, Code::FailedPrecondition);
    assert!(message.contains("uid-try-1") && message.contains(&target(first.name)), "{message}");
    first.unpublish().await;
    second.publish().await.unwrap();
    first.unstage().await;
    bench.controller.unpublish(&first.id, NODE).await.unwrap();
    second.publish().await.unwrap();
    assert_eq!(bench.owned.seats().await.len(), 1);
}
