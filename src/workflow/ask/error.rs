//! Why nobody can be told whose a new volume is.

use std::fmt;

use super::super::{
    airflow::{EvidenceError, Field},
    claim::ClaimError,
    directory::{ClaimRef, DirectoryError, Object, PodRef},
    scope::Scope,
    statement::ValueError,
};

/// A claim that can't be resolved. Nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// What the class says, or all together, makes no claim.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// An annotation of ours whose value can't be read.
    #[error("annotation {value} (on {object})")]
    Annotation {
        /// What is annotated.
        object: Box<Object>,
        /// The annotation.
        value: ValueError,
    },
    /// An annotation that only a class may set.
    #[error("annotation {key} of {object} has no effect, for only a StorageClass may set it; remove it")]
    ClassOnly {
        /// The annotation.
        key: &'static str,
        /// What is annotated.
        object: Object,
    },
    /// A scope whose owner nobody names.
    #[error("scope {scope} can't be resolved, for {needs} is not known: {lack}")]
    Unresolved {
        /// The scope.
        scope: Scope,
        /// The key of what is missing.
        needs: &'static str,
        /// Where it could have come from, and what to do.
        lack: Lack,
    },
    /// An id that a pod shows only by its label, which other ids may share.
    #[error(
        "pod {pod} shows its {field} by a label alone ({label:?}), which other ids may share, so no owner's volume is chosen by it; \
         install airflow-provider-linflow in Airflow, or annotate the pod or its claim with linflow.csi/{}",
        .field.as_str().replace('_', "-")
    )]
    LabelOnly {
        /// The pod.
        pod: PodRef,
        /// Which id.
        field: Field,
        /// The label's value.
        label: String,
    },
    /// A claim that names another workflow than the pod that owns it.
    #[error(
        "PersistentVolumeClaim {claim} names {field} {said:?}, but pod {pod}, which owns it, shows {shown:?}; correct the claim's \
         annotations, or leave them to airflow-provider-linflow"
    )]
    Contradiction {
        /// The claim.
        claim: Box<ClaimRef>,
        /// The pod that owns it.
        pod: Box<PodRef>,
        /// Which id.
        field: Field,
        /// The claim's value.
        said: String,
        /// The pod's value.
        shown: String,
    },
    /// A pod whose metadata proves nothing.
    #[error("pod {pod} owns the claim, but proves nothing: {because}")]
    Evidence {
        /// The pod.
        pod: PodRef,
        /// What is wrong with its metadata.
        because: Box<EvidenceError>,
    },
    /// A claim that was made again under the name of the one that asks.
    #[error(
        "PersistentVolumeClaim {claim} is not the one that asks: {csi_name} is for an earlier one of its name, which is gone"
    )]
    Remade {
        /// The claim that has the name now.
        claim: ClaimRef,
        /// The CSI name, which ends in the UID of the claim that asks.
        csi_name: String,
    },
    /// The claim, or the pod that owns it, is gone or another one has its name.
    #[error("{0}; nothing is made for a claim or pod that is gone")]
    Gone(DirectoryError),
    /// Kubernetes can't be asked now.
    #[error(transparent)]
    Unavailable(DirectoryError),
}

/// What is gone is told from what can't be known now.
impl From<DirectoryError> for AskError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::NotFound { .. } | DirectoryError::WrongUid { .. } => Self::Gone(error),
            DirectoryError::Unavailable { .. } => Self::Unavailable(error),
        }
    }
}

/// Where an id could have come from, and why it didn't.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// Nobody can be asked about claims and pods.
    NoDirectory,
    /// The claim's name is not known.
    NoClaim,
    /// The claim has no pod.
    NoPod(ClaimRef),
    /// The pod is of no Airflow task.
    NoTask(PodRef),
    /// The pod shows a part of its task.
    Part(PodRef),
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDirectory => f.write_str(
                "the StorageClass doesn't name it, and linflow can't look at claims and pods; start the controller with --kubernetes \
                 true, --kubeconfig FILE or --pods DIR, or use scope none",
            ),
            Self::NoClaim => f.write_str(
                "the StorageClass doesn't name it, and the claim's name is not told; run external-provisioner with \
                 --extra-create-metadata",
            ),
            Self::NoPod(claim) => write!(
                f,
                "no pod owns PersistentVolumeClaim {claim}; annotate the claim with linflow.csi/dag-id, run-id and task-id, make it \
                 a pod's own (a generic ephemeral volume), or use scope none"
            ),
            Self::NoTask(pod) => write!(
                f,
                "pod {pod} belongs to no Airflow task (a Celery or Local worker runs tasks of many DAGs); use scope none for it, or run \
                 the task in a pod of its own, by KubernetesExecutor or KubernetesPodOperator"
            ),
            Self::Part(pod) => write!(
                f,
                "pod {pod} doesn't show it (Airflow before 2.2 writes no run_id); annotate the pod, or choose a wider scope"
            ),
        }
    }
}
