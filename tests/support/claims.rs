//! An owner's volume with its claims, and the pods that own those.

use linflow::{
    csi::{controller::ControllerService, proto::ControllerPublishVolumeRequest},
    volume::{
        claims::{ClaimKey, ClaimRecord, claim_entry, claim_key},
        ending::Token,
    },
    workflow::{AnyDirectory, FolderDirectory, Incarnation, Instances, PodRef},
};
use serde_json::json;
use tempfile::TempDir;

use super::{Controller, PATIENCE, World, csi::Create, publish};

/// The parameters of a task's volume; a run's and a DAG's have the first three and two.
pub const TASK: [(&str, &str); 4] =
    [("instance", "airflow"), ("dag-id", "sales"), ("run-id", "manual__1"), ("task-id", "load")];
/// Those of a run's volume.
pub const RUN: &[(&str, &str)] = TASK.split_at(3).0;
/// Those of a DAG's volume.
pub const DAG: &[(&str, &str)] = TASK.split_at(2).0;

/// An owner's volume.
pub struct Owned<'a> {
    world: &'a World,
    /// Its resource definition.
    pub resource: String,
    /// The volume id of the claim that it was made for.
    pub first: String,
    incarnation: Incarnation,
}

impl<'a> Owned<'a> {
    /// Makes the volume of that owner.
    pub async fn make(world: &'a World, wanted: Create, owner: &[(&str, &str)]) -> Self {
        let wanted = owner.iter().fold(wanted, |wanted, (key, value)| wanted.parameter(key, value));
        let id = world.controller.create(wanted).await.unwrap().volume_id;
        let resource = id.split('@').next().unwrap().to_owned();
        let definition = world.definition(&resource).await.unwrap();
        let incarnation = Incarnation::parse(&definition.props["Aux/linflow/incarnation"]).unwrap();
        Self { world, resource, first: id, incarnation }
    }

    /// A claim of that CSI name, which the pod owns; answers its volume id.
    pub async fn claim(&self, name: &str, pod: Option<PodRef>) -> String {
        let record = ClaimRecord { name: name.to_owned(), pvc: None, pod, time: "2026-01-01T00:00:00Z".to_owned() };
        let key = ClaimKey::of(name);
        self.change(&json!({"override_props": claim_entry(&self.incarnation, &key, &word(), &record)})).await;
        format!("{}@{key}", self.resource)
    }

    /// The claim is one no more.
    pub async fn release(&self, name: &str) {
        let key = claim_key(&self.incarnation, &ClaimKey::of(name), &word());
        self.change(&json!({"override_props": {}, "delete_props": [key]})).await;
    }

    async fn change(&self, change: &serde_json::Value) {
        self.world.change("PUT", &format!("/v1/key-value-store/{}", self.resource), change).await;
    }

    /// The seats of its attach records, `node` or `node@claim`.
    pub async fn seats(&self) -> Vec<String> {
        self.world.records(&self.resource).await.into_keys().collect()
    }

    /// The nodes that have a diskless client of it.
    pub async fn clients(&self) -> Vec<String> {
        let all = self.world.resources(&self.resource).await.into_iter();
        all.filter(|one| one.is_diskless() && !one.is_tie_breaker()).map(|one| one.node_name).collect()
    }
}

/// What a seat is called in the records.
pub fn seat(node: &str, id: &str) -> String {
    format!("{node}@{}", id.split_once('@').unwrap().1)
}

/// The same claim asked for with the readonly flag.
pub fn reading(id: &str, node: &str) -> ControllerPublishVolumeRequest {
    ControllerPublishVolumeRequest { readonly: true, ..publish(id, node) }
}

/// A folder of pods in the namespace `airflow`.
pub struct Pods(pub TempDir);

impl Pods {
    /// None yet.
    pub fn none() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// A pod of that run, in that phase; its UID follows from its name.
    pub fn put(&self, name: &str, run: &str, phase: &str) -> PodRef {
        let pod = pod_named(name);
        let manifest = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": pod.namespace, "name": name, "uid": pod.uid, "annotations": {
                "dag_id": "sales", "run_id": run, "task_id": "load",
            }},
            "status": {"phase": phase},
        });
        let (draft, file) = (self.0.path().join(format!(".{name}")), self.0.path().join(format!("{name}.json")));
        std::fs::write(&draft, manifest.to_string()).unwrap();
        std::fs::rename(draft, file).unwrap();
        pod
    }

    /// The pod is gone.
    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.0.path().join(format!("{name}.json"))).unwrap();
    }

    /// As the services see it.
    pub fn directory(&self) -> AnyDirectory {
        AnyDirectory::Folder(FolderDirectory::new(self.0.path()))
    }

    /// A controller that looks pods up here.
    pub async fn controller(&self, world: &World) -> Controller {
        let service = ControllerService::new(world.linstor(), Instances::default(), PATIENCE);
        world.serve(service.with_directory(self.directory())).await
    }
}

/// A pod by its name.
pub fn pod_named(name: &str) -> PodRef {
    PodRef { namespace: "airflow".to_owned(), name: name.to_owned(), uid: Some(format!("uid-{name}")) }
}

/// The word of the call that these claims were written by.
fn word() -> Token {
    Token::of([7; 16])
}
