//! One run, from its first pod to the end of its volumes.

use linflow::lifetime::reaper::Round;
use tonic::Code;

use crate::{
    cluster::{Cluster, tell},
    kubelet::Running,
    pods::Pod,
    support::{csi::resource, refused},
};

#[tokio::test]
async fn a_runs_data_outlives_its_pods_and_a_node_and_goes_when_the_run_is_over() {
    tell(|cluster| async move {
        let last_try = a_task_is_tried_until_it_succeeds(&cluster).await;
        let task = resource(&last_try.volume.bound.id).to_owned();
        cluster.delete_pod(last_try).await;
        let run = a_run_scoped_volume_waits_for_its_next_task(&cluster).await;
        the_run_ends_and_is_cleared(&cluster, &task, &run).await;
        the_run_ends_and_its_volumes_go(&cluster, &task, &run).await;
        the_same_run_id_begins_anew(&cluster, &task).await;
    })
    .await;
}

/// The first try fails, the second is lost with its node, the third fails, and the fourth comes a day later.
async fn a_task_is_tried_until_it_succeeds(cluster: &Cluster) -> Running {
    let first = cluster.start_pod(Pod::of("load", 1), "task", "node-1").await;
    cluster.expect_files(&first, &[]);
    cluster.write(&first, "one");
    cluster.end_pod(&first, "Failed").await;

    let second = cluster.start_pod(Pod::of("load", 2), "task", "node-1").await;
    assert_ne!(first.volume.bound.id, second.volume.bound.id, "each claim has a handle of its own");
    assert_eq!(resource(&first.volume.bound.id), resource(&second.volume.bound.id), "and all have one volume");
    cluster.expect_files(&second, &["one"]);
    cluster.write(&second, "two");

    let third = a_try_on_another_node(cluster).await;
    cluster.expect_files(&third, &["one", "two"]);
    cluster.write(&third, "three");
    cluster.end_pod(&third, "Failed").await;
    cluster.world.restore("node-1");
    for over in [first, second, third] {
        cluster.delete_pod(over).await;
    }

    assert_eq!(cluster.pass(24).await, Round::default(), "a retry's delay is no end");
    let fourth = cluster.start_pod(Pod::of("load", 4), "task", "node-1").await;
    cluster.expect_files(&fourth, &["one", "three", "two"]);
    cluster.end_pod(&fourth, "Succeeded").await;
    fourth
}

/// Kubernetes shows the pod of a dead node as running for as long as the node is away. The retry's attach is refused
/// until the other replica is proven to be good alone.
async fn a_try_on_another_node(cluster: &Cluster) -> Running {
    let pod = Pod::of("load", 3);
    pod.put(&cluster.kubernetes, "Pending");
    let bound = cluster.provision(&pod, "task", "node-2").await;
    let replicas = cluster.world.replicas(&bound.id).await;
    let survivor = if replicas.iter().any(|node| node == "node-2") { "node-2" } else { "node-3" };
    let twin = cluster.attach(bound.clone(), survivor).await.map(|attached| attached.node);
    let message = refused(twin, Code::FailedPrecondition);
    assert!(message.contains("held by pod airflow/etl-daily-load-") && message.contains("on node-1"), "{message}");

    cluster.crash("node-1");
    let volume = cluster.attach_in_the_end(bound, survivor).await;
    cluster.mount(&volume, &pod).await;
    pod.put(&cluster.kubernetes, "Running");
    Running { pod, volume }
}

/// Answers the volume.
async fn a_run_scoped_volume_waits_for_its_next_task(cluster: &Cluster) -> String {
    let first = cluster.start_pod(Pod::of("train", 1), "run", "node-2").await;
    cluster.expect_files(&first, &[]);
    cluster.write(&first, "model");
    cluster.end_pod(&first, "Succeeded").await;
    let volume = resource(&first.volume.bound.id).to_owned();
    cluster.delete_pod(first).await;

    assert_eq!(cluster.pass(30).await, Round::default(), "silence proves nothing");
    let next = cluster.start_pod(Pod::of("report", 1), "run", "node-1").await;
    assert_eq!(resource(&next.volume.bound.id), volume);
    cluster.expect_files(&next, &["model"]);
    cluster.end_pod(&next, "Succeeded").await;
    cluster.delete_pod(next).await;
    volume
}

/// The same run_id again, before the volumes are gone, finds its data and voids the proof of its end.
async fn the_run_ends_and_is_cleared(cluster: &Cluster, task: &str, run: &str) {
    assert_eq!(sorted(cluster.finish().await), sorted(vec![task.to_owned(), run.to_owned()]));
    assert_eq!(cluster.look().await, Round::default(), "the volumes of a run that succeeded are kept for an hour");
    let candidates = sorted(vec![task.to_owned(), run.to_owned()]);
    assert_eq!(sorted(cluster.pass(1).await.candidates), candidates);

    let again = cluster.start_pod(Pod::of("load", 5), "task", "node-1").await;
    assert_eq!(resource(&again.volume.bound.id), task);
    cluster.expect_files(&again, &["one", "three", "two"]);
    let beside = cluster.start_pod(Pod::of("report", 2), "run", "node-1").await;
    assert_eq!(resource(&beside.volume.bound.id), run);
    cluster.expect_files(&beside, &["model"]);
    for over in [again, beside] {
        cluster.end_pod(&over, "Succeeded").await;
        cluster.delete_pod(over).await;
    }
    assert_eq!(cluster.pass(200).await, Round::default(), "the proof was of the run before it was cleared");
}

async fn the_run_ends_and_its_volumes_go(cluster: &Cluster, task: &str, run: &str) {
    assert!(!cluster.has_devices || cluster.loop_files(task).len() >= 2, "there is something to take away");
    cluster.finish().await;
    assert_eq!(cluster.look().await, Round::default());
    let both = sorted(vec![task.to_owned(), run.to_owned()]);
    assert_eq!(sorted(cluster.pass(1).await.candidates), both);
    assert_eq!(sorted(cluster.pass(1).await.reaped), both);
    for name in [task, run] {
        cluster.expect_gone(name).await;
    }
}

async fn the_same_run_id_begins_anew(cluster: &Cluster, task: &str) {
    let anew = cluster.start_pod(Pod::of("load", 6), "task", "node-1").await;
    assert_ne!(resource(&anew.volume.bound.id), task, "a name that was given up is never used again");
    cluster.expect_files(&anew, &[]);
    cluster.end_pod(&anew, "Succeeded").await;
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}
