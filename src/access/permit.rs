//! The decision, and the proof of it.

use std::fmt;

use super::expected::Expected;
use crate::linstor::name::ResourceName;
use crate::workflow::{
    DirectoryError, Heard, OwnerView, PodRef, Testimony,
    airflow::Field,
    verify::{Mismatch, Strength},
};

/// The rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// No workflow owns the volume, so any pod that Kubernetes gives it to may have it.
    Untagged,
    /// A workflow owns the volume, and only its pods may have it.
    Owner,
    /// The same, and a witness confirms that the pod is one of them.
    Witnessed,
    /// The claim was attached for this very pod, which was confirmed then.
    Attached,
    /// A workflow owns the volume, and this pod isn't known to be one of its; it may have it all the same, on record.
    Audit,
    /// A workflow owns the volume, and nobody asks whose pod it is.
    Off,
}

impl Rule {
    /// The rule's name in logs and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Untagged => "untagged",
            Self::Owner => "owner",
            Self::Witnessed => "witnessed",
            Self::Attached => "attached",
            Self::Audit => "audit",
            Self::Off => "off",
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

/// A volume's owner, and how it is made sure that the pod is of it.
#[derive(Debug, Clone)]
pub struct Owned {
    /// The owner that the volume's tag names.
    pub owner: OwnerView,
    /// What is made of the pod.
    pub check: Check,
}

/// How strictly the pod is confirmed (`workflow::Confirm`), and what was found out about it.
#[derive(Debug, Clone)]
pub enum Check {
    /// A pod that isn't known to be the owner's gets nothing.
    Enforce(Claimant),
    /// It gets the volume, and the permit says what would have been denied.
    Audit(Claimant),
    /// Nobody looked.
    Off,
    /// It was confirmed when the claim was attached for it.
    Attached(Expected),
}

/// What comparing the pod with the owner gave, and what a witness says of a pod that agrees.
pub type Claimant = Result<Heard, Doubt>;

/// Why it isn't known that the pod is of the owner.
#[derive(Debug, Clone)]
pub enum Doubt {
    /// It is of another workflow, or of none.
    Mismatch(Mismatch),
    /// It can't be looked up.
    Unseen(DirectoryError),
}

/// Proof that a pod may have a volume. Only [`decide`] makes it.
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    volume: ResourceName,
    pod: PodRef,
    rule: Rule,
    strength: Option<Strength>,
    overlooked: Option<Box<Denial>>,
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

    /// What would have been denied, were it not for an audit.
    pub fn overlooked(&self) -> Option<&Denial> {
        self.overlooked.as_deref()
    }
}

/// The pod may not have the volume (gRPC: PERMISSION_DENIED, or UNAVAILABLE where nothing is known of it yet).
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
    /// The pod can't be looked up, so that nothing is known of its identity.
    #[error(transparent)]
    Unseen(DirectoryError),
    /// The pod's metadata agrees with the owner, and a witness says that it isn't so.
    #[error(
        "volume {volume} belongs to {owner}; {claimant}, but {why}; mount it from the pod of a task of its owner that runs, or claim a volume for this one"
    )]
    Contradicted {
        /// The volume's resource name.
        volume: ResourceName,
        /// The owner, in an engineer's words.
        owner: String,
        /// The pod and what it shows of its workflow, in an engineer's words.
        claimant: String,
        /// The witness's word.
        why: String,
    },
    /// The pod's metadata agrees with the owner, and the witness who is to confirm it can't be asked.
    #[error(
        "volume {volume} belongs to {owner}; {claimant}, which can't be confirmed yet: {why}; the witness is asked again when the call comes again"
    )]
    Unheard {
        /// The volume's resource name.
        volume: ResourceName,
        /// The owner, in an engineer's words.
        owner: String,
        /// The pod and what it shows of its workflow, in an engineer's words.
        claimant: String,
        /// What stands in the way.
        why: String,
    },
}

impl Denial {
    /// The rule that denies it.
    pub fn rule(&self) -> Rule {
        match self {
            Self::NotTheOwner { .. } | Self::OtherProof { .. } | Self::Unseen(_) => Rule::Owner,
            Self::Contradicted { .. } | Self::Unheard { .. } => Rule::Witnessed,
        }
    }

    /// The field that differs, where one does.
    pub fn field(&self) -> Option<Field> {
        match self {
            Self::NotTheOwner { mismatch, .. } => Some(mismatch.difference.field()),
            Self::OtherProof { .. } | Self::Unseen(_) | Self::Contradicted { .. } | Self::Unheard { .. } => None,
        }
    }
}

/// Decides. A volume without an owner is anyone's; an owned one is for a pod that was verified for this very owner and
/// that no witness denies, unless its class or the driver is laxer.
pub fn decide(request: Request) -> Result<Permit, Denial> {
    let Request { volume, pod, owned } = request;
    let permit =
        |rule, strength, overlooked| Permit { volume: volume.clone(), pod: pod.clone(), rule, strength, overlooked };
    let Some(Owned { owner, check }) = owned else { return Ok(permit(Rule::Untagged, None, None)) };
    let judge = |claimant| {
        let judged = judge(&volume, &pod, &owner, claimant);
        judged.map(|(rule, strength)| permit(rule, Some(strength), None))
    };
    match check {
        Check::Off => Ok(permit(Rule::Off, None, None)),
        Check::Attached(Expected { .. }) => Ok(permit(Rule::Attached, None, None)),
        Check::Enforce(claimant) => judge(claimant),
        Check::Audit(claimant) => {
            Ok(judge(claimant).unwrap_or_else(|denial| permit(Rule::Audit, None, Some(Box::new(denial)))))
        }
    }
}

/// Is the pod of this very owner? Answers by which rule, and how good the evidence was.
fn judge(
    volume: &ResourceName,
    pod: &PodRef,
    owner: &OwnerView,
    claimant: Claimant,
) -> Result<(Rule, Strength), Denial> {
    let (volume, owned_by) = (volume.clone(), owner.to_string());
    match claimant {
        Ok(heard) if owner.is(heard.claimant().value()) && heard.claimant().pod().could_be(pod) => {
            weigh(volume, owned_by, &heard)
        }
        Ok(heard) => {
            let proven = format!("{} in pod {}", heard.claimant().value(), heard.claimant().pod());
            Err(Denial::OtherProof { volume, owner: owned_by, proven })
        }
        Err(Doubt::Mismatch(mismatch)) => {
            Err(Denial::NotTheOwner { volume, owner: owned_by, mismatch: Box::new(mismatch) })
        }
        Err(Doubt::Unseen(error)) => Err(Denial::Unseen(error)),
    }
}

/// What a witness's word makes of a pod that shows the owner's ids.
fn weigh(volume: ResourceName, owner: String, heard: &Heard) -> Result<(Rule, Strength), Denial> {
    let strength = heard.claimant().strength();
    let claimant = || format!("pod {} shows {}", heard.claimant().pod(), heard.claimant().evidence());
    match heard.testimony().clone() {
        Testimony::Silent => Ok((Rule::Owner, strength)),
        Testimony::Confirmed => Ok((Rule::Witnessed, strength)),
        Testimony::Contradicted { why } => Err(Denial::Contradicted { volume, owner, claimant: claimant(), why }),
        Testimony::Unknown { why } => Err(Denial::Unheard { volume, owner, claimant: claimant(), why }),
    }
}

#[cfg(test)]
mod tests;
