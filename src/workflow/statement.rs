//! What one place says of a claim: the parameters of its StorageClass, or the annotations of the claim or its pod.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use super::{
    fork::ForkFrom,
    id::{DagId, Instance, MapIndex, RunId, TaskId},
    key,
    reference::WorkflowRef,
    retain::Retain,
    scope::Scope,
};

/// What was said under our keys; what is under others is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Statement {
    pub(super) scope: Option<Scope>,
    pub(super) instance: Option<Instance>,
    pub(super) ids: Ids,
    pub(super) retain: Option<Retain>,
    pub(super) from: Option<ForkFrom>,
}

/// The ids that are given, exact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ids {
    pub(super) dag: Option<DagId>,
    pub(super) run: Option<RunId>,
    pub(super) task: Option<TaskId>,
    pub(super) map_index: Option<MapIndex>,
}

/// A value that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {because}")]
pub struct ValueError {
    /// Under which key it stands.
    pub key: &'static str,
    /// What is wrong with it, and what to write.
    pub because: String,
}

/// The value of a key, parsed; none where the key isn't there.
pub(super) fn value<T, E: Display>(
    map: &BTreeMap<String, String>,
    key: &'static str,
    parse: fn(&str) -> Result<T, E>,
) -> Result<Option<T>, ValueError> {
    let parsed = map.get(key).map(|text| parse(text)).transpose();
    parsed.map_err(|because| ValueError { key, because: because.to_string() })
}

impl Statement {
    /// Reads parameters or annotations, others among them.
    pub(super) fn read(map: &BTreeMap<String, String>) -> Result<Self, ValueError> {
        Ok(Self {
            scope: value(map, key::SCOPE, Scope::from_str)?,
            instance: value(map, key::INSTANCE, Instance::parse)?,
            ids: Ids {
                dag: value(map, key::DAG_ID, DagId::parse)?,
                run: value(map, key::RUN_ID, RunId::parse)?,
                task: value(map, key::TASK_ID, TaskId::parse)?,
                map_index: value(map, key::MAP_INDEX, MapIndex::parse)?,
            },
            retain: value(map, key::RETAIN, Retain::from_str)?,
            from: value(map, key::FROM, ForkFrom::from_str)?,
        })
    }
}

impl Ids {
    /// The narrowest scope that the ids name.
    pub(super) fn fits(&self) -> Scope {
        match self {
            Self { task: Some(_), .. } => Scope::Task,
            Self { run: Some(_), .. } => Scope::Run,
            Self { dag: Some(_), .. } => Scope::Dag,
            _ => Scope::None,
        }
    }

    /// An id that is there without the one that it stands in, and that one.
    pub(super) fn orphan(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self { task: None, map_index: Some(_), .. } => Some((key::MAP_INDEX, key::TASK_ID)),
            Self { run: None, task: Some(_), .. } => Some((key::TASK_ID, key::RUN_ID)),
            Self { dag: None, run: Some(_), .. } => Some((key::RUN_ID, key::DAG_ID)),
            _ => None,
        }
    }

    /// The key of the narrowest id.
    pub(super) fn narrowest(&self) -> Option<&'static str> {
        match self.fits() {
            Scope::Task => Some(key::TASK_ID),
            Scope::Run => Some(key::RUN_ID),
            Scope::Dag => Some(key::DAG_ID),
            Scope::Pod | Scope::None => None,
        }
    }

    /// The key of the widest id that an owner of this scope needs and that isn't there.
    pub(super) fn lacks(&self, scope: Scope) -> Option<&'static str> {
        match scope {
            Scope::Task | Scope::Run | Scope::Dag if self.dag.is_none() => Some(key::DAG_ID),
            Scope::Task | Scope::Run if self.run.is_none() => Some(key::RUN_ID),
            Scope::Task if self.task.is_none() => Some(key::TASK_ID),
            _ => None,
        }
    }

    /// The workflow of this scope; narrower ids are left out. None where the scope has no owner, or an id is missing
    /// ([`Self::lacks`]).
    pub(super) fn workflow(self, scope: Scope, instance: Instance) -> Option<WorkflowRef> {
        let Self { dag, run, task, map_index } = self;
        let task = task.map(|task| (task, map_index.unwrap_or(MapIndex::UNMAPPED)));
        match scope {
            Scope::Task => WorkflowRef::new(instance, dag?, Some(run?), Some(task?)),
            Scope::Run => WorkflowRef::new(instance, dag?, Some(run?), None),
            Scope::Dag => WorkflowRef::new(instance, dag?, None, None),
            Scope::Pod | Scope::None => None,
        }
    }
}
