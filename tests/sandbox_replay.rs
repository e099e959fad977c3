//! The recordings of a real LINSTOR, replayed against the sandbox: same status, same return codes, same fields.
//!
//! tests/fixtures/recordings says where each step was recorded. What is compared: the status; the list of return codes,
//! sorted, since satellites answer in any order; the names of all fields, at every depth, with the names of the objects
//! referred to; and the values of the fields in `STABLE`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::body::{Body, to_bytes};
use axum::http::Request;
use linflow::sandbox::bookkeeping::Bookkeeping;
use linflow::sandbox::bytes::ReplicaKey;
use linflow::sandbox::model::name::Key;
use linflow::sandbox::model::{Cluster, Layout, SharedCluster};
use linflow::sandbox::router;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tower::ServiceExt;

/// Fields whose values must be those recorded.
const STABLE: [&str; 26] = [
    "ret_code",
    "name",
    "node_name",
    "flags",
    "in_use",
    "may_promote",
    "promotion_score",
    "disk_state",
    "replication_state",
    "connected",
    "connection_status",
    "DrbdOptions/Resource/quorum",
    "DrbdOptions/auto-verify-alg",
    "StorPoolName",
    "volume_number",
    "size_kib",
    "minor_number",
    "place_count",
    "layer_stack",
    "resource_group_name",
    "resource_name",
    "synced_on_all",
    "storage_pool_name",
    "type",
    "rest_api_version",
    "default_max_oversubscription_ratio",
];

/// Maps whose keys follow from the machine, not from the API.
const MACHINE: [&str; 3] = ["unsupported_providers", "unsupported_layers", "resource_layers"];

struct Replay {
    cluster: SharedCluster,
}

impl Replay {
    fn new(pool: &str) -> Self {
        let layout = Layout {
            nodes: ["node-1", "node-2", "node-3"].map(String::from).into(),
            pool,
            pool_kib: 20_905_984,
            state: Path::new("/nowhere"),
        };
        Self { cluster: SharedCluster::new(Cluster::new(&layout, Arc::new(Bookkeeping::default()))) }
    }

    async fn ask(&self, step: &Value) -> (u16, Value) {
        let text = |name: &str| step[name].as_str().unwrap_or_default();
        let uri = match text("query") {
            "" => encode(text("path")),
            query => format!("{}?{query}", encode(text("path"))),
        };
        let body = match step.get("request_body") {
            None => String::new(),
            // What was no JSON was recorded as text.
            Some(Value::String(raw)) => raw.clone(),
            Some(json) => json.to_string(),
        };
        let request = Request::builder().method(text("method")).uri(uri).body(Body::from(body)).unwrap();
        let answer = router(self.cluster.clone()).oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let body =
            serde_json::from_slice(&bytes).unwrap_or(Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        (status, body)
    }

    fn play(&self, step: &Value) {
        let args: Vec<&Value> = step["args"].as_array().into_iter().flatten().collect();
        let arg = |at: usize| args[at].as_str().unwrap();
        let mut cluster = self.cluster.lock();
        match step["do"].as_str().unwrap() {
            "crash" => cluster.crash(arg(0)).unwrap(),
            "restore_apart" => cluster.restore_apart(arg(0)).unwrap(),
            "adjust" => cluster.adjust(&Key::of(arg(0))).unwrap(),
            "restore" => cluster.restore(arg(0)).unwrap(),
            "freeze" => {
                cluster.freeze_noticed_after = std::time::Duration::ZERO;
                cluster.freeze(arg(0)).unwrap();
            }
            "sync" => cluster.set_sync_percent(arg(1), arg(0), args[2].as_f64().unwrap()).unwrap(),
            open_or_close => {
                let key = ReplicaKey { node: arg(0).into(), resource: arg(1).into(), volume: 0 };
                cluster.backing().set_open(&key, open_or_close == "open").unwrap();
                cluster.refresh_all().unwrap();
            }
        }
    }
}

fn encode(path: &str) -> String {
    path.replace(' ', "%20")
}

/// Every difference between what was recorded and what was answered.
fn differences(at: &str, recorded: &Value, answered: &Value, found: &mut Vec<String>) {
    match (recorded, answered) {
        (Value::Object(recorded), Value::Object(answered)) => {
            let (had, has) = (keys(recorded), keys(answered));
            if had != has {
                found.push(format!("{at}: fields missing {:?}, new {:?}", &had - &has, &has - &had));
            }
            for (name, value) in recorded.iter().filter(|(name, _)| !MACHINE.contains(&name.as_str())) {
                let Some(other) = answered.get(name) else { continue };
                if STABLE.contains(&name.as_str()) && *value != "*" && value != other {
                    found.push(format!("{at}.{name}: recorded {value}, answered {other}"));
                }
                // A pool's properties are its driver's: the recordings are of LVM and of files.
                if name != "props" || recorded.get("free_space_mgr_name").is_none() {
                    differences(&format!("{at}.{name}"), value, other, found);
                }
            }
        }
        (Value::Array(recorded), Value::Array(answered)) if is_rc(recorded) => {
            compare_entries(at, recorded, answered, found);
        }
        (Value::Array(recorded), Value::Array(answered)) => {
            if recorded.len() != answered.len() && recorded.iter().chain(answered).any(Value::is_object) {
                found.push(format!("{at}: recorded {} elements, answered {}", recorded.len(), answered.len()));
            }
            for (number, (one, other)) in recorded.iter().zip(answered).enumerate() {
                differences(&format!("{at}[{number}]"), one, other, found);
            }
        }
        (one, other) if std::mem::discriminant(one) != std::mem::discriminant(other) => {
            found.push(format!("{at}: recorded {one}, answered {other}"));
        }
        _ => {}
    }
}

fn keys(map: &Map<String, Value>) -> BTreeSet<&str> {
    map.keys().map(String::as_str).collect()
}

fn is_rc(list: &[Value]) -> bool {
    list.first().is_some_and(|entry| entry.get("ret_code").is_some())
}

/// Entries in the order of their codes and fields: satellites answer in any order.
fn compare_entries(at: &str, recorded: &[Value], answered: &[Value], found: &mut Vec<String>) {
    let sorted = |list: &[Value]| {
        let mut list: Vec<Value> = list.to_vec();
        list.sort_by_key(|entry| {
            let refs = entry["obj_refs"].as_object().map(|refs| refs.keys().cloned().collect::<Vec<_>>().join(","));
            (entry["ret_code"].as_i64(), entry.as_object().map(Map::len), refs)
        });
        list
    };
    let codes = |list: &[Value]| list.iter().map(|entry| entry["ret_code"].as_i64().unwrap_or(0)).collect::<Vec<_>>();
    let (recorded, answered) = (sorted(recorded), sorted(answered));
    if codes(&recorded) != codes(&answered) {
        found.push(format!("{at}: recorded codes {:?}, answered {:?}", codes(&recorded), codes(&answered)));
        return;
    }
    for (number, (one, other)) in recorded.iter().zip(&answered).enumerate() {
        let both = (one.as_object().unwrap(), other.as_object().unwrap());
        if keys(both.0) != keys(both.1) {
            found.push(format!(
                "{at}[{number}]: recorded fields {:?}, answered {:?}: {other}",
                keys(both.0),
                keys(both.1)
            ));
        }
        if let (Some(one), Some(other)) = (one["obj_refs"].as_object(), other["obj_refs"].as_object())
            && keys(one) != keys(other)
        {
            found.push(format!("{at}[{number}]: recorded references {:?}, answered {:?}", keys(one), keys(other)));
        }
    }
}

/// Replays a file of tests/fixtures/recordings.
async fn replay(name: &str) {
    let path = format!("{}/tests/fixtures/recordings/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let fixture: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let replay = Replay::new(fixture["pool"].as_str().unwrap());
    let mut found = Vec::new();
    let mut compared = 0;
    for step in fixture["steps"].as_array().unwrap() {
        if step.get("do").is_some() {
            replay.play(step);
            continue;
        }
        let (status, body) = replay.ask(step).await;
        let at = format!("row {} {} {}", step["row"], step["method"].as_str().unwrap(), step["path"].as_str().unwrap());
        match step["status"].as_u64() {
            None => assert!(status < 300, "preparing: {at}: {status} {body}"),
            Some(recorded) => {
                compared += 1;
                if recorded != u64::from(status) {
                    found.push(format!("{at}: recorded status {recorded}, answered {status}: {body}"));
                }
                differences(&at, &step["response_body"], &body, &mut found);
            }
        }
    }
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
    assert!(compared > 0, "nothing was compared");
}

macro_rules! replays {
    ($($test:ident: $fixture:literal,)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                replay($fixture).await;
            }
        )*
    };
}

replays! {
    a_fresh_cluster_answers_as_recorded: "drbd_cluster",
    a_group_in_use_answers_as_recorded: "group_in_use",
    the_controller_answers_as_recorded: "controller",
    nodes_answer_as_recorded: "nodes",
    storage_pools_answer_as_recorded: "storage_pools",
    changes_of_storage_pools_answer_as_recorded: "pool_changes",
    resource_groups_answer_as_recorded: "resource_groups",
    resource_definitions_answer_as_recorded: "resource_definitions",
    volume_definitions_answer_as_recorded: "volume_definitions",
    autoplace_answers_as_recorded: "autoplace",
    resources_answer_as_recorded: "resources",
    make_available_answers_as_recorded: "make_available",
    make_available_makes_an_empty_twin_without_drbd: "make_available_twin",
    views_of_resources_answer_as_recorded: "view_resources",
    properties_answer_as_recorded: "properties",
    spawn_answers_as_recorded: "spawn",
    resizing_answers_as_recorded: "resize",
    deleting_answers_as_recorded: "delete",
    queries_of_sizes_answer_as_recorded: "query_sizes",
    key_value_stores_answer_as_recorded: "kvs",
    error_reports_answer_as_recorded: "error_reports",
    an_offline_node_is_told_as_recorded: "offline_node",
    drbd_spawn_answers_as_recorded: "drbd_spawn",
    drbd_make_available_answers_as_recorded: "drbd_make_available",
    drbd_in_use_is_told_as_recorded: "drbd_in_use",
    a_crash_of_the_primary_is_told_as_recorded: "drbd_crash",
    a_frozen_node_is_told_as_recorded: "drbd_freeze",
    a_change_while_a_node_is_away_answers_as_recorded: "drbd_adjust",
    drbd_resizing_answers_as_recorded: "drbd_resize",
    drbd_queries_of_sizes_answer_as_recorded: "drbd_query_size",
    drbd_properties_answer_as_recorded: "drbd_properties",
    a_diskful_resource_is_made_available_as_recorded: "drbd_diskful",
    a_resync_is_told_as_recorded: "drbd_sync",
    a_disk_is_given_and_taken_as_recorded: "drbd_toggle_disk",
    toggling_without_drbd_or_need_is_answered_as_recorded: "toggle_refused",
    snapshots_answer_as_recorded: "snapshots",
    deleting_snapshots_answers_as_recorded: "snapshot_delete",
    restoring_snapshots_answers_as_recorded: "snapshot_restore",
    snapshots_and_what_was_made_of_them_are_put_away_as_recorded: "snapshots_put_away",
    a_snapshot_with_a_node_away_answers_as_recorded: "snapshot_offline",
    drbd_snapshots_answer_as_recorded: "drbd_snapshots",
    drbd_snapshots_and_what_was_made_of_them_are_put_away_as_recorded: "drbd_snapshots_put_away",
    clones_without_drbd_are_refused_as_recorded: "clone",
    drbd_clones_answer_as_recorded: "drbd_clone",
}
