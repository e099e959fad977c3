//! Which replica may go where there are too many.
//!
//! What stays must be enough by itself: as many replicas as asked for, each of them up to date and usable by DRBD's own
//! word. What goes must be on a node that is known to listen: a delete on one that does not answer takes quorum away
//! (docs/decisions.md, Attaching and leaving). A tie-breaker is never chosen. What a PersistentVolume says of the nodes
//! from which the volume is used can't change, so that it must stay true.

use std::collections::BTreeSet;

use super::{VOLUME_NUMBER, disks};
use crate::linstor::model::{Node, Resource, is_same_name};
use crate::linstor::name::NodeName;
use crate::volume::{Error, VolumeId, health::is_good, record::Ledger, seat::Seat, topology::may_leave};
use crate::workflow::Reach;

/// What keeps replicas where they are: the topology that was answered when the volume was made.
pub struct Pins<'a> {
    /// Who may use the volume without a replica.
    pub reach: &'a Reach,
    /// The nodes that had a replica then; empty: those that have one now.
    pub homes: &'a BTreeSet<NodeName>,
    /// The volume's nodes, as they are.
    pub nodes: &'a [Node],
}

impl Pins<'_> {
    /// Can all but `wanted` of the replicas go, one after the other? Else the nodes that must keep theirs, in words.
    pub fn spare(&self, mut replicas: Vec<&Resource>, wanted: usize) -> Result<(), String> {
        while replicas.len() > wanted {
            let Some(at) = replicas.iter().rposition(|one| !self.is_pinned(one, &replicas)) else {
                return Err(replicas.iter().map(|one| one.node_name.as_str()).collect::<Vec<_>>().join(", "));
            };
            replicas.remove(at);
        }
        Ok(())
    }

    fn is_pinned(&self, one: &Resource, replicas: &[&Resource]) -> bool {
        let is_home =
            self.homes.is_empty() || self.homes.iter().any(|home| is_same_name(home.as_str(), &one.node_name));
        let node = |name: &str| self.nodes.iter().find(|node| is_same_name(&node.name, name));
        let others = replicas.iter().filter(|other| other.node_name != one.node_name);
        let others: Vec<&Node> = others.filter_map(|other| node(&other.node_name)).collect();
        is_home && !node(&one.node_name).is_some_and(|leaver| may_leave(self.reach, leaver, &others))
    }
}

/// The node whose replica goes next, where more than `wanted` are there.
///
/// # Errors
/// `NotSpare` where those that would stay are not all good; `NodeNotOnline` where the one that would go can't be
/// reached; `InUse` where it is attached or open.
pub fn choose(
    volume: &VolumeId,
    view: &[Resource],
    nodes: &[Node],
    ledger: &Ledger,
    reach: &Reach,
    wanted: usize,
) -> Result<NodeName, Error> {
    let is_busy = |one: &Resource| {
        let is_here = |seat: &Seat| is_same_name(seat.node.as_str(), &one.node_name);
        one.in_use() == Some(true) || ledger.attachments.keys().any(is_here)
    };
    let mut replicas: Vec<&Resource> = disks(view).collect();
    let pins = Pins { reach, homes: &ledger.homes, nodes };
    let pinned: BTreeSet<String> =
        replicas.iter().filter(|one| pins.is_pinned(one, &replicas)).map(|one| one.node_name.clone()).collect();
    // Those that stay come first: what was promised, then where it is used, then the good ones.
    replicas.sort_by_key(|one| {
        (!pinned.contains(&one.node_name), !is_busy(one), !is_good(one, nodes), one.node_name.to_ascii_lowercase())
    });
    let (stay, go) = replicas.split_at(wanted.min(replicas.len()));
    if let Some(weak) = stay.iter().find(|one| !is_good(one, nodes)) {
        let disk = weak.disk_state(VOLUME_NUMBER).map_or_else(|| "unknown".to_owned(), |disk| disk.to_string());
        let seen = format!("{} would stay and is not up to date with quorum (disk {disk})", weak.node_name);
        return Err(Error::NotSpare { volume: volume.clone(), seen });
    }
    let Some(last) = go.last() else {
        return Err(Error::NotSpare { volume: volume.clone(), seen: "no replica is too many".to_owned() });
    };
    let node = NodeName::parse(&last.node_name)?;
    if pinned.contains(&last.node_name) {
        let seen = format!("its PersistentVolume names {node}, from where it could not be used then");
        return Err(Error::NotSpare { volume: volume.clone(), seen });
    }
    let state = nodes.iter().find(|state| is_same_name(&state.name, &last.node_name));
    if !last.is_live() || !state.is_some_and(Node::is_online) {
        let status = state.map_or("unknown", |state| state.connection_status.as_str()).to_owned();
        return Err(Error::NodeNotOnline { node, status });
    }
    if is_busy(last) {
        return Err(Error::InUse { volume: volume.clone(), node });
    }
    Ok(node)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::volume::record::Attachment;

    /// A replica; `disk` none: its satellite is away.
    fn replica(node: &str, disk: Option<&str>) -> Resource {
        let score = if disk == Some("UpToDate") { 10102 } else { 0 };
        let mut shown = json!({
            "name": "vol1", "node_name": node,
            "layer_object": {"type": "DRBD", "drbd": {"may_promote": score > 0, "promotion_score": score}},
            "volumes": [{"volume_number": 0, "device_path": "/dev/drbd1000", "state": {"disk_state": disk}}],
        });
        if disk.is_some() {
            shown["state"] = json!({"in_use": false});
        }
        serde_json::from_value(shown).unwrap()
    }

    fn choose_of(view: &[Resource], away: &[&str], attached: &[&str], wanted: usize) -> Result<String, Error> {
        let node = |one: &Resource| {
            let status = if away.contains(&one.node_name.as_str()) { "OFFLINE" } else { "ONLINE" };
            Node { name: one.node_name.clone(), connection_status: status.to_owned(), ..Node::default() }
        };
        let nodes: Vec<Node> = view.iter().map(node).collect();
        let mut ledger = Ledger::default();
        for node in attached {
            ledger.attachments.insert(Seat::parse(node).unwrap(), Attachment::of_writer());
        }
        let volume = VolumeId::parse("vol1").unwrap();
        choose(&volume, view, &nodes, &ledger, &Reach::default(), wanted).map(|node| node.to_string())
    }

    fn three(third: Option<&str>) -> [Resource; 3] {
        [replica("node-1", Some("UpToDate")), replica("node-2", Some("UpToDate")), replica("node-3", third)]
    }

    #[test]
    fn the_one_without_current_data_goes_first_and_where_it_is_attached_it_stays() {
        assert_eq!(choose_of(&three(Some("UpToDate")), &[], &[], 2).unwrap(), "node-3");
        assert_eq!(choose_of(&three(Some("UpToDate")), &[], &["node-3"], 2).unwrap(), "node-2");
        let mut view = three(Some("UpToDate"));
        view[0] = replica("node-1", Some("SyncTarget(44.81%)"));
        assert_eq!(choose_of(&view, &[], &[], 2).unwrap(), "node-1");
    }

    #[test]
    fn nothing_goes_while_those_that_stay_are_not_all_up_to_date() {
        for other in ["SyncTarget(44.81%)", "Inconsistent", "Outdated", "Failed"] {
            let view =
                [replica("node-1", Some("UpToDate")), replica("node-2", Some(other)), replica("node-3", Some(other))];
            assert!(matches!(choose_of(&view, &[], &[], 2), Err(Error::NotSpare { .. })), "{other}");
        }
        // The only current data is never what goes, even where the stale one is in use.
        let view = [replica("node-1", Some("Outdated")), replica("node-2", Some("UpToDate"))];
        assert!(matches!(choose_of(&view, &[], &["node-1"], 1), Err(Error::NotSpare { .. })));
    }

    #[test]
    fn a_replica_on_a_node_that_does_not_answer_is_left_alone() {
        let refused = choose_of(&three(None), &["node-3"], &[], 2);
        assert!(matches!(refused, Err(Error::NodeNotOnline { .. })), "{refused:?}");
        // ONLINE as far as LINSTOR has noticed, and without a word.
        let refused = choose_of(&three(None), &[], &[], 2);
        assert!(matches!(refused, Err(Error::NodeNotOnline { .. })), "{refused:?}");
    }

    #[test]
    fn a_replica_that_is_used_never_goes() {
        let view = [replica("node-1", Some("UpToDate")), replica("node-2", Some("UpToDate"))];
        let refused = choose_of(&view, &[], &["node-1", "node-2"], 1);
        assert!(matches!(refused, Err(Error::InUse { .. })), "{refused:?}");
        assert_eq!(choose_of(&view, &[], &["node-2"], 1).unwrap(), "node-1");
    }
}
