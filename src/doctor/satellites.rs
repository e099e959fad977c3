//! Checks of nodes: their satellites, what they can do, and whether LINSTOR knows this one.

use super::facts::{Facts, known};
use super::finding::{Finding, Found};
use super::words::{count, list};
use crate::linstor::model::{DRBD, Node, is_same_name};

/// Whether every satellite is there.
pub fn satellites(facts: &Facts) -> Found {
    let nodes = known(&facts.cluster.nodes)?;
    let satellites: Vec<&Node> = nodes.iter().filter(|node| node.has_satellite()).collect();
    if satellites.is_empty() {
        let todo = "add the nodes that have disks: linstor node create NAME ADDRESS";
        return Ok(vec![Finding::fail("LINSTOR has no node with a satellite", todo)]);
    }
    let mut found: Vec<Finding> = satellites.iter().filter_map(|node| judge(node)).collect();
    let online: Vec<&str> = satellites.iter().filter(|node| node.is_online()).map(|node| node.name.as_str()).collect();
    if !online.is_empty() {
        let total = satellites.len();
        found.insert(0, Finding::ok(format!("{} of {total} ONLINE: {}", online.len(), list(&online))));
    }
    Ok(found)
}

/// What is wrong with a satellite.
fn judge(node: &Node) -> Option<Finding> {
    if node.is_evicted() {
        let todo = format!("when it is back: linstor node restore {0}; else: linstor node lost {0}", node.name);
        return Some(Finding::warn("evicted: LINSTOR has given it up", todo).about(node.name.as_str()));
    }
    if !node.is_online() {
        let finding = Finding::fail(node.connection_status.as_str(), reconnect(node));
        return Some(finding.about(node.name.as_str()));
    }
    let leaving = node.flags.iter().find(|flag| matches!(flag.as_str(), "EVACUATE" | "DELETE"))?;
    let todo = format!("finish it, or take it back: linstor node restore {}", node.name);
    Some(Finding::warn(format!("flagged {leaving}: it gets no volumes"), todo).about(node.name.as_str()))
}

fn reconnect(node: &Node) -> String {
    let name = &node.name;
    match node.connection_status.as_str() {
        "VERSION_MISMATCH" => "install the controller's version of linstor-satellite there".to_owned(),
        "HOSTNAME_MISMATCH" => format!("name the node as its host is named (uname -n on {name})"),
        "AUTHENTICATION_ERROR" => "make the satellite trust this controller: compare their TLS settings".to_owned(),
        "OTHER_CONTROLLER" => "find the other controller that holds it, and stop one of the two".to_owned(),
        "FULL_SYNC_FAILED" => format!("linstor error-reports list; then linstor node reconnect {name}"),
        _ => format!("look at linstor-satellite there (port 3366 open, journal); then linstor node reconnect {name}"),
    }
}

/// Whether volumes can be replicated: which nodes run DRBD.
pub fn drbd_layer(facts: &Facts) -> Found {
    let nodes = known(&facts.cluster.nodes)?;
    let online: Vec<&Node> = nodes.iter().filter(|node| node.has_satellite() && node.is_online()).collect();
    if online.is_empty() {
        return Err(Finding::skipped("no satellite is ONLINE"));
    }
    let (able, unable): (Vec<&Node>, Vec<&Node>) = online.into_iter().partition(|node| node.supports_layer(DRBD));
    let mut found = Vec::new();
    let names: Vec<&str> = able.iter().map(|node| node.name.as_str()).collect();
    if able.len() >= 2 {
        found.push(Finding::ok(format!("{} can replicate: {}", count(able.len(), "node"), list(&names))));
    } else {
        let seen = format!("{} can replicate, and a class wants two replicas by default", count(able.len(), "node"));
        let todo = "install DRBD 9 on two nodes or more, or use classes with layerList storage and placementCount 1";
        found.push(Finding::fail(seen, todo));
    }
    found.extend(unable.into_iter().map(|node| {
        let todo = "install and load DRBD 9 there (modprobe drbd), then restart its linstor-satellite; until then it takes no replicated volume";
        Finding::warn(format!("no DRBD: {}", reasons(node, DRBD)), todo).about(node.name.as_str())
    }));
    Ok(found)
}

/// Why a node can't run a layer, in its satellite's words.
pub fn reasons(node: &Node, layer: &str) -> String {
    match node.unsupported_layers.get(layer) {
        Some(reasons) if !reasons.is_empty() => reasons.join("; "),
        _ => "its satellite gave no reason".to_owned(),
    }
}

/// Whether LINSTOR knows this node, and by which name.
pub fn node_known(facts: &Facts) -> Found {
    let nodes = known(&facts.cluster.nodes)?;
    let Some(name) = &facts.node else { return Err(Finding::skipped("no --node-name was given")) };
    let Some(node) = nodes.iter().find(|node| is_same_name(&node.name, name.as_str())) else {
        let known: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        let seen = format!("LINSTOR does not know it; it knows {}", list(&known));
        let todo = "give --node-name as LINSTOR has it, or add it: linstor node create NAME ADDRESS";
        return Ok(vec![Finding::fail(seen, todo).about(name.as_str())]);
    };
    let finding = match judge(node) {
        Some(finding) => finding,
        None if !node.has_satellite() => {
            let todo = "make it a satellite or combined node; without one it has no volumes";
            Finding::fail(format!("of type {}, which has no satellite", node.node_type), todo)
        }
        None => Finding::ok(format!("{}, layers {}", node.connection_status, node.resource_layers.join(", "))),
    };
    Ok(vec![finding.about(name.as_str())])
}

#[cfg(test)]
mod tests;
