//! The pods of the story: manifests that Airflow itself wrote (tests/fixtures/airflow-pods), with a UID as the API
//! server gives one.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use super::error::Error;

/// A task pod of KubernetesExecutor with an ephemeral volume, at its first try.
const CLAIMANT: &str = include_str!("../../tests/fixtures/airflow-pods/af3_ke_ephemeral_pvc.yaml");
/// What its name ends in, as each pod's of a task in eight characters of its own.
const SUFFIX: &str = "68rvgp07";
/// Its ephemeral volume.
const VOLUME: &str = "scratch";
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
    /// Airflow's task_id, from its annotations.
    pub task_id: String,
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
    task_id: String,
}

impl TaskPod {
    /// The pod of that try of the task that owns the volume.
    pub fn claimant(uid: String, try_number: usize) -> Result<Self, Error> {
        let suffix = uid.get(..SUFFIX.len()).unwrap_or(SUFFIX);
        let tried = CLAIMANT.replace("try_number: '1'", &format!("try_number: '{try_number}'"));
        Self::read(&tried.replace(SUFFIX, suffix), uid)
    }

    /// A pod of another workflow.
    pub fn foreign(uid: String) -> Result<Self, Error> {
        Self::read(FOREIGN, uid)
    }

    fn read(recorded: &str, uid: String) -> Result<Self, Error> {
        let Manifest { metadata: Metadata { namespace, name, annotations } } =
            serde_norway::from_str(recorded).map_err(Error::Pod)?;
        let Annotations { dag_id, run_id, task_id } = annotations;
        let manifest = recorded.replacen("\nmetadata:\n", &format!("\nmetadata:\n  uid: {uid}\n"), 1);
        Ok(Self { namespace, name, uid, dag_id, run_id, task_id, manifest })
    }

    /// Writes the manifest into a folder that `--pods` may name.
    pub async fn write_to(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(format!("{}.yaml", self.name));
        tokio::fs::write(&path, &self.manifest).await.map_err(Error::file("write", &path))
    }

    /// The same, once the pod has failed: `KubernetesExecutor` keeps it.
    pub async fn fail_in(&mut self, folder: &Path) -> Result<(), Error> {
        self.manifest.push_str("status:\n  phase: Failed\n");
        self.write_to(folder).await
    }

    /// The name of its claim, as the ephemeral volume controller gives it.
    pub fn claim(&self) -> String {
        format!("{}-{VOLUME}", self.name)
    }

    /// Writes the manifest of its claim, with these annotations, into such a folder.
    pub async fn write_claim_to(&self, folder: &Path, uid: &str, said: &[(&str, &str)]) -> Result<(), Error> {
        let Self { namespace, name, .. } = self;
        let (claim, path) = (self.claim(), folder.join(format!("{}.yaml", self.claim())));
        let owner = format!("{{apiVersion: v1, kind: Pod, name: {name}, uid: {}, controller: true}}", self.uid);
        let said: String = said.iter().map(|(key, value)| format!("    {key}: {value:?}\n")).collect();
        let manifest = format!(
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: {claim}\n  namespace: {namespace}\n  \
             uid: {uid}\n  ownerReferences:\n  - {owner}\n  annotations:\n{said}"
        );
        tokio::fs::write(&path, manifest).await.map_err(Error::file("write", &path))
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
    async fn the_pods_and_their_claims_are_found_with_the_uids_that_they_were_given() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = [("aaaaaaaa-1", 1), ("bbbbbbbb-2", 2)];
        for (uid, try_number) in [one, two] {
            let pod = TaskPod::claimant(uid.to_owned(), try_number).unwrap();
            pod.write_to(folder.path()).await.unwrap();
            pod.write_claim_to(folder.path(), "uid-3", &[("said", "so")]).await.unwrap();
            let wanted = PodRef { namespace: pod.namespace.clone(), name: pod.name.clone(), uid: Some(uid.to_owned()) };
            let directory = FolderDirectory::new(folder.path());
            let found = directory.pod(&wanted).await.unwrap();
            assert_eq!((&found.reference, found.annotations.get("dag_id")), (&wanted, Some(&pod.dag_id)));
            assert_eq!(found.annotations["try_number"], try_number.to_string());
            assert_eq!(found.claims, [pod.claim()]);
            let claim = directory.claim(&pod.namespace, &pod.claim()).await.unwrap();
            assert_eq!((claim.reference.uid.as_deref(), claim.pod()), (Some("uid-3"), Some(wanted)));
            assert_eq!(claim.annotations["said"], "so");
        }
    }

    #[test]
    fn the_foreign_pod_is_of_another_workflow() {
        let foreign = TaskPod::foreign(String::new()).unwrap();
        let claimant = TaskPod::claimant(String::new(), 1).unwrap();
        assert_ne!((claimant.dag_id, claimant.run_id), (foreign.dag_id, foreign.run_id));
    }
}
