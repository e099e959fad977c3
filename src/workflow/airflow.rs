//! What a pod's metadata shows of its workflow: how Airflow writes its ids.
//!
//! KubernetesExecutor annotates the exact ids (`dag_id`, `run_id`, `task_id`, and `map_index` only where it is 0 or
//! more) and labels their sanitised form; KubernetesPodOperator writes labels alone. Our own prefixed annotations win
//! over Airflow's bare ones. An exact value whose label says otherwise was tampered with (`pod_override`, or a user's
//! own annotations) and proves nothing. The rest of a pod, its name among it, is no identity.

use std::fmt;

use super::{
    directory::Pod,
    id::{DagId, Id, IdError, MapIndex, RunId, TaskId},
    key,
    label::airflow_label,
};

const TRY_NUMBER: &str = "try_number";

/// One part of a workflow's identity, by Airflow's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// The Airflow deployment.
    Instance,
    /// The DAG.
    DagId,
    /// The run.
    RunId,
    /// The task.
    TaskId,
    /// Which copy of a mapped task.
    MapIndex,
}

impl Field {
    /// Airflow's name, which is also its annotation and label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::DagId => "dag_id",
            Self::RunId => "run_id",
            Self::TaskId => "task_id",
            Self::MapIndex => "map_index",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An id as a pod shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown<T> {
    /// By annotation: the id itself.
    Exact(T),
    /// By Airflow's label alone, which several ids may share.
    Label(String),
}

impl<T: fmt::Display> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(id) => id.fmt(f),
            Self::Label(label) => write!(f, "{label} (label)"),
        }
    }
}

/// Metadata that proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// An annotation that is no id.
    #[error("its {field} annotation can't be used: {because}")]
    Unusable {
        /// Which id.
        field: Field,
        /// What is wrong with it.
        because: IdError,
    },
    /// An annotation and Airflow's label of the same id disagree.
    #[error(
        "its {field} annotation says {annotation:?}, but the label that Airflow wrote says {label:?}; don't override Airflow's {field}"
    )]
    Contradiction {
        /// Which id.
        field: Field,
        /// The annotation's value.
        annotation: String,
        /// The label's value.
        label: String,
    },
}

impl EvidenceError {
    /// The id that can't be read.
    pub fn field(&self) -> Field {
        match self {
            Self::Unusable { field, .. } | Self::Contradiction { field, .. } => *field,
        }
    }
}

/// Everything that a pod shows of its workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The DAG, where the pod shows one.
    pub dag: Option<Shown<DagId>>,
    /// The run, where the pod shows one (Airflow 2.2 and later).
    pub run: Option<Shown<RunId>>,
    /// The task, where the pod shows one.
    pub task: Option<Shown<TaskId>>,
    /// Which copy of a mapped task; unmapped where the pod shows none.
    pub map_index: MapIndex,
    /// Which attempt, counting from 1; for the record only, since a requeue reuses it.
    pub try_number: Option<u32>,
    /// Airflow's UUID of the task instance (3.4 and later, written after `pod_override`).
    pub ti_id: Option<String>,
}

impl Evidence {
    /// Reads a pod's annotations and labels. Errors: an id that is none, or that its label contradicts.
    pub fn read(pod: &Pod) -> Result<Self, EvidenceError> {
        Ok(Self {
            dag: read_id(pod, Field::DagId, key::DAG_ID)?,
            run: read_id(pod, Field::RunId, key::RUN_ID)?,
            task: read_id(pod, Field::TaskId, key::TASK_ID)?,
            map_index: read_map_index(pod)?,
            // Neither decides anything, so one that can't be read is as good as none.
            try_number: [
                pod.annotations.get(key::TRY_NUMBER),
                pod.annotations.get(TRY_NUMBER),
                pod.labels.get(TRY_NUMBER),
            ]
            .into_iter()
            .flatten()
            .find_map(|it| it.parse().ok()),
            ti_id: pod.annotations.get("task_instance_id").cloned(),
        })
    }

    /// The run as Airflow labels it, however the pod shows it: one text for pods that show the id and those that don't.
    pub fn run_label(&self) -> Option<String> {
        self.run.as_ref().map(|run| match run {
            Shown::Exact(id) => airflow_label(id.as_str()),
            Shown::Label(label) => label.clone(),
        })
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(dag) = &self.dag else { return f.write_str("no Airflow task that it shows") };
        write!(f, "DAG {dag}")?;
        self.run.as_ref().map_or(Ok(()), |run| write!(f, ", run {run}"))?;
        self.task.as_ref().map_or(Ok(()), |task| write!(f, ", task {task}"))?;
        if self.map_index == MapIndex::UNMAPPED { Ok(()) } else { write!(f, "[{}]", self.map_index) }
    }
}

/// Our annotation, else Airflow's.
fn annotation<'a>(pod: &'a Pod, field: Field, ours: &str) -> Option<&'a String> {
    pod.annotations.get(ours).or_else(|| pod.annotations.get(field.as_str()))
}

fn read_id<T: Id>(pod: &Pod, field: Field, ours: &str) -> Result<Option<Shown<T>>, EvidenceError> {
    let label = pod.labels.get(field.as_str());
    let Some(annotation) = annotation(pod, field, ours) else { return Ok(label.cloned().map(Shown::Label)) };
    let id = T::parse(annotation).map_err(|because| EvidenceError::Unusable { field, because })?;
    match label {
        Some(label) if *label != airflow_label(annotation) => Err(contradiction(field, annotation, label)),
        _ => Ok(Some(Shown::Exact(id))),
    }
}

/// A decimal number is its own label, so either will do; but both say the same where both are there.
fn read_map_index(pod: &Pod) -> Result<MapIndex, EvidenceError> {
    let field = Field::MapIndex;
    let label = pod.labels.get(field.as_str());
    let annotation = annotation(pod, field, key::MAP_INDEX);
    match (annotation.or(label), annotation, label) {
        (_, Some(annotation), Some(label)) if annotation != label => Err(contradiction(field, annotation, label)),
        (Some(index), ..) => MapIndex::parse(index).map_err(|because| EvidenceError::Unusable { field, because }),
        (None, ..) => Ok(MapIndex::UNMAPPED),
    }
}

fn contradiction(field: Field, annotation: &str, label: &str) -> EvidenceError {
    EvidenceError::Contradiction { field, annotation: annotation.to_owned(), label: label.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::fixtures::recorded_pod;

    fn read(recording: &str) -> Result<Evidence, EvidenceError> {
        Evidence::read(&recorded_pod(recording))
    }

    #[test]
    fn kubernetes_executor_pods_show_exact_ids_in_both_airflow_versions() {
        for recording in ["af2_ke_mapped", "af3_ke_mapped"] {
            let evidence = read(recording).expect("consistent");
            let run = "scheduled__2025-01-01T00:00:00+00:00";
            assert_eq!(evidence.dag, Some(Shown::Exact(DagId::parse("etl_daily").expect("valid"))));
            assert_eq!(evidence.run, Some(Shown::Exact(RunId::parse(run).expect("valid"))));
            assert_eq!(evidence.task, Some(Shown::Exact(TaskId::parse("transform_group.transform").expect("valid"))));
            assert_eq!((evidence.map_index.get(), evidence.try_number), (7, Some(1)));
        }
    }

    #[test]
    fn a_pod_without_map_index_is_unmapped() {
        assert_eq!(read("af3_ke_normal_scheduled").expect("consistent").map_index, MapIndex::UNMAPPED);
    }

    #[test]
    fn long_unicode_ids_are_read_exactly() {
        let evidence = read("af3_ke_long_unicode").expect("consistent");
        let Some(Shown::Exact(dag)) = evidence.dag else { panic!("an annotation gives the exact id") };
        assert!(dag.as_str().starts_with("données_客户_pipeline.v2-x"));
        assert!(dag.as_str().len() > dag.as_str().chars().count());
    }

    #[test]
    fn kubernetes_pod_operator_pods_show_labels_alone() {
        let evidence = read("af3_kpo_mapped_pvc").expect("consistent");
        assert_eq!(
            evidence.run,
            Some(Shown::Label("manual__2025-11-23T033155.1234560000_Ab3dEf9Z-d63b2bd6b".to_owned()))
        );
        assert_eq!(evidence.map_index.get(), 3);
        assert!(evidence.to_string().ends_with("task train (label)[3]"), "{evidence}");
    }

    #[test]
    fn our_annotations_win_over_airflows() {
        let mut pod = recorded_pod("af3_kpo_templated_annotations");
        let run = "manual__2025-11-23T03:31:55.123456+00:00_Ab3dEf9Z";
        pod.annotations.insert(key::RUN_ID.to_owned(), run.to_owned());
        pod.annotations.insert("run_id".to_owned(), "victim_run".to_owned());
        let evidence = Evidence::read(&pod).expect("consistent");
        assert_eq!(evidence.run, Some(Shown::Exact(RunId::parse(run).expect("valid"))));
    }

    #[test]
    fn an_annotation_that_the_label_contradicts_is_refused() {
        for (recording, field) in [("af3_kpo_spoof_labels", Field::DagId), ("af3_ke_override_spoof", Field::RunId)] {
            let error = read(recording).expect_err("tampered with");
            assert!(matches!(error, EvidenceError::Contradiction { .. }), "{error}");
            assert_eq!(error.field(), field, "{recording}");
        }
    }

    #[test]
    fn a_map_index_that_its_label_contradicts_is_refused() {
        let mut pod = recorded_pod("af3_ke_mapped");
        pod.annotations.insert("map_index".to_owned(), "8".to_owned());
        assert_eq!(Evidence::read(&pod).expect_err("tampered with").field(), Field::MapIndex);
    }

    #[test]
    fn an_unrendered_annotation_is_refused() {
        let mut pod = recorded_pod("af3_kpo_normal");
        pod.annotations.insert(key::RUN_ID.to_owned(), "{{ run_id }}".to_owned());
        let error = Evidence::read(&pod).expect_err("a template");
        assert!(error.to_string().contains("Jinja isn't rendered there"), "{error}");
    }
}
