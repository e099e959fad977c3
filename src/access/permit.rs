//! The decision, and the proof of it.

use std::fmt;

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

/// What the volume's tag says, and what was found out about the pod.
#[derive(Debug, Clone)]
pub enum Tag {
    /// No workflow owns the volume.
    Untagged,
    /// A workflow owns the volume.
    Owned {
        /// The owner.
        owner: OwnerView,
        /// What comparing the pod with the owner gave.
        claimant: Result<Verified<WorkflowRef>, Mismatch>,
    },
}

/// The question: may the pod have the volume?
#[derive(Debug, Clone)]
pub struct Request {
    /// The volume's resource name.
    pub volume: String,
    /// The pod that kubelet mounts it for.
    pub pod: PodRef,
    /// Whose it is, and whether the pod is theirs.
    pub tag: Tag,
}

/// Proof that a pod may have a volume. Only [`decide`] makes it.
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    volume: String,
    pod: PodRef,
    rule: Rule,
    strength: Option<Strength>,
}

impl Permit {
    /// The volume's resource name.
    pub fn volume(&self) -> &str {
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
        volume: String,
        /// The owner.
        owner: Box<OwnerView>,
        /// The pod, its workflow, and the field that differs.
        mismatch: Box<Mismatch>,
    },
    /// The pod was verified for another owner or it was another pod: what asks is wrong, so it gets nothing.
    #[error("volume {volume} belongs to {owner}; pod {pod} shows a proof for {proven_pod}, {proven}; publish it again")]
    OtherProof {
        /// The volume's resource name.
        volume: String,
        /// The owner.
        owner: Box<OwnerView>,
        /// The pod that asks.
        pod: PodRef,
        /// The pod that was verified.
        proven_pod: PodRef,
        /// What it was verified for.
        proven: Box<WorkflowRef>,
    },
}

impl Denial {
    /// The rule that denies it.
    pub fn rule(&self) -> Rule {
        Rule::Owner
    }

    /// The owner, in an engineer's words.
    pub fn owner(&self) -> String {
        match self {
            Self::NotTheOwner { owner, .. } | Self::OtherProof { owner, .. } => owner.to_string(),
        }
    }

    /// The claimant, in an engineer's words.
    pub fn claimant(&self) -> String {
        match self {
            Self::NotTheOwner { mismatch, .. } => mismatch.claimant.clone(),
            Self::OtherProof { proven, .. } => proven.to_string(),
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

/// Decides. An untagged volume is anyone's; an owned one is for a pod that was verified for this very owner.
pub fn decide(request: Request) -> Result<Permit, Denial> {
    let Request { volume, pod, tag } = request;
    let (owner, claimant) = match tag {
        Tag::Untagged => return Ok(Permit { volume, pod, rule: Rule::Untagged, strength: None }),
        Tag::Owned { owner, claimant } => (Box::new(owner), claimant),
    };
    match claimant {
        Ok(proof) if owner.is(proof.value()) && proof.pod().is_same(&pod) => {
            Ok(Permit { volume, pod, rule: Rule::Owner, strength: Some(proof.strength()) })
        }
        Ok(proof) => Err(Denial::OtherProof {
            volume,
            owner,
            pod,
            proven_pod: proof.pod().clone(),
            proven: Box::new(proof.value().clone()),
        }),
        Err(mismatch) => Err(Denial::NotTheOwner { volume, owner, mismatch: Box::new(mismatch) }),
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
        let volume = "pvc-1".to_owned();
        Request { volume, pod: uid(&pod.reference, "u1"), tag: Tag::Owned { owner, claimant } }
    }

    #[test]
    fn an_untagged_volume_is_for_any_pod() {
        let request = Request { tag: Tag::Untagged, ..request(OWNER, "af3_kpo_spoof_labels") };
        let permit = decide(request).expect("no owner");
        assert_eq!((permit.rule().as_str(), permit.strength()), ("untagged", None));
    }

    #[test]
    fn a_tagged_volume_is_for_a_verified_pod_of_its_owner() {
        let permit = decide(request(OWNER, "af3_ke_normal_scheduled")).expect("the owner's");
        assert_eq!((permit.rule(), permit.strength()), (Rule::Owner, Some(Strength::Exact)));
        assert_eq!(permit.volume(), "pvc-1");
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
        let Tag::Owned { claimant, .. } = request(OWNER, "af3_ke_normal_scheduled").tag else { panic!("it is owned") };
        let owner = OwnerView::from(&workflow("airflow/etl_daily/manual__1"));
        let request = Request { tag: Tag::Owned { owner, claimant }, ..request(OWNER, "af3_ke_normal_scheduled") };
        assert!(matches!(decide(request), Err(Denial::OtherProof { .. })));
    }

    #[test]
    fn a_proof_of_another_pod_is_no_proof() {
        let other = recorded_pod("af3_ke_mapped").reference;
        let request = Request { pod: other, ..request(OWNER, "af3_ke_normal_scheduled") };
        assert!(matches!(decide(request), Err(Denial::OtherProof { .. })));
    }
}
