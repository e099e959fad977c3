//! NodeGetStorageHealth: what this node's DRBD says of all its volumes together.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::{Condition, Reason, condition::each_once, known};
use crate::node::{Host, drbd::status::DrbdResource, host::DrbdAnswer};

/// How many names a message has room for.
const SHOWN: usize = 5;

/// Asks DRBD for all resources of this node. A node without drbdsetup says so only where it is asked of one volume that
/// needs it: there may be no volume on DRBD here.
pub async fn storage_health<H: Host>(host: &H, deadline: Instant) -> Vec<Condition> {
    let answer = match host.drbd_status(None, deadline).await {
        Ok(DrbdAnswer::NoProgram) => return Vec::new(),
        Ok(answer) => known(&answer),
        Err(error) => Err(error.to_string()),
    };
    match answer {
        Ok(resources) => each_once(storage_of(&resources)),
        Err(why) => vec![Condition::new(Reason::DrbdStateUnknown, &why)],
    }
}

/// What is wrong with more than one volume.
pub fn storage_of(resources: &[DrbdResource]) -> Vec<Condition> {
    let stopped: Vec<&str> = resources.iter().filter(|one| is_stopped(one)).map(|one| one.name.as_str()).collect();
    let peers: BTreeSet<&str> =
        resources.iter().flat_map(|one| &one.connections).map(|peer| peer.name.as_str()).collect();
    let is_reached = |name: &&str| {
        let all = resources.iter().flat_map(|one| &one.connections);
        all.filter(|peer| peer.name == **name).any(|peer| peer.connection_state == "Connected")
    };
    let away: Vec<&str> = peers.iter().copied().filter(|name| !is_reached(name)).collect();
    let mut found = Vec::new();
    if !stopped.is_empty() {
        let are_all = stopped.len() == resources.len();
        let reason = if are_all { Reason::AllVolumesSuspended } else { Reason::VolumesSuspended };
        let seen = format!("{} of {} volumes take no I/O: {}", stopped.len(), resources.len(), some(&stopped));
        found.push(Condition::new(reason, &seen));
    }
    if !away.is_empty() {
        found.push(Condition::new(Reason::PeersUnreachable, &format!("no connection to {}", some(&away))));
    }
    found
}

fn is_stopped(resource: &DrbdResource) -> bool {
    let is_suspended = resource.suspended_user
        || resource.suspended_no_data
        || resource.suspended_fencing
        || resource.suspended_quorum
        || resource.force_io_failures;
    is_suspended || resource.devices.iter().any(|device| device.quorum == Some(false))
}

fn some(names: &[&str]) -> String {
    let more = if names.len() > SHOWN { ", …" } else { "" };
    names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ") + more
}
