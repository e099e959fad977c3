//! What DRBD's own state says of a volume, without I/O.

use super::{Condition, Reason};
use crate::node::drbd::status::{DrbdConnection, DrbdPeerDevice, DrbdResource};

/// What is wrong with one volume of a resource, as this node's DRBD sees it.
pub fn judge(resource: &DrbdResource, volume: u32) -> Vec<Condition> {
    let Some(device) = resource.devices.iter().find(|device| device.volume == volume) else {
        return vec![Condition::new(Reason::DrbdStateUnknown, &format!("DRBD tells nothing of volume {volume}"))];
    };
    let mut found = of_io(resource);
    if device.quorum == Some(false) {
        let away = names(resource.connections.iter().filter(|peer| peer.connection_state != "Connected"));
        found.push(Condition::new(Reason::QuorumLost, &format!("this node has no majority; not connected: {away}")));
    }
    let local = (!device.client).then(|| Replica {
        node: None,
        disk: Disk::of(&device.disk_state),
        shown: shown_here(resource, volume, &device.disk_state),
    });
    let replicas: Vec<Replica<'_>> = local.into_iter().chain(peers(resource, volume)).collect();
    found.extend(of_replicas(&replicas));
    found
}

fn of_io(resource: &DrbdResource) -> Vec<Condition> {
    let causes = [
        (resource.suspended_quorum, "the quorum is lost"),
        (resource.suspended_no_data, "no up-to-date data is within reach"),
        (resource.suspended_fencing, "a peer is being fenced"),
        (resource.suspended_user, "an administrator asked for it"),
    ];
    let causes: Vec<&str> = causes.into_iter().filter(|(is_so, _)| *is_so).map(|(_, cause)| cause).collect();
    let mut found = Vec::new();
    if !causes.is_empty() {
        let seen = format!("DRBD has suspended I/O: {}", causes.join(", "));
        found.push(Condition::new(Reason::IoSuspended, &seen));
    }
    if resource.force_io_failures {
        found.push(Condition::new(Reason::IoForcedToFail, "DRBD lets every I/O fail"));
    }
    found
}

/// What a disk's state means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Disk {
    UpToDate,
    /// There, with old or incomplete data.
    Behind,
    Failed,
    /// The peer is away.
    Unknown,
}

impl Disk {
    fn of(state: &str) -> Self {
        match state {
            "UpToDate" => Self::UpToDate,
            "Failed" | "Detaching" | "Diskless" => Self::Failed,
            "DUnknown" => Self::Unknown,
            _ => Self::Behind,
        }
    }
}

/// A replica that is meant to have a disk.
struct Replica<'a> {
    /// The peer; none: this node.
    node: Option<&'a str>,
    disk: Disk,
    shown: String,
}

fn peers(resource: &DrbdResource, volume: u32) -> impl Iterator<Item = Replica<'_>> {
    resource.connections.iter().filter_map(move |peer| {
        let there = device_of(peer, volume)?;
        let shown = format!("{} ({}{})", peer.name, there.peer_disk_state, progress(there));
        let replica = Replica { node: Some(&peer.name), disk: Disk::of(&there.peer_disk_state), shown };
        (!there.peer_client).then_some(replica)
    })
}

fn device_of(peer: &DrbdConnection, volume: u32) -> Option<&DrbdPeerDevice> {
    peer.peer_devices.iter().find(|device| device.volume == volume)
}

fn progress(peer: &DrbdPeerDevice) -> String {
    match peer.percent_in_sync {
        Some(percent) if peer.replication_state.contains("Sync") => format!(", {percent:.0}% in sync"),
        _ => String::new(),
    }
}

fn shown_here(resource: &DrbdResource, volume: u32, state: &str) -> String {
    let source = resource.connections.iter().filter_map(|peer| device_of(peer, volume));
    let progress = source.filter(|peer| peer.replication_state == "SyncTarget").map(progress).next();
    format!("this node ({state}{})", progress.unwrap_or_default())
}

fn of_replicas(replicas: &[Replica<'_>]) -> Vec<Condition> {
    let shown = |wanted: &dyn Fn(&&Replica<'_>) -> bool| {
        replicas.iter().filter(wanted).map(|replica| replica.shown.as_str()).collect::<Vec<_>>().join(", ")
    };
    if !replicas.iter().any(|replica| replica.disk == Disk::UpToDate) {
        let are_all_failed = !replicas.is_empty() && replicas.iter().all(|replica| replica.disk == Disk::Failed);
        let reason = if are_all_failed { Reason::AllReplicasFailed } else { Reason::NoReplicaUsable };
        return vec![Condition::new(reason, &format!("replicas: {}", shown(&|_| true)))];
    }
    let kinds = [
        (Disk::Failed, true, Reason::LocalDiskFailed),
        (Disk::Behind, true, Reason::LocalReplicaNotUpToDate),
        (Disk::Failed, false, Reason::ReplicaFailed),
        (Disk::Behind, false, Reason::ReplicaNotUpToDate),
        (Disk::Unknown, false, Reason::ReplicaUnreachable),
    ];
    let condition = |(disk, is_local, reason): (Disk, bool, Reason)| {
        let seen = shown(&|replica| replica.disk == disk && replica.node.is_none() == is_local);
        (!seen.is_empty()).then(|| Condition::new(reason, &seen))
    };
    kinds.into_iter().filter_map(condition).collect()
}

fn names<'a>(peers: impl Iterator<Item = &'a DrbdConnection>) -> String {
    peers.map(|peer| peer.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "judge/tests.rs"]
mod tests;
