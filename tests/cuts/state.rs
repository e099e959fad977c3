//! All that LINSTOR shows, with what is random or a matter of time replaced.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::support::World;

const LISTS: [&str; 7] = [
    "/v1/nodes",
    "/v1/view/storage-pools",
    "/v1/resource-groups",
    "/v1/resource-definitions?with_volume_definitions=true",
    "/v1/view/resources",
    "/v1/key-value-store",
    "/v1/view/snapshots",
];

/// Fields that LINSTOR draws, counts or clocks, and the folder of the test.
const VARYING: [&str; 15] = [
    "uuid",
    "create_timestamp",
    "created_at",
    "eviction_timestamp",
    "secret",
    "port",
    "tcp_ports",
    "minor_number",
    "node_id",
    "device_path",
    "backing_device",
    "DrbdCurrentGi",
    "StorDriver/StorPoolName",
    "time",
    // How many snapshots the volume has ever had.
    "SequenceNumber",
];

/// What LINSTOR shows now: list by list, each entry under its name.
pub async fn of(world: &World) -> Value {
    let mut all = Map::new();
    for list in LISTS {
        let (status, body) = world.rest("GET", list, &Value::Null).await;
        assert_eq!(status, 200, "{list}: {body}");
        all.insert(list.to_owned(), body);
    }
    let drawn = drawn_by_linflow(&all);
    let mut all = Value::Object(all);
    settle(&mut all, &drawn);
    all
}

/// What linflow drew for each volume that is there. What it drew for one that is gone keeps its face, and is seen as
/// left over.
fn drawn_by_linflow(all: &Map<String, Value>) -> BTreeMap<String, String> {
    let mut drawn = BTreeMap::new();
    for definition in all[LISTS[3]].as_array().into_iter().flatten() {
        for key in ["Aux/linflow/incarnation", "Aux/linflow/fs-uuid"] {
            if let Some(value) = definition["props"][key].as_str() {
                drawn.insert(value.to_owned(), format!("<{key} of {}>", definition["name"]));
            }
        }
    }
    drawn
}

/// Replaces what varies, and puts lists in order.
fn settle(value: &mut Value, drawn: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => *value = settle_text(text, drawn),
        Value::Array(entries) => {
            entries.iter_mut().for_each(|entry| settle(entry, drawn));
            entries.sort_by_key(Value::to_string);
        }
        Value::Object(fields) => {
            let all = std::mem::take(fields).into_iter();
            *fields = all.map(|(key, value)| settle_field(&key, value, drawn)).collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn settle_field(key: &str, mut value: Value, drawn: &BTreeMap<String, String>) -> (String, Value) {
    let (key, is_word) = without_word(key);
    let is_moment = ["/made", "/claimed", "/released"].iter().any(|moment| key.ends_with(moment));
    if VARYING.contains(&key) || is_moment || (is_word && value.as_str().is_some_and(is_time)) {
        value = json!("<varies>");
    }
    settle(&mut value, drawn);
    (replace(key, drawn), value)
}

/// The key without the random word of the call that wrote it: what a cut call said and what its retry said come and go
/// together.
fn without_word(key: &str) -> (&str, bool) {
    let has_word = key.contains("/claim/") || ["generation/", "used/"].iter().any(|begin| key.starts_with(begin));
    match key.rsplit_once('/') {
        Some((rest, _)) if has_word => (rest, true),
        _ => (key, false),
    }
}

/// Is the whole text a time?
fn is_time(text: &str) -> bool {
    text.parse::<linflow::volume::moment::Moment>().is_ok()
}

/// Records are JSON within a text.
fn settle_text(text: &str, drawn: &BTreeMap<String, String>) -> Value {
    match serde_json::from_str::<Value>(text) {
        Ok(mut record @ Value::Object(_)) => {
            settle(&mut record, drawn);
            record
        }
        _ => Value::String(replace(text, drawn)),
    }
}

fn replace(text: &str, drawn: &BTreeMap<String, String>) -> String {
    drawn.iter().fold(text.to_owned(), |text, (value, name)| text.replace(value, name))
}

/// Where two states differ, a line for each place; empty where they don't.
pub fn differences(one: &Value, other: &Value) -> Vec<String> {
    let (one, other) = (leaves("", one), leaves("", other));
    let lines = |a: &BTreeSet<String>, b: &BTreeSet<String>, sign| {
        a.difference(b).map(|leaf| format!("{sign} {leaf}")).collect::<Vec<_>>()
    };
    [lines(&one, &other, "missing"), lines(&other, &one, "too much")].concat()
}

fn leaves(path: &str, value: &Value) -> BTreeSet<String> {
    match value {
        Value::Array(entries) if !entries.is_empty() => {
            let of_entry = |(index, entry): (usize, &Value)| leaves(&format!("{path}[{index}]"), entry);
            entries.iter().enumerate().flat_map(of_entry).collect()
        }
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().flat_map(|(key, value)| leaves(&format!("{path} › {key}"), value)).collect()
        }
        leaf => BTreeSet::from([format!("{path}: {leaf}")]),
    }
}

/// How many entries a list has.
pub fn count(state: &Value, list: &str) -> usize {
    let found = LISTS.iter().find(|name| name.starts_with(list)).expect("a list that is looked at");
    state[found].as_array().expect("lists are arrays").len()
}

/// The flags of the one resource on a node.
pub fn flags_on<'a>(state: &'a Value, node: &str) -> Vec<&'a str> {
    let resources = state["/v1/view/resources"].as_array().expect("lists are arrays");
    let resource = resources.iter().find(|resource| resource["node_name"] == node).expect("it has a resource there");
    resource["flags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn two_states_that_differ_in_a_record_differ() {
    let drawn = BTreeMap::from([("abc".to_owned(), "<incarnation>".to_owned())]);
    let state = |key: &str, claim: &str, time: &str| {
        let mut state = json!([{ "name": "v", "props": { key: format!(r#"{{"claim":"{claim}","time":"{time}"}}"#) } }]);
        settle(&mut state, &drawn);
        state
    };
    assert!(differences(&state("abc/attach/n", "v", "1"), &state("abc/attach/n", "v", "2")).is_empty());
    assert_eq!(differences(&state("abc/attach/n", "v", "1"), &state("abc/attach/n", "w", "1")).len(), 2);
    assert!(!differences(&state("abc/attach/n", "v", "1"), &state("def/attach/n", "v", "1")).is_empty());
}
