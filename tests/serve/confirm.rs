//! A pod that is not its volume's owner's, as operators come to see it: the log, the pod's events and `/metrics`.

use tokio::task::JoinHandle;
use tonic::Code;

use crate::support::{
    World, create,
    driver::Driver,
    kubernetes::{Kubernetes, name_of, recorded},
    node::pod,
    publish, refused,
};

const POD: &str = "af3_ke_normal_scheduled";

/// Asks a node of its own, which confirms pods so, for a volume of another DAG.
async fn ask(
    world: &World,
    volume: &str,
    kubernetes: &Kubernetes,
    mode: &str,
) -> (Driver, JoinHandle<Result<(), tonic::Status>>) {
    let flags = ["--node-name", "node-1", "--pods", kubernetes.path().to_str().unwrap(), "--confirm", mode];
    let driver = Driver::start(world, "node", &[&flags[..], &["--admin-listen", "127.0.0.1:0"]].concat()).await;
    let on_node = crate::support::node::OnNode {
        client: driver.node().await,
        volume: volume.to_owned(),
        context: world.controller.publish(publish(volume, "node-1")).await.unwrap(),
    };
    let answer = tokio::spawn(async move { on_node.publish(&pod("airflow", &name_of(POD), "u1")).await });
    (driver, answer)
}

#[tokio::test]
async fn a_denied_pod_is_told_counted_and_logged_and_an_audited_one_let_through_on_record() {
    let (world, kubernetes) = (World::start().await, Kubernetes::new());
    kubernetes.put("pod", &recorded(POD));
    let wanted = create("data").parameter("instance", "airflow").parameter("dag-id", "sales");
    let volume = world.controller.create(wanted).await.unwrap().volume_id;

    let (driver, answer) = ask(&world, &volume, &kubernetes, "enforce").await;
    let message = refused(answer.await.unwrap(), Code::PermissionDenied);
    let event = driver.await_log("VolumeRefused").await;
    assert!(event.contains(&name_of(POD)) && event.contains(&message), "{event}");
    driver
        .await_page("/metrics", 200, "linflow_pod_doubts_total{at=\"mount\",mode=\"enforce\",field=\"dag_id\"} 1")
        .await;

    // There is no device to stage: the call waits for one, and is not waited for.
    let (driver, answer) = ask(&world, &volume, &kubernetes, "audit").await;
    driver.await_log("pod permitted that would be denied").await;
    driver
        .await_page("/metrics", 200, "linflow_pod_doubts_total{at=\"mount\",mode=\"audit\",field=\"dag_id\"} 1")
        .await;
    assert_eq!(driver.count_log("VolumeRefused"), 0);
    answer.abort();
}
