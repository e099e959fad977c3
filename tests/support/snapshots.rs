//! Snapshots and groups of them: requests as external-snapshotter sends them, and what LINSTOR then has.

use std::collections::BTreeMap;

use linflow::csi::proto::{
    CreateSnapshotRequest, CreateVolumeGroupSnapshotRequest, DeleteSnapshotRequest, DeleteVolumeGroupSnapshotRequest,
    GetSnapshotRequest, GetVolumeGroupSnapshotRequest, ListSnapshotsRequest, ListSnapshotsResponse, Snapshot,
    TopologyRequirement, VolumeGroupSnapshot,
};
use linflow::linstor::model;
use serde_json::{Value, json};
use tonic::Status;

use super::{Controller, World, csi::topology};

/// A name as external-snapshotter gives it: unique by its UUID.
pub fn unique(number: u32) -> String {
    format!("snapshot-0f9a1b2c-3d4e-5f60-7182-93a4{number:08x}")
}

/// A CreateSnapshotRequest.
pub fn snapshot(name: &str, volume: &str) -> CreateSnapshotRequest {
    CreateSnapshotRequest {
        name: name.to_owned(),
        source_volume_id: volume.to_owned(),
        ..CreateSnapshotRequest::default()
    }
}

/// The same, to be usable from that node.
pub fn snapshot_on(name: &str, volume: &str, node: &str) -> CreateSnapshotRequest {
    let accessibility_requirements = Some(TopologyRequirement { requisite: vec![topology(node)], preferred: vec![] });
    CreateSnapshotRequest { accessibility_requirements, ..snapshot(name, volume) }
}

/// A CreateVolumeGroupSnapshotRequest.
pub fn group(name: &str, volumes: &[&str]) -> CreateVolumeGroupSnapshotRequest {
    CreateVolumeGroupSnapshotRequest {
        name: name.to_owned(),
        source_volume_ids: volumes.iter().map(|&volume| volume.to_owned()).collect(),
        ..CreateVolumeGroupSnapshotRequest::default()
    }
}

impl Controller {
    /// CreateSnapshot.
    pub async fn snapshot(&self, request: CreateSnapshotRequest) -> Result<Snapshot, Status> {
        let answer = self.client.clone().create_snapshot(request).await?;
        Ok(answer.into_inner().snapshot.expect("a snapshot that was taken is in the answer"))
    }

    /// DeleteSnapshot.
    pub async fn delete_snapshot(&self, id: &str) -> Result<(), Status> {
        let request = DeleteSnapshotRequest { snapshot_id: id.to_owned(), ..DeleteSnapshotRequest::default() };
        self.client.clone().delete_snapshot(request).await.map(drop)
    }

    /// GetSnapshot.
    pub async fn get_snapshot(&self, id: &str) -> Result<Snapshot, Status> {
        let request = GetSnapshotRequest { snapshot_id: id.to_owned(), ..GetSnapshotRequest::default() };
        Ok(self.client.clone().get_snapshot(request).await?.into_inner().snapshot.expect("it is in the answer"))
    }

    /// ListSnapshots.
    pub async fn list_snapshots(&self, request: ListSnapshotsRequest) -> Result<ListSnapshotsResponse, Status> {
        Ok(self.client.clone().list_snapshots(request).await?.into_inner())
    }

    /// The ids of all snapshots that ListSnapshots shows.
    pub async fn snapshot_ids(&self) -> Vec<String> {
        let list = self.list_snapshots(ListSnapshotsRequest::default()).await.unwrap();
        list.entries.into_iter().map(|entry| entry.snapshot.unwrap().snapshot_id).collect()
    }

    /// CreateVolumeGroupSnapshot.
    pub async fn group(&self, request: CreateVolumeGroupSnapshotRequest) -> Result<VolumeGroupSnapshot, Status> {
        let answer = self.groups.clone().create_volume_group_snapshot(request).await?;
        Ok(answer.into_inner().group_snapshot.expect("a group that was taken is in the answer"))
    }

    /// GetVolumeGroupSnapshot.
    pub async fn get_group(&self, id: &str, members: &[String]) -> Result<VolumeGroupSnapshot, Status> {
        let request = GetVolumeGroupSnapshotRequest {
            group_snapshot_id: id.to_owned(),
            snapshot_ids: members.to_vec(),
            ..GetVolumeGroupSnapshotRequest::default()
        };
        let answer = self.groups.clone().get_volume_group_snapshot(request).await?;
        Ok(answer.into_inner().group_snapshot.expect("it is in the answer"))
    }

    /// DeleteVolumeGroupSnapshot.
    pub async fn delete_group(&self, id: &str, members: &[String]) -> Result<(), Status> {
        let request = DeleteVolumeGroupSnapshotRequest {
            group_snapshot_id: id.to_owned(),
            snapshot_ids: members.to_vec(),
            ..DeleteVolumeGroupSnapshotRequest::default()
        };
        self.groups.clone().delete_volume_group_snapshot(request).await.map(drop)
    }
}

/// The ids of a group's members.
pub fn member_ids(group: &VolumeGroupSnapshot) -> Vec<String> {
    group.snapshots.iter().map(|snapshot| snapshot.snapshot_id.clone()).collect()
}

impl World {
    /// All snapshots that LINSTOR has.
    pub async fn snapshots(&self) -> Vec<model::Snapshot> {
        self.linstor().snapshots(&[]).await.unwrap()
    }

    /// Takes a snapshot of ours; answers its id.
    pub async fn snapshot(&self, volume: &str, name: &str) -> String {
        self.controller.snapshot(snapshot(name, volume)).await.unwrap().snapshot_id
    }

    /// Takes a snapshot past linflow, as an administrator would.
    pub async fn snapshot_by_hand(&self, volume: &str, name: &str) {
        let path = format!("/v1/resource-definitions/{volume}/snapshots");
        self.change("POST", &path, &json!({ "name": name })).await;
    }

    /// Deletes a snapshot past linflow.
    pub async fn remove_by_hand(&self, volume: &str, name: &str) {
        let path = format!("/v1/resource-definitions/{volume}/snapshots/{name}");
        self.change("DELETE", &path, &Value::Null).await;
    }

    /// Marks the volume as formatted, as a node does; answers the filesystem's identity.
    pub async fn format(&self, volume: &str) -> String {
        let definition = self.definition(volume).await.unwrap();
        let props: &BTreeMap<String, String> = &definition.props;
        let uuid = props["Aux/linflow/fs-uuid"].clone();
        let mark = json!({ "override_props": { format!("{}/formatted", props["Aux/linflow/incarnation"]): &uuid } });
        self.change("PUT", &format!("/v1/key-value-store/{}", super::csi::resource(volume)), &mark).await;
        uuid
    }

    /// Takes a snapshot of ours that the satellites fail to take, and leaves what LINSTOR keeps of it: as a controller
    /// does that is killed then.
    pub async fn snapshot_that_fails(&self, volume: &str, name: &str) {
        self.controller.snapshot(snapshot("pattern", volume)).await.unwrap();
        let pattern = self.snapshots().await.into_iter().find(|one| one.name == "pattern").unwrap();
        self.controller.delete_snapshot(&format!("{volume}/pattern")).await.unwrap();
        let mut props = pattern.props;
        props.retain(|key, _| key.starts_with("Aux/"));
        props.insert("Aux/linflow/snapshot-name".to_owned(), name.to_owned());
        let new = json!({ "resource_name": volume, "name": name, "snapshot_definition_props": props });
        self.fail_snapshots(1);
        let (status, answer) = self.rest("POST", "/v1/actions/snapshot/multi", &json!({ "snapshots": [new] })).await;
        assert_eq!(status, 500, "{answer}");
    }

    /// Lets the satellites fail at so many requests for snapshots.
    pub fn fail_snapshots(&self, times: u32) {
        self.sandbox.cluster().lock().failing_snapshots = times;
    }
}
