use serde_json::json;

use super::*;
use crate::doctor::finding::Level::{self, Fail, Ok as Fine, Skipped, Warn};
use crate::doctor::samples::{self, found, levels, replica};

fn definition(facts: &mut Facts) -> &mut ResourceDefinition {
    &mut facts.cluster.definitions.as_mut().unwrap()[0]
}

fn with_first_replica(change: impl FnOnce(&mut serde_json::Value)) -> Facts {
    let mut facts = samples::healthy();
    let mut first = replica("node-1", "UpToDate");
    change(&mut first);
    facts.cluster.resources.as_mut().unwrap()[0] = serde_json::from_value(first).unwrap();
    facts
}

#[test]
fn replicas_are_judged_by_drbds_own_word() {
    assert_eq!(levels(replication(&samples::healthy())), [Fine]);
    let state = |word: &str| with_first_replica(|one| one["volumes"][0]["state"]["disk_state"] = json!(word));
    for word in ["Outdated", "Inconsistent", "Failed", "SyncTarget(44.81%)"] {
        assert_eq!(levels(replication(&state(word))), [Warn], "{word}");
    }
    let apart = with_first_replica(|one| {
        one["layer_object"]["drbd"]["connections"]["node-3"] = json!({"connected": false, "message": "StandAlone"});
    });
    let finding = found(replication(&apart)).remove(0);
    assert_eq!((finding.level, finding.seen.as_str()), (Fail, "1 resource StandAlone: pvc-1 on node-1"));
}

#[test]
fn of_a_node_that_is_away_nothing_is_believed() {
    let mut facts = with_first_replica(|one| one["volumes"][0]["state"]["disk_state"] = json!("Outdated"));
    facts.cluster.nodes.as_mut().unwrap()[0].connection_status = "OFFLINE".to_owned();
    assert_eq!(levels(replication(&facts)), [Fine]);
}

#[test]
fn volumes_of_others_are_not_judged() {
    let mut facts = with_first_replica(|one| one["volumes"][0]["state"]["disk_state"] = json!("Outdated"));
    definition(&mut facts).props.clear();
    assert_eq!(levels(replication(&facts)), [Skipped]);
    let seen = found(leftovers(&facts)).remove(0).seen;
    assert_eq!(seen, "none; 0 volumes, and 1 definition of others, which linflow leaves alone");
}

fn seen(change: impl FnOnce(&mut Facts)) -> Vec<(Level, String)> {
    let mut facts = samples::healthy();
    change(&mut facts);
    found(leftovers(&facts)).into_iter().map(|finding| (finding.level, finding.seen)).collect()
}

fn record(facts: &mut Facts, key: &str, value: &str) {
    let store = facts.cluster.store.as_mut().unwrap().get_mut("pvc-1").unwrap();
    store.insert(format!("{}/{key}", "ab".repeat(16)), value.to_owned());
}

fn attachment(detaching: bool) -> String {
    json!({"mode": "SINGLE_NODE_WRITER", "read_only": false, "claim": "pvc-1", "time": "2026-01-01T00:00:00Z", "detaching": detaching})
        .to_string()
}

#[test]
fn nothing_left_over_is_ok() {
    let fine = "none; 1 volume, and 0 definitions of others, which linflow leaves alone".to_owned();
    assert_eq!(seen(|_| {}), [(Fine, fine.clone())]);
    assert_eq!(seen(|facts| record(facts, "attach/node-1", &attachment(false))), [(Fine, fine)]);
}

#[test]
fn each_leftover_is_told() {
    let one = |change: fn(&mut Facts)| {
        let mut seen = seen(change);
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    };
    let warned = |text: &str| (Warn, text.to_owned());
    assert_eq!(one(|facts| definition(facts).flags.push("DELETE".to_owned())), warned("1 volume half deleted: pvc-1"));
    assert_eq!(one(|facts| facts.cluster.resources = Ok(Vec::new())), warned("1 volume without a replica: pvc-1"));
    assert_eq!(
        one(|facts| record(facts, "attach/node-9", &attachment(false))),
        warned("attached to a node that LINSTOR does not have: pvc-1 at node-9")
    );
    assert_eq!(
        one(|facts| record(facts, "attach/node-2", &attachment(true))),
        warned("a detach waits for its node: pvc-1 at node-2")
    );
    assert_eq!(
        one(|facts| {
            let key = format!("{}/used", "cd".repeat(16));
            let store = facts.cluster.store.as_mut().unwrap();
            store.insert("pvc-gone".to_owned(), [(key, String::new())].into());
            store.insert(format!("{TRIAL_PREFIX}0"), [("written-by".to_owned(), String::new())].into());
        }),
        warned("2 record instances without a volume: linflow-doctor-0, pvc-gone")
    );
}

#[test]
fn what_can_t_be_read_fails() {
    let broken = seen(|facts| drop(definition(facts).props.remove(tag::INCARNATION)));
    assert_eq!(broken[0].0, Fail, "{broken:?}");
    let broken = seen(|facts| record(facts, "attach/node-1", "{"));
    assert_eq!(broken[0].0, Fail, "{broken:?}");
}

#[test]
fn limits_are_found_by_linstors_properties() {
    let mut facts = samples::healthy();
    assert!(limited(&facts).unwrap().is_empty());
    definition(&mut facts).props.insert("sys/fs/blkio_throttle_write".to_owned(), "1".to_owned());
    assert_eq!(limited(&facts).unwrap().into_iter().collect::<Vec<_>>(), ["pvc-1"]);
}
