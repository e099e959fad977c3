//! The CSI side of a world: requests as the sidecars send them, and a controller to send them to.

use std::{collections::BTreeMap, path::Path};

use linflow::csi::{
    controller::ControllerService,
    proto::{
        CapacityRange, ControllerExpandVolumeRequest, ControllerExpandVolumeResponse, ControllerGetVolumeHealthRequest,
        ControllerGetVolumeRequest, ControllerGetVolumeResponse, ControllerListVolumeHealthRequest,
        ControllerListVolumeHealthResponse, ControllerModifyVolumeRequest, ControllerPublishVolumeRequest,
        ControllerUnpublishVolumeRequest, CreateVolumeRequest, DeleteVolumeRequest, GetCapacityRequest,
        GetCapacityResponse, ListVolumesRequest, ListVolumesResponse, Topology, TopologyRequirement, Volume,
        VolumeCapability, VolumeContentSource,
        controller_client::ControllerClient,
        group_controller_client::GroupControllerClient,
        volume_capability::{AccessMode, AccessType, BlockVolume, MountVolume, access_mode::Mode},
        volume_content_source::{SnapshotSource, Type, VolumeSource},
        volume_health::VolumeHealthEntry,
    },
};
use tonic::{Status, transport::Channel};

/// The key of our topology segment.
pub const TOPOLOGY_KEY: &str = "linflow.csi/hostname";

/// A controller, reached over its socket.
#[derive(Clone)]
pub struct Controller {
    /// The raw client, for what has no method here. Clone it to call.
    pub client: ControllerClient<Channel>,
    /// The raw client of the GroupController service beside it.
    pub groups: GroupControllerClient<Channel>,
    /// The service behind it.
    pub service: ControllerService,
}

impl Controller {
    /// Connects to the socket that the service is served on.
    pub async fn connect(socket: &Path, service: ControllerService) -> Self {
        let endpoint = format!("unix://{}", socket.display());
        let client = ControllerClient::connect(endpoint.clone()).await.unwrap();
        let groups = GroupControllerClient::connect(endpoint).await.unwrap();
        Self { client, groups, service }
    }

    /// CreateVolume.
    pub async fn create(&self, request: impl Into<CreateVolumeRequest>) -> Result<Volume, Status> {
        let answer = self.client.clone().create_volume(request.into()).await?;
        Ok(answer.into_inner().volume.expect("a created volume is in the answer"))
    }

    /// CreateVolume of 1 GiB; answers the volume's id.
    pub async fn created(&self, name: &str) -> String {
        self.create(create(name)).await.unwrap().volume_id
    }

    /// DeleteVolume.
    pub async fn delete(&self, volume_id: &str) -> Result<(), Status> {
        let request = DeleteVolumeRequest { volume_id: volume_id.to_owned(), ..DeleteVolumeRequest::default() };
        self.client.clone().delete_volume(request).await.map(drop)
    }

    /// ControllerPublishVolume; answers the publish_context.
    pub async fn publish(&self, request: ControllerPublishVolumeRequest) -> Result<BTreeMap<String, String>, Status> {
        Ok(self.client.clone().controller_publish_volume(request).await?.into_inner().publish_context)
    }

    /// ControllerUnpublishVolume; an empty node means all.
    pub async fn unpublish(&self, volume_id: &str, node: &str) -> Result<(), Status> {
        let request = ControllerUnpublishVolumeRequest {
            volume_id: volume_id.to_owned(),
            node_id: node.to_owned(),
            ..ControllerUnpublishVolumeRequest::default()
        };
        self.client.clone().controller_unpublish_volume(request).await.map(drop)
    }

    /// ControllerExpandVolume to so many bytes at least and at most, for a volume that is mounted with ext4.
    pub async fn expand(
        &self,
        volume_id: &str,
        required_bytes: i64,
        limit_bytes: i64,
    ) -> Result<ControllerExpandVolumeResponse, Status> {
        let request = ControllerExpandVolumeRequest {
            volume_id: volume_id.to_owned(),
            capacity_range: Some(CapacityRange { required_bytes, limit_bytes }),
            volume_capability: Some(mount("ext4")),
            ..ControllerExpandVolumeRequest::default()
        };
        Ok(self.client.clone().controller_expand_volume(request).await?.into_inner())
    }

    /// ListVolumes.
    pub async fn list(&self, max_entries: i32, starting_token: &str) -> Result<ListVolumesResponse, Status> {
        let request = ListVolumesRequest { max_entries, starting_token: starting_token.to_owned() };
        Ok(self.client.clone().list_volumes(request).await?.into_inner())
    }

    /// ControllerModifyVolume.
    pub async fn modify(&self, volume_id: &str, mutable_parameters: &[(&str, &str)]) -> Result<(), Status> {
        let request = ControllerModifyVolumeRequest {
            volume_id: volume_id.to_owned(),
            mutable_parameters: map(mutable_parameters),
            ..ControllerModifyVolumeRequest::default()
        };
        self.client.clone().controller_modify_volume(request).await.map(drop)
    }

    /// ControllerGetVolumeHealth; answers what is wrong: status, reason, message.
    pub async fn health(&self, volume_id: &str) -> Result<Vec<VolumeHealthEntry>, Status> {
        let request = ControllerGetVolumeHealthRequest {
            volume_id: volume_id.to_owned(),
            ..ControllerGetVolumeHealthRequest::default()
        };
        let answer = self.client.clone().controller_get_volume_health(request).await?.into_inner();
        let health = answer.volume_health.expect("the health is in the answer");
        assert_eq!(health.volume_id, volume_id);
        Ok(health.health_statuses)
    }

    /// ControllerListVolumeHealth.
    pub async fn list_health(&self, max: i32, token: &str) -> Result<ControllerListVolumeHealthResponse, Status> {
        let request = ControllerListVolumeHealthRequest {
            max_entries: max,
            starting_token: token.to_owned(),
            ..ControllerListVolumeHealthRequest::default()
        };
        Ok(self.client.clone().controller_list_volume_health(request).await?.into_inner())
    }

    /// GetCapacity. A place is its segments, as `zone=a,rack=7`; without `=` a node's name.
    pub async fn capacity(
        &self,
        parameters: &[(&str, &str)],
        place: Option<&str>,
    ) -> Result<GetCapacityResponse, Status> {
        let request = GetCapacityRequest {
            parameters: map(parameters),
            accessible_topology: place.map(term),
            ..GetCapacityRequest::default()
        };
        Ok(self.client.clone().get_capacity(request).await?.into_inner())
    }

    /// ControllerGetVolume.
    pub async fn get(&self, volume_id: &str) -> Result<ControllerGetVolumeResponse, Status> {
        let request = ControllerGetVolumeRequest { volume_id: volume_id.to_owned() };
        Ok(self.client.clone().controller_get_volume(request).await?.into_inner())
    }
}

/// The resource definition that a volume id names: what stands before the claim of an owner's volume.
pub fn resource(volume_id: &str) -> &str {
    volume_id.split_once('@').map_or(volume_id, |(resource, _)| resource)
}

/// A CreateVolumeRequest in the making.
#[derive(Clone)]
pub struct Create(pub CreateVolumeRequest);

/// A volume of that name: 1 GiB, ext4, one writer.
pub fn create(name: &str) -> Create {
    let request = CreateVolumeRequest {
        name: name.to_owned(),
        volume_capabilities: vec![mount("ext4")],
        ..CreateVolumeRequest::default()
    };
    Create(request).gib(1)
}

impl Create {
    /// Of exactly so many GiB.
    pub fn gib(self, gib: i64) -> Self {
        self.mib(gib << 10)
    }

    /// Of exactly so many MiB.
    pub fn mib(self, mib: i64) -> Self {
        self.bytes(mib << 20, mib << 20)
    }

    /// Of so many bytes at least and at most.
    pub fn bytes(mut self, required_bytes: i64, limit_bytes: i64) -> Self {
        self.0.capacity_range = Some(CapacityRange { required_bytes, limit_bytes });
        self
    }

    /// With a StorageClass parameter.
    pub fn parameter(mut self, key: &str, value: &str) -> Self {
        self.0.parameters.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With a parameter of a VolumeAttributesClass.
    pub fn mutable(mut self, key: &str, value: &str) -> Self {
        self.0.mutable_parameters.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Used so, and not otherwise.
    pub fn capability(mut self, capability: VolumeCapability) -> Self {
        self.0.volume_capabilities = vec![capability];
        self
    }

    /// Reachable from that node, as external-provisioner says where the pod was scheduled first.
    pub fn on(mut self, node: &str) -> Self {
        let nodes = vec![topology(node)];
        self.0.accessibility_requirements = Some(TopologyRequirement { requisite: nodes.clone(), preferred: nodes });
        self
    }

    /// With the bytes of a snapshot.
    pub fn of_snapshot(self, snapshot_id: &str) -> Self {
        self.from(Type::Snapshot(SnapshotSource { snapshot_id: snapshot_id.to_owned() }))
    }

    /// With the bytes of a volume.
    pub fn of_volume(self, volume_id: &str) -> Self {
        self.from(Type::Volume(VolumeSource { volume_id: volume_id.to_owned() }))
    }

    fn from(mut self, source: Type) -> Self {
        self.0.volume_content_source = Some(VolumeContentSource { r#type: Some(source) });
        self
    }

    /// Of no particular size.
    pub fn any_size(mut self) -> Self {
        self.0.capacity_range = None;
        self
    }

    /// Reachable from one of the requisite places, and best in the order of the preferred ones. A place is its segments;
    /// one without `=` is a node's name.
    pub fn places(mut self, preferred: &[&str], requisite: &[&str]) -> Self {
        let terms = |places: &[&str]| places.iter().map(|place| term(place)).collect();
        let required = TopologyRequirement { requisite: terms(requisite), preferred: terms(preferred) };
        self.0.accessibility_requirements = Some(required);
        self
    }

    /// Without DRBD: one replica.
    pub fn storage_alone(self) -> Self {
        self.parameter("layerList", "storage")
    }
}

impl From<Create> for CreateVolumeRequest {
    fn from(create: Create) -> Self {
        create.0
    }
}

/// A ControllerPublishVolumeRequest for one writer.
pub fn publish(volume_id: &str, node: &str) -> ControllerPublishVolumeRequest {
    ControllerPublishVolumeRequest {
        volume_id: volume_id.to_owned(),
        node_id: node.to_owned(),
        volume_capability: Some(mount("ext4")),
        ..ControllerPublishVolumeRequest::default()
    }
}

/// Mounted with that filesystem, by one writer.
pub fn mount(fs_type: &str) -> VolumeCapability {
    let mount = MountVolume { fs_type: fs_type.to_owned(), ..MountVolume::default() };
    capability(Mode::SingleNodeWriter, AccessType::Mount(mount))
}

/// As a raw device, for one writer.
pub fn block() -> VolumeCapability {
    capability(Mode::SingleNodeWriter, AccessType::Block(BlockVolume {}))
}

/// Any capability.
pub fn capability(mode: Mode, access_type: AccessType) -> VolumeCapability {
    VolumeCapability { access_mode: Some(AccessMode { mode: mode.into() }), access_type: Some(access_type) }
}

/// The topology of a node.
pub fn topology(node: &str) -> Topology {
    Topology { segments: map(&[(TOPOLOGY_KEY, node)]) }
}

/// The topology of these segments, as `zone=a,rack=7`; without `=` a node's name.
pub fn term(place: &str) -> Topology {
    let pairs: Vec<(&str, &str)> = place.split(',').filter_map(|pair| pair.split_once('=')).collect();
    if pairs.is_empty() { topology(place) } else { Topology { segments: map(&pairs) } }
}

/// A map of these pairs.
pub fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
