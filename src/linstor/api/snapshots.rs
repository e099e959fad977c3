//! Snapshots, and the volumes that are made from snapshots and from volumes.

use reqwest::Method;

use crate::linstor::client::Client;
use crate::linstor::error::{Error, Refusal};
use crate::linstor::model::{
    CloneProgress, CloneStarted, CloneStatus, NewClone, NewSnapshot, Snapshot, SnapshotRestore, SnapshotsCreate,
};
use crate::linstor::name::{NodeName, ResourceName, SnapshotName};
use crate::linstor::rc::Replies;
use crate::linstor::request::Request;

impl Client {
    /// The snapshots of these definitions (`GET /v1/view/snapshots`); none named: **all**. LINSTOR has no filter for
    /// properties. A definition that doesn't exist has none.
    pub async fn snapshots(&self, resources: &[ResourceName]) -> Result<Vec<Snapshot>, Error> {
        self.ask(Request::get("view/snapshots", &[]).query_each("resources", resources)).await
    }

    /// Takes snapshots of several definitions at one moment: all or none are refused (`POST
    /// /v1/actions/snapshot/multi`). LINSTOR suspends their I/O meanwhile and answers within two minutes. It succeeds,
    /// with a warning, where a replica is away; and what it has taken may be flagged as failed: look.
    pub async fn take_snapshots(&self, snapshots: &[NewSnapshot]) -> Result<Replies, Error> {
        self.post("actions/snapshot/multi", &[], &SnapshotsCreate { snapshots }).await
    }

    /// Deletes a snapshot on every node (`DELETE …/snapshots/{name}`). One that is not there is fine:
    /// [`Replies::was_not_found`]. It is gone for LINSTOR also while a node is away that holds it, which goes on holding
    /// its bytes ([`Replies::waits_for_satellite`]).
    pub async fn delete_snapshot(&self, resource: &ResourceName, name: &SnapshotName) -> Result<Replies, Error> {
        let route = "resource-definitions/{resource}/snapshots/{snapshot}";
        self.change(Request::change(Method::DELETE, route, &[resource.as_str(), name.as_str()])).await
    }

    /// Gives a definition without volumes the volumes of a snapshot (`POST
    /// …/snapshot-restore-volume-definition/{name}`): the first step of a restore.
    pub async fn restore_volume_definitions(
        &self,
        resource: &ResourceName,
        name: &SnapshotName,
        to: &ResourceName,
    ) -> Result<Replies, Error> {
        let route = "resource-definitions/{resource}/snapshot-restore-volume-definition/{snapshot}";
        self.post(route, &[resource.as_str(), name.as_str()], &SnapshotRestore { to_resource: to, nodes: &[] }).await
    }

    /// Makes the replicas of a definition that has the volumes, but no replica yet, from a snapshot, on these nodes,
    /// which must hold it; empty: on all that do (`POST …/snapshot-restore-resource/{name}`).
    pub async fn restore_resources(
        &self,
        resource: &ResourceName,
        name: &SnapshotName,
        to: &ResourceName,
        nodes: &[NodeName],
    ) -> Result<Replies, Error> {
        let route = "resource-definitions/{resource}/snapshot-restore-resource/{snapshot}";
        self.post(route, &[resource.as_str(), name.as_str()], &SnapshotRestore { to_resource: to, nodes }).await
    }

    /// Begins to clone a definition (`POST …/clone`): the copying goes on after the answer, see
    /// [`clone_status`](Self::clone_status). Pools that can't (files without DRBD among them) refuse.
    pub async fn clone_definition(&self, source: &ResourceName, clone: &NewClone) -> Result<Replies, Error> {
        let request =
            Request::change(Method::POST, "resource-definitions/{resource}/clone", &[source.as_str()]).json(clone);
        let name = request.to_string();
        let started: CloneStarted = self.change_for(request).await?;
        match started.messages.error() {
            Some(error) => Err(Error::Refused(Box::new(Refusal::new(name, 200, error.clone())))),
            None => Ok(started.messages),
        }
    }

    /// How far a clone is (`GET …/clone/{name}`); none where it or its source does not exist.
    pub async fn clone_status(&self, source: &ResourceName, name: &ResourceName) -> Result<Option<CloneStatus>, Error> {
        let request = Request::get("resource-definitions/{resource}/clone/{clone}", &[source.as_str(), name.as_str()]);
        Ok(self.ask_for::<CloneProgress>(request).await?.map(|progress| progress.status))
    }
}
