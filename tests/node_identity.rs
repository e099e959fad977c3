//! Who may mount a volume: at NodePublish the pod's recorded identity must be the one in the volume's tag.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use std::path::Path;

use support::{
    World, create,
    csi::resource,
    is_open,
    kubernetes::{Kubernetes, recorded},
    node::{OnNode, pod},
    refused,
};
use tonic::Code;

const RUN: &str = "scheduled__2025-01-01T00:00:00+00:00";
/// The pods of the recordings: file, name.
const EXTRACT: (&str, &str) = ("af3_ke_normal_scheduled", "etl-daily-extract-jgytcjyi");
const MAPPED: (&str, &str) = ("af3_ke_mapped", "etl-daily-transform-group-transform-icv7puxp");
const LABELS: (&str, &str) = ("af3_kpo_normal", "job-tnoprpwv");
const SPOOFED: (&str, &str) = ("af3_kpo_spoof_labels", "job-y97fl1rd");

/// A workflow, as StorageClass parameters.
type Owner<'a> = &'a [(&'a str, &'a str)];

const EXTRACTS: Owner<'_> =
    &[("instance", "airflow"), ("dag-id", "etl_daily"), ("run-id", RUN), ("task-id", "extract")];

/// A folder with the manifests of these recordings.
fn pods(recordings: &[(&str, &str)]) -> Kubernetes {
    let folder = Kubernetes::new();
    for (recording, _) in recordings {
        folder.put(recording, &recorded(recording));
    }
    folder
}

/// A volume of that owner, staged on node-1.
async fn staged(world: &World, name: &str, owner: Owner<'_>, pods: Option<&Path>) -> OnNode {
    let wanted = owner.iter().fold(create(name).mib(64), |create, (key, value)| create.parameter(key, value));
    let volume = world.controller.create(wanted).await.unwrap().volume_id;
    let on_node = OnNode::attach(world, &volume, "node-1", pods).await;
    on_node.stage().await.unwrap();
    on_node
}

/// Publishes for the pod, which must succeed, and takes it back.
async fn expect_permitted(on_node: &OnNode, name: &str) {
    on_node.publish(&pod("airflow", name, "u1")).await.unwrap();
    assert!(on_node.is_published().await);
    on_node.unpublish().await.unwrap();
    assert!(!on_node.is_published().await);
}

/// Publishes for the pod, which must be denied and mount nothing. Answers the message.
async fn denial(on_node: &OnNode, name: &str) -> String {
    let message = refused(on_node.publish(&pod("airflow", name, "u1")).await, Code::PermissionDenied);
    assert!(!on_node.is_published().await);
    message
}

#[tokio::test]
async fn a_recorded_pod_of_the_owner_is_permitted_at_every_scope() {
    let world = World::start().await;
    let folder = pods(&[EXTRACT, MAPPED, LABELS]);
    let dag: Owner<'_> = &EXTRACTS[..2];
    for (name, owner, members) in [
        ("of-dag", dag, vec![EXTRACT, MAPPED, LABELS]),
        ("of-run", &EXTRACTS[..3], vec![EXTRACT, MAPPED, LABELS]),
        ("of-task", EXTRACTS, vec![EXTRACT]),
    ] {
        let on_node = staged(&world, name, owner, Some(folder.path())).await;
        for (_, member) in members {
            expect_permitted(&on_node, member).await;
        }
    }
}

#[tokio::test]
async fn a_mapped_task_is_told_by_its_index() {
    let world = World::start().await;
    let folder = pods(&[MAPPED]);
    let mapped = |index| {
        let task = ("task-id", "transform_group.transform");
        [EXTRACTS[0], EXTRACTS[1], EXTRACTS[2], task, ("map-index", index)]
    };
    let mine = staged(&world, "mine", &mapped("7"), Some(folder.path())).await;
    expect_permitted(&mine, MAPPED.1).await;
    let other = staged(&world, "other", &mapped("8"), Some(folder.path())).await;
    let message = denial(&other, MAPPED.1).await;
    assert!(message.contains("map_index") && message.contains('7') && message.contains('8'), "{message}");
    let unmapped = staged(&world, "unmapped", &mapped("7")[..4], Some(folder.path())).await;
    assert!(denial(&unmapped, MAPPED.1).await.contains("map_index"));
}

#[tokio::test]
async fn publish_by_another_workflow_is_denied_naming_owner_claimant_and_field() {
    let world = World::start().await;
    let folder = pods(&[EXTRACT]);
    for (name, field, at, value) in [
        ("other-instance", "instance", 0, "prod"),
        ("other-dag", "dag_id", 1, "sales"),
        ("other-run", "run_id", 2, "manual__1"),
        ("other-task", "task_id", 3, "load"),
    ] {
        let mut owner = EXTRACTS.to_vec();
        owner[at].1 = value;
        let on_node = staged(&world, name, &owner, Some(folder.path())).await;
        let message = denial(&on_node, EXTRACT.1).await;
        for part in [field, value, EXTRACTS[at].1, EXTRACT.1, resource(&on_node.volume)] {
            assert!(message.contains(part), "{part} is missing: {message}");
        }
    }
}

#[tokio::test]
async fn metadata_that_contradicts_itself_proves_nothing() {
    let world = World::start().await;
    let folder = pods(&[SPOOFED]);
    for (name, dag) in [("victims", "victim"), ("attackers", "attacker_dag")] {
        let owner = [("instance", "airflow"), ("dag-id", dag)];
        let on_node = staged(&world, name, &owner, Some(folder.path())).await;
        assert!(denial(&on_node, SPOOFED.1).await.contains("dag_id"));
    }
}

#[tokio::test]
async fn a_pod_of_another_namespace_is_of_another_airflow() {
    let world = World::start().await;
    let folder = Kubernetes::new();
    folder.put("moved", &recorded(EXTRACT.0).replace("namespace: airflow", "namespace: elsewhere"));
    let on_node = staged(&world, "data", EXTRACTS, Some(folder.path())).await;
    let answer = on_node.publish(&pod("elsewhere", EXTRACT.1, "u1")).await;
    let message = refused(answer, Code::PermissionDenied);
    assert!(message.contains("instance") && message.contains("elsewhere"), "{message}");
}

#[tokio::test]
async fn a_tagged_volume_whose_pod_cannot_be_looked_up_is_unavailable() {
    let folder = pods(&[MAPPED]);
    let nowhere = folder.path().join("missing");
    for (name, dir) in [("no-flag", None), ("no-folder", Some(nowhere.as_path())), ("no-pod", Some(folder.path()))] {
        let world = World::start().await;
        let on_node = staged(&world, name, EXTRACTS, dir).await;
        for asking in [pod("airflow", EXTRACT.1, "u1"), Default::default()] {
            let status = on_node.publish(&asking).await.unwrap_err();
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
            assert!(is_open(&status) && !on_node.is_published().await);
        }
    }
}

#[tokio::test]
async fn a_namesake_with_another_uid_is_not_the_pod() {
    let world = World::start().await;
    let folder = Kubernetes::new();
    folder.put("pod", &recorded(EXTRACT.0).replace("  namespace: airflow", "  namespace: airflow\n  uid: u2"));
    let on_node = staged(&world, "data", EXTRACTS, Some(folder.path())).await;
    let message = refused(on_node.publish(&pod("airflow", EXTRACT.1, "u1")).await, Code::Unavailable);
    assert!(message.contains("u2"), "{message}");
    on_node.publish(&pod("airflow", EXTRACT.1, "u2")).await.unwrap();
}

#[tokio::test]
async fn an_untagged_volume_needs_no_look_up() {
    let world = World::start().await;
    for (name, owner) in [("nobodys", &[][..]), ("pods", &[("scope", "pod")][..])] {
        let on_node = staged(&world, name, owner, None).await;
        expect_permitted(&on_node, "any-pod").await;
        on_node.publish(&Default::default()).await.unwrap();
        on_node.unpublish().await.unwrap();
        on_node.unstage().await.unwrap();
    }
}

#[tokio::test]
async fn a_publish_context_that_lost_its_owner_is_refused() {
    let world = World::start().await;
    let folder = pods(&[EXTRACT]);
    let mut on_node = staged(&world, "data", EXTRACTS, Some(folder.path())).await;
    for key in ["scope", "instance", "dag-id", "run-id", "task-id", "map-index"] {
        let key = format!("linflow.csi/owner-{key}");
        let value = on_node.context.remove(&key).expect("the attach said it");
        let message = refused(on_node.publish(&pod("airflow", EXTRACT.1, "u1")).await, Code::InvalidArgument);
        assert!(message.contains(&key), "{message}");
        assert!(!on_node.is_published().await);
        on_node.context.insert(key, value);
    }
    expect_permitted(&on_node, EXTRACT.1).await;
}

#[tokio::test]
async fn a_manifest_is_read_again_when_it_changes() {
    let world = World::start().await;
    let folder = Kubernetes::new();
    let on_node = staged(&world, "data", EXTRACTS, Some(folder.path())).await;
    let asking = pod("airflow", EXTRACT.1, "u1");
    refused(on_node.publish(&asking).await, Code::Unavailable);
    let right = recorded(EXTRACT.0);
    folder.put("pod", &right.replace("dag_id: etl_daily", "dag_id: sales"));
    assert!(denial(&on_node, EXTRACT.1).await.contains("sales"));
    folder.put("pod", &right);
    expect_permitted(&on_node, EXTRACT.1).await;
    folder.put("pod", "kind: [");
    refused(on_node.publish(&asking).await, Code::Unavailable);
    folder.remove("pod");
    refused(on_node.publish(&asking).await, Code::Unavailable);
    assert!(!on_node.is_published().await);
}
