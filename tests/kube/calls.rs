//! What the calls of the Controller service ask Kubernetes, and tell it.

use std::sync::Arc;

use linflow::csi::controller::ControllerService;
use linflow::kube::ApiDirectory;
use linflow::workflow::{AnyDirectory, Directory, FolderDirectory, Instances, PodRef};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use super::api_server::{ApiServer, Asked};
use super::directory;
use super::support::{
    Controller, PATIENCE, World, create,
    csi::resource,
    eventually,
    kubernetes::{Kubernetes, name_of, pvc},
    publish, refused,
};

const CLAIM: &str = "11111111-2222-4333-8444-555555555555";
const POD: &str = "99999999-2222-4333-8444-555555555555";
const RECORDING: &str = "af3_ke_ephemeral_pvc";
const PODS: &str = "/api/v1/namespaces/airflow/pods";
const CLAIMS: &str = "/api/v1/namespaces/airflow/persistentvolumeclaims";
const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/airflow/events";

/// A cluster with a recorded pod and its claim.
struct Scene {
    world: World,
    server: ApiServer,
    directory: ApiDirectory,
    controller: Controller,
    pod: Value,
}

impl Scene {
    async fn start() -> Self {
        let (world, server) = (World::start().await, ApiServer::start().await);
        let pod = recorded().await;
        server.put(PODS, pod.clone());
        let owners = json!([{"apiVersion": "v1", "kind": "Pod", "name": name_of(RECORDING), "uid": POD}]);
        let metadata = json!({"name": "data", "namespace": "airflow", "uid": CLAIM, "ownerReferences": owners});
        server.put(CLAIMS, json!({"metadata": metadata}));
        let directory = directory(&server);
        let service = ControllerService::new(world.linstor(), Instances::default(), PATIENCE);
        let service = service.with_directory(AnyDirectory::Kubernetes(Arc::new(directory.clone())));
        let controller = world.serve(service).await;
        Self { world, server, directory, controller, pod }
    }

    async fn create(&self) -> String {
        let wanted = pvc(CLAIM).request().parameter("scope", "run").on("node-1");
        self.controller.create(wanted).await.unwrap().volume_id
    }

    /// What was asked since the last look, which is metadata alone.
    fn asked(&self) -> Vec<String> {
        let asked = self.server.asked();
        assert!(asked.iter().all(Asked::wants_metadata), "{asked:?}");
        asked.into_iter().map(|one| one.line).collect()
    }

    /// The one Event that there is.
    fn event(&self) -> Value {
        let [event] = &self.server.objects(EVENTS)[..] else { panic!("{:?}", self.server.objects(EVENTS)) };
        event.clone()
    }
}

/// The recorded pod as the API server has it, with a spec that nobody may read.
async fn recorded() -> Value {
    let folder = Kubernetes::new();
    folder.put_pod(RECORDING, POD);
    let reference = PodRef { namespace: "airflow".to_owned(), name: name_of(RECORDING), uid: Some(POD.to_owned()) };
    let pod = FolderDirectory::new(folder.path()).pod(&reference).await.unwrap();
    let metadata = json!({
        "name": reference.name, "namespace": "airflow", "uid": POD, "labels": pod.labels, "annotations": pod.annotations,
    });
    json!({"metadata": metadata, "spec": {"containers": [{"args": ["a-live-token"]}]}, "status": {"phase": "Pending"}})
}

#[tokio::test]
async fn a_claim_is_resolved_by_two_questions_for_metadata_and_by_one_where_the_watch_knows_its_pod() {
    let scene = Scene::start().await;
    let volume = scene.create().await;
    let (claim, pod) = (format!("GET {CLAIMS}/data"), format!("GET {PODS}/{}", name_of(RECORDING)));
    assert_eq!(scene.asked(), [&*claim, &*pod]);
    assert!(resource(&volume).ends_with("-0"), "it is an owner's: {volume}");
    scene.controller.publish(publish(&volume, "node-1")).await.unwrap();
    assert_eq!(scene.asked(), [&*pod]);

    let stop = CancellationToken::new();
    let (watched, stopped) = (scene.directory.clone(), stop.clone());
    let watch = tokio::spawn(async move { watched.watch(stopped).await });
    let known = PodRef { namespace: "airflow".to_owned(), name: name_of(RECORDING), uid: Some(POD.to_owned()) };
    eventually("the watch", async || {
        scene.server.asked();
        scene.directory.pod(&known).await.unwrap();
        scene.server.asked().is_empty().then_some(())
    })
    .await;
    assert_eq!(scene.create().await, volume);
    assert_eq!(scene.asked(), [&*claim]);
    scene.controller.unpublish(&volume, "node-1").await.unwrap();
    scene.controller.publish(publish(&volume, "node-1")).await.unwrap();
    assert_eq!(scene.asked(), [""; 0]);
    stop.cancel();
    watch.await.unwrap();
}

#[tokio::test]
async fn a_pod_that_is_denied_at_the_attach_is_told_by_an_event_with_owner_claimant_and_field() {
    let mut scene = Scene::start().await;
    let volume = scene.create().await;
    for place in ["annotations", "labels"] {
        scene.pod["metadata"][place]["dag_id"] = "sales".into();
    }
    scene.server.put(PODS, scene.pod.clone());
    let message = refused(scene.controller.publish(publish(&volume, "node-1")).await, Code::PermissionDenied);
    let event = scene.event();
    assert_eq!((&event["regarding"]["kind"], &event["regarding"]["uid"]), (&"Pod".into(), &POD.into()));
    assert_eq!((&event["type"], &event["reason"]), (&"Warning".into(), &"VolumeRefused".into()));
    assert_eq!(event["note"], message);
    for part in ["etl_daily", "sales", "dag_id differs"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[tokio::test]
async fn a_claim_that_is_deleted_is_told_by_an_event_that_its_data_stays_and_how_to_let_go_of_it() {
    let scene = Scene::start().await;
    let volume = scene.create().await;
    for _ in 0..2 {
        scene.controller.delete(&volume).await.unwrap();
        let event = scene.event();
        let about = &event["regarding"];
        assert_eq!((&about["kind"], &about["name"]), (&"PersistentVolumeClaim".into(), &"data".into()));
        assert_eq!((&about["uid"], &event["type"]), (&CLAIM.into(), &"Normal".into()));
        let note = event["note"].as_str().unwrap();
        let (owner, release) = (
            "DAG etl_daily, run scheduled__2025-01-01T00:00:00+00:00",
            format!("linflow volumes release {}", resource(&volume)),
        );
        assert!(note.contains(owner) && note.contains(&release), "{note}");
    }
    assert!(scene.world.definition(&volume).await.is_some());
    let plain = scene.controller.create(create("plain")).await.unwrap().volume_id;
    scene.controller.delete(&plain).await.unwrap();
    scene.event();
}
