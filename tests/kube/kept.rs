//! What a claim is told whose volume stays behind.

use linflow::csi::controller::ControllerService;
use linflow::workflow::{AnyDirectory, Instances};
use serde_json::{Value, json};

use super::{api_server::ApiServer, directory};
use crate::support::{Controller, Create, PATIENCE, World, claims::RUN, create, csi::resource};

const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/airflow/events";

/// A controller that reads claims from the API server, and tells it what happened.
async fn asking(world: &World, server: &ApiServer) -> Controller {
    let service = ControllerService::new(world.linstor(), Instances::default(), PATIENCE);
    world.serve(service.with_directory(AnyDirectory::Kubernetes(std::sync::Arc::new(directory(server))))).await
}

/// What external-provisioner asks for the claim of that name.
fn wanted(claim: &str) -> Create {
    create(&format!("pvc-uid-{claim}"))
        .mib(64)
        .parameter("csi.storage.k8s.io/pvc/name", claim)
        .parameter("csi.storage.k8s.io/pvc/namespace", "airflow")
}

fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    event.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[tokio::test]
async fn who_deletes_a_claim_whose_data_stays_reads_at_the_claim_whose_it_is_and_how_to_let_go() {
    let (world, server) = (World::start().await, ApiServer::start().await);
    let controller = asking(&world, &server).await;
    server.put_claim("data", json!([]));
    let owned = RUN.iter().fold(wanted("data"), |wanted, (key, value)| wanted.parameter(key, value));
    let id = controller.create(owned).await.unwrap().volume_id;
    assert_eq!(server.objects(EVENTS).len(), 0);
    controller.delete(&id).await.unwrap();

    let [event] = &server.objects(EVENTS)[..] else { panic!("one Event") };
    let regarding = ["kind", "namespace", "name", "uid"].map(|key| text(event, &format!("/regarding/{key}")));
    assert_eq!(regarding, ["PersistentVolumeClaim", "airflow", "data", "uid-data"]);
    assert_eq!((text(event, "/type"), text(event, "/reason")), ("Normal", "VolumeKept"));
    let note = text(event, "/note");
    let remedy = format!("`linflow volumes release {}`", resource(&id));
    for part in ["DAG sales, run manual__1 of Airflow airflow", "stays in LINSTOR", &remedy] {
        assert!(note.contains(part), "{part}: {note}");
    }
    assert!(world.definition(&id).await.is_some(), "it does stay");

    // A repeat lets go of nothing, and a plain volume goes with its claim: neither has anything to tell.
    controller.delete(&id).await.unwrap();
    server.put_claim("plain", json!([]));
    let plain = controller.create(wanted("plain")).await.unwrap().volume_id;
    controller.delete(&plain).await.unwrap();
    assert!(world.definition(&plain).await.is_none());
    assert_eq!(server.objects(EVENTS).len(), 1);
}
