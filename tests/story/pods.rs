//! Airflow's pods, as they were recorded, of the tasks and tries that a story needs.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::kubernetes::{Kubernetes, name_of, recorded, with_uid};

/// The run of the recorded pods.
pub const RUN: &str = "scheduled__2025-01-01T00:00:00+00:00";
/// Their DAG.
pub const DAG: &str = "etl_daily";

/// A pod of `KubernetesExecutor`, in the namespace `airflow` unless it says otherwise.
#[derive(Clone)]
pub struct Pod {
    pub name: String,
    pub namespace: &'static str,
    pub uid: String,
    manifest: String,
}

impl Pod {
    /// A pod as it was recorded, with a UID of its own.
    pub fn recorded(recording: &str) -> Self {
        let uid = new_uid();
        let manifest = with_uid(&recorded(recording), &uid);
        Self { name: name_of(recording), namespace: "airflow", uid, manifest }
    }

    /// The pod of a try of that task, in the run of the recording. Every second one is of Airflow 2.11, as after an
    /// upgrade that was taken back.
    pub fn of(task: &str, try_number: u32) -> Self {
        Self::recorded(if try_number.is_multiple_of(2) { "af2_ke_normal_scheduled" } else { "af3_ke_ephemeral_pvc" })
            .changed("task_id: extract", &format!("task_id: {task}"))
            .tried(try_number)
            .named(&format!("etl-daily-{task}-{try_number}"))
    }

    /// The pod of a copy of the mapped task.
    pub fn mapped(index: u32, try_number: u32) -> Self {
        Self::recorded(if try_number.is_multiple_of(2) { "af2_ke_mapped" } else { "af3_ke_mapped" })
            .changed("map_index: '7'", &format!("map_index: '{index}'"))
            .tried(try_number)
            .named(&format!("etl-daily-transform-{index}-{try_number}"))
    }

    /// The same in another namespace.
    pub fn in_namespace(self, namespace: &'static str) -> Self {
        let manifest = format!("  namespace: {namespace}\n");
        Self { namespace, ..self.changed("  namespace: airflow\n", &manifest) }
    }

    /// The pod is there, in that phase.
    pub fn put(&self, kubernetes: &Kubernetes, phase: &str) {
        kubernetes.put(&self.file(), &format!("{}status:\n  phase: {phase}\n", self.manifest));
    }

    /// The pod is gone.
    pub fn remove(&self, kubernetes: &Kubernetes) {
        kubernetes.remove(&self.file());
    }

    fn file(&self) -> String {
        format!("pod-{}-{}", self.namespace, self.name)
    }

    fn tried(self, try_number: u32) -> Self {
        self.changed("try_number: '1'", &format!("try_number: '{try_number}'"))
    }

    fn named(self, name: &str) -> Self {
        let before = format!("  name: {}\n", self.name);
        Self { name: name.to_owned(), ..self.changed(&before, &format!("  name: {name}\n")) }
    }

    /// Annotations and labels alike.
    fn changed(self, from: &str, to: &str) -> Self {
        assert!(self.manifest.contains(from), "the recording has {from:?}");
        Self { manifest: self.manifest.replace(from, to), ..self }
    }
}

/// A UID as the API server gives, that no other object of the test has.
pub fn new_uid() -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    format!("{:08x}-2222-4333-8444-555555555555", LAST.fetch_add(1, Ordering::Relaxed))
}
