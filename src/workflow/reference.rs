//! A workflow, named as wide as its scope, and its canonical text.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::{
    id::{DagId, IdError, Instance, MapIndex, RunId, TaskId},
    scope::Scope,
};

/// The longest canonical text, in characters, that stands in a `workflow-id` property; a longer one is hashed.
pub const MAX_WORKFLOW_ID: usize = 512;

/// All but RFC 3986's unreserved characters, so that `/` can only be a separator.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A workflow: the parts that its scope has, and no others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum WorkflowRef {
    /// Every run of a DAG.
    Dag {
        /// The Airflow deployment.
        instance: Instance,
        /// The DAG.
        dag: DagId,
    },
    /// Every task of one run.
    Run {
        /// The Airflow deployment.
        instance: Instance,
        /// The DAG.
        dag: DagId,
        /// The run.
        run: RunId,
    },
    /// One task instance, whichever its try.
    Task {
        /// The Airflow deployment.
        instance: Instance,
        /// The DAG.
        dag: DagId,
        /// The run.
        run: RunId,
        /// The task.
        task: TaskId,
        /// Which copy of a mapped task.
        map_index: MapIndex,
    },
}

/// Text that is no canonical workflow id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Not 2, 3 or 5 parts, or a part that is not encoded as it would be written.
    #[error("{0:?} is not instance/dag_id[/run_id[/task_id/map_index]] with each part percent-encoded")]
    Form(String),
    /// A part that is no id.
    #[error(transparent)]
    Id(#[from] IdError),
}

impl WorkflowRef {
    /// The reference that the parts make; none where there is a task without a run.
    pub fn new(instance: Instance, dag: DagId, run: Option<RunId>, task: Option<(TaskId, MapIndex)>) -> Option<Self> {
        match (run, task) {
            (None, None) => Some(Self::Dag { instance, dag }),
            (Some(run), None) => Some(Self::Run { instance, dag, run }),
            (Some(run), Some((task, map_index))) => Some(Self::Task { instance, dag, run, task, map_index }),
            (None, Some(_)) => None,
        }
    }

    /// How wide it is.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Dag { .. } => Scope::Dag,
            Self::Run { .. } => Scope::Run,
            Self::Task { .. } => Scope::Task,
        }
    }

    /// The Airflow deployment.
    pub fn instance(&self) -> &Instance {
        match self {
            Self::Dag { instance, .. } | Self::Run { instance, .. } | Self::Task { instance, .. } => instance,
        }
    }

    /// The DAG.
    pub fn dag(&self) -> &DagId {
        match self {
            Self::Dag { dag, .. } | Self::Run { dag, .. } | Self::Task { dag, .. } => dag,
        }
    }

    /// The run, where the scope has one.
    pub fn run(&self) -> Option<&RunId> {
        match self {
            Self::Dag { .. } => None,
            Self::Run { run, .. } | Self::Task { run, .. } => Some(run),
        }
    }

    /// The task and its map index, where the scope has them.
    pub fn task(&self) -> Option<(&TaskId, MapIndex)> {
        match self {
            Self::Dag { .. } | Self::Run { .. } => None,
            Self::Task { task, map_index, .. } => Some((task, *map_index)),
        }
    }

    /// `instance/dag_id[/run_id[/task_id/map_index]]`, each part percent-encoded: two workflows never share it.
    pub fn canonical(&self) -> String {
        let encode = |part: &str| utf8_percent_encode(part, ENCODED).to_string();
        let mut parts = vec![encode(self.instance().as_str()), encode(self.dag().as_str())];
        parts.extend(self.run().map(|run| encode(run.as_str())));
        if let Some((task, map_index)) = self.task() {
            parts.extend([encode(task.as_str()), map_index.to_string()]);
        }
        parts.join("/")
    }

    /// The canonical text, or `sha256:<hex>` of it where it is longer than [`MAX_WORKFLOW_ID`].
    pub fn workflow_id(&self) -> String {
        let canonical = self.canonical();
        if canonical.len() <= MAX_WORKFLOW_ID { canonical } else { sha256_text(&canonical) }
    }

    /// Parses the canonical text; nothing but what [`Self::canonical`] writes is taken.
    pub fn parse(canonical: &str) -> Result<Self, ReferenceError> {
        let form = || ReferenceError::Form(canonical.to_owned());
        let decode = |part: &str| percent_decode_str(part).decode_utf8().map(|text| text.into_owned());
        let parts: Vec<String> = canonical.split('/').map(decode).collect::<Result<_, _>>().map_err(|_| form())?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (instance, dag, run, task) = match parts[..] {
            [instance, dag] => (instance, dag, None, None),
            [instance, dag, run] => (instance, dag, Some(run), None),
            [instance, dag, run, task, index] => (instance, dag, Some(run), Some((task, index))),
            _ => return Err(form()),
        };
        let run = run.map(RunId::parse).transpose()?;
        let task = task.map(|(task, index)| Ok::<_, IdError>((TaskId::parse(task)?, MapIndex::parse(index)?)));
        let parsed = Self::new(Instance::parse(instance)?, DagId::parse(dag)?, run, task.transpose()?);
        parsed.filter(|reference| reference.canonical() == canonical).ok_or_else(form)
    }
}

/// In an engineer's words: `DAG etl_daily, run …, task … of airflow`.
impl fmt::Display for WorkflowRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DAG {}", self.dag())?;
        if let Some(run) = self.run() {
            write!(f, ", run {run}")?;
        }
        match self.task() {
            Some((task, MapIndex::UNMAPPED)) => write!(f, ", task {task}")?,
            Some((task, map_index)) => write!(f, ", task {task}[{map_index}]")?,
            None => {}
        }
        write!(f, " of Airflow {}", self.instance())
    }
}

/// The text's SHA-256 in 64 lower-case hex digits.
pub fn sha256_hex(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `sha256:` and the hash of the text in lower-case hex.
pub(super) fn sha256_text(text: &str) -> String {
    format!("sha256:{}", sha256_hex(text))
}

/// What a volume is tied to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Ownership {
    /// A workflow owns it: only pods of that workflow may have it.
    Workflow(WorkflowRef),
    /// An ordinary volume that goes with the pod that owns its claim.
    Pod,
    /// An ordinary volume that goes with its claim.
    None,
}

impl Ownership {
    /// How wide it is.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Workflow(workflow) => workflow.scope(),
            Self::Pod => Scope::Pod,
            Self::None => Scope::None,
        }
    }

    /// The workflow, where one owns it.
    pub fn workflow(&self) -> Option<&WorkflowRef> {
        match self {
            Self::Workflow(workflow) => Some(workflow),
            Self::Pod | Self::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::workflow::fixtures::any_workflow;

    fn dag(name: &str) -> WorkflowRef {
        WorkflowRef::Dag { instance: Instance::parse("a").expect("valid"), dag: DagId::parse(name).expect("valid") }
    }

    #[test]
    fn a_slash_in_a_run_id_makes_no_other_workflow() {
        let text = "a/d/x%2Ft";
        let run = WorkflowRef::parse(text).expect("canonical");
        assert_eq!(run.run().map(RunId::as_str), Some("x/t"));
        assert_eq!(run.scope(), Scope::Run);
        assert_eq!(run.canonical(), text);
    }

    #[test]
    fn only_the_canonical_spelling_is_taken() {
        for bad in ["", "a", "a/", "a/d/r/t", "a/d/r/t/1/2", "a/%64", "a/d/%3a", "a/d/a b", "a/d/%ff", "a/d/r/t/-2"] {
            assert!(WorkflowRef::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_long_canonical_id_is_hashed_and_a_short_one_is_not() {
        assert_eq!(dag(&"d".repeat(250)).workflow_id(), format!("a/{}", "d".repeat(250)));
        let long = dag(&"客".repeat(100)).workflow_id();
        assert_eq!(long.len(), "sha256:".len() + 64);
        assert!(long.starts_with("sha256:"), "{long}");
    }

    #[test]
    fn an_unmapped_task_says_minus_one() {
        let task = WorkflowRef::parse("airflow/etl/r1/load/-1").expect("canonical");
        assert_eq!(task.to_string(), "DAG etl, run r1, task load of Airflow airflow");
        assert_eq!(
            WorkflowRef::parse("airflow/etl/r1/load/7").expect("canonical").to_string(),
            "DAG etl, run r1, task load[7] of Airflow airflow"
        );
    }

    proptest! {
        #[test]
        fn the_canonical_text_reads_back_as_the_same_workflow(workflow in any_workflow()) {
            prop_assert_eq!(WorkflowRef::parse(&workflow.canonical()), Ok(workflow));
        }

        #[test]
        fn a_workflow_id_is_at_most_512_characters(workflow in any_workflow()) {
            prop_assert!(workflow.workflow_id().chars().count() <= MAX_WORKFLOW_ID);
        }
    }
}
