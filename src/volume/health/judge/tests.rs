use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::health::Severity;
use crate::volume::health::Reason::{self, *};

/// A state that was recorded. `at`: the recording (linstor-drbd) and the row in it.
#[derive(Deserialize)]
struct Recorded {
    at: String,
    not_online: BTreeMap<String, String>,
    view: Vec<Resource>,
}

/// Every distinct state of the recordings, and what is said of it where two replicas are asked for.
const VERDICTS: [(&str, &[Reason]); 70] = [
    ("d02/5", &[ReplicaStateUnknown]),
    ("d02/6", &[ReplicaStateUnknown]),
    ("d02/7", &[ReplicaStateUnknown]),
    ("d02/9", &[ReplicaStateUnknown]),
    ("d02/10", &[ReplicaStateUnknown]),
    ("d02/11", &[QuorumLost]),
    ("d02/14", &[]),
    ("d03/0", &[]),
    ("d03/4", &[]),
    ("d03/22", &[]),
    ("d04/4", &[]),
    ("d04/14", &[]),
    ("d04/36", &[]),
    ("d06/13", &[ReplicaStateUnknown]),
    ("d06/16", &[ReplicaNodeAway, ReplicaNotUpToDate]),
    ("d06/17", &[ReplicaNodeAway]),
    ("d06/44", &[ReplicaNodeAway]),
    ("d06/50", &[ReplicaNodeAway]),
    ("d06/62", &[]),
    ("d06/71", &[ReplicaNodeAway]),
    ("d06/74", &[ReplicaCutOff, ConnectionStandAlone]),
    ("d06b/4", &[ReplicaNodeAway, ReplicaNotUpToDate]),
    ("d06b/8", &[ReplicaNotUpToDate, ReplicaCutOff, ConnectionStandAlone]),
    ("d06b/9", &[ReplicaNotUpToDate, ReplicaCutOff, ConnectionStandAlone]),
    ("d06b/12", &[ReplicaNotUpToDate, ReplicaCutOff, ConnectionStandAlone]),
    ("d07/1", &[]),
    ("d07/9", &[]),
    ("d07/12", &[ReplicaCutOff, TieBreakerAway, ConnectionStandAlone]),
    ("d07/13", &[QuorumLost]),
    ("d07/14", &[QuorumLost]),
    ("d07/15", &[QuorumLost]),
    ("d07/30", &[QuorumLost]),
    ("d07/31", &[ConnectionStandAlone]),
    ("d07/36", &[ConnectionStandAlone]),
    ("d07/47", &[ConnectionStandAlone]),
    ("d07/58", &[ReplicaNodeAway, TieBreakerAway]),
    ("d07/60", &[QuorumLost]),
    ("d07/79", &[ReplicaStateUnknown]),
    ("d07/80", &[QuorumLost]),
    ("d07/81", &[QuorumLost]),
    ("d07/82", &[QuorumLost]),
    ("d07/89", &[QuorumLost]),
    ("d07/92", &[QuorumLost]),
    ("d07/93", &[ReplicaNotUpToDate, TieBreakerAway]),
    ("d07/94", &[TieBreakerAway]),
    ("d08/31", &[ReplicaSyncing]),
    ("d10/23", &[]),
    ("d11/4", &[]),
    ("d11/6", &[]),
    ("d11/7", &[]),
    ("d11/9", &[]),
    ("d11/12", &[]),
    ("d11/13", &[]),
    ("d11/14", &[]),
    ("d11/18", &[]),
    ("d11/20", &[]),
    ("d11/22", &[]),
    ("d11/27", &[]),
    ("d11/30", &[]),
    ("d11/31", &[]),
    ("d11/32", &[]),
    ("d11/33", &[ConnectionStandAlone]),
    ("d11/34", &[]),
    ("d11/36", &[]),
    ("d11/39", &[]),
    ("d12/6", &[ReplicaNotUpToDate]),
    ("d12/11", &[ReplicaSyncing]),
    ("d12/12", &[ReplicaSyncing]),
    ("d12/13", &[ReplicaSyncing]),
    ("d12/14", &[ReplicaSyncing]),
];

fn recorded() -> Vec<Recorded> {
    serde_json::from_str(include_str!("../../../../tests/fixtures/linstor/health_states.json")).unwrap()
}

fn nodes(not_online: &BTreeMap<String, String>) -> Vec<Node> {
    let status = |name: &str| not_online.get(name).map_or("ONLINE", String::as_str).to_owned();
    ["node-1", "node-2", "node-3"]
        .map(|name| Node { name: name.to_owned(), connection_status: status(name), ..Node::default() })
        .into()
}

fn reasons(found: &[Condition]) -> Vec<Reason> {
    found.iter().map(|condition| condition.reason).collect()
}

fn judge_recorded(at: &str, asked: Option<u32>) -> Vec<Condition> {
    let row = recorded().into_iter().find(|row| row.at == at).unwrap();
    judge(asked, &ResourceDefinition::default(), &row.view, &nodes(&row.not_online))
}

#[test]
fn every_recorded_state_gets_its_verdict() {
    let rows = recorded();
    assert_eq!(rows.len(), VERDICTS.len());
    for (row, (at, expected)) in rows.iter().zip(VERDICTS) {
        assert_eq!(row.at, at);
        let found = judge(Some(2), &ResourceDefinition::default(), &row.view, &nodes(&row.not_online));
        assert_eq!(reasons(&found), expected, "{at}: {found:#?}");
    }
}

#[test]
fn a_third_replica_that_is_asked_for_counts() {
    for (at, expected) in [
        ("d10/23", &[][..]),
        ("d11/4", &[ReplicaMissing]),
        ("d11/7", &[ReplicaNotUpToDate]),
        ("d11/12", &[ReplicaSyncing]),
        ("d11/18", &[ReplicaMissing]),
        ("d11/30", &[ReplicaStateUnknown]),
        ("d11/39", &[ReplicaSyncing]),
        ("d06/17", &[ReplicaNodeAway, ReplicaMissing]),
    ] {
        let found = judge_recorded(at, Some(3));
        assert_eq!(reasons(&found), expected, "{at}: {found:#?}");
    }
    let message = &judge_recorded("d11/12", Some(3))[0].message;
    assert!(message.starts_with("2 of 3 replicas are up to date, not so on node-2 (SyncTarget(44.81%))"), "{message}");
}

#[test]
fn where_nobody_knows_how_many_are_asked_for_all_that_are_there_count() {
    assert_eq!(reasons(&judge_recorded("d11/12", None)), [ReplicaSyncing]);
    assert_eq!(reasons(&judge_recorded("d03/0", None)), []);
}

/// recordings/linstor-drbd/d06: the node that was dead says UpToDate of what it had.
#[test]
fn a_node_that_returns_with_stale_data_is_not_believed() {
    let found = judge_recorded("d06/74", Some(2));
    assert_eq!(found[0].reason.severity(), Severity::Degraded);
    assert!(found[0].message.contains("node-1 (says UpToDate, and DRBD would not use it)"), "{}", found[0].message);
}

/// A resource as LINSTOR shows it, with what differs from a healthy replica on node-1.
fn resource(change: Value) -> Resource {
    let mut shown = json!({
        "name": "vol1", "node_name": "node-1", "flags": [], "props": {}, "state": {"in_use": false},
        "layer_object": {"type": "DRBD", "drbd": {"may_promote": true, "promotion_score": 10102}},
        "volumes": [{"volume_number": 0, "device_path": "/dev/drbd1000", "state": {"disk_state": "UpToDate"}}],
    });
    let fields = change.as_object().unwrap().clone();
    shown.as_object_mut().unwrap().extend(fields);
    shown.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    serde_json::from_value(shown).unwrap()
}

fn disk(state: &str) -> Value {
    json!([{"volume_number": 0, "device_path": "/dev/drbd1000", "state": {"disk_state": state}}])
}

fn cut_off() -> Value {
    json!({"type": "DRBD", "drbd": {"may_promote": false, "promotion_score": 0}})
}

fn judge_all(view: &[Resource], not_online: &[&str]) -> Vec<Reason> {
    let away = not_online.iter().map(|node| ((*node).to_owned(), "OFFLINE".to_owned())).collect();
    reasons(&judge(Some(1), &ResourceDefinition::default(), view, &nodes(&away)))
}

#[test]
fn one_replica_with_drbd_is_judged_by_its_flags_its_disk_and_its_node() {
    let failed = json!({"volumes": disk("Failed"), "layer_object": cut_off()});
    let skipped = json!({"props": {"DrbdOptions/SkipDisk": "True"}, "layer_object": cut_off()});
    for (change, away, expected) in [
        (json!({}), &[][..], &[][..]),
        (failed, &[], &[AllReplicasFailed]),
        (skipped, &[], &[AllReplicasFailed]),
        (json!({"volumes": disk("Diskless"), "layer_object": cut_off()}), &[], &[NoReplicaUsable]),
        (json!({"volumes": disk("Outdated"), "layer_object": cut_off()}), &[], &[NoReplicaUsable]),
        (json!({"volumes": disk("DUnknown"), "layer_object": cut_off()}), &[], &[ReplicaStateUnknown]),
        (json!({"layer_object": cut_off()}), &[], &[QuorumLost]),
        (json!({"layer_object": {"type": "DRBD", "drbd": {}}}), &[], &[ReplicaStateUnknown]),
        (json!({"state": null}), &[], &[ReplicaStateUnknown]),
        (json!({"state": null}), &["node-1"], &[NoReplicaReachable]),
        (json!({"flags": ["INACTIVE"], "layer_object": cut_off()}), &[], &[NoReplicaReachable]),
        (json!({"flags": ["DELETE"]}), &[], &[NoReplica]),
        (json!({"node_name": "node-9"}), &[], &[ReplicaStateUnknown]),
    ] {
        assert_eq!(judge_all(&[resource(change.clone())], away), expected, "{change}");
    }
}

/// Without DRBD no disk state is told: the node and the device are what there is.
#[test]
fn a_volume_without_drbd_is_fine_where_its_node_is_online_and_shows_the_device() {
    let storage = |change: Value| {
        let mut shown = json!({
            "state": {}, "layer_object": {"type": "STORAGE"},
            "volumes": [{"volume_number": 0, "device_path": "/dev/vg/vol1_00000"}],
        });
        shown.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        resource(shown)
    };
    assert_eq!(judge_all(&[storage(json!({}))], &[]), []);
    assert_eq!(judge_all(&[storage(json!({}))], &["node-1"]), [NoReplicaReachable]);
    assert_eq!(judge_all(&[storage(json!({"state": null}))], &[]), [ReplicaStateUnknown]);
    assert_eq!(judge_all(&[storage(json!({"volumes": [{"volume_number": 0}]}))], &[]), [NoReplicaUsable]);
    assert_eq!(judge_all(&[], &[]), [NoReplica]);
}

#[test]
fn data_is_lost_only_where_every_replica_is_known_to_have_none() {
    let on = |node: &str, mut change: Value| {
        change["node_name"] = json!(node);
        resource(change)
    };
    let failed = || on("node-1", json!({"volumes": disk("Failed"), "layer_object": cut_off()}));
    let with = |other: Resource| judge_all(&[failed(), other], &["node-3"]);
    assert_eq!(with(on("node-2", json!({"volumes": disk("Failed"), "layer_object": cut_off()}))), [AllReplicasFailed]);
    let half = json!({"volumes": disk("Inconsistent"), "layer_object": cut_off()});
    assert_eq!(with(on("node-2", half)), [AllReplicasFailed]);
    assert_eq!(with(on("node-2", json!({"volumes": disk("Outdated"), "layer_object": cut_off()}))), [NoReplicaUsable]);
    assert_eq!(with(on("node-2", json!({"state": null}))), [ReplicaStateUnknown]);
    assert_eq!(with(on("node-3", json!({"state": null}))), [NoReplicaUsable]);
    // A disk that failed is told where the others suffice, too.
    assert_eq!(with(on("node-2", json!({}))), [ReplicaFailed]);
}

#[test]
fn a_volume_whose_replicas_were_all_removed_has_lost_what_was_on_them() {
    let client =
        json!({"flags": ["DISKLESS", "DRBD_DISKLESS"], "volumes": disk("Diskless"), "layer_object": cut_off()});
    let view = [resource(client)];
    let definition = |flags: &[&str]| {
        let shown = json!({"name": "vol1", "volume_definitions": [{"volume_number": 0, "flags": flags}]});
        serde_json::from_value::<ResourceDefinition>(shown).unwrap()
    };
    let judge = |flags: &[&str], view: &[Resource]| {
        reasons(&judge(Some(1), &definition(flags), view, &nodes(&BTreeMap::new())))
    };
    assert_eq!(judge(&["DRBD_INITIALIZED"], &view), [AllReplicasFailed]);
    assert_eq!(judge(&[], &view), [NoReplica]);
    let leaving = [view[0].clone(), resource(json!({"node_name": "node-2", "flags": ["DELETE"], "state": null}))];
    assert_eq!(judge(&["DRBD_INITIALIZED"], &leaving), [NoReplica]);
}

#[test]
fn an_evicted_node_has_no_replica_that_counts() {
    let evicted = Node {
        name: "node-1".to_owned(),
        flags: vec!["DELETE".to_owned(), "EVICTED".to_owned()],
        connection_status: "OFFLINE".to_owned(),
        ..Node::default()
    };
    let view = [resource(json!({"state": null, "flags": ["INACTIVE", "EVICTED"]}))];
    let found = judge(Some(1), &ResourceDefinition::default(), &view, &[evicted]);
    assert_eq!(reasons(&found), [NoReplicaReachable]);
    assert!(found[0].message.contains("its node is evicted"), "{found:?}");
}
