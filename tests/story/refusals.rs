//! Who never gets a workflow's data.

use linflow::workflow::key;
use tonic::Code;

use crate::{
    cluster::{Bound, Cluster, ephemeral, tell},
    kubelet::Attached,
    pods::{DAG, Pod, RUN, new_uid},
    support::{
        csi::resource,
        kubernetes::{Pvc, pvc},
        refused,
    },
};

const OF_RUN: [(&str, &str); 2] = [(key::DAG_ID, DAG), (key::RUN_ID, RUN)];

fn foreign() -> Pod {
    Pod::recorded("af3_ke_collision_prefix_a")
}

fn elsewhere() -> Pod {
    Pod::of("load", 1).in_namespace("airflow-test")
}

/// The claim of a pod that annotates it with somebody else's ids is refused, naming these words.
async fn expect_no_claim(cluster: &Cluster, pod: &Pod, scope: &str, annotations: &[(&str, &str)], words: &[&str]) {
    pod.put(&cluster.kubernetes, "Pending");
    let (uid, name) = (new_uid(), format!("{}-forged", pod.name));
    let answer = cluster.ask(&ephemeral(pod, &uid, &name, annotations), scope, "node-1").await.map(|bound| bound.id);
    expect_words(&refused(answer, Code::PermissionDenied), words);
    cluster.kubernetes.remove(&format!("claim-{name}"));
}

/// Kubelet asks for the pod's mount, and it is refused, naming these words.
async fn expect_no_mount(cluster: &Cluster, volume: &Attached, pod: &Pod, words: &[&str]) {
    pod.put(&cluster.kubernetes, "Pending");
    expect_words(&refused(cluster.publish(volume, pod).await, Code::PermissionDenied), words);
}

fn expect_words(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{word} is missing: {message}");
    }
}

/// A claim that no pod owns: any pod of its namespace may name it.
async fn shared(cluster: &Cluster, annotations: &[(&str, &str)], scope: &str) -> Bound {
    let (uid, name) = (new_uid(), "shared");
    cluster.ask(&Pvc { name, annotations, ..pvc(&uid) }, scope, "node-1").await.unwrap()
}

#[tokio::test]
async fn a_foreign_dag_and_the_same_dag_of_another_namespace_are_refused() {
    tell(|cluster| async move {
        let mine = cluster.start_pod(Pod::of("load", 1), "run", "node-1").await;
        cluster.write(&mine, "secret");
        // By a claim that names the owner.
        expect_no_claim(&cluster, &foreign(), "run", &OF_RUN, &["dag_id", DAG, &foreign().name]).await;
        let forged = [OF_RUN[0], OF_RUN[1], (key::INSTANCE, "airflow")];
        expect_no_claim(&cluster, &elsewhere(), "run", &forged, &["airflow-test", "instance"]).await;
        // By a claim that names the owner rightly, and that a foreign pod mounts.
        let bound = shared(&cluster, &OF_RUN, "run").await;
        assert_eq!(resource(&bound.id), resource(&mine.volume.bound.id));
        let volume = cluster.attach(bound, "node-1").await.unwrap();
        if cluster.has_devices {
            cluster.stage(&volume).await.unwrap();
        }
        expect_no_mount(&cluster, &volume, &foreign(), &["dag_id differs", DAG, &foreign().name]).await;
        expect_no_mount(&cluster, &volume, &elsewhere(), &["instance differs", "airflow-test"]).await;
        // By the claim of the owner's own pod.
        expect_no_mount(&cluster, &mine.volume, &foreign(), &[&foreign().name, &mine.pod.uid]).await;
        // The owner's next task may.
        let next = Pod::of("report", 1);
        next.put(&cluster.kubernetes, "Running");
        if cluster.has_devices {
            cluster.publish(&volume, &next).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn the_same_dag_of_another_namespace_has_a_volume_of_its_own() {
    tell(|cluster| async move {
        let mine = cluster.start_pod(Pod::of("load", 1), "task", "node-1").await;
        cluster.write(&mine, "secret");
        let other = cluster.start_pod(Pod::of("load", 2).in_namespace("airflow-test"), "task", "node-1").await;
        assert_ne!(resource(&mine.volume.bound.id), resource(&other.volume.bound.id));
        cluster.expect_files(&other, &[]);
    })
    .await;
}

#[tokio::test]
async fn mapped_index_7_never_gets_index_8s_volume() {
    tell(|cluster| async move {
        let seven = cluster.start_pod(Pod::mapped(7, 1), "task", "node-1").await;
        let eight = cluster.start_pod(Pod::mapped(8, 1), "task", "node-1").await;
        assert_ne!(resource(&seven.volume.bound.id), resource(&eight.volume.bound.id));
        cluster.write(&seven, "seven");
        cluster.write(&eight, "eight");
        for (of, pod, file) in [(seven, Pod::mapped(7, 2), "seven"), (eight, Pod::mapped(8, 2), "eight")] {
            cluster.end_pod(&of, "Failed").await;
            cluster.delete_pod(of).await;
            let retry = cluster.start_pod(pod, "task", "node-1").await;
            cluster.expect_files(&retry, &[file]);
            cluster.end_pod(&retry, "Succeeded").await;
            cluster.delete_pod(retry).await;
        }
        let of_eight = [(key::MAP_INDEX, "8")];
        expect_no_claim(&cluster, &Pod::mapped(7, 3), "task", &of_eight, &["map_index", "\"8\"", "\"7\""]).await;
        let of_eight = [OF_RUN[0], OF_RUN[1], (key::TASK_ID, "transform_group.transform"), (key::MAP_INDEX, "8")];
        let volume = cluster.attach(shared(&cluster, &of_eight, "task").await, "node-1").await.unwrap();
        if cluster.has_devices {
            cluster.stage(&volume).await.unwrap();
        }
        expect_no_mount(&cluster, &volume, &Pod::mapped(7, 3), &["map_index differs", "\"8\"", "\"7\""]).await;
    })
    .await;
}
