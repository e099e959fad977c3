//! On which nodes a snapshot is restored: those that hold it, so that nothing is copied over the network.

use super::original::{Holder, Original, not_ready};
use crate::linstor::{Client, model::is_same_name, name::NodeName};
use crate::volume::{Error, create::CreateRequest};

/// The nodes to restore on: all that hold the bytes, in the class's pools, and answer; at most as many as the class wants
/// replicas, those that are preferred first. Without DRBD the copy is reached on its own node alone, so that one must be
/// among those asked for. One request.
///
/// # Errors
/// `Incompatible` where the bytes are in none of the class's pools, `OutOfReach` where on none of the nodes asked for,
/// `SourceNotReady` where none of these answers.
pub(super) async fn choose(
    linstor: &Client,
    original: &Original,
    request: &CreateRequest,
) -> Result<Vec<NodeName>, Error> {
    let suited = suited(original, request)?;
    let suited = suited.iter().map(|holder| NodeName::parse(&holder.node)).collect::<Result<Vec<_>, _>>()?;
    let states = linstor.nodes(&suited.iter().collect::<Vec<_>>()).await?;
    let is_online =
        |node: &NodeName| states.iter().any(|one| is_same_name(&one.name, node.as_str()) && one.is_online());
    let mut chosen: Vec<NodeName> = suited.iter().filter(|node| is_online(node)).cloned().collect();
    if chosen.is_empty() {
        return Err(not_ready(&original.source, format!("it is on {}, of which none is ONLINE", words(&suited))));
    }
    chosen.sort_by_key(|node| rank(node, request));
    let most = if original.uses_drbd { request.placement.replicas() } else { Some(1) };
    chosen.truncate(most.map_or(usize::MAX, |most| most as usize));
    if chosen.len() < original.holders.len() {
        let holders = original.holders.iter().map(|holder| holder.node.as_str()).collect::<Vec<_>>().join(", ");
        tracing::info!(
            volume = request.name, from = %original.source, %holders, on = words(&chosen),
            "a copy is not made on all nodes that hold its bytes: the class wants fewer replicas or other pools, or a node is away"
        );
    }
    Ok(chosen)
}

/// The holders that the class and the topology allow.
fn suited<'a>(original: &'a Original, request: &CreateRequest) -> Result<Vec<&'a Holder>, Error> {
    let pools = request.placement.pool_names();
    let is_in_pool = |holder: &&Holder| match &holder.pool {
        Some(pool) => pools.is_empty() || pools.iter().any(|asked| is_same_name(asked, pool)),
        None => true,
    };
    let in_pools: Vec<&Holder> = original.holders.iter().filter(is_in_pool).collect();
    if in_pools.is_empty() {
        let pools_there: Vec<&str> = original.holders.iter().filter_map(|holder| holder.pool.as_deref()).collect();
        return Err(original.differs("storage pool", pools_there.join(", "), pools.join(", ")));
    }
    reached(original, request, in_pools)
}

/// The holders from which a copy is reached where it is asked for.
fn reached<'a>(
    original: &Original,
    request: &CreateRequest,
    holders: Vec<&'a Holder>,
) -> Result<Vec<&'a Holder>, Error> {
    let is_asked = |holder: &&&Holder| {
        let is_it = |node: &NodeName| is_same_name(node.as_str(), &holder.node);
        original.uses_drbd || request.requisite.is_empty() || request.requisite.iter().any(is_it)
    };
    let reached: Vec<&Holder> = holders.iter().filter(is_asked).copied().collect();
    if reached.is_empty() {
        let nodes = holders.iter().map(|holder| holder.node.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Error::OutOfReach { from: original.source.clone(), nodes, asked: words(&request.requisite) });
    }
    Ok(reached)
}

/// The nodes that LINSTOR clones on: all that have the bytes. It chooses the pools by the class's group itself.
///
/// # Errors
/// `OutOfReach` where none of them is asked for.
pub(super) fn all(original: &Original, request: &CreateRequest) -> Result<Vec<String>, Error> {
    reached(original, request, original.holders.iter().collect())?;
    Ok(original.holders.iter().map(|holder| holder.node.clone()).collect())
}

/// Preferred nodes first, in their order, then those asked for, then the rest.
fn rank(node: &NodeName, request: &CreateRequest) -> usize {
    let place = |nodes: &[NodeName]| nodes.iter().position(|one| is_same_name(one.as_str(), node.as_str()));
    let preferred = request.preferred.len();
    place(&request.preferred).or_else(|| place(&request.requisite).map(|_| preferred)).unwrap_or(preferred + 1)
}

fn words(nodes: &[NodeName]) -> String {
    nodes.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", ")
}
