//! The CSI calls as Kubernetes' sidecars and kubelet make them: gRPC over the services' own sockets.

use std::{collections::BTreeMap, path::Path};

use tonic::{Code, Response, Status, transport::Channel};

use super::{cluster::POOL, error::Error, pods::TaskPod};
use crate::csi::{
    proto::{
        self as csi,
        controller_client::ControllerClient,
        identity_client::IdentityClient,
        node_client::NodeClient,
        volume_capability::{AccessMode, AccessType, MountVolume, access_mode::Mode},
    },
    request::TOPOLOGY_KEY,
    socket::Endpoint,
};
use crate::workflow::key;

/// The services' clients.
#[derive(Debug, Clone)]
pub struct Calls {
    controller: ControllerClient<Channel>,
    nodes: BTreeMap<String, NodeClient<Channel>>,
}

/// A volume that is attached to a node: what kubelet knows of it there.
#[derive(Debug, Clone, Default)]
pub struct Attached {
    /// The node.
    pub node: String,
    /// The volume as CreateVolume answered it.
    pub volume: csi::Volume,
    /// What ControllerPublishVolume answered.
    pub publish_context: BTreeMap<String, String>,
}

/// Connects to a service.
pub async fn connect(endpoint: &Endpoint) -> Result<Channel, Error> {
    Ok(tonic::transport::Endpoint::from_shared(endpoint.to_string())?.connect().await?)
}

/// Asks a service whether it can work, as the livenessprobe sidecar does.
pub async fn probe(channel: Channel) -> Result<(), Error> {
    let answer = answered("Probe", IdentityClient::new(channel).probe(csi::ProbeRequest {}).await)?;
    match answer.ready {
        Some(true) => Ok(()),
        other => Err(Error::Unexpected { expected: "a service that is ready", seen: format!("{other:?}") }),
    }
}

/// One writer on one node, ext4.
fn capability() -> csi::VolumeCapability {
    csi::VolumeCapability {
        access_mode: Some(AccessMode { mode: Mode::SingleNodeWriter.into() }),
        access_type: Some(AccessType::Mount(MountVolume { fs_type: "ext4".to_owned(), ..MountVolume::default() })),
    }
}

/// The CreateVolume request for the claim of a pod, by a class whose volumes belong to tasks: it names no id. One replica
/// shall be on the node where the pod will be.
pub fn volume_of_task(name: &str, bytes: i64, pod: &TaskPod, node: &str) -> csi::CreateVolumeRequest {
    let claim = pod.claim();
    let parameters = [
        (key::SCOPE, "task"),
        (key::PVC_NAMESPACE, &pod.namespace),
        (key::PVC_NAME, &claim),
        ("linflow.csi/placementCount", "2"),
        ("linflow.csi/storagePool", POOL),
    ];
    let segments = [(TOPOLOGY_KEY.to_owned(), node.to_owned())].into();
    csi::CreateVolumeRequest {
        name: name.to_owned(),
        capacity_range: Some(csi::CapacityRange { required_bytes: bytes, limit_bytes: 0 }),
        volume_capabilities: vec![capability()],
        parameters: parameters.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        accessibility_requirements: Some(csi::TopologyRequirement {
            preferred: vec![csi::Topology { segments }],
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The message of a refusal that had to come, with this code.
pub fn refusal<T>(what: &'static str, code: Code, answer: Result<T, Error>) -> Result<String, Error> {
    match answer {
        Ok(_) => Err(Error::NotRefused(what)),
        Err(Error::Call { status, .. }) if status.code() == code => Ok(status.message().to_owned()),
        Err(other) => Err(other),
    }
}

fn answered<T>(call: &'static str, answer: Result<Response<T>, Status>) -> Result<T, Error> {
    answer.map(Response::into_inner).map_err(|status| Error::Call { call, status: Box::new(status) })
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

impl Calls {
    /// The clients of one controller and of each node's service.
    pub fn new(controller: Channel, nodes: BTreeMap<String, Channel>) -> Self {
        let nodes = nodes.into_iter().map(|(name, channel)| (name, NodeClient::new(channel))).collect();
        Self { controller: ControllerClient::new(controller), nodes }
    }

    fn node(&self, name: &str) -> Result<NodeClient<Channel>, Error> {
        let client = self.nodes.get(name).cloned();
        client.ok_or_else(|| Error::Unexpected { expected: "one of the demo's nodes", seen: name.to_owned() })
    }

    /// CreateVolume.
    pub async fn create(&self, request: csi::CreateVolumeRequest) -> Result<csi::Volume, Error> {
        let answer = answered("CreateVolume", self.controller.clone().create_volume(request).await)?;
        answer.volume.ok_or_else(|| Error::Unexpected { expected: "a volume", seen: "an empty answer".to_owned() })
    }

    /// ControllerPublishVolume.
    pub async fn attach(&self, volume: &csi::Volume, node: &str) -> Result<Attached, Error> {
        let request = csi::ControllerPublishVolumeRequest {
            volume_id: volume.volume_id.clone(),
            node_id: node.to_owned(),
            volume_capability: Some(capability()),
            volume_context: volume.volume_context.clone(),
            ..Default::default()
        };
        let answer = self.controller.clone().controller_publish_volume(request).await;
        let publish_context = answered("ControllerPublishVolume", answer)?.publish_context;
        Ok(Attached { node: node.to_owned(), volume: volume.clone(), publish_context })
    }

    /// NodeStageVolume; kubelet has made the folder before.
    pub async fn stage(&self, attached: &Attached, staging: &Path) -> Result<(), Error> {
        tokio::fs::create_dir_all(staging).await.map_err(Error::file("create", staging))?;
        let request = csi::NodeStageVolumeRequest {
            volume_id: attached.volume.volume_id.clone(),
            publish_context: attached.publish_context.clone(),
            staging_target_path: text(staging),
            volume_capability: Some(capability()),
            volume_context: attached.volume.volume_context.clone(),
            ..Default::default()
        };
        answered("NodeStageVolume", self.node(&attached.node)?.node_stage_volume(request).await).map(drop)
    }

    /// NodePublishVolume for a pod; kubelet has made the target's parent before.
    pub async fn publish(
        &self,
        attached: &Attached,
        pod: BTreeMap<String, String>,
        staging: &Path,
        target: &Path,
    ) -> Result<(), Error> {
        if let Some(parent) = target.parent() {
            tokio::fs::create_dir_all(parent).await.map_err(Error::file("create", parent))?;
        }
        let request = csi::NodePublishVolumeRequest {
            volume_id: attached.volume.volume_id.clone(),
            publish_context: attached.publish_context.clone(),
            staging_target_path: text(staging),
            target_path: text(target),
            volume_capability: Some(capability()),
            volume_context: attached.volume.volume_context.clone().into_iter().chain(pod).collect(),
            ..Default::default()
        };
        answered("NodePublishVolume", self.node(&attached.node)?.node_publish_volume(request).await).map(drop)
    }

    /// NodeUnpublishVolume.
    pub async fn unpublish(&self, attached: &Attached, target: &Path) -> Result<(), Error> {
        let volume_id = attached.volume.volume_id.clone();
        let request = csi::NodeUnpublishVolumeRequest { volume_id, target_path: text(target) };
        answered("NodeUnpublishVolume", self.node(&attached.node)?.node_unpublish_volume(request).await).map(drop)
    }

    /// NodeUnstageVolume.
    pub async fn unstage(&self, attached: &Attached, staging: &Path) -> Result<(), Error> {
        let volume_id = attached.volume.volume_id.clone();
        let request = csi::NodeUnstageVolumeRequest { volume_id, staging_target_path: text(staging) };
        answered("NodeUnstageVolume", self.node(&attached.node)?.node_unstage_volume(request).await).map(drop)
    }

    /// ControllerUnpublishVolume.
    pub async fn detach(&self, attached: &Attached) -> Result<(), Error> {
        let (volume_id, node_id) = (attached.volume.volume_id.clone(), attached.node.clone());
        let request = csi::ControllerUnpublishVolumeRequest { volume_id, node_id, ..Default::default() };
        let answer = self.controller.clone().controller_unpublish_volume(request).await;
        answered("ControllerUnpublishVolume", answer).map(drop)
    }

    /// DeleteVolume.
    pub async fn delete(&self, volume_id: &str) -> Result<(), Error> {
        let request = csi::DeleteVolumeRequest { volume_id: volume_id.to_owned(), ..Default::default() };
        answered("DeleteVolume", self.controller.clone().delete_volume(request).await).map(drop)
    }
}
