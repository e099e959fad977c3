//! What snapshots hold, and what is made from them: the bytes of the moment, without a resync.

use super::lab::Lab;
use serde_json::Value;

const VOL: &str = "/v1/resource-definitions/vol";

async fn take(lab: &Lab, name: &str) -> Value {
    let (status, answer) = lab.ask("POST", &format!("{VOL}/snapshots"), &format!(r#"{{"name":"{name}"}}"#)).await;
    assert_eq!(status, 201, "{answer}");
    answer
}

async fn restore(lab: &Lab, name: &str, to: &str) {
    let new = format!(r#"{{"resource_definition":{{"name":"{to}"}}}}"#);
    assert_eq!(lab.ask("POST", "/v1/resource-definitions", &new).await.0, 201);
    let target = format!(r#"{{"to_resource":"{to}"}}"#);
    for step in ["snapshot-restore-volume-definition", "snapshot-restore-resource"] {
        let (status, answer) = lab.ask("POST", &format!("{VOL}/{step}/{name}"), &target).await;
        assert_eq!(status, 200, "{answer}");
    }
}

async fn disk_states(lab: &Lab, name: &str) -> Vec<String> {
    let (_, list) = lab.ask("GET", &format!("/v1/view/resources?resources={name}"), "").await;
    let state = |resource: &Value| resource["volumes"][0]["state"]["disk_state"].as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(state).collect()
}

#[tokio::test]
async fn every_replica_of_a_restored_volume_has_the_bytes_of_the_snapshots_moment() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.open("node-1").unwrap();
    lab.write("node-1", "before");
    take(&lab, "s1").await;
    lab.write("node-1", "after");
    lab.close("node-1");
    restore(&lab, "s1", "copy").await;
    assert_eq!(lab.read("node-2"), "after");
    for node in ["node-1", "node-2"] {
        assert_eq!(lab.read_of("copy", node), "before");
    }
    assert_eq!(disk_states(&lab, "copy").await, ["UpToDate", "UpToDate", "Diskless"]);
}

#[tokio::test]
async fn a_snapshot_without_the_replica_on_a_lost_node_says_so_and_restores_the_rest() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.shared.lock().crash("node-2").unwrap();
    let answer = take(&lab, "s1").await;
    assert!(answer[0]["message"].as_str().unwrap().contains("will not be created on node 'node-2'"), "{answer}");
    let (_, seen) = lab.ask("GET", &format!("{VOL}/snapshots/s1"), "").await;
    assert_eq!(seen["nodes"], serde_json::json!(["node-1"]));
    restore(&lab, "s1", "copy").await;
    assert_eq!(disk_states(&lab, "copy").await, ["UpToDate"]);
}

#[tokio::test]
async fn a_replica_that_was_outdated_in_the_snapshot_is_resynced_after_the_restore() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.shared.lock().disconnect("vol", "node-2").unwrap();
    lab.open("node-1").unwrap();
    lab.write("node-1", "newer");
    lab.close("node-1");
    take(&lab, "s1").await;
    restore(&lab, "s1", "copy").await;
    assert_eq!(lab.read_of("copy", "node-2"), "newer");
}

#[tokio::test]
async fn a_group_snapshot_takes_all_or_none() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    let both = r#"{"snapshots":[{"resource_name":"vol","name":"m1"},{"resource_name":"nope","name":"m1"}]}"#;
    let (status, answer) = lab.ask("POST", "/v1/actions/snapshot/multi", both).await;
    assert_eq!(status, 404, "{answer}");
    assert_eq!(lab.ask("GET", "/v1/view/snapshots", "").await.1, serde_json::json!([]));
    let twice = r#"{"snapshots":[{"resource_name":"vol","name":"m1"},{"resource_name":"vol","name":"m1"}]}"#;
    let (status, answer) = lab.ask("POST", "/v1/actions/snapshot/multi", twice).await;
    assert_eq!(status, 500, "{answer}");
    assert_eq!(lab.ask("GET", "/v1/view/snapshots", "").await.1, serde_json::json!([]));
}

#[tokio::test]
async fn properties_of_the_creating_request_are_the_snapshots_own() {
    let lab = Lab::with_volume(&["node-1"]).await;
    let one = |props: &str| {
        format!(r#"{{"snapshots":[{{"resource_name":"vol","name":"m1","snapshot_definition_props":{props}}}]}}"#)
    };
    let (status, answer) = lab.ask("POST", "/v1/actions/snapshot/multi", &one(r#"{"NoSuch":"x"}"#)).await;
    assert_eq!(status, 500, "{answer}");
    assert_eq!(lab.ask("GET", "/v1/view/snapshots", "").await.1, serde_json::json!([]));
    assert_eq!(lab.ask("POST", "/v1/actions/snapshot/multi", &one(r#"{"Aux/a":"b"}"#)).await.0, 201);
    let (_, seen) = lab.ask("GET", &format!("{VOL}/snapshots/m1"), "").await;
    assert_eq!(seen["snapshot_definition_props"]["Aux/a"], "b");
    assert_eq!(seen["resource_definition_props"]["Aux/a"], Value::Null);
}

#[tokio::test]
async fn a_definition_goes_once_its_last_snapshot_is_gone() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    take(&lab, "s1").await;
    assert_eq!(lab.ask("DELETE", VOL, "").await.0, 500);
    assert_eq!(lab.ask("DELETE", &format!("{VOL}/snapshots/s1?nodes=node-1"), "").await.0, 200);
    assert_eq!(lab.ask("DELETE", VOL, "").await.0, 500);
    assert_eq!(lab.ask("DELETE", &format!("{VOL}/snapshots/s1"), "").await.0, 200);
    assert_eq!(lab.ask("DELETE", VOL, "").await.0, 200);
}

#[tokio::test]
async fn views_of_snapshots_are_filtered_by_node_and_resource() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    take(&lab, "s1").await;
    for (query, count) in [("nodes=node-2", 1), ("nodes=node-3", 0), ("resources=VOL", 1), ("resources=other", 0)] {
        let (_, list) = lab.ask("GET", &format!("/v1/view/snapshots?{query}"), "").await;
        assert_eq!(list.as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn a_clone_has_the_bytes_of_now_and_is_complete_only_after_it_was_cloning() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.open("node-1").unwrap();
    lab.write("node-1", "now");
    let (status, answer) = lab.ask("POST", &format!("{VOL}/clone"), r#"{"name":"twin"}"#).await;
    assert_eq!(status, 201, "{answer}");
    for status in ["CLONING", "COMPLETE", "COMPLETE"] {
        assert_eq!(lab.ask("GET", &format!("{VOL}/clone/twin"), "").await.1["status"], status);
    }
    lab.write("node-1", "later");
    assert_eq!((lab.read_of("twin", "node-1"), lab.read_of("twin", "node-2")), ("now".into(), "now".into()));
    assert_eq!(lab.ask("GET", "/v1/view/snapshots", "").await.1, serde_json::json!([]));
}

#[tokio::test]
async fn a_snapshot_without_any_reachable_replica_is_refused() {
    let lab = Lab::with_volume(&["node-1"]).await;
    lab.shared.lock().crash("node-1").unwrap();
    let (status, answer) = lab.ask("POST", &format!("{VOL}/snapshots"), r#"{"name":"s1"}"#).await;
    assert_eq!(status, 500, "{answer}");
    assert_eq!(answer[0]["ret_code"].as_i64().unwrap() & 0xffff, 995);
    let (status, answer) = lab.ask("POST", &format!("{VOL}/clone"), r#"{"name":"twin"}"#).await;
    assert_eq!(status, 500, "{answer}");
    assert_eq!(lab.ask("GET", "/v1/resource-definitions/twin", "").await.0, 404);
}
