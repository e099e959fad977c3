//! The Node service: parse, ask who the pod is, decide, do, render. What is done is in `node/`.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status};

use super::proto::{self as csi, node_server::Node};
use super::request::{self, RequestError, Use, require};
use super::{admit, response, status};
use crate::linstor::{Client, name::NodeName};
use crate::node::{
    self, AbsolutePath, Access, DeviceHint, ExpandRequest, FormatRecord, FormatRecordError, Host, PublishRequest,
    StageRequest,
};
use crate::volume::context::{self, PublishContext};
use crate::volume::filesystem::{FsType, FsUuid};
use crate::volume::{VolumeId, formatted::FormattedMark, reserve::Reservations};
use crate::workflow::{AnyDirectory, Instances};

/// How long a stage may take: kubelet gives up after two minutes.
const STAGE: Duration = Duration::from_secs(110);
/// How long everything else may take that touches devices.
const TOUCH: Duration = Duration::from_secs(60);
/// The volume that a definition holds: linflow makes one in each.
const VOLUME_NUMBER: u32 = 0;

/// What the Node service works with. Cheap to clone.
#[derive(Debug)]
pub struct NodeService<H> {
    shared: Arc<Shared<H>>,
    running: TaskTracker,
}

#[derive(Debug)]
struct Shared<H> {
    host: H,
    linstor: Client,
    directory: AnyDirectory,
    instances: Instances,
    name: NodeName,
    max_volumes: i64,
    reservations: Reservations,
}

/// What a Node service is made of.
#[derive(Debug)]
pub struct NodeParts<H> {
    /// The machine.
    pub host: H,
    /// LINSTOR, for the `formatted` mark alone.
    pub linstor: Client,
    /// Where pods are looked up.
    pub directory: AnyDirectory,
    /// Which namespace belongs to which Airflow.
    pub instances: Instances,
    /// The node's name in LINSTOR, which is its CSI node id.
    pub name: NodeName,
    /// How many volumes the node takes; 0: the orchestrator decides.
    pub max_volumes: i64,
}

impl<H> Clone for NodeService<H> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), running: self.running.clone() }
    }
}

impl FormatRecord for FormattedMark {
    async fn read(&self) -> Result<Option<FsUuid>, FormatRecordError> {
        FormattedMark::read(self).await.map_err(|source| FormatRecordError { source: source.into() })
    }

    async fn write(&self, uuid: &FsUuid) -> Result<(), FormatRecordError> {
        FormattedMark::write(self, uuid).await.map_err(|source| FormatRecordError { source: source.into() })
    }
}

impl<H: Host + 'static> NodeService<H> {
    /// A service of these parts.
    pub fn new(parts: NodeParts<H>) -> Self {
        let NodeParts { host, linstor, directory, instances, name, max_volumes } = parts;
        let reservations = Reservations::default();
        let shared = Shared { host, linstor, directory, instances, name, max_volumes, reservations };
        Self { shared: Arc::new(shared), running: TaskTracker::new() }
    }

    /// The operations that run, those included whose callers have gone: wait for them before the process ends.
    pub fn running(&self) -> &TaskTracker {
        &self.running
    }

    /// Runs one verb on one volume in a task of its own: see `ControllerService`.
    async fn exclusively<V, F, T>(&self, volume: &VolumeId, verb: V) -> Result<T, Status>
    where
        V: FnOnce(Arc<Shared<H>>) -> F,
        F: Future<Output = Result<T, Status>> + Send + 'static,
        T: Send + 'static,
    {
        let reserved = self.shared.reservations.reserve(volume.resource());
        let reservation = reserved.map_err(|busy| Status::aborted(busy.to_string()))?;
        let verb = verb(Arc::clone(&self.shared));
        let task = self.running.spawn(async move {
            let outcome = verb.await;
            drop(reservation);
            outcome
        });
        task.await.map_err(|panic| status::lost_task(&panic))?
    }
}

fn path(field: &'static str, text: &str) -> Result<AbsolutePath, RequestError> {
    let parsed = AbsolutePath::parse(require(field, text)?);
    parsed.map_err(|error| RequestError::Path { field, reason: error.to_string() })
}

/// A `volume_path`. Nothing of ours is ever mounted at a path that AbsolutePath refuses; csi-sanity asks for one and
/// expects NOT_FOUND.
fn mounted_path(text: &str) -> Result<AbsolutePath, Status> {
    let given = require("volume_path", text).map_err(|error| status::of(&error))?;
    AbsolutePath::parse(given).map_err(|_| status::of(&node::Error::NotFound(given.into())))
}

fn device(volume: &VolumeId, context: &PublishContext) -> DeviceHint {
    DeviceHint {
        resource: volume.resource().clone(),
        volume: VOLUME_NUMBER,
        path: context.device.clone(),
        uses_drbd: context.uses_drbd,
        min_bytes: context.bytes,
    }
}

/// How the volume is used: the capability's filesystem, else the volume's own, else ext4.
fn access(
    used: Use,
    volume_context: &std::collections::BTreeMap<String, String>,
    context: &PublishContext,
) -> Result<Access, RequestError> {
    let (fs_type, flags) = match used {
        Use::Mount { group: Some(_), .. } => return Err(RequestError::Unsupported("volume_mount_group")),
        Use::Mount { fs_type, flags, .. } => (fs_type, flags),
        Use::Block if context.fs_uuid.is_some() => return Err(RequestError::RawUse),
        Use::Block => return Ok(Access::Block),
    };
    let own = context::fs_type_of(volume_context).map(str::parse).transpose()?;
    Ok(Access::Mount { fs_type: fs_type.or(own).unwrap_or(FsType::Ext4), flags })
}

fn parse_stage(
    message: &csi::NodeStageVolumeRequest,
) -> Result<(VolumeId, PublishContext, StageRequest), RequestError> {
    let volume = request::volume_id(&message.volume_id)?;
    let staging_path = path("staging_target_path", &message.staging_target_path)?;
    let (used, _) = request::capability(message.volume_capability.as_ref())?;
    let context = PublishContext::from_map(&message.publish_context)?;
    let request = StageRequest {
        device: device(&volume, &context),
        staging_path,
        access: access(used, &message.volume_context, &context)?,
        read_only: context.read_only,
        fs_uuid: context.fs_uuid.clone(),
    };
    Ok((volume, context, request))
}

fn parse_publish(
    message: &csi::NodePublishVolumeRequest,
) -> Result<(VolumeId, PublishContext, PublishRequest), RequestError> {
    let volume = request::volume_id(&message.volume_id)?;
    let target_path = path("target_path", &message.target_path)?;
    let (used, _) = request::capability(message.volume_capability.as_ref())?;
    if message.staging_target_path.is_empty() {
        return Err(RequestError::NoStagingPath);
    }
    let staging_path = path("staging_target_path", &message.staging_target_path)?;
    let context = PublishContext::from_map(&message.publish_context)?;
    let request = PublishRequest {
        device: device(&volume, &context),
        staging_path,
        target_path,
        access: access(used, &message.volume_context, &context)?,
        read_only: message.readonly || context.read_only,
    };
    Ok((volume, context, request))
}

fn parse_expand(
    message: &csi::NodeExpandVolumeRequest,
    volume_path: AbsolutePath,
) -> Result<(VolumeId, ExpandRequest), RequestError> {
    let volume = request::volume_id(&message.volume_id)?;
    if message.volume_capability.is_some() {
        request::capability(message.volume_capability.as_ref())?;
    }
    let staging = Some(message.staging_target_path.as_str()).filter(|given| !given.is_empty());
    let request = ExpandRequest {
        resource: volume.resource().clone(),
        volume: VOLUME_NUMBER,
        volume_path,
        staging_path: staging.map(|given| path("staging_target_path", given)).transpose()?,
        min_bytes: request::capacity_range(message.capacity_range)?.required(),
    };
    Ok((volume, request))
}

#[tonic::async_trait]
impl<H: Host + 'static> Node for NodeService<H> {
    async fn node_stage_volume(
        &self,
        message: Request<csi::NodeStageVolumeRequest>,
    ) -> Result<Response<csi::NodeStageVolumeResponse>, Status> {
        let (volume, context, request) = parse_stage(message.get_ref()).map_err(|error| status::of(&error))?;
        let target = volume.clone();
        let verb = |shared: Arc<Shared<H>>| async move {
            let mark = FormattedMark::new(shared.linstor.clone(), target, context.incarnation);
            let staged = node::stage(&shared.host, &request, &mark, Instant::now() + STAGE).await;
            staged.map_err(|error| status::of(&error))
        };
        self.exclusively(&volume, verb).await?;
        Ok(Response::new(csi::NodeStageVolumeResponse {}))
    }

    async fn node_unstage_volume(
        &self,
        message: Request<csi::NodeUnstageVolumeRequest>,
    ) -> Result<Response<csi::NodeUnstageVolumeResponse>, Status> {
        let message = message.get_ref();
        let volume = request::volume_id(&message.volume_id).map_err(|error| status::of(&error))?;
        let staging = path("staging_target_path", &message.staging_target_path).map_err(|error| status::of(&error))?;
        let verb = |shared: Arc<Shared<H>>| async move {
            let unstaged = node::unstage(&shared.host, &staging, Instant::now() + TOUCH).await;
            unstaged.map_err(|error| status::of(&error))
        };
        self.exclusively(&volume, verb).await?;
        Ok(Response::new(csi::NodeUnstageVolumeResponse {}))
    }

    async fn node_publish_volume(
        &self,
        message: Request<csi::NodePublishVolumeRequest>,
    ) -> Result<Response<csi::NodePublishVolumeResponse>, Status> {
        let message = message.into_inner();
        let (volume, context, request) = parse_publish(&message).map_err(|error| status::of(&error))?;
        let target = volume.clone();
        let verb = |shared: Arc<Shared<H>>| async move {
            let owner = context.owner.as_ref();
            let permit =
                admit::admit(&shared.directory, &shared.instances, target.resource(), owner, &message.volume_context)
                    .await?;
            let published = node::publish(&shared.host, &request, &permit, Instant::now() + TOUCH).await;
            published.map_err(|error| status::of(&error))
        };
        self.exclusively(&volume, verb).await?;
        Ok(Response::new(csi::NodePublishVolumeResponse {}))
    }

    async fn node_unpublish_volume(
        &self,
        message: Request<csi::NodeUnpublishVolumeRequest>,
    ) -> Result<Response<csi::NodeUnpublishVolumeResponse>, Status> {
        let message = message.get_ref();
        let volume = request::volume_id(&message.volume_id).map_err(|error| status::of(&error))?;
        let target = path("target_path", &message.target_path).map_err(|error| status::of(&error))?;
        let verb = |shared: Arc<Shared<H>>| async move {
            let unpublished = node::unpublish(&shared.host, &target, Instant::now() + TOUCH).await;
            unpublished.map_err(|error| status::of(&error))
        };
        self.exclusively(&volume, verb).await?;
        Ok(Response::new(csi::NodeUnpublishVolumeResponse {}))
    }

    async fn node_get_volume_stats(
        &self,
        message: Request<csi::NodeGetVolumeStatsRequest>,
    ) -> Result<Response<csi::NodeGetVolumeStatsResponse>, Status> {
        let message = message.get_ref();
        request::volume_id(&message.volume_id).map_err(|error| status::of(&error))?;
        let path = mounted_path(&message.volume_path)?;
        let stats = node::stats(&self.shared.host, &path, Instant::now() + TOUCH).await;
        Ok(Response::new(response::stats(&stats.map_err(|error| status::of(&error))?)))
    }

    async fn node_expand_volume(
        &self,
        message: Request<csi::NodeExpandVolumeRequest>,
    ) -> Result<Response<csi::NodeExpandVolumeResponse>, Status> {
        let message = message.get_ref();
        request::volume_id(&message.volume_id).map_err(|error| status::of(&error))?;
        let volume_path = mounted_path(&message.volume_path)?;
        let (volume, request) = parse_expand(message, volume_path).map_err(|error| status::of(&error))?;
        let verb = |shared: Arc<Shared<H>>| async move {
            let expanded = node::expand(&shared.host, &request, Instant::now() + TOUCH).await;
            expanded.map_err(|error| status::of(&error))
        };
        let bytes = self.exclusively(&volume, verb).await?;
        Ok(Response::new(response::node_expanded(bytes)))
    }

    async fn node_get_capabilities(
        &self,
        _: Request<csi::NodeGetCapabilitiesRequest>,
    ) -> Result<Response<csi::NodeGetCapabilitiesResponse>, Status> {
        use csi::node_service_capability::{Rpc, Type, rpc};
        let capabilities = [rpc::Type::StageUnstageVolume, rpc::Type::GetVolumeStats, rpc::Type::ExpandVolume];
        let capabilities = capabilities
            .map(|kind| csi::NodeServiceCapability { r#type: Some(Type::Rpc(Rpc { r#type: kind.into() })) });
        Ok(Response::new(csi::NodeGetCapabilitiesResponse { capabilities: capabilities.into() }))
    }

    async fn node_get_info(
        &self,
        _: Request<csi::NodeGetInfoRequest>,
    ) -> Result<Response<csi::NodeGetInfoResponse>, Status> {
        Ok(Response::new(csi::NodeGetInfoResponse {
            node_id: self.shared.name.to_string(),
            max_volumes_per_node: self.shared.max_volumes,
            accessible_topology: Some(response::topology(&self.shared.name)),
        }))
    }
}
