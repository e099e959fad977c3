//! The Controller service's calls about snapshots: parse, reserve, do, render. What is done is in `volume/snapshot/`.

use tonic::Status;

use super::controller::ControllerService;
use super::proto as csi;
use super::{request::snapshot as request, response::snapshot as response, status};
use crate::volume::snapshot::{Error, SnapshotId, create, delete, list};

fn missing(id: &str) -> Status {
    status::of(&Error::NotFound(id.to_owned()))
}

/// The claims of an owner's volume have its snapshots in common: each is told of them by the id that it asked with.
pub(super) fn of_source(snapshot: csi::Snapshot, asked: &str) -> csi::Snapshot {
    match asked.contains('@') {
        true => csi::Snapshot { source_volume_id: asked.to_owned(), ..snapshot },
        false => snapshot,
    }
}

impl ControllerService {
    pub(super) async fn take_snapshot(
        &self,
        message: &csi::CreateSnapshotRequest,
    ) -> Result<csi::CreateSnapshotResponse, Status> {
        let parsed = request::create(message).map_err(|error| status::of(&error))?;
        let (linstor, patience, sources) = (self.linstor().clone(), self.patience(), parsed.sources().to_vec());
        let verb = async move { create::create(&linstor, &parsed, patience).await };
        let taken = self.exclusively_on(&sources, verb).await?;
        let snapshot = taken.first().map(|taken| of_source(response::snapshot(taken), &message.source_volume_id));
        Ok(csi::CreateSnapshotResponse { snapshot })
    }

    pub(super) async fn remove_snapshot(&self, message: &csi::DeleteSnapshotRequest) -> Result<(), Status> {
        let Some(snapshot) = self.snapshot_id(&message.snapshot_id)? else { return Ok(()) };
        let (linstor, source) = (self.linstor().clone(), snapshot.resource().clone());
        let verb = async move { delete::delete(&linstor, &snapshot).await };
        self.exclusively_on(&[source], verb).await
    }

    pub(super) async fn snapshots(
        &self,
        message: &csi::ListSnapshotsRequest,
    ) -> Result<csi::ListSnapshotsResponse, Status> {
        let (filter, max) = request::list(message).map_err(|error| status::of(&error))?;
        let Some(filter) = filter else { return Ok(csi::ListSnapshotsResponse::default()) };
        let page = list::list(self.linstor(), self.snapshot_listings(), &filter, &message.starting_token, max).await;
        let page = page.map_err(|error| status::of(&error))?;
        let entry = |taken| csi::list_snapshots_response::Entry {
            snapshot: Some(of_source(response::snapshot(taken), &message.source_volume_id)),
        };
        let entries = page.entries.iter().map(entry).collect();
        Ok(csi::ListSnapshotsResponse { entries, next_token: page.next.unwrap_or_default() })
    }

    pub(super) async fn snapshot(&self, message: &csi::GetSnapshotRequest) -> Result<csi::GetSnapshotResponse, Status> {
        let snapshot = self.snapshot_id(&message.snapshot_id)?.ok_or_else(|| missing(&message.snapshot_id))?;
        let taken = list::get(self.linstor(), &snapshot).await.map_err(|error| status::of(&error))?;
        Ok(csi::GetSnapshotResponse { snapshot: Some(response::snapshot(&taken)) })
    }

    fn snapshot_id(&self, id: &str) -> Result<Option<SnapshotId>, Status> {
        request::id(id).map_err(|error| status::of(&error))
    }
}
