//! What the simulated DRBD does with bytes: who gets them, who may write, what a loss leaves behind.

use super::lab::Lab;

#[tokio::test]
async fn bytes_reach_the_peer_at_close() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.open("node-1").unwrap();
    lab.write("node-1", "hello");
    assert_eq!(lab.read("node-2"), "");
    lab.close("node-1");
    assert_eq!(lab.read("node-2"), "hello");
}

#[tokio::test]
async fn bytes_reach_the_peer_when_it_is_asked_for() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.open("node-1").unwrap();
    lab.write("node-1", "hello");
    lab.shared.lock().replicate("vol").unwrap();
    assert_eq!(lab.read("node-2"), "hello");
}

#[tokio::test]
async fn while_one_node_is_primary_the_others_are_refused() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.available("node-3").await;
    lab.open("node-2").unwrap();
    assert!(lab.open("node-1").is_err());
    assert!(lab.open("node-3").is_err());
    assert_eq!(lab.resource("node-2").await["state"]["in_use"], true);
    lab.close("node-2");
    lab.open("node-3").unwrap();
}

#[tokio::test]
async fn the_replica_that_a_client_works_on_is_not_written_beside_it() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.available("node-3").await;
    assert!(lab.open("node-1").is_err(), "two devices with caches of their own would write one file");
}

#[tokio::test]
async fn what_a_crashed_primary_had_written_is_on_its_peer() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.open("node-1").unwrap();
    lab.write("node-1", "before the crash");
    lab.shared.lock().crash("node-1").unwrap();
    assert_eq!(lab.read("node-2"), "before the crash");
    lab.open("node-2").unwrap();
    assert!(lab.resource("node-1").await.get("state").is_none());
    assert!(lab.open("node-1").is_err());
}

#[tokio::test]
async fn a_replica_that_returns_is_brought_up_to_date() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.shared.lock().crash("node-1").unwrap();
    lab.open("node-2").unwrap();
    lab.write("node-2", "newer");
    lab.close("node-2");
    assert_eq!(lab.read("node-1"), "");
    lab.shared.lock().restore("node-1").unwrap();
    assert_eq!(lab.read("node-1"), "newer");
    assert_eq!(lab.disk_state("node-1").await, "UpToDate");
}

#[tokio::test]
async fn an_outdated_replica_gets_nothing_and_refuses_promotion_until_it_is_connected() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.shared.lock().disconnect("vol", "node-2").unwrap();
    lab.open("node-1").unwrap();
    lab.write("node-1", "newer");
    lab.close("node-1");
    assert_eq!(lab.read("node-2"), "");
    assert_eq!(lab.disk_state("node-2").await, "Outdated");
    assert_eq!(lab.resource("node-2").await["layer_object"]["drbd"]["may_promote"], false);
    assert!(lab.open("node-2").is_err());
    // A change of the definition adjusts DRBD, which connects it again.
    lab.ask("PUT", "/v1/resource-definitions/vol", r#"{"override_props":{"Aux/touch":"1"}}"#).await;
    assert_eq!(lab.read("node-2"), "newer");
    lab.open("node-2").unwrap();
}

#[tokio::test]
async fn standalone_survivors_leave_nobody_a_quorum_until_something_adjusts_them() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.shared.lock().standalone_survivors = true;
    lab.shared.lock().crash("node-1").unwrap();
    assert!(lab.open("node-2").is_err());
    let drbd = &lab.resource("node-2").await["layer_object"]["drbd"];
    assert_eq!((&drbd["may_promote"], &drbd["promotion_score"]), (&false.into(), &0.into()));
    assert_eq!(drbd["connections"]["node-3"]["message"], "StandAlone");
    lab.ask("PUT", "/v1/resource-definitions/vol", r#"{"override_props":{"Aux/touch":"1"}}"#).await;
    lab.open("node-2").unwrap();
}

#[tokio::test]
async fn two_of_three_down_leave_no_quorum() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.shared.lock().crash("node-1").unwrap();
    lab.shared.lock().crash("node-3").unwrap();
    assert!(lab.open("node-2").is_err());
    lab.shared.lock().restore("node-3").unwrap();
    lab.open("node-2").unwrap();
}

#[tokio::test]
async fn a_client_works_on_a_replicas_bytes_and_follows_to_another_when_its_node_dies() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.available("node-3").await;
    lab.open("node-3").unwrap();
    lab.write("node-3", "from afar");
    lab.close("node-3");
    assert_eq!((lab.read("node-1"), lab.read("node-2")), ("from afar".into(), "from afar".into()));
    lab.shared.lock().crash("node-1").unwrap();
    lab.open("node-3").unwrap();
    lab.write("node-3", "after the loss");
    lab.close("node-3");
    assert_eq!((lab.read("node-1"), lab.read("node-2")), ("from afar".into(), "after the loss".into()));
}

#[tokio::test]
async fn what_an_open_client_wrote_while_its_replica_was_away_is_kept() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.available("node-3").await;
    lab.open("node-3").unwrap();
    lab.shared.lock().crash("node-1").unwrap();
    lab.write("node-3", "written meanwhile");
    lab.shared.lock().restore("node-1").unwrap();
    lab.close("node-3");
    assert_eq!((lab.read("node-1"), lab.read("node-2")), ("written meanwhile".into(), "written meanwhile".into()));
}

#[tokio::test]
async fn a_thawed_primary_that_others_left_behind_overwrites_nothing() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.open("node-1").unwrap();
    lab.write("node-1", "old");
    lab.freeze("node-1");
    lab.open("node-2").unwrap();
    lab.write("node-2", "new");
    lab.shared.lock().thaw("node-1").unwrap();
    let stale = lab.resource("node-1").await;
    assert_eq!(stale["state"]["in_use"], true);
    assert_eq!(stale["volumes"][0]["state"]["disk_state"], "Outdated");
    lab.ask("PUT", "/v1/resource-definitions/vol", r#"{"override_props":{"Aux/touch":"1"}}"#).await;
    lab.close("node-1");
    lab.close("node-2");
    assert_eq!((lab.read("node-1"), lab.read("node-2")), ("new".into(), "new".into()));
}

#[tokio::test]
async fn a_first_replica_on_a_chosen_node_is_joined_by_others() {
    let lab = Lab::new();
    let spawn = r#"{"resource_definition_name":"vol","volume_sizes":[4096],"definitions_only":true}"#;
    assert_eq!(lab.ask("POST", "/v1/resource-groups/DfltRscGrp/spawn", spawn).await.0, 201);
    let available = "/v1/resource-definitions/vol/resources/node-2/make-available";
    assert_eq!(lab.ask("POST", available, r#"{"diskful":true}"#).await.0, 200);
    lab.open("node-2").unwrap();
    lab.write("node-2", "first");
    let place = r#"{"select_filter":{"place_count":2}}"#;
    assert_eq!(lab.ask("POST", "/v1/resource-definitions/vol/autoplace", place).await.0, 201);
    assert_eq!((lab.read("node-1"), lab.quorum().await), ("first".into(), "majority".into()));
    assert_eq!(lab.resource("node-3").await["flags"][2], "TIE_BREAKER");
}

#[tokio::test]
async fn a_resync_can_be_held_and_ended() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.open("node-1").unwrap();
    lab.shared.lock().set_sync_percent("vol", "node-2", 44.81).unwrap();
    lab.write("node-1", "newer");
    lab.close("node-1");
    assert_eq!((lab.disk_state("node-2").await, lab.read("node-2")), ("SyncTarget(44.81%)".into(), String::new()));
    lab.shared.lock().set_sync_percent("vol", "node-2", 100.0).unwrap();
    assert_eq!((lab.disk_state("node-2").await, lab.read("node-2")), ("UpToDate".into(), "newer".into()));
}

#[tokio::test]
async fn a_second_delete_of_a_tie_breaker_switches_quorum_off_and_a_client_brings_it_back() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    let url = "/v1/resource-definitions/vol/resources/node-3";
    lab.available("node-3").await;
    lab.ask("DELETE", url, "").await;
    assert_eq!(lab.resource("node-3").await["flags"][2], "TIE_BREAKER");
    lab.ask("DELETE", url, "").await;
    assert_eq!(lab.quorum().await, "off");
    lab.available("node-3").await;
    assert_eq!(lab.quorum().await, "majority");
}

#[tokio::test]
async fn deleting_on_a_lost_node_takes_tie_breaker_and_quorum_away() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.open("node-1").unwrap();
    lab.freeze("node-1");
    lab.ask("DELETE", "/v1/resource-definitions/vol/resources/node-1", "").await;
    assert_eq!(lab.resource("node-1").await["flags"], serde_json::json!(["DELETE", "DRBD_DELETE"]));
    assert_eq!(lab.quorum().await, "off");
    lab.open("node-2").unwrap();
}

#[tokio::test]
async fn without_drbd_a_second_node_gets_an_empty_twin() {
    let lab = Lab::new();
    lab.ask(
        "POST",
        "/v1/resource-groups",
        r#"{"name":"rg","select_filter":{"place_count":1,"layer_stack":["STORAGE"]}}"#,
    )
    .await;
    lab.ask("POST", "/v1/resource-groups/rg/spawn", r#"{"resource_definition_name":"vol","volume_sizes":[4096]}"#)
        .await;
    lab.open("node-1").unwrap();
    lab.write("node-1", "mine");
    lab.available("node-2").await;
    lab.close("node-1");
    assert_eq!(lab.read("node-2"), "");
    assert_eq!(lab.resource("node-1").await["state"], serde_json::json!({}));
}

#[tokio::test]
async fn a_definition_deleted_while_a_node_is_away_goes_when_it_returns() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.shared.lock().crash("node-2").unwrap();
    let (status, _) = lab.ask("DELETE", "/v1/resource-definitions/vol", "").await;
    assert_eq!(status, 200);
    assert_eq!(lab.ask("GET", "/v1/resource-definitions/vol", "").await.1["flags"][0], "DELETE");
    let again = r#"{"resource_definition":{"name":"VOL"}}"#;
    assert_eq!(lab.ask("POST", "/v1/resource-definitions", again).await.0, 500);
    lab.shared.lock().restore("node-2").unwrap();
    assert_eq!(lab.ask("GET", "/v1/resource-definitions/vol", "").await.0, 404);
    assert_eq!(lab.ask("POST", "/v1/resource-definitions", again).await.0, 201);
}

#[tokio::test(start_paused = true)]
async fn a_frozen_node_is_online_and_hangs_until_it_is_noticed() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.shared.lock().freeze("node-1").unwrap();
    let before = tokio::time::Instant::now();
    assert_eq!(lab.ask("GET", "/v1/nodes/node-1", "").await.1["connection_status"], "ONLINE");
    assert_eq!(lab.ask("GET", "/v1/view/resources?resources=vol", "").await.0, 500);
    assert!(before.elapsed() >= linflow::sandbox::model::FREEZE_NOTICED_AFTER);
    assert_eq!(lab.ask("GET", "/v1/nodes/node-1", "").await.1["connection_status"], "OFFLINE");
    assert!(lab.resource("node-1").await.get("state").is_none());
    lab.shared.lock().thaw("node-1").unwrap();
    assert_eq!(lab.disk_state("node-1").await, "UpToDate");
}

#[tokio::test]
async fn a_full_pool_refuses_replicas() {
    let lab = Lab::new();
    lab.shared.lock().fill_pool("node-1", u64::MAX).unwrap();
    lab.shared.lock().fill_pool("node-2", u64::MAX).unwrap();
    let spawn = r#"{"resource_definition_name":"vol","volume_sizes":[4096]}"#;
    assert_eq!(lab.ask("POST", "/v1/resource-groups/DfltRscGrp/spawn", spawn).await.0, 500);
    assert_eq!(lab.ask("GET", "/v1/resource-definitions/vol", "").await.0, 404);
}

#[tokio::test]
async fn an_unknown_field_is_a_400_and_broken_json_is_not() {
    let lab = Lab::new();
    let (unknown, broken) = (r#"{"nme":"rg"}"#, r#"{"name":"#);
    assert_eq!(lab.ask("POST", "/v1/resource-groups", unknown).await.0, 400);
    assert_eq!(lab.ask("POST", "/v1/resource-groups", broken).await.0, 500);
    assert_eq!(lab.ask("POST", "/v1/resource-definitions", broken).await.0, 400);
}

#[tokio::test]
async fn faults_name_what_is_missing() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    let mut cluster = lab.shared.lock();
    assert!(cluster.crash("node-9").unwrap_err().to_string().contains("node-9"));
    assert!(cluster.disconnect("nope", "node-1").unwrap_err().to_string().contains("nope"));
    assert!(cluster.set_sync_percent("vol", "node-3", 1.0).unwrap_err().to_string().contains("node-3"));
}

/// docs/sandbox.md, Bytes: nobody tells the sandbox of a mount.
#[tokio::test]
async fn what_comes_and_goes_between_two_questions_was_never_seen_and_two_openers_are_let() {
    let lab = Lab::with_volume(&["node-1", "node-2"]).await;
    lab.open_unseen("node-1").unwrap();
    lab.write("node-1", "unseen");
    lab.open_unseen("node-2").unwrap();
    lab.close_unseen("node-2");
    lab.close_unseen("node-1");
    assert_eq!(lab.resource("node-1").await["state"]["in_use"], false);
    assert_eq!(lab.read("node-2"), "", "no close was seen, so that nothing was spread");
    lab.open_unseen("node-1").unwrap();
    assert_eq!(lab.resource("node-1").await["state"]["in_use"], true, "whoever asks is told how it is now");
    assert!(lab.open_unseen("node-2").is_err(), "and from then on the other node is kept out");
    lab.close_unseen("node-1");
    assert!(lab.open_unseen("node-2").is_err(), "until the unmount is seen, too");
    assert_eq!(lab.resource("node-1").await["state"]["in_use"], false);
    assert_eq!(lab.read("node-2"), "unseen");
    lab.open_unseen("node-2").unwrap();
}
