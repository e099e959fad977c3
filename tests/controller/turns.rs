//! A DAG's volume while a run has it: who claims it for another run is told so before anything is recorded.

use linflow::{csi::controller::ControllerService, workflow::Instances};
use tonic::Code;

use crate::support::{
    Controller, PATIENCE, World,
    csi::resource,
    kubernetes::{Kubernetes, Pvc, pvc},
    publish, refused,
};

/// The pod of a task of that run, and the claim that it owns.
fn pod_of(kubernetes: &Kubernetes, name: &str, run: &str) -> String {
    let uid = format!("uid-{name}");
    kubernetes.put(
        name,
        &format!(
            "kind: Pod\nmetadata:\n  name: {name}\n  namespace: airflow\n  uid: {uid}\n  \
             annotations: {{dag_id: sales, run_id: {run:?}, task_id: load}}\nstatus: {{phase: Running}}\n"
        ),
    );
    uid
}

/// Asks for the volume of its DAG on behalf of such a pod.
async fn ask(controller: &Controller, kubernetes: &Kubernetes, name: &str, run: &str) -> Result<String, tonic::Status> {
    let (owner, claim) = (pod_of(kubernetes, name, run), format!("claim-{name}"));
    let pvc = Pvc { name: &claim, owner: Some((name, &owner)), ..pvc(&claim) };
    kubernetes.put_claim(&pvc);
    let made = controller.create(pvc.request().mib(64).parameter("scope", "dag")).await?;
    Ok(made.volume_id)
}

#[tokio::test]
async fn a_dags_volume_that_a_run_has_is_refused_to_another_run_for_now_and_given_once_it_is_detached() {
    let (world, kubernetes) = (World::start().await, Kubernetes::new());
    let service = ControllerService::new(world.linstor(), Instances::default(), PATIENCE);
    let controller = world.serve(service.with_directory(kubernetes.directory())).await;
    let first = ask(&controller, &kubernetes, "first", "manual__1").await.unwrap();
    controller.publish(publish(&first, "node-2")).await.unwrap();

    let claims = async || {
        let store = world.store(resource(&first)).await.unwrap();
        store.into_keys().filter(|key| key.contains("/claim/")).collect::<Vec<_>>()
    };
    let before = claims().await;
    assert_eq!(before.len(), 1);
    // ABORTED is "still running" to the provisioner: it asks again.
    let message = refused(ask(&controller, &kubernetes, "later", "manual__2").await, Code::Aborted);
    for part in ["manual__1", "node-2", "call again"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(claims().await, before, "who is refused leaves no claim");

    let same = ask(&controller, &kubernetes, "same", "manual__1").await.unwrap();
    assert_eq!(resource(&same), resource(&first), "the tasks of one run share it");
    controller.unpublish(&first, "node-2").await.unwrap();
    let later = ask(&controller, &kubernetes, "later", "manual__2").await.unwrap();
    assert_eq!(resource(&later), resource(&first), "the runs of a DAG take turns at one volume");
}
