//! What a volume is to begin as a copy of: another volume of the same run.

use std::{fmt, str::FromStr};

use super::{
    id::{IdError, MapIndex, TaskId},
    reference::WorkflowRef,
};

const RUN: &str = "run";
const TASK: &str = "task:";

/// Another volume of the claim's own run (`from`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ForkFrom {
    /// The run's.
    Run,
    /// A task's.
    Task {
        /// The task.
        task: TaskId,
        /// Which copy of a mapped task.
        map_index: MapIndex,
    },
}

/// Text that names no volume to fork from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAFork {
    /// It has another form.
    #[error("{0:?} names no volume of the run; write run, task:TASK_ID or task:TASK_ID/MAP_INDEX")]
    Form(String),
    /// Its task is none.
    #[error(transparent)]
    Id(#[from] IdError),
}

impl ForkFrom {
    /// The owner of the volume that it names, where the claim's own owner has a run.
    pub fn source(&self, own: &WorkflowRef) -> Option<WorkflowRef> {
        let task = match self {
            Self::Run => None,
            Self::Task { task, map_index } => Some((task.clone(), *map_index)),
        };
        WorkflowRef::new(own.instance().clone(), own.dag().clone(), Some(own.run()?.clone()), task)
    }
}

impl FromStr for ForkFrom {
    type Err = NotAFork;

    fn from_str(text: &str) -> Result<Self, NotAFork> {
        if text == RUN {
            return Ok(Self::Run);
        }
        let task = text.strip_prefix(TASK).ok_or_else(|| NotAFork::Form(text.to_owned()))?;
        // No task_id has a slash.
        let (task, map_index) = match task.split_once('/') {
            Some((task, index)) => (task, MapIndex::parse(index)?),
            None => (task, MapIndex::UNMAPPED),
        };
        Ok(Self::Task { task: TaskId::parse(task)?, map_index })
    }
}

/// What [`ForkFrom::from_str`] reads as the same.
impl fmt::Display for ForkFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => f.write_str(RUN),
            Self::Task { task, map_index: MapIndex::UNMAPPED } => write!(f, "{TASK}{task}"),
            Self::Task { task, map_index } => write!(f, "{TASK}{task}/{map_index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::fixtures::workflow;

    #[test]
    fn a_fork_names_a_volume_of_its_own_run() {
        let own = workflow("airflow/etl/r1/train/3");
        for (text, source) in [
            ("run", "airflow/etl/r1"),
            ("task:group.load", "airflow/etl/r1/group.load/-1"),
            ("task:load/0", "airflow/etl/r1/load/0"),
        ] {
            let fork: ForkFrom = text.parse().expect(text);
            assert_eq!(fork.source(&own), Some(workflow(source)));
            assert_eq!(fork.to_string(), text);
        }
        assert_eq!(ForkFrom::Run.source(&workflow("airflow/etl")), None);
    }

    #[test]
    fn what_names_no_volume_of_the_run_is_refused() {
        for bad in ["", "dag", "task", "task:", "task:a/", "task:a/x", "task:a b", "task:{{ x }}", "runs"] {
            assert!(bad.parse::<ForkFrom>().is_err(), "{bad:?}");
        }
    }
}
