//! A volume's owner as it travels to the node: in publish_context, whose maps hold 4 KiB (CSI spec, Size Limits).

use std::{collections::BTreeMap, fmt};

use super::{
    airflow::{Field, Shown},
    id::{DagId, Id, IdError, Instance, MapIndex, RunId, TaskId},
    label::airflow_label,
    reference::{Ownership, WorkflowRef, sha256_text},
    scope::{Scope, UnknownScope},
};

/// The longest value, in bytes, that travels as it is; a longer one travels as its hash. All parts stay under 3 KiB.
pub const MAX_VALUE: usize = 512;

/// Always there, so that a publish_context that lost its owner isn't taken for one of a volume that has none.
const SCOPE: &str = "linflow.csi/owner-scope";
const INSTANCE: &str = "linflow.csi/owner-instance";
const DAG_ID: &str = "linflow.csi/owner-dag-id";
const RUN_ID: &str = "linflow.csi/owner-run-id";
const TASK_ID: &str = "linflow.csi/owner-task-id";
const MAP_INDEX: &str = "linflow.csi/owner-map-index";
const HASHED: &str = "sha256:";

/// A volume's owner, in which a long id may be known by its hash alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerView {
    pub(super) instance: Instance,
    pub(super) dag: Part<DagId>,
    pub(super) run: Option<Part<RunId>>,
    pub(super) task: Option<(Part<TaskId>, MapIndex)>,
}

/// An id, or the hash that stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part<T> {
    Exact(T),
    /// `sha256:<hex>` of the id.
    Hashed(String),
}

/// A publish_context whose owner can't be read: nothing may be published with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwnerError {
    /// An entry that must be there.
    #[error("publish_context lacks {0}; the volume's owner can't be told: attach it again")]
    Missing(&'static str),
    /// An entry that is no scope.
    #[error(transparent)]
    Scope(#[from] UnknownScope),
    /// An entry that is no id.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A hash that is none.
    #[error("{0:?} in publish_context is not sha256: and 64 hex digits")]
    Hash(String),
}

/// The entries for publish_context that say whose the volume is, under 3 KiB in all.
pub fn to_map(ownership: &Ownership) -> BTreeMap<String, String> {
    let workflow = ownership.workflow();
    let run = workflow.and_then(WorkflowRef::run);
    let task = workflow.and_then(WorkflowRef::task);
    let entries = [
        (SCOPE, Some(ownership.scope().to_string())),
        (INSTANCE, workflow.map(|workflow| workflow.instance().to_string())),
        (DAG_ID, workflow.map(|workflow| to_value(workflow.dag()))),
        (RUN_ID, run.map(to_value)),
        (TASK_ID, task.map(|(task, _)| to_value(task))),
        (MAP_INDEX, task.map(|(_, map_index)| map_index.to_string())),
    ];
    entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// Reads what [`to_map`] wrote, from a map that may hold other entries; none where it says that no workflow owns the
/// volume.
pub fn from_map(map: &BTreeMap<String, String>) -> Result<Option<OwnerView>, OwnerError> {
    let require = |key| map.get(key).map(String::as_str).ok_or(OwnerError::Missing(key));
    let scope: Scope = require(SCOPE)?.parse()?;
    if matches!(scope, Scope::Pod | Scope::None) {
        return Ok(None);
    }
    let run = match scope {
        Scope::Task | Scope::Run => Some(Part::from_value(require(RUN_ID)?)?),
        _ => None,
    };
    let task = match scope {
        Scope::Task => Some((Part::from_value(require(TASK_ID)?)?, MapIndex::parse(require(MAP_INDEX)?)?)),
        _ => None,
    };
    let instance = Instance::parse(require(INSTANCE)?)?;
    Ok(Some(OwnerView { instance, dag: Part::from_value(require(DAG_ID)?)?, run, task }))
}

/// A run_id may begin as a hash does; it is hashed too, so that the two can't be mistaken for each other.
fn to_value<T: Id>(id: &T) -> String {
    let text = id.as_ref();
    if text.len() > MAX_VALUE || text.starts_with(HASHED) { sha256_text(text) } else { text.to_owned() }
}

impl OwnerView {
    /// How wide the owner is.
    pub fn scope(&self) -> Scope {
        match (&self.run, &self.task) {
            (_, Some(_)) => Scope::Task,
            (Some(_), None) => Scope::Run,
            (None, None) => Scope::Dag,
        }
    }

    /// Whether this is the owner that the workflow is: the same scope and the same parts, a hashed one by its hash.
    pub fn is(&self, workflow: &WorkflowRef) -> bool {
        let has_run = match (&self.run, workflow.run()) {
            (Some(mine), Some(theirs)) => mine.is(theirs),
            (None, None) => true,
            _ => false,
        };
        let has_task = match (&self.task, workflow.task()) {
            (Some((mine, my_index)), Some((theirs, index))) => mine.is(theirs) && *my_index == index,
            (None, None) => true,
            _ => false,
        };
        self.instance == *workflow.instance() && self.dag.is(workflow.dag()) && has_run && has_task
    }
}

impl From<&WorkflowRef> for OwnerView {
    fn from(workflow: &WorkflowRef) -> Self {
        Self {
            instance: workflow.instance().clone(),
            dag: Part::Exact(workflow.dag().clone()),
            run: workflow.run().cloned().map(Part::Exact),
            task: workflow.task().map(|(task, map_index)| (Part::Exact(task.clone()), map_index)),
        }
    }
}

impl fmt::Display for OwnerView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DAG {}", self.dag)?;
        self.run.as_ref().map_or(Ok(()), |run| write!(f, ", run {run}"))?;
        match &self.task {
            Some((task, MapIndex::UNMAPPED)) => write!(f, ", task {task}")?,
            Some((task, map_index)) => write!(f, ", task {task}[{map_index}]")?,
            None => {}
        }
        write!(f, " of Airflow {}", self.instance)
    }
}

impl<T: Id> Part<T> {
    fn from_value(value: &str) -> Result<Self, OwnerError> {
        match value.strip_prefix(HASHED) {
            None => Ok(Self::Exact(T::parse(value)?)),
            Some(hex) if hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) => {
                Ok(Self::Hashed(value.to_owned()))
            }
            Some(_) => Err(OwnerError::Hash(value.to_owned())),
        }
    }

    fn is(&self, id: &T) -> bool {
        match self {
            Self::Exact(mine) => mine == id,
            Self::Hashed(hash) => *hash == sha256_text(id.as_ref()),
        }
    }

    /// The exact id, where what a pod shows is this one: by its label only where this one is known exactly.
    pub(super) fn matched(&self, shown: &Shown<T>) -> Option<T> {
        match (self, shown) {
            (_, Shown::Exact(id)) => self.is(id).then(|| id.clone()),
            (Self::Exact(id), Shown::Label(label)) => (airflow_label(id.as_ref()) == *label).then(|| id.clone()),
            (Self::Hashed(_), Shown::Label(_)) => None,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Part<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(id) => id.fmt(f),
            Self::Hashed(hash) => f.write_str(hash),
        }
    }
}

/// The owner's value of a field, for messages.
impl OwnerView {
    pub(super) fn value(&self, field: Field) -> String {
        let text = match field {
            Field::Instance => Some(self.instance.to_string()),
            Field::DagId => Some(self.dag.to_string()),
            Field::RunId => self.run.as_ref().map(ToString::to_string),
            Field::TaskId => self.task.as_ref().map(|(task, _)| task.to_string()),
            Field::MapIndex => self.task.as_ref().map(|(_, map_index)| map_index.to_string()),
        };
        text.unwrap_or_else(|| "any".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::workflow::fixtures::{any_workflow, workflow};

    fn through_map(workflow: &WorkflowRef) -> OwnerView {
        from_map(&map_of(workflow)).expect("readable").expect("an owner")
    }

    fn map_of(workflow: &WorkflowRef) -> BTreeMap<String, String> {
        to_map(&Ownership::Workflow(workflow.clone()))
    }

    #[test]
    fn a_volume_of_nobody_says_so() {
        for ownership in [Ownership::Pod, Ownership::None] {
            assert_eq!(from_map(&to_map(&ownership)), Ok(None));
        }
    }

    #[test]
    fn a_map_that_lost_its_owner_is_not_one_of_nobodys_volume() {
        let other = BTreeMap::from([("linflow.csi/device".to_owned(), "/dev/drbd1000".to_owned())]);
        assert_eq!(from_map(&other), Err(OwnerError::Missing(SCOPE)));
        let full = map_of(&workflow("airflow/etl/r1/load/-1"));
        for missing in [SCOPE, INSTANCE, DAG_ID, RUN_ID, TASK_ID, MAP_INDEX] {
            let mut half = full.clone();
            half.remove(missing);
            assert_eq!(from_map(&half), Err(OwnerError::Missing(missing)));
        }
    }

    #[test]
    fn a_run_id_that_looks_like_a_hash_is_not_taken_for_one() {
        let long = format!("a/d/{}", "%E5%AE%A2".repeat(250));
        let victim = workflow(&long);
        let hash = through_map(&victim).run.expect("a run").to_string();
        let forger = workflow(&format!("a/d/{}", hash.replace(':', "%3A")));
        assert!(!through_map(&victim).is(&forger));
        assert!(!through_map(&forger).is(&victim));
        assert!(through_map(&forger).is(&forger));
    }

    proptest! {
        #[test]
        fn an_owner_is_known_after_the_journey_and_fits(workflow in any_workflow(), other in any_workflow()) {
            let map = map_of(&workflow);
            prop_assert!(map.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() < 3 * 1024);
            let travelled = through_map(&workflow);
            prop_assert!(travelled.is(&workflow));
            prop_assert_eq!(travelled.is(&other), workflow == other);
        }
    }
}
