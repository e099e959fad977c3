//! The verdict on one volume, from what LINSTOR shows of it.
//!
//! DRBD's promotion score is the witness: it is above 0 where the node reaches current data with quorum, on a primary
//! too. A disk state alone is not: a node that returns says `UpToDate` of stale data while it is StandAlone.

use super::verdict::{Condition, Reason};
use crate::linstor::model::{DRBD, DiskState, Node, Resource, ResourceDefinition, is_same_name};

/// The property that LINSTOR sets on a resource whose disk failed.
const SKIP_DISK: &str = "DrbdOptions/SkipDisk";
/// The volume of a definition: linflow makes one in each.
const VOLUME_NUMBER: u32 = 0;

/// Judges one volume. `asked`: the replicas that it is to have, none where nobody knows, so that all there count;
/// `view`: its own resources; `nodes`: at least those that they are on.
pub fn judge(asked: Option<u32>, definition: &ResourceDefinition, view: &[Resource], nodes: &[Node]) -> Vec<Condition> {
    let is_leaving = view.iter().any(|resource| resource.is_deleting() && !resource.is_diskless());
    let mut view: Vec<&Resource> = view.iter().filter(|resource| !resource.is_deleting()).collect();
    view.sort_by(|a, b| a.node_name.cmp(&b.node_name));
    let replicas: Vec<Replica<'_>> = view.iter().filter(|one| !one.is_diskless()).map(|one| look(one, nodes)).collect();
    let volume = Volume { definition, is_leaving, view: &view, nodes, replicas: &replicas };
    if volume.is_accessible() {
        let wanted = asked.map_or(replicas.len(), |asked| asked as usize);
        [volume.degraded(wanted), volume.voters()].concat()
    } else {
        vec![volume.why_not_accessible()]
    }
}

/// Has this replica current data that DRBD would use, on a node that is ONLINE?
pub(in crate::volume) fn is_good(resource: &Resource, nodes: &[Node]) -> bool {
    stand(resource, nodes).0 == Standing::Good
}

/// How a replica stands, apart from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It has the data, and DRBD would use it.
    Good,
    /// It isn't, for a reason that is about one replica.
    Not(Reason),
}

struct Replica<'a> {
    resource: &'a Resource,
    standing: Standing,
    /// What was seen, for people.
    seen: String,
}

impl Replica<'_> {
    fn is(&self, reason: Reason) -> bool {
        self.standing == Standing::Not(reason)
    }
}

fn look<'a>(resource: &'a Resource, nodes: &[Node]) -> Replica<'a> {
    let (standing, seen) = stand(resource, nodes);
    Replica { resource, standing, seen: format!("{} ({seen})", resource.node_name) }
}

fn stand(resource: &Resource, nodes: &[Node]) -> (Standing, String) {
    use Standing::{Good, Not};
    let node = find(nodes, resource);
    let skips_disk = resource.props.get(SKIP_DISK).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if node.is_some_and(Node::is_evicted) {
        return (Not(Reason::ReplicaInactive), "its node is evicted".to_owned());
    }
    match node {
        None => return (Not(Reason::ReplicaStateUnknown), "LINSTOR does not list the node".to_owned()),
        Some(node) if !node.is_online() => return (Not(Reason::ReplicaNodeAway), node.connection_status.clone()),
        Some(_) if resource.is_inactive() => return (Not(Reason::ReplicaInactive), "inactive".to_owned()),
        Some(_) if skips_disk => return (Not(Reason::ReplicaFailed), "its disk is skipped after an error".to_owned()),
        Some(_) if !resource.is_live() => {
            return (Not(Reason::ReplicaStateUnknown), "its satellite has not reported".to_owned());
        }
        Some(_) => {}
    }
    if !resource.has_layer(DRBD) {
        return match resource.device_path(VOLUME_NUMBER) {
            Some(device) => (Good, device.to_owned()),
            None => (Not(Reason::ReplicaNotUpToDate), "no device".to_owned()),
        };
    }
    let Some(disk) = resource.disk_state(VOLUME_NUMBER) else {
        return (Not(Reason::ReplicaStateUnknown), "no disk state is reported".to_owned());
    };
    let standing = match (&disk, reaches_data(resource)) {
        (DiskState::UpToDate, Some(true)) => Good,
        (DiskState::UpToDate, Some(false)) => Not(Reason::ReplicaCutOff),
        (DiskState::UpToDate, None) | (DiskState::Unknown, _) => Not(Reason::ReplicaStateUnknown),
        (DiskState::SyncTarget(_), _) => Not(Reason::ReplicaSyncing),
        (DiskState::Failed, _) => Not(Reason::ReplicaFailed),
        _ => Not(Reason::ReplicaNotUpToDate),
    };
    let seen = match standing {
        Not(Reason::ReplicaCutOff) => format!("says {disk}, and DRBD would not use it"),
        _ => disk.to_string(),
    };
    (standing, seen)
}

/// Does DRBD on this node reach current data with quorum? None: it is not told.
fn reaches_data(resource: &Resource) -> Option<bool> {
    let drbd = resource.drbd().filter(|_| resource.is_live())?;
    let by_score = drbd.promotion_score.map(|score| score > 0);
    if drbd.may_promote == Some(true) { Some(true) } else { by_score.or(drbd.may_promote) }
}

fn find<'a>(nodes: &'a [Node], resource: &Resource) -> Option<&'a Node> {
    nodes.iter().find(|node| is_same_name(&node.name, &resource.node_name))
}

struct Volume<'a> {
    definition: &'a ResourceDefinition,
    /// Is a replica being deleted, whose data may still be there?
    is_leaving: bool,
    /// All its resources by node, those without a disk included.
    view: &'a [&'a Resource],
    nodes: &'a [Node],
    replicas: &'a [Replica<'a>],
}

impl Volume<'_> {
    fn is_online(&self, resource: &Resource) -> bool {
        find(self.nodes, resource).is_some_and(Node::is_online)
    }

    /// Can some node use it now, or does one?
    fn is_accessible(&self) -> bool {
        let by_drbd = |resource: &&&Resource| self.is_online(resource) && reaches_data(resource) == Some(true);
        self.replicas.iter().any(|replica| replica.standing == Standing::Good) || self.view.iter().any(|r| by_drbd(&r))
    }

    /// The nodes whose replica stands so, and what was seen there.
    fn seen(&self, reason: Reason) -> Vec<&str> {
        self.replicas.iter().filter(|replica| replica.is(reason)).map(|replica| replica.seen.as_str()).collect()
    }

    fn count(&self, is_meant: impl Fn(&Replica<'_>) -> bool) -> usize {
        self.replicas.iter().filter(|replica| is_meant(replica)).count()
    }

    /// What is wrong with the replicas of a volume that works. Trouble of replicas beyond those asked for is passed
    /// over, except that of a disk.
    fn degraded(&self, wanted: usize) -> Vec<Condition> {
        use Reason::*;
        let good = self.count(|replica| replica.standing == Standing::Good);
        let unknown = self.count(|replica| replica.is(ReplicaStateUnknown));
        let of_all = format!("{good} of {wanted} replicas are up to date");
        let mut found = Vec::new();
        for reason in [
            ReplicaNodeAway,
            ReplicaSyncing,
            ReplicaNotUpToDate,
            ReplicaCutOff,
            ReplicaFailed,
            ReplicaInactive,
            ReplicaStateUnknown,
        ] {
            let counts = match reason {
                ReplicaFailed => true,
                ReplicaStateUnknown => good < wanted,
                // Those that are not known may be the ones that are missing.
                _ => good + unknown < wanted,
            };
            let seen = self.seen(reason);
            if counts && !seen.is_empty() {
                found.push(Condition::new(reason, &format!("{of_all}, not so on {}", seen.join(", "))));
            }
        }
        if self.replicas.len() < wanted {
            found.push(Condition::new(ReplicaMissing, &format!("{of_all}, and only {} exist", self.replicas.len())));
        }
        found
    }

    /// What is wrong with the tie-breaker and the connections, which decide what a volume survives.
    fn voters(&self) -> Vec<Condition> {
        let mut found = Vec::new();
        let away = self.view.iter().filter(|one| one.is_tie_breaker()).filter_map(|one| self.silence(one));
        let away: Vec<String> = away.collect();
        if !away.is_empty() {
            found.push(Condition::new(Reason::TieBreakerAway, &format!("the tie-breaker is {}", away.join(", "))));
        }
        let apart = self.stand_alone();
        if !apart.is_empty() {
            let seen = format!("StandAlone is the connection {}", apart.join(", "));
            found.push(Condition::new(Reason::ConnectionStandAlone, &seen));
        }
        found
    }

    /// Why a tie-breaker does not vote.
    fn silence(&self, resource: &Resource) -> Option<String> {
        let node = &resource.node_name;
        if !self.is_online(resource) {
            let status = find(self.nodes, resource).map_or("not listed", |node| node.connection_status.as_str());
            return Some(format!("on {node}, which is {status}"));
        }
        let connections = &resource.drbd()?.connections;
        let is_alone = resource.is_live() && !connections.is_empty() && !connections.values().any(|one| one.connected);
        is_alone.then(|| format!("on {node}, without a connection"))
    }

    /// Connections that a live node has given up, from it to another live one.
    fn stand_alone(&self) -> Vec<String> {
        let live = |name: &str| {
            let is_it = |one: &&&Resource| is_same_name(&one.node_name, name);
            self.view.iter().find(is_it).is_some_and(|one| one.is_live() && self.is_online(one))
        };
        let mut found = Vec::new();
        for resource in self.view.iter().filter(|resource| live(&resource.node_name)) {
            let Some(drbd) = resource.drbd() else { continue };
            for (peer, connection) in &drbd.connections {
                if connection.message == "StandAlone" && live(peer) {
                    found.push(format!("from {} to {peer}", resource.node_name));
                }
            }
        }
        found
    }

    fn why_not_accessible(&self) -> Condition {
        let seen: Vec<&str> = self.replicas.iter().map(|replica| replica.seen.as_str()).collect();
        let any = |reason| self.replicas.iter().any(|replica| replica.is(reason));
        let all = |is_meant: fn(&Replica<'_>) -> bool| self.replicas.iter().all(is_meant);
        let (reason, what) = if self.replicas.is_empty() {
            return self.without_replica();
        } else if any(Reason::ReplicaStateUnknown) {
            (Reason::ReplicaStateUnknown, "nothing shows that a replica can be used")
        } else if any(Reason::ReplicaFailed) && all(has_no_data) {
            (Reason::AllReplicasFailed, "no replica has a disk with all of the data")
        } else if all(|replica| replica.is(Reason::ReplicaNodeAway) || replica.is(Reason::ReplicaInactive)) {
            (Reason::NoReplicaReachable, "no replica can be reached")
        } else if any(Reason::ReplicaCutOff) {
            (Reason::QuorumLost, "DRBD lets no node use the volume")
        } else {
            (Reason::NoReplicaUsable, "no replica has data that DRBD would use")
        };
        Condition::new(reason, &format!("{what}: {}", seen.join(", ")))
    }

    /// DRBD was set up and no resource is left: what it held went with the last one. A definition that never came so
    /// far is an unfinished one.
    fn without_replica(&self) -> Condition {
        let is_initialised = |flag: &String| flag == "DRBD_INITIALIZED";
        let mut flags = self.definition.volume_definitions.iter().flat_map(|volume| &volume.flags);
        match self.is_leaving || self.view.is_empty() || !flags.any(is_initialised) {
            true => Condition::new(Reason::NoReplica, "LINSTOR shows no replica of the volume"),
            false => Condition::new(Reason::AllReplicasFailed, "resources without a disk are all that is left"),
        }
    }
}

/// Failed, or never complete: no current data can come from it.
fn has_no_data(replica: &Replica<'_>) -> bool {
    let is_incomplete = || matches!(replica.resource.disk_state(VOLUME_NUMBER), Some(DiskState::Inconsistent));
    replica.is(Reason::ReplicaFailed) || replica.is(Reason::ReplicaSyncing) || is_incomplete()
}

#[cfg(test)]
mod tests;
