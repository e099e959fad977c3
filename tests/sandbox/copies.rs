//! What restores and clones may ask for, disks that come and go, and the room that snapshots take.

use super::lab::Lab;
use serde_json::{Value, json};

const VOL: &str = "/v1/resource-definitions/vol";

async fn ok(lab: &Lab, method: &str, path: &str, body: Value) -> Value {
    let (status, answer) = lab.ask(method, path, &body.to_string()).await;
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    answer
}

async fn view(lab: &Lab, name: &str) -> Vec<Value> {
    let (_, list) = lab.ask("GET", &format!("/v1/view/resources?resources={name}"), "").await;
    list.as_array().unwrap().clone()
}

async fn with_second_pool() -> Lab {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    for node in ["node-1", "node-2"] {
        let pool =
            json!({"storage_pool_name": "other", "provider_kind": "FILE_THIN", "props": {"StorDriver/FileDir": "/x"}});
        ok(&lab, "POST", &format!("/v1/nodes/{node}/storage-pools"), pool).await;
    }
    ok(&lab, "POST", &format!("{VOL}/snapshots"), json!({"name": "s1"})).await;
    lab
}

#[tokio::test]
async fn a_restore_goes_into_the_pools_that_it_names() {
    let lab = with_second_pool().await;
    ok(&lab, "POST", "/v1/resource-definitions", json!({"resource_definition": {"name": "copy"}})).await;
    let to = json!({"to_resource": "copy", "stor_pool_rename": {"POOL": "other"}});
    ok(&lab, "POST", &format!("{VOL}/snapshot-restore-volume-definition/s1"), to.clone()).await;
    let lost = json!({"to_resource": "copy", "stor_pool_rename": {"pool": "none"}});
    let (status, _) = lab.ask("POST", &format!("{VOL}/snapshot-restore-resource/s1"), &lost.to_string()).await;
    assert_eq!(status, 404);
    ok(&lab, "POST", &format!("{VOL}/snapshot-restore-resource/s1"), to).await;
    let replicas = view(&lab, "copy").await;
    let disks: Vec<&Value> = replicas.iter().filter(|one| one["flags"].is_null()).collect();
    assert!(disks.len() == 2 && disks.iter().all(|one| one["props"]["StorPoolName"] == "other"), "{replicas:?}");
}

#[tokio::test]
async fn a_clone_takes_its_group_its_layers_and_its_properties() {
    let lab = with_second_pool().await;
    let props = json!({"override_props": {"Aux/keep": "1", "Aux/drop": "2", "Aux/space/a": "3"}});
    ok(&lab, "PUT", VOL, props).await;
    ok(&lab, "POST", "/v1/resource-groups", json!({"name": "group"})).await;
    let wanted = json!({
        "name": "copy", "resource_group": "group", "layer_list": ["DRBD", "CACHE", "STORAGE"],
        "override_props": {"Aux/new": "4"}, "delete_props": ["Aux/drop"], "delete_namespaces": ["Aux/space"],
    });
    ok(&lab, "POST", &format!("{VOL}/clone"), wanted).await;
    let (_, copy) = lab.ask("GET", "/v1/resource-definitions/copy", "").await;
    assert_eq!(copy["resource_group_name"], "group");
    let aux: Vec<&String> = copy["props"].as_object().unwrap().keys().filter(|key| key.starts_with("Aux/")).collect();
    assert_eq!(aux, ["Aux/keep", "Aux/new"]);
    assert_eq!(copy["layer_data"][1]["type"], "CACHE");
    let encrypted = json!({"name": "locked", "layer_list": ["DRBD", "LUKS", "STORAGE"]}).to_string();
    let (status, answer) = lab.ask("POST", &format!("{VOL}/clone"), &encrypted).await;
    assert_eq!((status, lab.ask("GET", "/v1/resource-definitions/locked", "").await.0), (404, 404), "{answer}");
}

#[tokio::test]
async fn a_snapshot_takes_room_of_its_pool_until_it_is_gone() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    let free = async |lab: &Lab| {
        let (_, pool) = lab.ask("GET", "/v1/nodes/node-1/storage-pools/pool", "").await;
        pool["free_capacity"].as_u64().unwrap()
    };
    let before = free(&lab).await;
    ok(&lab, "POST", &format!("{VOL}/snapshots"), json!({"name": "s1"})).await;
    assert!(free(&lab).await < before);
    ok(&lab, "DELETE", &format!("{VOL}/snapshots/s1"), Value::Null).await;
    assert_eq!(free(&lab).await, before);
}

#[tokio::test]
async fn a_disk_that_is_given_is_filled_and_one_that_is_taken_leaves_a_client_or_a_tie_breaker() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.write("node-1", "bytes");
    let toggle = |node: &str| format!("{VOL}/resources/{node}/toggle-disk");
    ok(&lab, "PUT", &toggle("node-3"), json!({"operation": "INTO_DRBD_DISKFUL", "storage_pool": "pool"})).await;
    assert_eq!((lab.read("node-3"), lab.disk_state("node-3").await), ("bytes".into(), "UpToDate".into()));
    ok(&lab, "PUT", &format!("{}/diskless", toggle("node-1")), Value::Null).await;
    let flags = lab.resource("node-1").await["flags"].clone();
    assert_eq!(flags, json!(["DISKLESS", "DRBD_DISKLESS", "TIE_BREAKER"]));
    ok(&lab, "PUT", &toggle("node-2"), json!({"operation": "INTO_DRBD_CLIENT"})).await;
    let (status, answer) = lab.ask("PUT", &format!("{}/diskless", toggle("node-3")), "").await;
    assert_eq!((status, answer[0]["ret_code"].as_i64().unwrap() & 0x7fff), (500, 991), "{answer}");
    assert_eq!(lab.read("node-3"), "bytes");
}

#[tokio::test]
async fn a_replica_that_is_deleted_lowers_the_count_and_its_place_can_be_taken_again() {
    let lab = Lab::with_volume(&["node-1", "node-2", "node-3"]).await;
    ok(&lab, "DELETE", &format!("{VOL}/resources/node-3"), Value::Null).await;
    let replicas = view(&lab, "vol").await;
    assert_eq!(replicas.iter().filter(|one| one["flags"].is_null()).count(), 2);
    assert_eq!(lab.quorum().await, "majority");
}
