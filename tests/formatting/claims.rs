//! Two claims of one run's volume on one node: two staging paths, one superblock.

use std::{fs, path::PathBuf};

use linflow::{
    csi::proto::{
        CapacityRange, ControllerPublishVolumeRequest, NodeExpandVolumeRequest, NodePublishVolumeRequest,
        NodeStageVolumeRequest, NodeUnpublishVolumeRequest, NodeUnstageVolumeRequest, VolumeCapability,
        node_client::NodeClient,
    },
    node::linux::LinuxHost,
};
use tonic::{Status, transport::Channel};

use crate::{
    bench::{NODE, on_real_bytes},
    support::{
        World,
        claims::{Owned, Pods, RUN},
        create, csi,
        node::pod,
        publish,
    },
};

const EROFS: i32 = 30;

/// A claim on the node.
struct Staged<'a> {
    world: &'a World,
    node: NodeClient<Channel>,
    id: String,
    name: &'static str,
    capability: VolumeCapability,
    context: std::collections::BTreeMap<String, String>,
}

impl Staged<'_> {
    fn staging(&self) -> PathBuf {
        self.world.folder().join(format!("staging-{}", self.name))
    }

    fn target(&self) -> PathBuf {
        self.world.folder().join(format!("pods/{0}/volumes/kubernetes.io~csi/{0}/mount", self.name))
    }

    async fn stage(&self) -> Result<(), Status> {
        fs::create_dir_all(self.staging()).unwrap();
        let request = NodeStageVolumeRequest {
            volume_id: self.id.clone(),
            publish_context: self.context.clone(),
            staging_target_path: self.staging().display().to_string(),
            volume_capability: Some(self.capability.clone()),
            ..NodeStageVolumeRequest::default()
        };
        self.node.clone().node_stage_volume(request).await.map(drop)
    }

    async fn publish(&self) -> Result<(), Status> {
        fs::create_dir_all(self.target().parent().unwrap()).unwrap();
        let request = NodePublishVolumeRequest {
            volume_id: self.id.clone(),
            publish_context: self.context.clone(),
            staging_target_path: self.staging().display().to_string(),
            target_path: self.target().display().to_string(),
            volume_capability: Some(self.capability.clone()),
            volume_context: pod("airflow", self.name, &format!("uid-{}", self.name)),
            ..NodePublishVolumeRequest::default()
        };
        self.node.clone().node_publish_volume(request).await.map(drop)
    }

    async fn end(&self) {
        let (volume_id, target_path) = (self.id.clone(), self.target().display().to_string());
        let request = NodeUnpublishVolumeRequest { volume_id, target_path };
        self.node.clone().node_unpublish_volume(request).await.unwrap();
        let (volume_id, staging_target_path) = (self.id.clone(), self.staging().display().to_string());
        let request = NodeUnstageVolumeRequest { volume_id, staging_target_path };
        self.node.clone().node_unstage_volume(request).await.unwrap();
    }

    /// Grows the filesystem through this claim's target: an xfs, for Linux lets not every root grow a mounted ext4.
    async fn expand(&self, required_bytes: i64) {
        if self.capability == csi::mount("ext4") {
            return;
        }
        let request = NodeExpandVolumeRequest {
            volume_id: self.id.clone(),
            volume_path: self.target().display().to_string(),
            capacity_range: Some(CapacityRange { required_bytes, limit_bytes: 0 }),
            staging_target_path: self.staging().display().to_string(),
            volume_capability: Some(self.capability.clone()),
            ..NodeExpandVolumeRequest::default()
        };
        let grown = self.node.clone().node_expand_volume(request).await.unwrap().into_inner();
        assert!(grown.capacity_bytes >= required_bytes, "{grown:?}");
    }
}

async fn share(fs_type: &'static str, mib: i64) {
    on_real_bytes(move |world| async move {
        let pods = Pods::none();
        let capability = csi::mount(fs_type);
        let wanted = create("data").mib(mib).storage_alone().on(NODE).capability(capability.clone());
        let owned = Owned::make(&world, wanted, RUN).await;
        let host = LinuxHost::new(world.folder().join("locks"));
        let node = world.node(NODE, host, pods.directory()).await;
        let claim = async |name: &'static str, readonly: bool| {
            let id = owned.claim(name, Some(pods.put(name, "manual__1", "Running"))).await;
            let volume_capability = Some(capability.clone());
            let request = ControllerPublishVolumeRequest { readonly, volume_capability, ..publish(&id, NODE) };
            let context = world.controller.publish(request).await.unwrap();
            Staged { world: &world, node: node.clone(), id, name, capability: capability.clone(), context }
        };
        // The reader comes first.
        let (reader, writer) = (claim("reader", true).await, claim("writer", false).await);
        for one in [&reader, &writer] {
            one.stage().await.unwrap();
            one.publish().await.unwrap();
            one.stage().await.unwrap();
        }
        fs::write(writer.target().join("rows"), b"one").unwrap();
        assert_eq!(fs::read(reader.target().join("rows")).unwrap(), b"one");
        let refusal = fs::write(reader.target().join("more"), b"x").unwrap_err();
        assert_eq!(refusal.raw_os_error(), Some(EROFS));
        // It grows through either claim, and one's end is not the other's.
        let larger = (mib + 16) << 20;
        world.controller.expand(&writer.id, larger, 0).await.unwrap();
        reader.expand(larger).await;
        writer.end().await;
        world.controller.unpublish(&writer.id, NODE).await.unwrap();
        assert_eq!(fs::read(reader.target().join("rows")).unwrap(), b"one");
        let third = claim("third", false).await;
        third.stage().await.unwrap();
        third.publish().await.unwrap();
        third.expand(larger).await;
        reader.end().await;
        fs::write(third.target().join("rows"), b"two").unwrap();
        third.end().await;
        for one in [&reader, &third] {
            world.controller.unpublish(&one.id, NODE).await.unwrap();
        }
        assert!(owned.seats().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn two_claims_share_one_ext4_on_a_node_and_go_one_after_the_other() {
    share("ext4", 16).await;
}

#[tokio::test]
async fn two_claims_share_one_xfs_on_a_node_and_go_one_after_the_other() {
    share("xfs", 300).await;
}
