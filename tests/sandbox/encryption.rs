//! LUKS in the stack, and the master passphrase that LINSTOR wants for it.

use super::lab::Lab;
use serde_json::{Value, json};

const PASSPHRASE: &str = "/v1/encryption/passphrase";

async fn status(lab: &Lab) -> String {
    lab.ask("GET", PASSPHRASE, "").await.1["status"].as_str().unwrap().to_owned()
}

async fn spawn(lab: &Lab, name: &str, layers: &[&str]) -> (u16, Value) {
    let filter = json!({"place_count": 2, "layer_stack": layers});
    let body = json!({"resource_definition_name": name, "volume_sizes": [4096], "select_filter": filter});
    lab.ask("POST", "/v1/resource-groups/DfltRscGrp/spawn", &body.to_string()).await
}

fn code(answer: &Value) -> i64 {
    answer[0]["ret_code"].as_i64().unwrap() & 0x7fff
}

#[tokio::test]
async fn the_passphrase_is_created_once_changed_and_entered() {
    let lab = Lab::new();
    assert_eq!(status(&lab).await, "unset");
    let (made, _) = lab.ask("POST", PASSPHRASE, r#"{"new_passphrase": "one"}"#).await;
    assert_eq!((made, status(&lab).await.as_str()), (201, "unlocked"));
    let (again, answer) = lab.ask("POST", PASSPHRASE, r#"{"new_passphrase": "two"}"#).await;
    assert_eq!((again, code(&answer)), (500, 512));
    let (wrong, answer) = lab.ask("PUT", PASSPHRASE, r#"{"old_passphrase": "no", "new_passphrase": "two"}"#).await;
    assert_eq!((wrong, code(&answer)), (500, 600));
    assert_eq!(lab.ask("PUT", PASSPHRASE, r#"{"old_passphrase": "one", "new_passphrase": "two"}"#).await.0, 200);
    assert_eq!(code(&lab.ask("PATCH", PASSPHRASE, r#""one""#).await.1), 600);
    assert_eq!(code(&lab.ask("PATCH", PASSPHRASE, r#""two""#).await.1), 4);
}

#[tokio::test]
async fn encrypted_volumes_are_refused_while_the_passphrase_is_unset_or_locked_and_leave_nothing_behind() {
    let lab = Lab::new();
    let (status, answer) = spawn(&lab, "vol", &["DRBD", "LUKS", "STORAGE"]).await;
    assert_eq!((status, code(&answer)), (404, 312), "{answer}");
    assert_eq!(lab.ask("GET", "/v1/resource-definitions/vol", "").await.0, 404);
    lab.ask("POST", PASSPHRASE, r#"{"new_passphrase": "one"}"#).await;
    assert_eq!(spawn(&lab, "vol", &["DRBD", "LUKS", "STORAGE"]).await.0, 201);
    lab.shared.lock().encryption.close();
    assert_eq!(self::status(&lab).await, "locked");
    assert_eq!(spawn(&lab, "vol2", &["LUKS", "STORAGE"]).await.0, 404);
    let (_, answer) = lab.ask("POST", "/v1/resource-definitions/vol/resources/node-3", "{}").await;
    let (there, _) = lab.ask("GET", "/v1/resource-definitions/vol", "").await;
    assert_eq!(there, 200, "{answer}");
    lab.ask("PATCH", PASSPHRASE, r#""one""#).await;
    assert_eq!(spawn(&lab, "vol2", &["LUKS", "STORAGE"]).await.0, 201);
}

#[tokio::test]
async fn a_view_shows_the_layers_as_they_stand_on_each_other() {
    let lab = Lab::new();
    lab.ask("POST", PASSPHRASE, r#"{"new_passphrase": "one"}"#).await;
    assert_eq!(spawn(&lab, "vol", &["drbd", "luks", "storage"]).await.0, 201);
    let (_, list) = lab.ask("GET", "/v1/view/resources?resources=vol", "").await;
    let replica = &list[0];
    assert_eq!(replica["volumes"][0]["device_path"], "/dev/drbd1000");
    let luks = &replica["layer_object"]["children"][0];
    assert_eq!((&luks["type"], &luks["children"][0]["type"]), (&json!("LUKS"), &json!("STORAGE")));
    assert_eq!(luks["luks"]["luks_volumes"][0]["device_path"], "/dev/mapper/Linstor-Crypt-vol_00000");
    assert_eq!(luks["luks"]["luks_volumes"][0]["opened"], true);
    let backing = &replica["layer_object"]["drbd"]["drbd_volumes"][0]["backing_device"];
    assert_eq!(backing, "/dev/mapper/Linstor-Crypt-vol_00000");
    let types = |list: &Value| list.as_array().unwrap().iter().map(|one| one["type"].clone()).collect::<Vec<_>>();
    assert_eq!(types(&replica["volumes"][0]["layer_data_list"]), ["DRBD", "LUKS", "STORAGE"]);
    let (_, definition) = lab.ask("GET", "/v1/resource-definitions/vol", "").await;
    assert_eq!(types(&definition["layer_data"]), ["DRBD", "LUKS", "STORAGE"]);
    assert_eq!(spawn(&lab, "plain", &["LUKS", "STORAGE"]).await.0, 201);
    let (_, list) = lab.ask("GET", "/v1/view/resources?resources=plain", "").await;
    assert_eq!(list[0]["volumes"][0]["device_path"], "/dev/mapper/Linstor-Crypt-plain_00000");
}

#[tokio::test]
async fn caches_and_fabrics_are_taken_into_a_stack_and_stacks_that_make_no_sense_are_not() {
    let lab = Lab::new();
    assert_eq!(spawn(&lab, "cached", &["DRBD", "WRITECACHE", "CACHE", "STORAGE"]).await.0, 201);
    let (_, list) = lab.ask("GET", "/v1/view/resources?resources=cached", "").await;
    assert!(list[0]["layer_object"]["children"][0]["writecache"].is_object(), "{list}");
    assert_eq!(spawn(&lab, "nvme", &["NVME", "STORAGE"]).await.0, 201);
    for (stack, refusal) in [(["LUKS", "DRBD", "STORAGE"], 225), (["DRBD", "RAID", "STORAGE"], 224)] {
        let (status, answer) = spawn(&lab, "bad", &stack).await;
        assert_eq!((status, code(&answer)), (500, refusal), "{answer}");
    }
}
