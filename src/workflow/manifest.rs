//! Pods and claims out of Kubernetes manifests: YAML of several documents, or JSON, which is YAML.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use serde_norway::Value;

use super::directory::{ClaimManifest, ClaimRef, OwnerReference, Phase, Pod, PodRef};

/// Why a text is no manifest.
pub(super) type ManifestError = serde_norway::Error;

#[derive(Deserialize)]
struct Manifest {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    namespace: Option<String>,
    uid: Option<String>,
    annotations: Option<BTreeMap<String, String>>,
    labels: Option<BTreeMap<String, String>>,
    #[serde(rename = "ownerReferences")]
    owners: Option<Vec<Owner>>,
}

#[derive(Deserialize)]
struct Owner {
    kind: String,
    name: String,
    uid: String,
}

#[derive(Deserialize, Default)]
struct Spec {
    volumes: Option<Vec<Volume>>,
}

#[derive(Deserialize)]
struct Volume {
    name: String,
    #[serde(rename = "persistentVolumeClaim")]
    claim: Option<ClaimSource>,
    ephemeral: Option<Value>,
}

#[derive(Deserialize)]
struct ClaimSource {
    #[serde(rename = "claimName")]
    name: String,
}

#[derive(Deserialize, Default)]
struct Status {
    phase: Option<String>,
}

/// What a text of manifests holds.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    pub(super) pods: Vec<Pod>,
    pub(super) claims: Vec<ClaimManifest>,
    pub(super) volumes: Vec<PersistentVolume>,
}

/// What we need of a PersistentVolume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PersistentVolume {
    pub(super) driver: String,
    pub(super) handle: String,
}

#[derive(Deserialize)]
struct VolumeManifest {
    spec: VolumeSpec,
}

#[derive(Deserialize)]
struct VolumeSpec {
    csi: Option<CsiSource>,
}

#[derive(Deserialize)]
struct CsiSource {
    driver: String,
    #[serde(rename = "volumeHandle")]
    handle: String,
}

impl Manifests {
    /// Reads the text, also a `kind: List` as `kubectl get -o yaml` writes it; other kinds are passed over.
    pub(super) fn read(text: &str) -> Result<Self, ManifestError> {
        let mut found = Self::default();
        for document in serde_norway::Deserializer::from_str(text) {
            let document = Value::deserialize(document)?;
            let items = match kind(&document) {
                Some("List") => document.get("items").cloned().map_or(Ok(Vec::new()), parse::<Vec<Value>>)?,
                _ => vec![document],
            };
            items.into_iter().try_for_each(|item| found.add(item))?;
        }
        Ok(found)
    }

    fn add(&mut self, item: Value) -> Result<(), ManifestError> {
        match kind(&item) {
            Some("Pod") => self.pods.push(parse::<Manifest>(item)?.into()),
            Some("PersistentVolumeClaim") => self.claims.push(parse::<Manifest>(item)?.into()),
            Some("PersistentVolume") => {
                let csi = parse::<VolumeManifest>(item)?.spec.csi;
                self.volumes.extend(csi.map(|CsiSource { driver, handle }| PersistentVolume { driver, handle }));
            }
            _ => {}
        }
        Ok(())
    }
}

fn kind(document: &Value) -> Option<&str> {
    document.get("kind").and_then(Value::as_str)
}

fn parse<T: DeserializeOwned>(value: Value) -> Result<T, ManifestError> {
    serde_norway::from_value(value)
}

impl From<Manifest> for Pod {
    fn from(Manifest { metadata, spec, status }: Manifest) -> Self {
        let claims =
            spec.volumes.unwrap_or_default().into_iter().filter_map(|volume| volume.claim_name(&metadata.name));
        Self {
            claims: claims.collect(),
            phase: status.phase.map(|phase| phase.as_str().into()),
            annotations: metadata.annotations.unwrap_or_default(),
            labels: metadata.labels.unwrap_or_default(),
            owners: metadata.owners.unwrap_or_default().into_iter().map(Into::into).collect(),
            reference: PodRef {
                namespace: metadata.namespace.unwrap_or_else(|| "default".to_owned()),
                name: metadata.name,
                uid: metadata.uid,
            },
        }
    }
}

impl From<Manifest> for ClaimManifest {
    fn from(Manifest { metadata, .. }: Manifest) -> Self {
        Self {
            annotations: metadata.annotations.unwrap_or_default(),
            labels: metadata.labels.unwrap_or_default(),
            owners: metadata.owners.unwrap_or_default().into_iter().map(Into::into).collect(),
            reference: ClaimRef {
                namespace: metadata.namespace.unwrap_or_else(|| "default".to_owned()),
                name: metadata.name,
                uid: metadata.uid,
            },
        }
    }
}

impl Volume {
    /// The claim behind the volume; the ephemeral volume controller names its claims `<pod>-<volume>`.
    fn claim_name(self, pod: &str) -> Option<String> {
        let ephemeral = self.ephemeral.map(|_| format!("{pod}-{}", self.name));
        self.claim.map(|claim| claim.name).or(ephemeral)
    }
}

impl From<Owner> for OwnerReference {
    fn from(Owner { kind, name, uid }: Owner) -> Self {
        Self { kind, name, uid }
    }
}

impl From<&str> for Phase {
    fn from(phase: &str) -> Self {
        match phase {
            "Pending" => Self::Pending,
            "Running" => Self::Running,
            "Succeeded" => Self::Succeeded,
            "Failed" => Self::Failed,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::fixtures::recorded_pod;

    #[test]
    fn a_recorded_pod_keeps_its_exact_annotations_and_its_ephemeral_claim() {
        let pod = recorded_pod("af3_ke_ephemeral_pvc");
        let expected =
            PodRef { namespace: "airflow".to_owned(), name: "etl-daily-extract-68rvgp07".to_owned(), uid: None };
        assert_eq!(pod.reference, expected);
        assert_eq!(pod.annotations["run_id"], "scheduled__2025-01-01T00:00:00+00:00");
        assert_eq!(pod.claims, ["etl-daily-extract-68rvgp07-scratch"]);
        assert_eq!(pod.phase, None);
    }

    #[test]
    fn a_named_claim_is_listed_by_its_name() {
        assert_eq!(recorded_pod("af3_kpo_mapped_pvc").claims, ["etl-daily-shared"]);
    }

    #[test]
    fn documents_of_other_kinds_and_empty_ones_are_passed_over() {
        let text = "kind: PersistentVolumeClaim\nmetadata: {name: c}\n---\n---\n# nothing\n---\nkind: Pod\nmetadata:\n  name: p\n  \
                    uid: u1\n  annotations:\n  ownerReferences: [{kind: Job, name: j, uid: u2}]\nstatus: {phase: Running}\n";
        let pods = Manifests::read(text).expect("a manifest").pods;
        assert_eq!(pods.len(), 1);
        assert_eq!(pods[0].reference.to_string(), "default/p (uid u1)");
        assert_eq!(pods[0].owners[0].kind, "Job");
        assert_eq!(pods[0].phase, Some(Phase::Running));
    }

    #[test]
    fn json_and_lists_are_read_too() {
        let text = r#"{"kind": "List", "items": [{"kind": "Pod", "metadata": {"name": "a", "namespace": "n"}}, {"kind": "Service"}]}"#;
        let pods = Manifests::read(text).expect("a manifest").pods;
        assert_eq!(pods[0].reference.to_string(), "n/a");
        assert_eq!(pods.len(), 1);
    }

    #[test]
    fn a_pod_without_a_name_or_with_a_number_as_annotation_is_an_error() {
        assert!(Manifests::read("kind: Pod\nmetadata: {}\n").is_err());
        assert!(Manifests::read("kind: Pod\nmetadata: {name: p, annotations: {map_index: 7}}\n").is_err());
        assert!(Manifests::read("kind: [Pod\n").is_err());
    }

    #[test]
    fn a_claim_names_the_pod_that_owns_it_and_a_persistent_volume_its_handle() {
        let text = "kind: PersistentVolumeClaim\nmetadata:\n  name: c\n  namespace: n\n  uid: u3\n  annotations: {linflow.csi/scope: run}\n  \
                    ownerReferences: [{kind: Pod, name: p, uid: u1}]\nspec: {volumeName: pv}\n---\nkind: PersistentVolume\n\
                    metadata: {name: pv}\nspec: {csi: {driver: linflow.csi, volumeHandle: vol1}}\n---\n\
                    kind: PersistentVolume\nmetadata: {name: other}\nspec: {nfs: {server: s}}\n";
        let found = Manifests::read(text).expect("a manifest");
        let [claim] = &found.claims[..] else { panic!("one claim") };
        assert_eq!(claim.reference.to_string(), "n/c (uid u3)");
        assert_eq!(claim.pod().map(|pod| pod.to_string()), Some("n/p (uid u1)".to_owned()));
        assert_eq!(claim.annotations["linflow.csi/scope"], "run");
        assert_eq!(found.volumes, [PersistentVolume { driver: "linflow.csi".to_owned(), handle: "vol1".to_owned() }]);
    }
}
