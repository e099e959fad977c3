//! The seam through which pods' manifests are looked up.

use std::{collections::BTreeMap, fmt, future::Future};

use super::folder::FolderDirectory;

/// A pod as kubelet names it at NodePublish (CSI `podInfoOnMount`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PodRef {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub name: String,
    /// The pod's UID, which tells it from a later pod of the same name. kubelet always gives it; without it nothing is
    /// fenced.
    pub uid: Option<String>,
}

impl PodRef {
    /// Whether both can be the same pod: namespace and name are equal, and the UIDs where both are known.
    pub fn could_be(&self, other: &Self) -> bool {
        let same_uid = match (&self.uid, &other.uid) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => true,
        };
        same_uid && self.namespace == other.namespace && self.name == other.name
    }
}

impl fmt::Display for PodRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)?;
        self.uid.as_ref().map_or(Ok(()), |uid| write!(f, " (uid {uid})"))
    }
}

/// Where a pod is in its life (Kubernetes `status.phase`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not all containers run yet.
    Pending,
    /// At least one container runs, starts or restarts.
    Running,
    /// Every container ended well; none restarts.
    Succeeded,
    /// Every container ended, at least one badly. KubernetesExecutor keeps such pods.
    Failed,
    /// The node can't be asked, or the phase isn't one that we know.
    Unknown,
}

/// An object that owns a pod (Kubernetes `metadata.ownerReferences`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerReference {
    /// Its kind, such as `Job`.
    pub kind: String,
    /// Its name, in the pod's namespace.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

/// What we need of a pod's manifest. No container's arguments: they hold Airflow's task tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace, name and UID; a folder's manifest may have no UID.
    pub reference: PodRef,
    /// Where it is in its life; none where the manifest has no status.
    pub phase: Option<Phase>,
    /// Its annotations, exact.
    pub annotations: BTreeMap<String, String>,
    /// Its labels, sanitised by whoever wrote them.
    pub labels: BTreeMap<String, String>,
    /// Who owns it.
    pub owners: Vec<OwnerReference>,
    /// The PersistentVolumeClaims of its volumes, generic ephemeral ones (`<pod>-<volume>`) among them.
    pub claims: Vec<String>,
}

/// Why there is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// No such pod, as far as the directory knows.
    #[error("pod {pod} is not known {place}")]
    NotFound {
        /// The pod that was looked for.
        pod: PodRef,
        /// Where it was looked for: `in DIR`.
        place: String,
    },
    /// A pod of that name is there, but another one.
    #[error("pod {pod} has been replaced: the pod of that name now has uid {found}")]
    WrongUid {
        /// The pod that was looked for.
        pod: PodRef,
        /// The UID of the pod of that name.
        found: String,
    },
    /// It can't be known now; the same question may get an answer later.
    #[error("pod {pod} can't be looked up: {reason}")]
    Unavailable {
        /// The pod that was looked for.
        pod: PodRef,
        /// What stands in the way, and what to do.
        reason: String,
    },
}

/// Where pods are looked up.
pub trait Directory: Send + Sync {
    /// The manifest of exactly this pod: with a UID in `pod`, never that of a namesake. Errors: [`DirectoryError`].
    fn pod(&self, pod: &PodRef) -> impl Future<Output = Result<Pod, DirectoryError>> + Send;
}

/// The directory that the configuration chose.
#[derive(Debug)]
pub enum AnyDirectory {
    /// None: every look-up says what to configure.
    None,
    /// A folder of manifests (`--pods DIR`).
    Folder(FolderDirectory),
}

impl Directory for AnyDirectory {
    async fn pod(&self, pod: &PodRef) -> Result<Pod, DirectoryError> {
        match self {
            Self::None => Err(DirectoryError::Unavailable {
                pod: pod.clone(),
                reason: "no directory of pods is configured; start the node with --pods DIR".to_owned(),
            }),
            Self::Folder(folder) => folder.pod(pod).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_directory_the_answer_says_what_to_configure() {
        let pod = PodRef { namespace: "airflow".to_owned(), name: "p".to_owned(), uid: None };
        let error = AnyDirectory::None.pod(&pod).await.expect_err("nothing is configured");
        assert!(matches!(&error, DirectoryError::Unavailable { .. }));
        assert!(error.to_string().contains("--pods DIR"), "{error}");
    }
}
