//! The keys under which people and Kubernetes name a workflow to us: StorageClass parameters and pod annotations.

/// The prefix of every parameter and annotation of ours.
pub const PREFIX: &str = "linflow.csi/";
/// The Airflow deployment (parameter).
pub const INSTANCE: &str = "linflow.csi/instance";
/// Airflow's dag_id (parameter and annotation).
pub const DAG_ID: &str = "linflow.csi/dag-id";
/// Airflow's run_id (parameter and annotation).
pub const RUN_ID: &str = "linflow.csi/run-id";
/// Airflow's task_id (parameter and annotation).
pub const TASK_ID: &str = "linflow.csi/task-id";
/// Airflow's map_index (parameter and annotation); a task without one isn't mapped.
pub const MAP_INDEX: &str = "linflow.csi/map-index";
/// How wide the owner is: task, run, dag, pod or none (parameter).
pub const SCOPE: &str = "linflow.csi/scope";
/// Every parameter that names a workflow.
pub const PARAMETERS: [&str; 6] = [INSTANCE, DAG_ID, RUN_ID, TASK_ID, MAP_INDEX, SCOPE];

/// The claim's name, which external-provisioner adds to the parameters with `--extra-create-metadata`.
pub const PVC_NAME: &str = "csi.storage.k8s.io/pvc/name";
/// The claim's namespace, which external-provisioner adds to the parameters with `--extra-create-metadata`.
pub const PVC_NAMESPACE: &str = "csi.storage.k8s.io/pvc/namespace";
