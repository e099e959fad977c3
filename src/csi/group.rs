//! The GroupController service: snapshots of several volumes at one moment. The Controller's own service serves it, on
//! the same socket.

use tonic::{Request, Response, Status};

use super::controller::ControllerService;
use super::proto::{self as csi, group_controller_server::GroupController};
use super::{request::snapshot as request, response::snapshot as response, snapshot::of_source, status};
use crate::volume::VolumeId;
use crate::volume::snapshot::{Error, Membership, SnapshotId, create, delete, list};

/// Each member is told of by the id that its volume was asked for with: external-snapshotter finds the PersistentVolume,
/// and with it the claim, by that.
fn as_asked(group: csi::VolumeGroupSnapshot, asked: &[String]) -> csi::VolumeGroupSnapshot {
    let own = |member: csi::Snapshot| {
        let is_it =
            |id: &&String| VolumeId::parse(id).is_ok_and(|id| id.resource().as_str() == member.source_volume_id);
        match asked.iter().find(is_it) {
            Some(asked) => of_source(member, asked),
            None => member,
        }
    };
    csi::VolumeGroupSnapshot { snapshots: group.snapshots.into_iter().map(own).collect(), ..group }
}

#[tonic::async_trait]
impl GroupController for ControllerService {
    async fn group_controller_get_capabilities(
        &self,
        _: Request<csi::GroupControllerGetCapabilitiesRequest>,
    ) -> Result<Response<csi::GroupControllerGetCapabilitiesResponse>, Status> {
        use csi::group_controller_service_capability::{Rpc, Type, rpc};
        let kind = rpc::Type::CreateDeleteGetVolumeGroupSnapshot;
        let capability = csi::GroupControllerServiceCapability { r#type: Some(Type::Rpc(Rpc { r#type: kind.into() })) };
        Ok(Response::new(csi::GroupControllerGetCapabilitiesResponse { capabilities: vec![capability] }))
    }

    async fn create_volume_group_snapshot(
        &self,
        message: Request<csi::CreateVolumeGroupSnapshotRequest>,
    ) -> Result<Response<csi::CreateVolumeGroupSnapshotResponse>, Status> {
        let parsed = request::create_group(message.get_ref()).map_err(|error| status::of(&error))?;
        let group = parsed.membership().map(|membership: &Membership| membership.group.clone());
        let (linstor, patience, sources) = (self.linstor().clone(), self.patience(), parsed.sources().to_vec());
        let verb = async move { create::create(&linstor, &parsed, patience).await };
        let members = self.exclusively_on(&sources, verb).await?;
        let group_snapshot = group.map(|group| response::group(&group, &members, true));
        let group_snapshot = group_snapshot.map(|group| as_asked(group, &message.get_ref().source_volume_ids));
        Ok(Response::new(csi::CreateVolumeGroupSnapshotResponse { group_snapshot }))
    }

    async fn delete_volume_group_snapshot(
        &self,
        message: Request<csi::DeleteVolumeGroupSnapshotRequest>,
    ) -> Result<Response<csi::DeleteVolumeGroupSnapshotResponse>, Status> {
        let message = message.into_inner();
        let group = request::group_id(&message.group_snapshot_id).map_err(|error| status::of(&error))?;
        if let Some(group) = group {
            let (linstor, ids) = (self.linstor().clone(), message.snapshot_ids);
            let mut sources: Vec<_> = ids.iter().filter_map(|id| SnapshotId::parse(id).ok()).collect();
            sources.push(group.first().clone());
            let mut sources: Vec<_> = sources.into_iter().map(|id| id.resource().clone()).collect();
            sources.sort();
            sources.dedup();
            let verb = async move { delete::delete_group(&linstor, &group, &ids).await };
            self.exclusively_on(&sources, verb).await?;
        }
        Ok(Response::new(csi::DeleteVolumeGroupSnapshotResponse {}))
    }

    async fn get_volume_group_snapshot(
        &self,
        message: Request<csi::GetVolumeGroupSnapshotRequest>,
    ) -> Result<Response<csi::GetVolumeGroupSnapshotResponse>, Status> {
        let message = message.get_ref();
        let missing = || status::of(&Error::NotFound(message.group_snapshot_id.clone()));
        let group = request::group_id(&message.group_snapshot_id).map_err(|error| status::of(&error))?;
        let group = group.ok_or_else(missing)?;
        let found = list::get_group(self.linstor(), &group, &message.snapshot_ids).await;
        let (members, is_whole) = found.map_err(|error| status::of(&error))?;
        let group_snapshot = Some(response::group(&group, &members, is_whole));
        Ok(Response::new(csi::GetVolumeGroupSnapshotResponse { group_snapshot }))
    }
}
