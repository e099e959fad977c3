//! The Controller service: parse, reserve, do, render. What is done is in `volume/`.

mod parts;

use std::{future::Future, time::Duration};

use tonic::{Request, Response, Status};

use super::proto::{self as csi, controller_server::Controller};
use super::{attaching, queue, request, request::RequestError, response, status, status::Coded, validate};
use crate::linstor::name::{NodeName, ResourceName};
use crate::volume::{
    self, VolumeId, begun, create, delete, detach, expand, health, list, modify, params::Parameters, reserve::Busy,
    validate::Expectation,
};
use crate::workflow::{self, AskError, Claim, Directory};

pub use parts::ControllerService;

impl ControllerService {
    /// Who asks for the volume of this name. What was begun for a claim or pod that has gone since is brought to its end.
    async fn ask(&self, name: &str, parameters: &Parameters) -> Result<Claim, Status> {
        let refused = match workflow::ask(&self.directory, &self.instances, &parameters.claim, name).await {
            Ok(claim) => return Ok(claim),
            Err(refused @ (AskError::Gone(_) | AskError::Remade { .. })) => refused,
            Err(refused) => return Err(status::of(&refused)),
        };
        let resource = parameters.resource_name(name).map_err(|error| status::of(&RequestError::from(error)))?;
        let begun = begun::made_for(&self.linstor, &resource, name).await.map_err(|error| status::of(&error))?;
        begun.ok_or_else(|| status::of(&refused))
    }

    /// Runs one verb on one volume. It runs in a task of its own, so that a caller who goes away never cuts it between
    /// two requests; whoever comes for the same volume meanwhile is told to come again.
    async fn exclusively<T: Send + 'static, E: Coded + Send + 'static>(
        &self,
        volume: &VolumeId,
        verb: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, Status> {
        self.exclusively_on(std::slice::from_ref(volume.resource()), verb).await
    }

    /// The same on several volumes: all of them are reserved, or none.
    pub(super) async fn exclusively_on<T: Send + 'static, E: Coded + Send + 'static>(
        &self,
        volumes: &[ResourceName],
        verb: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, Status> {
        self.hold(self.reservations.reserve_all(volumes), verb).await
    }

    /// Runs one verb of one claim of an owner's volume. Claims of one volume wait for each other, so long at most.
    async fn in_turn<T: Send + 'static, E: Coded + Send + 'static>(
        &self,
        resource: &ResourceName,
        wait: Duration,
        verb: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, Status> {
        self.hold(self.reservations.reserve_within(resource, wait).await, verb).await
    }

    /// Runs the verb with what was reserved for it, in a task of its own.
    async fn hold<R: Send + 'static, T: Send + 'static, E: Coded + Send + 'static>(
        &self,
        reserved: Result<R, Busy>,
        verb: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, Status> {
        let reserved = reserved.map_err(|busy| status::of(&volume::Error::Busy(busy)))?;
        let task = self.running.spawn(async move {
            let outcome = verb.await;
            drop(reserved);
            outcome
        });
        task.await.map_err(|panic| status::lost_task(&panic))?.map_err(|error| status::of(&error))
    }
}

#[tonic::async_trait]
impl Controller for ControllerService {
    async fn create_volume(
        &self,
        message: Request<csi::CreateVolumeRequest>,
    ) -> Result<Response<csi::CreateVolumeResponse>, Status> {
        let wait = queue::bound(message.metadata());
        let message = message.get_ref();
        let parameters = request::parameters(message).map_err(|error| status::of(&error))?;
        let claim = self.ask(&message.name, &parameters).await?;
        let parsed = request::create(message, parameters, claim).map_err(|error| status::of(&error))?;
        let (linstor, groups, owners) = (self.linstor.clone(), self.groups.clone(), self.owners.clone());
        let patience = self.patience;
        let (resource, is_claim) = (parsed.resource.clone(), parsed.claim.ownership.workflow().is_some());
        // Large, and moved on its way to its task.
        let verb = Box::pin(async move { create::create(&linstor, &groups, &owners, &parsed, patience).await });
        let created = match is_claim {
            true => self.in_turn(&resource, wait, verb).await?,
            false => self.exclusively_on(&[resource], verb).await?,
        };
        self.capacities.forget();
        Ok(Response::new(response::created(&created)))
    }

    async fn delete_volume(
        &self,
        message: Request<csi::DeleteVolumeRequest>,
    ) -> Result<Response<csi::DeleteVolumeResponse>, Status> {
        let wait = queue::bound(message.metadata());
        let volume = request::volume_id(&message.get_ref().volume_id).map_err(|error| status::of(&error))?;
        let (linstor, target) = (self.linstor.clone(), volume.clone());
        let verb = Box::pin(async move { delete::delete(&linstor, &target).await });
        let kept = match volume.claim() {
            Some(_) => self.in_turn(volume.resource(), wait, verb).await?,
            None => self.exclusively(&volume, verb).await?,
        };
        if let Some(notice) = kept.as_ref().and_then(response::kept) {
            self.directory.tell(&notice).await;
        }
        self.capacities.forget();
        Ok(Response::new(csi::DeleteVolumeResponse {}))
    }

    async fn controller_publish_volume(
        &self,
        message: Request<csi::ControllerPublishVolumeRequest>,
    ) -> Result<Response<csi::ControllerPublishVolumeResponse>, Status> {
        let parsed = request::attach(message.get_ref()).map_err(|error| status::of(&error))?;
        let (service, volume) = (self.clone(), parsed.volume.clone());
        let verb = Box::pin(async move { attaching::attach(&service, &parsed).await });
        let publish_context = self.exclusively(&volume, verb).await?;
        Ok(Response::new(csi::ControllerPublishVolumeResponse { publish_context }))
    }

    async fn controller_unpublish_volume(
        &self,
        message: Request<csi::ControllerUnpublishVolumeRequest>,
    ) -> Result<Response<csi::ControllerUnpublishVolumeResponse>, Status> {
        let message = message.get_ref();
        let volume = request::volume_id(&message.volume_id).map_err(|error| status::of(&error))?;
        // "If the value is unset, the SP MUST unpublish the volume from all nodes"
        // (ControllerUnpublishVolumeRequest.node_id).
        let named = Some(message.node_id.as_str()).filter(|name| !name.is_empty());
        let node = named.map(NodeName::parse).transpose().map_err(|error| status::of(&RequestError::from(error)))?;
        let (linstor, limit, target) = (self.linstor.clone(), self.limit.clone(), volume.clone());
        let verb = async move {
            let detached = detach::detach(&linstor, &target, node.as_ref()).await?;
            limit.release(&target, node.as_ref(), &detached.still_on);
            Ok::<_, volume::Error>(detached)
        };
        if self.exclusively(&volume, verb).await?.is_pending {
            self.pending.notify_one();
        }
        Ok(Response::new(csi::ControllerUnpublishVolumeResponse {}))
    }

    async fn validate_volume_capabilities(
        &self,
        message: Request<csi::ValidateVolumeCapabilitiesRequest>,
    ) -> Result<Response<csi::ValidateVolumeCapabilitiesResponse>, Status> {
        let message = message.into_inner();
        let volume = request::volume_id(&message.volume_id).map_err(|error| status::of(&error))?;
        if message.volume_capabilities.is_empty() {
            return Err(status::of(&request::RequestError::Missing("volume_capabilities")));
        }
        let expected = validate::expectation(&message, &self.instances);
        let nothing = Expectation::default();
        let found = volume::validate::validate(&self.linstor, &volume, expected.as_ref().unwrap_or(&nothing)).await;
        let objection = found.map_err(|error| status::of(&error))?.err().map(|objection| objection.to_string());
        let objection = expected.err().map(|refused| refused.to_string()).or(objection);
        Ok(Response::new(validate::answer(message, objection)))
    }

    async fn list_volumes(
        &self,
        message: Request<csi::ListVolumesRequest>,
    ) -> Result<Response<csi::ListVolumesResponse>, Status> {
        let message = message.get_ref();
        let max = request::max_entries(message.max_entries).map_err(|error| status::of(&error))?;
        let page = list::list(&self.linstor, &self.listings, &message.starting_token, max);
        let page = page.await.map_err(|error| status::of(&error))?;
        let entries = page.entries.iter().map(response::entry).collect();
        Ok(Response::new(csi::ListVolumesResponse { entries, next_token: page.next.unwrap_or_default() }))
    }

    async fn get_capacity(
        &self,
        message: Request<csi::GetCapacityRequest>,
    ) -> Result<Response<csi::GetCapacityResponse>, Status> {
        let wanted = request::capacity(message.get_ref()).map_err(|error| status::of(&error))?;
        let found = self.capacities.capacity(&self.linstor, &wanted).await.map_err(|error| status::of(&error))?;
        Ok(Response::new(response::capacity(&found)))
    }

    async fn controller_expand_volume(
        &self,
        message: Request<csi::ControllerExpandVolumeRequest>,
    ) -> Result<Response<csi::ControllerExpandVolumeResponse>, Status> {
        let (volume, range, node_expansion_required) =
            request::expand(message.get_ref()).map_err(|error| status::of(&error))?;
        let (linstor, target, patience) = (self.linstor.clone(), volume.clone(), self.patience);
        let verb = Box::pin(async move { expand::expand(&linstor, &target, range, patience).await });
        let bytes = self.exclusively(&volume, verb).await?;
        self.capacities.forget();
        Ok(Response::new(response::expanded(bytes, node_expansion_required)))
    }

    async fn create_snapshot(
        &self,
        message: Request<csi::CreateSnapshotRequest>,
    ) -> Result<Response<csi::CreateSnapshotResponse>, Status> {
        self.take_snapshot(message.get_ref()).await.map(Response::new)
    }

    async fn delete_snapshot(
        &self,
        message: Request<csi::DeleteSnapshotRequest>,
    ) -> Result<Response<csi::DeleteSnapshotResponse>, Status> {
        self.remove_snapshot(message.get_ref()).await?;
        Ok(Response::new(csi::DeleteSnapshotResponse {}))
    }

    async fn list_snapshots(
        &self,
        message: Request<csi::ListSnapshotsRequest>,
    ) -> Result<Response<csi::ListSnapshotsResponse>, Status> {
        self.snapshots(message.get_ref()).await.map(Response::new)
    }

    async fn get_snapshot(
        &self,
        message: Request<csi::GetSnapshotRequest>,
    ) -> Result<Response<csi::GetSnapshotResponse>, Status> {
        self.snapshot(message.get_ref()).await.map(Response::new)
    }

    async fn controller_get_volume(
        &self,
        message: Request<csi::ControllerGetVolumeRequest>,
    ) -> Result<Response<csi::ControllerGetVolumeResponse>, Status> {
        let volume = request::volume_id(&message.get_ref().volume_id).map_err(|error| status::of(&error))?;
        let listed = list::get(&self.linstor, &volume).await.map_err(|error| status::of(&error))?;
        Ok(Response::new(response::got(&listed)))
    }

    async fn controller_modify_volume(
        &self,
        message: Request<csi::ControllerModifyVolumeRequest>,
    ) -> Result<Response<csi::ControllerModifyVolumeResponse>, Status> {
        let (volume, wish) = request::modify(message.get_ref()).map_err(|error| status::of(&error))?;
        let (linstor, target, patience) = (self.linstor.clone(), volume.clone(), self.patience);
        let verb = Box::pin(async move { modify::modify(&linstor, &target, &wish, patience).await });
        self.exclusively(&volume, verb).await?;
        self.capacities.forget();
        Ok(Response::new(csi::ControllerModifyVolumeResponse {}))
    }

    async fn controller_get_volume_health(
        &self,
        message: Request<csi::ControllerGetVolumeHealthRequest>,
    ) -> Result<Response<csi::ControllerGetVolumeHealthResponse>, Status> {
        let volume = request::volume_id(&message.get_ref().volume_id).map_err(|error| status::of(&error))?;
        let found = health::get(&self.linstor, &volume).await.map_err(|error| status::of(&error))?;
        Ok(Response::new(super::volume_health::one(&found)))
    }

    async fn controller_list_volume_health(
        &self,
        message: Request<csi::ControllerListVolumeHealthRequest>,
    ) -> Result<Response<csi::ControllerListVolumeHealthResponse>, Status> {
        let message = message.get_ref();
        let max = request::max_entries(message.max_entries).map_err(|error| status::of(&error))?;
        let page = health::list(&self.linstor, &self.sick, &message.starting_token, max).await;
        Ok(Response::new(super::volume_health::page(&page.map_err(|error| status::of(&error))?)))
    }

    async fn controller_get_capabilities(
        &self,
        _: Request<csi::ControllerGetCapabilitiesRequest>,
    ) -> Result<Response<csi::ControllerGetCapabilitiesResponse>, Status> {
        use csi::controller_service_capability::{Rpc, Type, rpc};
        let capabilities = [
            rpc::Type::CreateDeleteVolume,
            rpc::Type::PublishUnpublishVolume,
            rpc::Type::ListVolumes,
            rpc::Type::ListVolumesPublishedNodes,
            rpc::Type::GetCapacity,
            rpc::Type::GetVolume,
            rpc::Type::ExpandVolume,
            rpc::Type::PublishReadonly,
            rpc::Type::SingleNodeMultiWriter,
            rpc::Type::ModifyVolume,
            rpc::Type::GetVolumeHealth,
            rpc::Type::ListVolumeHealth,
            rpc::Type::CloneVolume,
            rpc::Type::CreateDeleteSnapshot,
            rpc::Type::ListSnapshots,
            rpc::Type::GetSnapshot,
        ];
        let capabilities = capabilities
            .map(|kind| csi::ControllerServiceCapability { r#type: Some(Type::Rpc(Rpc { r#type: kind.into() })) });
        Ok(Response::new(csi::ControllerGetCapabilitiesResponse { capabilities: capabilities.into() }))
    }
}
