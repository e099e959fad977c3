//! The decision, and the proof of it.

use std::fmt;

use crate::linstor::name::ResourceName;
use crate::workflow::{
    OwnerView, PodRef, WorkflowRef,
    airflow::Field,
    verify::{Mismatch, Strength, Verified},
};

/// The rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// No workflow owns the volume, so any pod that Kubernetes gives it to may have it.
    Untagged,
    /// A workflow owns the volume, and only its pods may have it.
    Owner,
}

impl Rule {
    /// The rule's name in logs and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Untagged => "untagged",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The question: may the pod have the volume?
#[derive(Debug, Clone)]
pub struct Request {
    /// The volume's resource name.
    pub volume: ResourceName,
    /// The pod that kubelet mounts it for.
    pub pod: PodRef,
    /// The volume's owner, and whether the pod is of it; none where no workflow owns the volume.
    pub owned: Option<Owned>,
}

/// A volume's owner, and what was found out about the pod.
#[derive(Debug, Clone)]
pub struct Owned {
    /// The owner that the volume's tag names.
    pub owner: OwnerView,
    /// What comparing the pod with the owner gave.
    pub claimant: Result<Verified<WorkflowRef>, Mismatch>,
}

/// Proof that a pod may have a volume. Only [`decide`] makes it.
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    volume: ResourceName,
    pod: PodRef,
    rule: Rule,
    strength: Option<Strength>,
}

impl Permit {
    /// The volume's resource name.
    pub fn volume(&self) -> &ResourceName {
        &self.volume
    }

    /// The pod that may have it.
    pub fn pod(&self) -> &PodRef {
        &self.pod
    }

    /// The rule that allows it.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// How good the evidence was, where the rule needs any; for the record.
    pub fn strength(&self) -> Option<Strength> {
        self.strength
    }
}

/// The pod may not have the volume (gRPC: PERMISSION_DENIED).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The pod is not of the owner's workflow.
    #[error(
        "volume {volume} belongs to {owner}; {mismatch}; mount it from a task of its owner, or claim a volume for this one"
    )]
    NotTheOwner {
        /// The volume's resource name.
        volume: ResourceName,
        /// The owner, in an engineer's words.
        owner: String,
        /// The pod, its workflow, and the field that differs.
        mismatch: Box<Mismatch>,
    },
    /// The proof is for another owner or another pod: what asks is wrong, so it gets nothing.
    #[error("volume {volume} belongs to {owner}, but the proof given is for {proven}; publish it again")]
    OtherProof {
        /// The volume's resource name.
        volume: ResourceName,
        /// The owner, in an engineer's words.
        owner: String,
        /// The workflow and the pod that were verified.
        proven: String,
    },
}

impl Denial {
    /// The rule that denies it.
    pub fn rule(&self) -> Rule {
        Rule::Owner
    }

    /// The owner, in an engineer's words.
    pub fn owner(&self) -> &str {
        match self {
            Self::NotTheOwner { owner, .. } | Self::OtherProof { owner, .. } => owner,
        }
    }

    /// The claimant, in an engineer's words.
    pub fn claimant(&self) -> &str {
        match self {
            Self::NotTheOwner { mismatch, .. } => &mismatch.claimant,
            Self::OtherProof { proven, .. } => proven,
        }
    }

    /// The field that differs, where one does.
    pub fn field(&self) -> Option<Field> {
        match self {
            Self::NotTheOwner { mismatch, .. } => Some(mismatch.difference.field()),
            Self::OtherProof { .. } => None,
        }
    }
}

/// Decides. A volume without an owner is anyone's; an owned one is for a pod that was verified for this very owner.
pub fn decide(request: Request) -> Result<Permit, Denial> {
    let Request { volume, pod, owned } = request;
    let Some(Owned { owner, claimant }) = owned else {
        return Ok(Permit { volume, pod, rule: Rule::Untagged, strength: None });
    };
    match claimant {
        Ok(proof) if owner.is(proof.value()) && proof.pod().could_be(&pod) => {
            Ok(Permit { volume, pod, rule: Rule::Owner, strength: Some(proof.strength()) })
        }
        Ok(proof) => {
            let proven = format!("{} in pod {}", proof.value(), proof.pod());
            Err(Denial::OtherProof { volume, owner: owner.to_string(), proven })
        }
        Err(mismatch) => Err(Denial::NotTheOwner { volume, owner: owner.to_string(), mismatch: Box::new(mismatch) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::{
        Instances,
        fixtures::{recorded_pod, workflow},
        verify,
    };

    const OWNER: &str = "airflow/etl_daily/scheduled__2025-01-01T00%3A00%3A00%2B00%3A00";

    fn uid(pod: &PodRef, uid: &str) -> PodRef {
        PodRef { uid: Some(uid.to_owned()), ..pod.clone() }
    }

    /// A pod asks for a volume of `owner` with the evidence of its recording.
    fn request(owner: &str, recording: &str) -> Request {
        let pod = recorded_pod(recording);
        let owner = OwnerView::from(&workflow(owner));
        let claimant = verify(&owner, &pod, &Instances::default());
        let volume = ResourceName::parse("pvc-1").expect("a resource name");
        Request { volume, pod: uid(&pod.reference, "u1"), owned: Some(Owned { owner, claimant }) }
    }

    #[test]
    fn an_untagged_volume_is_for_any_pod() {
        let request = Request { owned: None, ..request(OWNER, "af3_kpo_spoof_labels") };
        let permit = decide(request).expect("no owner");
        assert_eq!((permit.rule().as_str(), permit.strength()), ("untagged", None));
    }

    #[test]
    fn a_tagged_volume_is_for_a_verified_pod_of_its_owner() {
        let permit = decide(request(OWNER, "af3_ke_normal_scheduled")).expect("the owner's");
        assert_eq!((permit.rule(), permit.strength()), (Rule::Owner, Some(Strength::Exact)));
        assert_eq!(permit.volume().as_str(), "pvc-1");
        assert_eq!(permit.pod().to_string(), "airflow/etl-daily-extract-jgytcjyi (uid u1)");
    }

    #[test]
    fn a_match_by_label_is_marked_in_the_permit() {
        let permit = decide(request(OWNER, "af3_kpo_normal")).expect("the labels match");
        assert_eq!(permit.strength(), Some(Strength::LabelHash));
    }

    #[test]
    fn publish_by_another_run_is_denied() {
        let denial =
            decide(request("airflow/etl_daily/manual__1", "af3_ke_normal_scheduled")).expect_err("another run");
        assert_eq!(denial.field(), Some(Field::RunId));
        assert_eq!(
            denial.to_string(),
            "volume pvc-1 belongs to DAG etl_daily, run manual__1 of Airflow airflow; pod airflow/etl-daily-extract-jgytcjyi \
             runs DAG etl_daily, run scheduled__2025-01-01T00:00:00+00:00, task extract of namespace airflow: run_id differs \
             (owner's \"manual__1\", pod's \"scheduled__2025-01-01T00:00:00+00:00\"); mount it from a task of its owner, or \
             claim a volume for this one"
        );
    }

    #[test]
    fn a_proof_for_another_owner_is_no_proof() {
        let Owned { claimant, .. } = request(OWNER, "af3_ke_normal_scheduled").owned.expect("it is owned");
        let owner = OwnerView::from(&workflow("airflow/etl_daily/manual__1"));
        let request = Request { owned: Some(Owned { owner, claimant }), ..request(OWNER, "af3_ke_normal_scheduled") };
        assert!(matches!(decide(request), Err(Denial::OtherProof { .. })));
    }

    #[test]
    fn a_proof_of_another_pod_is_no_proof() {
        let other = recorded_pod("af3_ke_mapped").reference;
        let request = Request { pod: other, ..request(OWNER, "af3_ke_normal_scheduled") };
        assert!(matches!(decide(request), Err(Denial::OtherProof { .. })));
    }
}
