use std::collections::BTreeMap;

use super::*;
use crate::workflow::{
    DagId, MapIndex, Ownership, RunId, TaskId,
    fixtures::{recorded_pod, workflow},
    label::airflow_label,
    owner,
};

const RUN: &str = "scheduled__2025-01-01T00%3A00%3A00%2B00%3A00";

fn check(owner: &WorkflowRef, recording: &str) -> Result<Verified<WorkflowRef>, Mismatch> {
    check_pod(owner, &recorded_pod(recording))
}

fn check_pod(owner: &WorkflowRef, pod: &Pod) -> Result<Verified<WorkflowRef>, Mismatch> {
    verify(&owner.into(), pod, &Instances::default())
}

/// The owner as the node gets it.
fn travel(owner: &WorkflowRef) -> OwnerView {
    let map = owner::to_map(&Ownership::Workflow(owner.clone()));
    owner::from_map(&map).expect("readable").expect("an owner")
}

fn owner(canonical: &str) -> WorkflowRef {
    workflow(&canonical.replace("RUN", RUN))
}

fn field(result: Result<Verified<WorkflowRef>, Mismatch>) -> Field {
    result.expect_err("a mismatch").difference.field()
}

#[test]
fn a_pod_of_the_owners_task_run_or_dag_is_verified_exactly() {
    for canonical in ["airflow/etl_daily/RUN/extract/-1", "airflow/etl_daily/RUN", "airflow/etl_daily"] {
        let verified = check(&owner(canonical), "af3_ke_normal_scheduled").expect("the owner's pod");
        assert_eq!(verified.value(), &owner(canonical));
        assert_eq!(verified.strength(), Strength::Exact);
        assert_eq!(verified.pod().name, "etl-daily-extract-jgytcjyi");
    }
}

#[test]
fn each_part_of_a_task_is_compared() {
    for (canonical, differs) in [
        ("other/etl_daily/RUN/extract/-1", Field::Instance),
        ("airflow/etl_hourly/RUN/extract/-1", Field::DagId),
        ("airflow/etl_daily/manual__1/extract/-1", Field::RunId),
        ("airflow/etl_daily/RUN/load/-1", Field::TaskId),
        ("airflow/etl_daily/RUN/extract/0", Field::MapIndex),
    ] {
        assert_eq!(field(check(&owner(canonical), "af3_ke_normal_scheduled")), differs, "{canonical}");
    }
}

#[test]
fn a_run_is_compared_without_its_task_and_a_dag_without_its_run() {
    assert!(check(&owner("airflow/etl_daily/RUN"), "af3_ke_mapped").is_ok());
    assert!(check(&owner("airflow/etl_daily"), "af3_kpo_mapped_pvc").is_ok());
    assert_eq!(field(check(&owner("airflow/etl_daily/RUN"), "af3_kpo_mapped_pvc")), Field::RunId);
}

#[test]
fn a_mapped_task_has_only_its_own_index() {
    assert!(check(&owner("airflow/etl_daily/RUN/transform_group.transform/7"), "af2_ke_mapped").is_ok());
    for other in ["6", "-1"] {
        let canonical = format!("airflow/etl_daily/RUN/transform_group.transform/{other}");
        assert_eq!(field(check(&owner(&canonical), "af3_ke_mapped")), Field::MapIndex);
    }
}

#[test]
fn labels_alone_verify_one_way_and_say_so() {
    let verified = check(&owner("airflow/etl_daily/RUN/train/-1"), "af3_kpo_normal").expect("the labels match");
    assert_eq!(verified.strength(), Strength::LabelHash);
    assert_eq!(field(check(&owner("airflow/etl_daily/manual__1"), "af3_kpo_normal")), Field::RunId);
}

#[test]
fn annotations_tell_two_runs_apart_whose_labels_collide() {
    let a = owner("airflow/-dag.with-edges-/run%3A1%2B2/t_/-1");
    let b = owner("airflow/dag.with-edges-c66c61083/run12-afea9d4a9/t-33d88f7fc/-1");
    assert!(check(&a, "af3_ke_collision_prefix_a").is_ok());
    assert!(check(&b, "af3_ke_collision_prefix_b").is_ok());
    assert_eq!(field(check(&a, "af3_ke_collision_prefix_b")), Field::DagId);
    assert_eq!(field(check(&b, "af3_ke_collision_prefix_a")), Field::DagId);
}

/// What labels can't tell apart: why a label match is marked, and why it never selects an existing volume.
#[test]
fn labels_alone_cannot_tell_those_two_runs_apart() {
    let a = owner("airflow/-dag.with-edges-/run%3A1%2B2/t_/-1");
    let mut pod = recorded_pod("af3_ke_collision_prefix_b");
    pod.annotations = BTreeMap::new();
    let verified = check_pod(&a, &pod).expect("the labels collide");
    assert_eq!(verified.strength(), Strength::LabelHash);
}

#[test]
fn a_pod_override_that_names_a_victim_is_refused() {
    let victim = owner("airflow/victim_dag/victim_run/t/-1");
    assert!(check(&victim, "af3_ke_override_spoof").is_err());
    let in_its_own_namespace = owner("other-ns/victim_dag/victim_run/t/-1");
    assert_eq!(field(check(&in_its_own_namespace, "af3_ke_override_spoof")), Field::RunId);
}

#[test]
fn a_perfect_forgery_still_cannot_leave_its_namespace() {
    let mut pod = recorded_pod("af3_ke_normal_scheduled");
    pod.reference.namespace = "other-ns".to_owned();
    let mismatch = check_pod(&owner("airflow/etl_daily/RUN"), &pod).expect_err("another instance");
    assert_eq!(mismatch.difference.field(), Field::Instance);
}

#[test]
fn a_kubernetes_pod_operators_annotation_cannot_name_a_victim() {
    let victim = workflow("airflow/victim");
    assert_eq!(field(check(&victim, "af3_kpo_spoof_labels")), Field::DagId);
}

#[test]
fn long_unicode_ids_match_after_travelling_as_hashes() {
    let pod = recorded_pod("af3_ke_long_unicode");
    let id = |key: &str| pod.annotations[key].clone();
    let owner = WorkflowRef::Task {
        instance: Instance::parse("airflow").expect("valid"),
        dag: DagId::parse(&id("dag_id")).expect("valid"),
        run: RunId::parse(&id("run_id")).expect("valid"),
        task: TaskId::parse(&id("task_id")).expect("valid"),
        map_index: MapIndex::UNMAPPED,
    };
    assert!(owner.workflow_id().starts_with("sha256:"));
    let travelled = travel(&owner);
    let verified = verify(&travelled, &pod, &Instances::default()).expect("the owner's pod");
    assert_eq!(verified.value(), &owner);
    let by_label = check(&owner, "af3_kpo_long_unicode").expect("the labels match");
    assert_eq!(by_label.strength(), Strength::LabelHash);
}

#[test]
fn a_label_cannot_be_compared_with_a_hash() {
    let dag = "客".repeat(200);
    let owner = WorkflowRef::Dag {
        instance: Instance::parse("airflow").expect("valid"),
        dag: DagId::parse(&dag).expect("valid"),
    };
    let travelled = travel(&owner);
    let mut pod = recorded_pod("af3_kpo_normal");
    pod.labels.insert("dag_id".to_owned(), airflow_label(&dag));
    let mismatch = verify(&travelled, &pod, &Instances::default()).expect_err("a label proves no hash");
    assert!(matches!(*mismatch.difference, Difference::LabelOnly { .. }), "{mismatch}");
    assert!(mismatch.to_string().contains("linflow.csi/dag-id"), "{mismatch}");
}

#[test]
fn a_pod_outside_airflow_is_told_which_annotation_it_lacks() {
    let mut pod = recorded_pod("af3_kpo_normal");
    pod.labels = BTreeMap::new();
    let mismatch = check_pod(&owner("airflow/etl_daily/RUN"), &pod).expect_err("no evidence");
    let message = mismatch.to_string();
    assert!(message.contains("no dag_id") && message.contains("linflow.csi/dag-id"), "{message}");
}

#[test]
fn the_instance_is_the_one_that_lists_the_pods_namespace() {
    let instances: Instances = "prod=airflow".parse().expect("a good list");
    let pod = recorded_pod("af3_ke_normal_scheduled");
    let of = |canonical: &str| verify(&(&owner(canonical)).into(), &pod, &instances);
    assert!(of("prod/etl_daily").is_ok());
    assert_eq!(of("airflow/etl_daily").expect_err("not its instance").difference.field(), Field::Instance);
}

#[test]
fn a_mismatch_names_pod_owner_claimant_and_field() {
    let mismatch = check(&owner("airflow/etl_daily/manual__1"), "af3_ke_normal_scheduled").expect_err("another run");
    assert_eq!(
        mismatch.to_string(),
        "pod airflow/etl-daily-extract-jgytcjyi runs DAG etl_daily, run scheduled__2025-01-01T00:00:00+00:00, \
         task extract of namespace airflow: run_id differs (owner's \"manual__1\", \
         pod's \"scheduled__2025-01-01T00:00:00+00:00\")"
    );
}
