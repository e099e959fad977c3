//! The keys under which people and Kubernetes name a workflow to us: StorageClass parameters, and annotations of claims
//! and pods.

/// The prefix of every parameter and annotation of ours.
pub const PREFIX: &str = "linflow.csi/";
/// The Airflow deployment.
pub const INSTANCE: &str = "linflow.csi/instance";
/// Airflow's dag_id.
pub const DAG_ID: &str = "linflow.csi/dag-id";
/// Airflow's run_id.
pub const RUN_ID: &str = "linflow.csi/run-id";
/// Airflow's task_id.
pub const TASK_ID: &str = "linflow.csi/task-id";
/// Airflow's map_index; a task without one isn't mapped.
pub const MAP_INDEX: &str = "linflow.csi/map-index";
/// How wide the owner is: task, run, dag, pod or none.
pub const SCOPE: &str = "linflow.csi/scope";
/// How long the volume is kept after its run.
pub const RETAIN: &str = "linflow.csi/retain";
/// After how long without a claim the volume goes though nothing proves its run's end (parameter alone).
pub const REAP_UNPROVEN: &str = "linflow.csi/reap-unproven";
/// Which volume of the same run it begins as a copy of.
pub const FROM: &str = "linflow.csi/from";
/// Which try a pod is of, for the record (annotation alone).
pub const TRY_NUMBER: &str = "linflow.csi/try-number";
/// How strictly pods are confirmed (parameter alone).
pub const CONFIRM: &str = "linflow.csi/confirm";
/// Every parameter that says whose a volume is, and how that is kept.
pub const PARAMETERS: [&str; 10] =
    [INSTANCE, DAG_ID, RUN_ID, TASK_ID, MAP_INDEX, SCOPE, RETAIN, REAP_UNPROVEN, FROM, CONFIRM];

/// The claim's name, which external-provisioner adds to the parameters with `--extra-create-metadata`.
pub const PVC_NAME: &str = "csi.storage.k8s.io/pvc/name";
/// The claim's namespace, which external-provisioner adds to the parameters with `--extra-create-metadata`.
pub const PVC_NAMESPACE: &str = "csi.storage.k8s.io/pvc/namespace";
