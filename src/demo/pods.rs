//! The pods of the story: manifests that Airflow itself wrote (tests/fixtures/airflow-pods), with a UID as the API
//! server gives one.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use super::error::Error;
use crate::workflow::{DagId, IdError, Instance, RunId, WorkflowRef};

/// A task pod of KubernetesExecutor, of the run that owns the volume.
const CLAIMANT: &str = include_str!("../../tests/fixtures/airflow-pods/af3_ke_normal_scheduled.yaml");
/// A task pod of another DAG in the same Airflow.
const FOREIGN: &str = include_str!("../../tests/fixtures/airflow-pods/af3_ke_collision_prefix_a.yaml");

/// A recorded pod.
#[derive(Debug, Clone)]
pub struct TaskPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The UID that it was given here.
    pub uid: String,
    /// Airflow's dag_id, from its annotations.
    pub dag_id: String,
    /// Airflow's run_id, from its annotations.
    pub run_id: String,
    manifest: String,
}

#[derive(Deserialize)]
struct Manifest {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    namespace: String,
    name: String,
    annotations: Annotations,
}

#[derive(Deserialize)]
struct Annotations {
    dag_id: String,
    run_id: String,
}

impl TaskPod {
    /// The pod of the workflow that owns the volume.
    pub fn claimant(uid: String) -> Result<Self, Error> {
        Self::read(CLAIMANT, uid)
    }

    /// A pod of another workflow.
    pub fn foreign(uid: String) -> Result<Self, Error> {
        Self::read(FOREIGN, uid)
    }

    fn read(recorded: &str, uid: String) -> Result<Self, Error> {
        let Manifest { metadata: Metadata { namespace, name, annotations } } =
            serde_norway::from_str(recorded).map_err(Error::Pod)?;
        let Annotations { dag_id, run_id } = annotations;
        let manifest = recorded.replacen("\nmetadata:\n", &format!("\nmetadata:\n  uid: {uid}\n"), 1);
        Ok(Self { namespace, name, uid, dag_id, run_id, manifest })
    }

    /// Its run, in the instance that its namespace is.
    pub fn run(&self) -> Result<WorkflowRef, Error> {
        let odd = |error: IdError| Error::Unexpected { expected: "ids of Airflow", seen: error.to_string() };
        Ok(WorkflowRef::Run {
            instance: Instance::parse(&self.namespace).map_err(odd)?,
            dag: DagId::parse(&self.dag_id).map_err(odd)?,
            run: RunId::parse(&self.run_id).map_err(odd)?,
        })
    }

    /// Writes the manifest into a folder that `--pods` may name.
    pub async fn write_to(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(format!("{}.yaml", self.name));
        tokio::fs::write(&path, &self.manifest).await.map_err(Error::file("write", &path))
    }

    /// What kubelet adds to the volume_context where the CSIDriver object says `podInfoOnMount`.
    pub fn mount_info(&self) -> BTreeMap<String, String> {
        let info = [("name", &self.name), ("namespace", &self.namespace), ("uid", &self.uid)];
        info.map(|(key, value)| (format!("csi.storage.k8s.io/pod.{key}"), value.clone())).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::{Directory, FolderDirectory, PodRef};

    #[tokio::test]
    async fn the_pods_are_found_with_the_uid_that_they_were_given() {
        let folder = tempfile::tempdir().unwrap();
        for pod in [TaskPod::claimant("uid-1".to_owned()).unwrap(), TaskPod::foreign("uid-2".to_owned()).unwrap()] {
            pod.write_to(folder.path()).await.unwrap();
            let wanted =
                PodRef { namespace: pod.namespace.clone(), name: pod.name.clone(), uid: Some(pod.uid.clone()) };
            let found = FolderDirectory::new(folder.path()).pod(&wanted).await.unwrap();
            assert_eq!((&found.reference, found.annotations.get("dag_id")), (&wanted, Some(&pod.dag_id)));
        }
    }

    #[test]
    fn the_foreign_pod_is_of_another_workflow() {
        let (claimant, foreign) = (TaskPod::claimant(String::new()).unwrap(), TaskPod::foreign(String::new()).unwrap());
        assert_ne!((claimant.dag_id, claimant.run_id), (foreign.dag_id, foreign.run_id));
    }
}
