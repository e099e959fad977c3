//! The Node service: parse, ask who the pod is, decide, do, render. What is done is in `node/`.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status};

use super::admit::{self, Door, Guard};
use super::proto::{self as csi, node_server::Node};
use super::request::{self, node as parse};
use super::{node_health, response, status};
use crate::access;
use crate::linstor::{Client, name::NodeName};
use crate::metrics::Doubts;
use crate::node::{self, FormatRecord, FormatRecordError, Host, StageRequest};
use crate::volume::filesystem::FsUuid;
use crate::volume::topology::{NodeTopology, TopologySettings};
use crate::volume::{VolumeId, context::PublishContext, formatted::FormattedMark, reserve::Reservations};
use crate::workflow::{AnyDirectory, Confirm, Instances, Witness};

/// How long a stage may take: kubelet gives up after two minutes.
const STAGE: Duration = Duration::from_secs(110);
/// How long everything else may take that touches devices.
const TOUCH: Duration = Duration::from_secs(60);

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
    witness: Arc<dyn Witness>,
    instances: Instances,
    confirm: Confirm,
    doubts: Doubts,
    name: NodeName,
    max_volumes: i64,
    topology: NodeTopology,
    reservations: Reservations,
}

impl<H> Shared<H> {
    /// Who confirms the pods of a volume: as strictly as its class says, else the driver.
    fn guard(&self, class: Option<Confirm>) -> Guard<'_, AnyDirectory> {
        let Self { directory, witness, instances, confirm, doubts, .. } = self;
        let confirm = class.unwrap_or(*confirm);
        Guard { door: Door::Mount, directory, witness: witness.as_ref(), instances, confirm, doubts }
    }
}

impl<H: Host> Shared<H> {
    async fn stage(
        &self,
        volume: &VolumeId,
        (_, context, request): (VolumeId, PublishContext, StageRequest),
    ) -> Result<(), Status> {
        let mark = FormattedMark::new(self.linstor.clone(), volume.clone(), context.incarnation);
        let staged = node::stage(&self.host, &request, &mark, Instant::now() + STAGE).await;
        staged.map_err(|error| status::of(&error))
    }
}

/// What a Node service is made of.
#[derive(Debug)]
pub struct NodeParts<H> {
    /// The machine.
    pub host: H,
    /// LINSTOR, for the `formatted` mark, the node's topology, and the health of what the node does not see.
    pub linstor: Client,
    /// Where pods are looked up.
    pub directory: AnyDirectory,
    /// Who is asked about pods whose metadata agrees with a volume's owner.
    pub witness: Arc<dyn Witness>,
    /// Which namespace belongs to which Airflow.
    pub instances: Instances,
    /// How strictly pods are confirmed where a volume's class doesn't say.
    pub confirm: Confirm,
    /// Who counts pods that are not a volume's owner's.
    pub doubts: Doubts,
    /// The node's name in LINSTOR, which is its CSI node id.
    pub name: NodeName,
    /// How many volumes the node takes; 0: the orchestrator decides.
    pub max_volumes: i64,
    /// How the node tells its topology.
    pub topology: TopologySettings,
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
        let NodeParts { host, linstor, directory, witness, instances, confirm, doubts, name, max_volumes, topology } =
            parts;
        let reservations = Reservations::default();
        let topology = NodeTopology::new(linstor.clone(), name.clone(), topology);
        let shared = Shared {
            host,
            linstor,
            directory,
            witness,
            instances,
            confirm,
            doubts,
            name,
            max_volumes,
            topology,
            reservations,
        };
        Self { shared: Arc::new(shared), running: TaskTracker::new() }
    }

    /// The operations that run, those included whose callers have gone: wait for them before the process ends.
    pub fn running(&self) -> &TaskTracker {
        &self.running
    }

    /// Why kubelet is not to be told of this node, and what to do: see [`NodeTopology::objection`].
    pub async fn objection(&self, requires_drbd: bool) -> Option<String> {
        self.shared.topology.objection(requires_drbd).await
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

#[tonic::async_trait]
impl<H: Host + 'static> Node for NodeService<H> {
    async fn node_stage_volume(
        &self,
        message: Request<csi::NodeStageVolumeRequest>,
    ) -> Result<Response<csi::NodeStageVolumeResponse>, Status> {
        let parsed = parse::stage(message.get_ref()).map_err(|error| status::of(&error))?;
        let volume = parsed.0.clone();
        let target = volume.clone();
        let verb = |shared: Arc<Shared<H>>| async move { shared.stage(&target, parsed).await };
        self.exclusively(&volume, verb).await?;
        Ok(Response::new(csi::NodeStageVolumeResponse {}))
    }

    async fn node_unstage_volume(
        &self,
        message: Request<csi::NodeUnstageVolumeRequest>,
    ) -> Result<Response<csi::NodeUnstageVolumeResponse>, Status> {
        let message = message.get_ref();
        let volume = request::volume_id(&message.volume_id).map_err(|error| status::of(&error))?;
        let staging =
            parse::path("staging_target_path", &message.staging_target_path).map_err(|error| status::of(&error))?;
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
        let (volume, context, request) = parse::publish(&message).map_err(|error| status::of(&error))?;
        let target = volume.clone();
        let verb = |shared: Arc<Shared<H>>| async move {
            let pod = admit::pod(&message.volume_context);
            let expected = access::expect(target.resource(), context.pod_uid.as_deref(), &pod);
            let expected = expected.map_err(|error| status::of(&error))?;
            let guard = shared.guard(context.confirm);
            let permit = guard.admit(target.resource(), context.owner.as_ref(), pod, expected).await;
            let permit = permit.map_err(|denial| status::of(&denial))?;
            let publish = async || node::publish(&shared.host, &request, &permit, Instant::now() + TOUCH).await;
            let mut published = publish().await;
            // The last pod of a claim may have taken its staging mount along, and kubelet doesn't stage it again.
            if target.claim().is_some() && matches!(published, Err(node::Error::NotStaged(_))) {
                let staging = parse::stage(&parse::staging_of(&message)).map_err(|error| status::of(&error))?;
                shared.stage(&target, staging).await?;
                published = publish().await;
            }
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
        let target = parse::path("target_path", &message.target_path).map_err(|error| status::of(&error))?;
        let claim = volume.claim().map(|_| message.volume_id.clone());
        let verb = |shared: Arc<Shared<H>>| async move {
            let (host, deadline) = (&shared.host, Instant::now() + TOUCH);
            node::unpublish(host, &target, deadline).await.map_err(|error| status::of(&error))?;
            let Some(claim) = claim else { return Ok(()) };
            let left = node::leave_to_others(host, &claim, &target, deadline).await;
            left.map_err(|error| status::of(&error))
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
        let path = parse::mounted_path(&message.volume_path)?;
        let stats = node::stats(&self.shared.host, &path, Instant::now() + TOUCH).await;
        Ok(Response::new(response::stats(&stats.map_err(|error| status::of(&error))?)))
    }

    async fn node_get_volume_health(
        &self,
        message: Request<csi::NodeGetVolumeHealthRequest>,
    ) -> Result<Response<csi::NodeGetVolumeHealthResponse>, Status> {
        let message = message.into_inner();
        let request = parse::health(&message).map_err(|error| status::of(&error))?;
        let Shared { host, linstor, name, .. } = &*self.shared;
        let conditions = node_health::volume(host, linstor, name, request).await?;
        Ok(Response::new(node_health::volume_response(message.volume_id, &conditions)))
    }

    async fn node_get_storage_health(
        &self,
        _: Request<csi::NodeGetStorageHealthRequest>,
    ) -> Result<Response<csi::NodeGetStorageHealthResponse>, Status> {
        let Shared { host, linstor, name, .. } = &*self.shared;
        let conditions = node_health::storage(host, linstor, name).await;
        Ok(Response::new(node_health::storage_response(&conditions)))
    }

    async fn node_expand_volume(
        &self,
        message: Request<csi::NodeExpandVolumeRequest>,
    ) -> Result<Response<csi::NodeExpandVolumeResponse>, Status> {
        let message = message.get_ref();
        request::volume_id(&message.volume_id).map_err(|error| status::of(&error))?;
        let volume_path = parse::mounted_path(&message.volume_path)?;
        let (volume, request) = parse::expand(message, volume_path).map_err(|error| status::of(&error))?;
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
        let capabilities = [
            rpc::Type::StageUnstageVolume,
            rpc::Type::GetVolumeStats,
            rpc::Type::ExpandVolume,
            rpc::Type::SingleNodeMultiWriter,
            rpc::Type::VolumeMountGroup,
            rpc::Type::GetVolumeHealth,
            rpc::Type::GetStorageHealth,
        ];
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
            accessible_topology: Some(response::topology(&self.shared.topology.tell().await)),
        }))
    }
}
