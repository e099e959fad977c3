//! The node side of a world: one volume on one node, as kubelet stages and publishes it there.

use std::{collections::BTreeMap, path::Path};

use linflow::{
    csi::node::NodeParts,
    csi::proto::{
        CapacityRange, NodeExpandVolumeRequest, NodeGetVolumeStatsRequest, NodePublishVolumeRequest,
        NodeStageVolumeRequest, NodeUnpublishVolumeRequest, NodeUnstageVolumeRequest, node_client::NodeClient,
    },
    node::scripted::ScriptedHost,
    workflow::{AnyDirectory, FolderDirectory},
};
use tonic::{Status, transport::Channel};

use super::{World, csi::map, csi::mount, csi::publish};

/// Where the volume is staged. The played machine has `/` and nothing else.
const STAGING: &str = "/staging";
/// Where it is published.
const TARGET: &str = "/target";

/// A volume on a node whose machine is played.
pub struct OnNode {
    /// The raw client. Clone it to call.
    pub client: NodeClient<Channel>,
    /// The volume's id.
    pub volume: String,
    /// What the attach answered.
    pub context: BTreeMap<String, String>,
}

impl OnNode {
    /// Attaches the volume to the node, which looks pods up in `pods`, a folder of manifests.
    pub async fn attach(world: &World, volume: &str, node: &str, pods: Option<&Path>) -> Self {
        Self::attach_to(world, volume, node, pods, ScriptedHost::new()).await
    }

    /// The same with a machine on which something is already.
    pub async fn attach_to(world: &World, volume: &str, node: &str, pods: Option<&Path>, host: ScriptedHost) -> Self {
        let directory = pods.map_or(AnyDirectory::None, |dir| AnyDirectory::Folder(FolderDirectory::new(dir)));
        Self::attach_with(world, volume, node, host, directory, |_| {}).await
    }

    /// The same with a Node service that is made otherwise.
    pub async fn attach_with(
        world: &World,
        volume: &str,
        node: &str,
        host: ScriptedHost,
        directory: AnyDirectory,
        change: impl FnOnce(&mut NodeParts<ScriptedHost>),
    ) -> Self {
        let context = world.controller.publish(publish(volume, node)).await.unwrap();
        host.add_device(&context["linflow.csi/device"], context["linflow.csi/bytes"].parse().unwrap());
        let mut parts = world.node_parts(node, host, directory);
        change(&mut parts);
        Self { client: world.serve_node(parts).await, volume: volume.to_owned(), context }
    }

    /// The NodeStageVolumeRequest of the volume.
    pub fn stage_request(&self) -> NodeStageVolumeRequest {
        NodeStageVolumeRequest {
            volume_id: self.volume.clone(),
            publish_context: self.context.clone(),
            staging_target_path: STAGING.to_owned(),
            volume_capability: Some(mount("ext4")),
            ..NodeStageVolumeRequest::default()
        }
    }

    /// NodeStageVolume.
    pub async fn stage(&self) -> Result<(), Status> {
        self.client.clone().node_stage_volume(self.stage_request()).await.map(drop)
    }

    /// The NodePublishVolumeRequest of the volume for a pod.
    pub fn publish_request(&self, pod: &BTreeMap<String, String>) -> NodePublishVolumeRequest {
        NodePublishVolumeRequest {
            volume_id: self.volume.clone(),
            publish_context: self.context.clone(),
            staging_target_path: STAGING.to_owned(),
            target_path: TARGET.to_owned(),
            volume_capability: Some(mount("ext4")),
            volume_context: pod.clone(),
            ..NodePublishVolumeRequest::default()
        }
    }

    /// NodePublishVolume for a pod.
    pub async fn publish(&self, pod: &BTreeMap<String, String>) -> Result<(), Status> {
        self.client.clone().node_publish_volume(self.publish_request(pod)).await.map(drop)
    }

    /// NodeUnpublishVolume.
    pub async fn unpublish(&self) -> Result<(), Status> {
        let request = NodeUnpublishVolumeRequest { volume_id: self.volume.clone(), target_path: TARGET.to_owned() };
        self.client.clone().node_unpublish_volume(request).await.map(drop)
    }

    /// NodeUnstageVolume.
    pub async fn unstage(&self) -> Result<(), Status> {
        let request =
            NodeUnstageVolumeRequest { volume_id: self.volume.clone(), staging_target_path: STAGING.to_owned() };
        self.client.clone().node_unstage_volume(request).await.map(drop)
    }

    /// NodeExpandVolume at the staging path, to so many bytes at least; answers the bytes that it has.
    pub async fn expand(&self, required_bytes: i64) -> Result<i64, Status> {
        let request = NodeExpandVolumeRequest {
            volume_id: self.volume.clone(),
            volume_path: STAGING.to_owned(),
            capacity_range: Some(CapacityRange { required_bytes, limit_bytes: 0 }),
            staging_target_path: STAGING.to_owned(),
            volume_capability: Some(mount("ext4")),
            ..NodeExpandVolumeRequest::default()
        };
        Ok(self.client.clone().node_expand_volume(request).await?.into_inner().capacity_bytes)
    }

    /// Does the pod see the volume? Asked with NodeGetVolumeStats, which finds nothing where nothing is mounted.
    pub async fn is_published(&self) -> bool {
        let request = NodeGetVolumeStatsRequest {
            volume_id: self.volume.clone(),
            volume_path: TARGET.to_owned(),
            ..NodeGetVolumeStatsRequest::default()
        };
        self.client.clone().node_get_volume_stats(request).await.is_ok()
    }
}

/// The volume_context of a pod, as kubelet adds it where the CSIDriver says `podInfoOnMount`.
pub fn pod(namespace: &str, name: &str, uid: &str) -> BTreeMap<String, String> {
    map(&[
        ("csi.storage.k8s.io/pod.namespace", namespace),
        ("csi.storage.k8s.io/pod.name", name),
        ("csi.storage.k8s.io/pod.uid", uid),
    ])
}
