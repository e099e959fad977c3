//! The seam through which Kubernetes is asked: about pods and claims, and what it is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    future::Future,
};

use serde::{Deserialize, Serialize};

/// A pod as kubelet names it at NodePublish (CSI `podInfoOnMount`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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

/// A PersistentVolumeClaim by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClaimRef {
    /// The claim's namespace.
    pub namespace: String,
    /// The claim's name.
    pub name: String,
    /// The claim's UID, which tells it from a later claim of the same name; a folder's manifest may have none.
    pub uid: Option<String>,
}

impl fmt::Display for ClaimRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)?;
        self.uid.as_ref().map_or(Ok(()), |uid| write!(f, " (uid {uid})"))
    }
}

/// What we need of a PersistentVolumeClaim's manifest: its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimManifest {
    /// Its namespace, name and UID.
    pub reference: ClaimRef,
    /// Its annotations, exact.
    pub annotations: BTreeMap<String, String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Who owns it: the pod, where it is a generic ephemeral volume's.
    pub owners: Vec<OwnerReference>,
}

impl ClaimManifest {
    /// The pod that owns it, where one does.
    pub fn pod(&self) -> Option<PodRef> {
        let owner = self.owners.iter().find(|owner| owner.kind == "Pod")?;
        let namespace = self.reference.namespace.clone();
        Some(PodRef { namespace, name: owner.name.clone(), uid: Some(owner.uid.clone()) })
    }
}

/// Is a pod still there to use its volumes?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It may run, or come to run.
    Alive,
    /// It has Succeeded or Failed; KubernetesExecutor keeps failed pods.
    Ended,
    /// It is gone: there is no pod of its name, or one with another UID.
    Absent,
}

/// What a person is told at a pod or a claim: a Kubernetes Event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// At what.
    pub about: Object,
    /// Is it a warning?
    pub is_warning: bool,
    /// One word in CamelCase, such as `VolumeRefused`.
    pub reason: &'static str,
    /// What happened and what to do, in an engineer's words.
    pub message: String,
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

/// What was asked about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Object {
    /// A pod.
    Pod(PodRef),
    /// A PersistentVolumeClaim.
    Claim(ClaimRef),
    /// All PersistentVolumes.
    Volumes,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod(pod) => write!(f, "pod {pod}"),
            Self::Claim(claim) => write!(f, "PersistentVolumeClaim {claim}"),
            Self::Volumes => f.write_str("the list of PersistentVolumes"),
        }
    }
}

/// Why there is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// No such object, as far as the directory knows.
    #[error("{object} is not known {place}")]
    NotFound {
        /// What was looked for.
        object: Object,
        /// Where it was looked for: `in DIR`.
        place: String,
    },
    /// An object of that name is there, but another one.
    #[error("{object} has been replaced: what has that name now has uid {found}")]
    WrongUid {
        /// What was looked for.
        object: Object,
        /// The UID of what has that name.
        found: String,
    },
    /// It can't be known now; the same question may get an answer later.
    #[error("{object} can't be looked up: {reason}")]
    Unavailable {
        /// What was looked for.
        object: Object,
        /// What stands in the way, and what to do.
        reason: String,
    },
}

/// Where Kubernetes is asked. Errors of each question: [`DirectoryError`].
pub trait Directory: Send + Sync {
    /// Can Kubernetes be asked at all? Where not, no question is worth asking.
    fn is_configured(&self) -> bool {
        true
    }

    /// The manifest of exactly this pod: with a UID in `pod`, never that of a namesake.
    fn pod(&self, pod: &PodRef) -> impl Future<Output = Result<Pod, DirectoryError>> + Send;

    /// The claim that has this name now.
    fn claim(&self, namespace: &str, name: &str) -> impl Future<Output = Result<ClaimManifest, DirectoryError>> + Send;

    /// Is exactly this pod still there? `Absent` is said only where that is known.
    fn presence(&self, pod: &PodRef) -> impl Future<Output = Result<Presence, DirectoryError>> + Send;

    /// The volume handles of all PersistentVolumes of this driver.
    fn handles(&self, driver: &str) -> impl Future<Output = Result<BTreeSet<String>, DirectoryError>> + Send;

    /// Tells people. It is a courtesy: what can't be told is logged, and fails nothing.
    fn tell(&self, notice: &Notice) -> impl Future<Output = ()> + Send;
}
