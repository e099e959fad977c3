//! From Kubernetes' metadata to what workflow needs of it, and no more.

use ::kube::core::{ObjectMeta, PartialObjectMeta};

use super::trouble::Trouble;
use crate::workflow::directory::OwnerReference;
use crate::workflow::{ClaimManifest, ClaimRef, Pod, PodRef};

/// The pod of that metadata. `spec` and `status` were not asked for, so that its phase and its claims are not known.
pub(super) fn pod<K>(PartialObjectMeta { metadata, .. }: PartialObjectMeta<K>) -> Pod {
    let Metadata { namespace, name, uid, annotations, labels, owners } = Metadata::from(metadata);
    let reference = PodRef { namespace, name, uid };
    Pod { reference, phase: None, annotations, labels, owners, claims: Vec::new() }
}

/// The claim of that metadata.
pub(super) fn claim<K>(PartialObjectMeta { metadata, .. }: PartialObjectMeta<K>) -> ClaimManifest {
    let Metadata { namespace, name, uid, annotations, labels, owners } = Metadata::from(metadata);
    let reference = ClaimRef { namespace, name, uid };
    ClaimManifest { reference, annotations, labels, owners }
}

/// Where kubectl repeats the whole of what it applied, a pod's arguments too.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What is kept.
struct Metadata {
    namespace: String,
    name: String,
    uid: Option<String>,
    annotations: std::collections::BTreeMap<String, String>,
    labels: std::collections::BTreeMap<String, String>,
    owners: Vec<OwnerReference>,
}

impl From<ObjectMeta> for Metadata {
    fn from(metadata: ObjectMeta) -> Self {
        let owners = metadata.owner_references.unwrap_or_default().into_iter();
        let mut annotations = metadata.annotations.unwrap_or_default();
        annotations.remove(LAST_APPLIED);
        Self {
            namespace: metadata.namespace.unwrap_or_default(),
            name: metadata.name.unwrap_or_default(),
            uid: metadata.uid,
            annotations,
            labels: metadata.labels.unwrap_or_default(),
            owners: owners.map(|it| OwnerReference { kind: it.kind, name: it.name, uid: it.uid }).collect(),
        }
    }
}

/// The text as a part of a path: names of Kubernetes' objects are lower-case letters, digits, `-` and `.` (RFC 1123), so
/// that none leads elsewhere.
pub(super) fn checked(name: &str) -> Result<&str, Trouble> {
    let is_well_formed = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'));
    let has_a_start = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if is_well_formed && has_a_start && name.len() <= 253 { Ok(name) } else { Err(Trouble::Name(name.to_owned())) }
}
