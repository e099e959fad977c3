//! `linflow volumes delete` of a linflow outside of Kubernetes: its kubeconfig leads to who knows.

use std::process::{Output, Stdio};

use serde_json::json;
use tokio::process::Command;

use super::{DRIVER, api_server::ApiServer};
use crate::support::{World, claims::RUN, create, csi::resource};

const VOLUMES: &str = "/api/v1/persistentvolumes";

async fn delete(world: &World, server: &ApiServer, volume: &str) -> (i32, String) {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_linflow"))
        .args(["volumes", "delete", "--yes", volume, "--linstor-url", &world.sandbox.url()])
        .args(["--kubeconfig", server.kubeconfig().to_str().unwrap()])
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn data_that_a_persistent_volume_names_or_that_nobody_may_ask_about_is_not_deleted() {
    let (world, server) = (World::start().await, ApiServer::start().await);
    let wanted = RUN.iter().fold(create("pvc-1").mib(64), |wanted, (key, value)| wanted.parameter(key, value));
    let id = world.controller.create(wanted).await.unwrap().volume_id;
    world.controller.delete(&id).await.unwrap();
    let spec = json!({"csi": {"driver": DRIVER, "volumeHandle": id}});
    server.put(VOLUMES, json!({"metadata": {"name": "pv"}, "spec": spec}));
    let records = world.store(resource(&id)).await.unwrap();

    let (exit, said) = delete(&world, &server, resource(&id)).await;
    assert!(exit == 4 && said.contains("a PersistentVolume names it"), "{said}");
    server.forbid("GET /api/v1/persistentvolumes");
    let (exit, said) = delete(&world, &server, resource(&id)).await;
    assert!(exit == 1 && said.contains("list persistentvolumes"), "it says which right is missing: {said}");
    assert_eq!(world.store(resource(&id)).await.unwrap(), records, "nothing was begun");

    server.heal();
    server.remove(VOLUMES, "pv");
    let (exit, said) = delete(&world, &server, resource(&id)).await;
    assert!(exit == 0 && said.contains(DRIVER), "{said}");
    assert!(world.definition(&id).await.is_none());
}
