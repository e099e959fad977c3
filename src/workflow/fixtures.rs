//! What the room's tests share: the recorded pods and arbitrary workflows.

use proptest::prelude::*;

use super::{DagId, Heard, Instance, MapIndex, Pod, RunId, TaskId, Testimony, Verified, WorkflowRef, manifest};

/// A pod as Airflow wrote it, from tests/fixtures/airflow-pods.
pub(crate) fn recorded_pod(name: &str) -> Pod {
    let path = format!("{}/tests/fixtures/airflow-pods/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the fixture is there");
    let mut pods = manifest::Manifests::read(&text).expect("the fixture is a manifest").pods;
    assert_eq!(pods.len(), 1, "{name} holds one pod");
    pods.remove(0)
}

/// The workflow whose canonical text this is.
pub(crate) fn workflow(canonical: &str) -> WorkflowRef {
    WorkflowRef::parse(canonical).expect("the test gives a canonical id")
}

/// What is made of a claimant of whom a witness says this.
pub(crate) fn heard(claimant: Verified<WorkflowRef>, testimony: Testimony) -> Heard {
    Heard { claimant, testimony }
}

/// Any workflow of any scope, with ids of every length and script.
pub(crate) fn any_workflow() -> impl Strategy<Value = WorkflowRef> {
    let key = || prop_oneof!["[a-z0-9_.-]{1,250}", r"[\pL\pN_.-]{1,250}"];
    let run = prop_oneof!["[A-Za-z0-9_.~:+-]{1,250}", "sha256:[0-9a-f]{64}", r"[^\pC{]{1,250}"];
    let instance = "[A-Za-z0-9._-]{1,63}";
    (instance, key(), proptest::option::of((run, proptest::option::of((key(), -1..=i32::MAX))))).prop_map(
        |(instance, dag, rest)| {
            let (run, task) = rest.map_or((None, None), |(run, task)| (Some(run), task));
            let task = task.map(|(task, index)| {
                let index = MapIndex::parse(&index.to_string()).expect("a number from -1");
                (TaskId::parse(&task).expect("a key"), index)
            });
            WorkflowRef::new(
                Instance::parse(&instance).expect("an instance"),
                DagId::parse(&dag).expect("a key"),
                run.map(|run| RunId::parse(&run).expect("a run id")),
                task,
            )
            .expect("a task has a run")
        },
    )
}
