//! Rules of docs/decisions.md (Attaching and leaving), each a row: what a real LINSTOR with DRBD showed, and what is
//! decided for which target. The fixtures are what the recordings held of nodes and resources, cut down to what we read.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::linstor::model::{Node, Resource, ResourceDefinition};
use crate::linstor::name::NodeName;

macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str(include_str!(concat!("../../tests/fixtures/failover/", $name, ".json"))).unwrap()
    };
}

/// What was recorded while nodes went away and came back.
#[derive(Deserialize)]
struct Recording {
    moments: BTreeMap<String, Moment>,
}

impl Recording {
    fn at(&self, moment: &str) -> Moment {
        self.moments[moment].clone()
    }
}

/// One moment of a recording.
#[derive(Clone, Deserialize)]
struct Moment {
    view: Vec<Resource>,
    nodes: Vec<Node>,
    #[serde(default = "majority")]
    definition: ResourceDefinition,
}

/// A recorded definition: `majority`, `off` (quorum switched off) or `storage` (no DRBD).
fn definition(name: &str) -> ResourceDefinition {
    let mut all: BTreeMap<String, ResourceDefinition> = fixture!("definitions");
    all.remove(name).unwrap()
}

fn majority() -> ResourceDefinition {
    definition("majority")
}

impl Moment {
    fn of(mut self, name: &str) -> Self {
        self.definition = definition(name);
        self
    }

    /// As if the volume had no resource on that node.
    fn without_resource(mut self, node: &str) -> Self {
        self.view.retain(|resource| resource.node_name != node);
        self
    }

    /// As if LINSTOR had removed the node.
    fn without_node(mut self, node: &str) -> Self {
        self.nodes.retain(|one| one.name != node);
        self.without_resource(node)
    }

    /// What is seen while these nodes have attach records, each `NODE [reads] [leaving]`.
    fn seen(&self, holders: &[&str]) -> Observation {
        let mut seen =
            Observation::new(&self.definition, holders.iter().map(|text| holder(text)).collect(), &self.nodes);
        seen.look(&self.view);
        seen
    }

    /// What is decided for the target (`NODE [reads]`) while the others have the volume.
    fn decide(&self, holders: &[&str], target: &str) -> String {
        told(&decide(&self.seen(holders), &wish(target)))
    }
}

fn holder(text: &str) -> Holder {
    let has = |word: &str| text.split(' ').any(|one| one == word);
    let sharing = if has("reads") { Sharing::Readers } else { Sharing::Alone };
    let node = NodeName::parse(text.split(' ').next().unwrap()).unwrap();
    Holder { node, sharing, is_detaching: has("leaving") }
}

fn wish(text: &str) -> Wish {
    let Holder { node, sharing, .. } = holder(text);
    Wish { target: node, sharing }
}

fn told(decision: &Decision) -> String {
    match decision {
        Decision::Free => "free".to_owned(),
        Decision::Tidy(steps) => {
            let told = |step: &Step| match step {
                Step::Forget(node) => format!("forget {node}"),
                Step::Finish(node) => format!("finish {node}"),
            };
            steps.iter().map(told).collect::<Vec<_>>().join(", ")
        }
        Decision::Look => "look".to_owned(),
        Decision::Wait(Doubt { node, seen }) => format!("wait for {node}: {seen}"),
        Decision::GiveUp { nodes, proof } => {
            let nodes: Vec<&str> = nodes.iter().map(NodeName::as_str).collect();
            format!("give up {}: {proof}", nodes.join(", "))
        }
        Decision::Refuse(Refusal::NoSuchNode) => "refuse: no such node".to_owned(),
        Decision::Refuse(Refusal::TargetAway(status)) => format!("refuse: the target is {status}"),
        Decision::Refuse(Refusal::Held { by, status }) => format!("refuse: {by}, {status}, keeps it"),
        Decision::Refuse(Refusal::Unprovable(Doubt { node, seen })) => format!("refuse for {node}: {seen}"),
    }
}

/// node-1 had the volume open and lost its power. node-2 has the other replica, node-3 the tie-breaker.
fn crash() -> Recording {
    fixture!("crash")
}

const BY_NODE_2: &str = "give up node-1: node-2 is up to date and may be promoted, by a majority of 3 voters";

#[test]
fn a_dead_node_is_given_up_as_soon_as_the_survivors_agree_and_not_before() {
    for (moment, expected) in [
        ("mounted", "refuse: node-1, ONLINE, keeps it"),
        ("power_lost", "refuse: node-1, ONLINE, keeps it"),
        ("noticed", "wait for node-1: no up-to-date replica may be promoted yet (node-3 is connected to node-1)"),
        ("agreed", BY_NODE_2),
    ] {
        for target in ["node-2", "node-3"] {
            assert_eq!(crash().at(moment).decide(&["node-1"], target), expected, "{moment}, for {target}");
        }
    }
}

#[test]
fn a_target_without_the_resource_needs_a_surviving_replica_that_may_be_promoted() {
    for (moment, expected) in [
        ("noticed", "wait for node-1: no up-to-date replica may be promoted yet (node-3 is connected to node-1)"),
        ("agreed", BY_NODE_2),
    ] {
        let mut without = crash().at(moment);
        without.nodes.push(Node { name: "node-4".into(), connection_status: "ONLINE".into(), ..Node::default() });
        assert_eq!(without.decide(&["node-1"], "node-4"), expected, "{moment}");
    }
}

#[test]
fn whoever_took_over_keeps_it_and_nobody_is_promoted_beside_him() {
    let taken = crash().at("taken_over");
    assert_eq!(taken.decide(&["node-2"], "node-3"), "refuse: node-2, ONLINE, keeps it");
    let unrecorded = "wait for node-1: no up-to-date replica may be promoted yet (node-2 has it open)";
    assert_eq!(taken.decide(&["node-1"], "node-3"), unrecorded);
}

#[test]
fn a_returning_node_is_no_target_before_it_is_online_and_gets_nothing_for_its_stale_up_to_date() {
    let stale = crash().at("stale");
    assert_eq!(stale.view[0].disk_state(0).unwrap().to_string(), "UpToDate");
    for (moment, holders, expected) in [
        ("booting", &[][..], "refuse: the target is CONNECTED"),
        ("stale", &["node-3"][..], "refuse: node-3, ONLINE, keeps it"),
        ("back", &["node-3"][..], "refuse: node-3, ONLINE, keeps it"),
        ("back", &["node-3 leaving"][..], "finish node-3"),
        ("back", &[][..], "free"),
    ] {
        assert_eq!(crash().at(moment).decide(holders, "node-1"), expected, "{moment} {holders:?}");
    }
}

/// As above, and the node that took over dies before the first one has caught up.
#[test]
fn up_to_date_is_not_believed_of_a_replica_that_may_not_be_promoted() {
    let mut stale = crash().at("stale");
    stale.nodes[2].connection_status = "OFFLINE".to_owned();
    stale.view[2].state = None;
    let told = stale.decide(&["node-3"], "node-1");
    assert!(
        told.starts_with("wait for node-3: no up-to-date replica may be promoted yet (node-1 is StandAlone"),
        "{told}"
    );
}

/// node-1 had the volume open and hung; nobody took over, and it went on.
fn freeze() -> Recording {
    fixture!("freeze")
}

#[test]
fn a_frozen_node_is_given_up_by_quorum_alone_since_it_may_go_on_writing() {
    let frozen = freeze().at("frozen");
    assert_eq!(frozen.decide(&["node-1"], "node-2"), BY_NODE_2);
    let without = "refuse for node-1: quorum is off, so that nothing keeps it from writing";
    assert_eq!(frozen.of("off").decide(&["node-1"], "node-2"), without);
}

#[test]
fn a_node_that_goes_on_keeps_its_volume_though_linstor_still_calls_it_offline() {
    let thawing = "wait for node-1: no up-to-date replica may be promoted yet \
                   (node-2 is StandAlone from node-1, node-3 is connected to node-1)";
    assert_eq!(freeze().at("thawing").decide(&["node-1"], "node-2"), thawing);
    assert_eq!(freeze().at("thawing").decide(&["node-1"], "node-3"), thawing);
    assert_eq!(freeze().at("thawed").decide(&["node-1"], "node-2"), "refuse: node-1, ONLINE, keeps it");
}

#[test]
fn a_node_that_is_cut_off_from_the_others_but_not_from_linstor_keeps_its_volume() {
    let isolation: Recording = fixture!("isolation");
    for moment in ["cut_off", "network_back"] {
        let told = isolation.at(moment).decide(&["node-1"], "node-3");
        assert_eq!(told, "refuse: node-1, ONLINE, keeps it", "{moment}");
    }
}

/// node-1 had the volume open; node-2 (tie-breaker) and node-3 lost their power. node-3 came back.
fn two_crashes() -> Recording {
    fixture!("two_crashes")
}

#[test]
fn one_survivor_of_three_is_no_majority() {
    for (moment, seen) in [
        ("noticed", "node-1 has it open, node-1 is connected to node-2, node-1 is connected to node-3"),
        ("without_quorum", "node-1 has it open"),
    ] {
        let expected = format!("wait for node-3: no up-to-date replica may be promoted yet ({seen})");
        assert_eq!(two_crashes().at(moment).decide(&["node-3"], "node-1"), expected, "{moment}");
    }
}

#[test]
fn survivors_that_are_stand_alone_are_waited_for_until_somebody_has_reconnected_them() {
    let alone = "wait for node-2: no up-to-date replica may be promoted yet \
                 (node-1 is StandAlone from node-3, node-3 is StandAlone from node-1)";
    let at = |moment, target| two_crashes().at(moment).decide(&["node-2"], target);
    assert_eq!(at("stand_alone", "node-1"), alone);
    assert_eq!(at("stand_alone", "node-3"), alone);
    let by = |node| format!("give up node-2: {node} is up to date and may be promoted, by a majority of 3 voters");
    assert_eq!(at("reconnected", "node-1"), by("node-1"));
    assert_eq!(at("reconnected", "node-3"), by("node-3"));
}

#[test]
fn a_replica_that_still_copies_takes_nothing_over_though_drbd_would_promote_it() {
    let resyncing = two_crashes().at("resyncing");
    assert_eq!(resyncing.view[0].may_promote(), Some(true));
    let waits = "wait for node-2: no up-to-date replica may be promoted yet";
    assert_eq!(resyncing.decide(&["node-2"], "node-1"), waits);
    assert!(resyncing.decide(&["node-2"], "node-3").starts_with("give up node-2: node-3"));
}

#[test]
fn two_voters_prove_nothing() {
    let told = crash().at("agreed").without_resource("node-3").decide(&["node-1"], "node-2");
    assert_eq!(told, "refuse for node-1: it takes three voters to tell, and there are 2");
}

#[test]
fn however_many_clients_there_are_they_vote_once() {
    let mut clients = crash().at("agreed").without_resource("node-2");
    let second = Resource { node_name: "node-4".into(), ..clients.view[1].clone() };
    clients.view.push(second);
    let told = clients.decide(&["node-1"], "node-3");
    assert_eq!(told, "refuse for node-1: it takes three voters to tell, and there are 2");
}

#[test]
fn a_tie_breaker_that_is_being_deleted_does_not_vote() {
    let mut leaving = crash().at("agreed");
    leaving.view[2].flags.push("DELETE".to_owned());
    let told = leaving.decide(&["node-1"], "node-2");
    assert_eq!(told, "refuse for node-1: it takes three voters to tell, and there are 2");
}

#[test]
fn a_lost_node_whose_satellite_reports_the_resource_is_not_given_up() {
    let mut moment = crash().at("agreed");
    moment.view[0] = crash().at("back").view[0].clone();
    let told = moment.decide(&["node-1"], "node-2");
    assert_eq!(told, "wait for node-1: its satellite still reports the resource");
}

#[test]
fn without_drbd_a_volume_never_moves_whatever_became_of_its_node() {
    for (moment, status) in [("mounted", "ONLINE"), ("agreed", "OFFLINE"), ("booting", "CONNECTED")] {
        for holder in ["node-1", "node-1 reads"] {
            let told = crash().at(moment).of("storage").decide(&[holder], "node-2");
            assert_eq!(told, format!("refuse: node-1, {status}, keeps it"), "{moment} {holder}");
        }
    }
}

#[test]
fn readers_bear_readers_even_on_a_dead_node_and_nobody_else() {
    let dead = crash().at("agreed");
    for (holders, target, expected) in [
        (&["node-1 reads"][..], "node-2 reads", "free"),
        (&["node-1 reads", "node-3 reads"][..], "node-2 reads", "free"),
        (&["node-3 reads"][..], "node-2", "refuse: node-3, ONLINE, keeps it"),
        (&["node-3"][..], "node-2 reads", "refuse: node-3, ONLINE, keeps it"),
        (&["node-1 reads"][..], "node-2", BY_NODE_2),
        (&["node-1"][..], "node-2 reads", BY_NODE_2),
    ] {
        assert_eq!(dead.decide(holders, target), expected, "{holders:?}, for {target}");
    }
}

#[test]
fn a_detach_that_waits_is_finished_on_a_living_node_given_up_with_a_dead_one_and_dropped_with_a_removed_one() {
    let dead = crash().at("agreed");
    for (moment, holders, expected) in [
        (crash().at("back"), &["node-1 leaving"][..], "finish node-1"),
        (dead.clone(), &["node-1 leaving"][..], BY_NODE_2),
        (dead.clone().without_node("node-1"), &["node-1 leaving"][..], "forget node-1"),
        (dead.clone().without_node("node-1"), &["node-1"][..], "forget node-1"),
        (dead.clone().of("storage").without_node("node-1"), &["node-1"][..], "forget node-1"),
        (dead.clone(), &["node-1", "node-3 leaving"][..], "finish node-3"),
        (crash().at("back"), &["node-1 leaving", "node-1"][..], "refuse: node-1, ONLINE, keeps it"),
        (dead.clone(), &["node-1 leaving", "node-1"][..], BY_NODE_2),
    ] {
        assert_eq!(moment.decide(holders, "node-2"), expected, "{holders:?}");
    }
}

#[test]
fn a_forgotten_node_stands_in_nobodys_way() {
    let mut seen = crash().at("back").seen(&["Node-1 leaving"]);
    let Decision::Tidy(steps) = decide(&seen, &wish("node-2")) else { panic!("{seen:?}") };
    seen.forget(steps[0].node());
    assert_eq!(decide(&seen, &wish("node-2")), Decision::Free);
}

#[test]
fn nothing_is_tidied_up_for_a_target_that_is_refused_anyway() {
    let dead = crash().at("back").without_node("node-1");
    let told = dead.decide(&["node-1", "node-3"], "node-2");
    assert_eq!(told, "refuse: node-3, ONLINE, keeps it");
}

#[test]
fn an_unknown_target_and_one_that_is_not_online_are_told_apart() {
    let dead = crash().at("agreed");
    assert_eq!(dead.decide(&[], "node-1"), "refuse: the target is OFFLINE");
    assert_eq!(dead.decide(&[], "node-9"), "refuse: no such node");
}

#[test]
fn a_targets_own_record_never_stands_in_its_way_in_whatever_case_it_is_written() {
    for holder in ["node-2", "NODE-2", "node-2 leaving"] {
        assert_eq!(crash().at("agreed").decide(&[holder], "Node-2"), "free", "{holder}");
    }
}

#[test]
fn the_resources_are_looked_at_only_where_they_decide() {
    let dead = crash().at("agreed");
    for (definition, holders, expected) in [
        ("majority", &["node-1"][..], "look"),
        ("majority", &["node-3"][..], "refuse: node-3, ONLINE, keeps it"),
        ("majority", &[][..], "free"),
        ("off", &["node-1"][..], "refuse for node-1: quorum is off, so that nothing keeps it from writing"),
    ] {
        let mut seen = dead.clone().of(definition).seen(holders);
        seen.replicas = None;
        assert_eq!(told(&decide(&seen, &wish("node-2"))), expected, "{definition} {holders:?}");
    }
}

#[test]
fn a_detach_waits_while_its_node_is_away_and_ends_when_it_is_back_or_removed() {
    let seen = |moment: &str| crash().at(moment).seen(&[]);
    let node = NodeName::parse("node-1").unwrap();
    for (seen, expected) in [
        (seen("agreed"), None),
        (seen("booting"), None),
        (seen("stale"), Some(Step::Finish(node.clone()))),
        (crash().at("agreed").without_node("node-1").seen(&[]), Some(Step::Forget(node.clone()))),
    ] {
        assert_eq!(leave(&node, seen.standing(&node)), expected);
    }
}
