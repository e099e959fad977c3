//! Is the pod of the owner's workflow? The one place that makes a [`Verified`].

use super::{
    airflow::{Evidence, EvidenceError, Field, Shown},
    directory::{Pod, PodRef},
    id::{Id, Instance},
    instances::{Instances, InstancesError},
    owner::{OwnerView, Part},
    reference::WorkflowRef,
};

/// How good the evidence was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// Every id that was compared is the exact one.
    Exact,
    /// At least one id was compared by Airflow's label, which another id may share.
    LabelHash,
}

/// Proof that a pod is of a workflow. Only [`verify`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    pod: PodRef,
    evidence: Evidence,
    strength: Strength,
}

impl<T> Verified<T> {
    /// What was verified.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The pod that it was verified for.
    pub fn pod(&self) -> &PodRef {
        &self.pod
    }

    /// All that the pod shows of its workflow, beyond what was compared too: of a DAG's volume its run, task and try.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// How good the evidence was, for the record.
    pub fn strength(&self) -> Strength {
        self.strength
    }
}

/// A pod that is not of the owner's workflow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pod {pod} runs {claimant}: {difference}")]
pub struct Mismatch {
    /// The pod.
    pub pod: PodRef,
    /// What the pod shows of its workflow, in an engineer's words.
    pub claimant: String,
    /// What tells it from the owner.
    pub difference: Box<Difference>,
}

/// What tells a pod from the owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// Both have the id, and it differs.
    #[error("{field} differs (owner's {owner:?}, pod's {claimant:?})")]
    Value {
        /// Which id.
        field: Field,
        /// The owner's value.
        owner: String,
        /// The pod's value.
        claimant: String,
    },
    /// The pod doesn't show the id.
    #[error("the pod shows no {field}, which must be {owner:?}; a pod outside Airflow needs the annotation linflow.csi/{}", .field.as_str().replace('_', "-"))]
    Absent {
        /// Which id.
        field: Field,
        /// The owner's value.
        owner: String,
    },
    /// The owner's id is known by its hash, and the pod shows only a label.
    #[error("{field} is too long to be compared by its label; annotate the pod with linflow.csi/{}", .field.as_str().replace('_', "-"))]
    LabelOnly {
        /// Which id.
        field: Field,
        /// The owner's hash.
        owner: String,
        /// The pod's label.
        claimant: String,
    },
    /// The pod's metadata proves nothing.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The pod's namespace has no instance.
    #[error(transparent)]
    Namespace(#[from] InstancesError),
}

impl Difference {
    /// The id that differs.
    pub fn field(&self) -> Field {
        match self {
            Self::Value { field, .. } | Self::Absent { field, .. } | Self::LabelOnly { field, .. } => *field,
            Self::Evidence(error) => error.field(),
            Self::Namespace(_) => Field::Instance,
        }
    }
}

/// Compares what the pod shows with the owner, part by part as far as the owner's scope goes. The error names the first
/// part that differs. The pod's Airflow instance is its namespace's, which a DAG author can't write.
pub fn verify(owner: &OwnerView, pod: &Pod, instances: &Instances) -> Result<Verified<WorkflowRef>, Mismatch> {
    let mismatch = |claimant: String, difference| Mismatch {
        pod: pod.reference.clone(),
        claimant,
        difference: Box::new(difference),
    };
    let unknown = |difference| mismatch("a task that can't be told".to_owned(), difference);
    let instance = instances.of(&pod.reference.namespace).map_err(|error| unknown(error.into()))?;
    let evidence = Evidence::read(pod).map_err(|error| unknown(error.into()))?;
    let (value, strength) = compare(owner, instance, &evidence).map_err(|difference| {
        let claimant = format!("{evidence} of namespace {}", pod.reference.namespace);
        mismatch(claimant, difference)
    })?;
    Ok(Verified { value, pod: pod.reference.clone(), evidence, strength })
}

fn compare(owner: &OwnerView, instance: Instance, evidence: &Evidence) -> Result<(WorkflowRef, Strength), Difference> {
    let differs = |field, claimant| Difference::Value { field, owner: owner.value(field), claimant };
    if instance != owner.instance {
        return Err(differs(Field::Instance, instance.to_string()));
    }
    let mut strength = Strength::Exact;
    let dag = compare_part(Field::DagId, &owner.dag, evidence.dag.as_ref(), &mut strength)?;
    let Some(run) = &owner.run else { return Ok((WorkflowRef::Dag { instance, dag }, strength)) };
    let run = compare_part(Field::RunId, run, evidence.run.as_ref(), &mut strength)?;
    let Some((task, map_index)) = &owner.task else { return Ok((WorkflowRef::Run { instance, dag, run }, strength)) };
    let task = compare_part(Field::TaskId, task, evidence.task.as_ref(), &mut strength)?;
    if evidence.map_index != *map_index {
        return Err(differs(Field::MapIndex, evidence.map_index.to_string()));
    }
    Ok((WorkflowRef::Task { instance, dag, run, task, map_index: *map_index }, strength))
}

fn compare_part<T: Id>(
    field: Field,
    owner: &Part<T>,
    shown: Option<&Shown<T>>,
    strength: &mut Strength,
) -> Result<T, Difference> {
    let owner_value = owner.to_string();
    let Some(shown) = shown else { return Err(Difference::Absent { field, owner: owner_value }) };
    if let Shown::Label(_) = shown {
        *strength = Strength::LabelHash;
    }
    owner.matched(shown).ok_or_else(|| match (owner, shown) {
        (Part::Hashed(_), Shown::Label(label)) => {
            Difference::LabelOnly { field, owner: owner_value, claimant: label.clone() }
        }
        _ => Difference::Value { field, owner: owner_value, claimant: shown.to_string() },
    })
}

#[cfg(test)]
mod tests;
