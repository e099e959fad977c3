use super::*;
use crate::doctor::finding::Level::{self, Fail, Ok as Fine, Skipped, Warn};
use crate::doctor::samples::{self, found, levels};

fn with_first(change: impl FnOnce(&mut Node)) -> Facts {
    let mut facts = samples::healthy();
    change(&mut facts.cluster.nodes.as_mut().unwrap()[0]);
    facts
}

#[test]
fn each_state_of_a_satellite_has_its_level_and_remedy() {
    for (status, flags, level, remedy) in [
        ("OFFLINE", vec![], Fail, "linstor-satellite"),
        ("UNKNOWN", vec![], Fail, "linstor-satellite"),
        ("VERSION_MISMATCH", vec![], Fail, "version"),
        ("HOSTNAME_MISMATCH", vec![], Fail, "uname"),
        ("AUTHENTICATION_ERROR", vec![], Fail, "TLS"),
        ("OTHER_CONTROLLER", vec![], Fail, "stop one"),
        ("FULL_SYNC_FAILED", vec![], Fail, "error-reports"),
        ("OFFLINE", vec!["EVICTED"], Warn, "restore"),
        ("ONLINE", vec!["EVACUATE"], Warn, "restore"),
    ] {
        let facts = with_first(|node| {
            node.connection_status = status.to_owned();
            node.flags = flags.iter().map(|flag: &&str| (*flag).to_owned()).collect();
        });
        let finding = found(satellites(&facts)).remove(1);
        assert_eq!((finding.level, finding.about.as_deref()), (level, Some("node-1")), "{status} {flags:?}");
        assert!(finding.todo.unwrap().contains(remedy), "{status}");
    }
    assert_eq!(levels(satellites(&samples::healthy())), [Fine]);
}

#[test]
fn nodes_without_a_satellite_are_passed_over_and_none_at_all_fails() {
    let facts = with_first(|node| (node.node_type, node.connection_status) = ("CONTROLLER".into(), "OFFLINE".into()));
    assert_eq!(levels(satellites(&facts)), [Fine]);
    let mut facts = samples::healthy();
    facts.cluster.nodes = Ok(Vec::new());
    assert_eq!(levels(satellites(&facts)), [Fail]);
}

fn without_drbd(nodes: usize) -> Vec<Level> {
    let mut facts = samples::healthy();
    for node in facts.cluster.nodes.as_mut().unwrap().iter_mut().take(nodes) {
        node.resource_layers = vec!["STORAGE".to_owned()];
        node.unsupported_layers.insert("DRBD".to_owned(), vec!["Current DRBD version: 0.0.0".to_owned()]);
    }
    levels(drbd_layer(&facts))
}

#[test]
fn two_nodes_with_drbd_are_enough_and_each_one_without_is_told() {
    assert_eq!(without_drbd(0), [Fine]);
    assert_eq!(without_drbd(1), [Fine, Warn]);
    assert_eq!(without_drbd(2), [Fail, Warn, Warn]);
    assert_eq!(without_drbd(3), [Fail, Warn, Warn, Warn]);
}

#[test]
fn of_an_offline_satellite_nothing_is_said_about_its_layers() {
    let mut facts = samples::healthy();
    facts.cluster.nodes.as_mut().unwrap().iter_mut().for_each(|node| node.connection_status = "OFFLINE".to_owned());
    assert_eq!(levels(drbd_layer(&facts)), [Skipped]);
}

#[test]
fn this_node_is_known_in_any_case_of_its_name_and_must_have_a_satellite() {
    let named = |name: &str| {
        let mut facts = samples::healthy();
        facts.node = Some(name.parse().unwrap());
        found(node_known(&facts)).remove(0)
    };
    assert_eq!(named("NODE-1").level, Fine);
    let unknown = named("worker-7");
    assert_eq!((unknown.level, unknown.about.as_deref()), (Fail, Some("worker-7")));
    assert_eq!(unknown.seen, "LINSTOR does not know it; it knows node-1, node-2, node-3");
    assert_eq!(levels(node_known(&with_first(|node| node.connection_status = "OFFLINE".to_owned()))), [Fail]);
    assert_eq!(levels(node_known(&with_first(|node| node.node_type = "AUXILIARY".to_owned()))), [Fail]);
}
