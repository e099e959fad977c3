//! On which nodes a copy is made: on those that have the bytes, so that nothing is copied over the network.

use super::original::{Holder, Original, not_ready};
use crate::linstor::{Client, model::is_same_name, name::NodeName};
use crate::volume::{
    Error,
    create::CreateRequest,
    replicas::{attempts, is_remote},
    spread::{Policy, Terms},
    topology,
};

/// The nodes to restore on: all that hold the bytes, in the class's pools, and answer; at most as many as the class wants
/// replicas, those that are preferred first. One request.
///
/// # Errors
/// `Incompatible` where the bytes are in none of the class's pools or on none of its nodes, `OutOfReach` where they are
/// on no node from which a copy could be used where it is asked for, `SourceNotReady` where none of these answers;
/// `Impossible`.
pub(super) async fn choose(
    linstor: &Client,
    original: &Original,
    request: &CreateRequest,
    terms: &Terms,
) -> Result<Vec<NodeName>, Error> {
    let suited = suited(original, in_pools(original, request)?, request, terms)?;
    let states = linstor.nodes(&suited.iter().collect::<Vec<_>>()).await?;
    let is_online =
        |node: &NodeName| states.iter().any(|one| is_same_name(&one.name, node.as_str()) && one.is_online());
    let mut chosen: Vec<NodeName> = suited.iter().filter(|node| is_online(node)).cloned().collect();
    if chosen.is_empty() {
        return Err(not_ready(&original.source, format!("it is on {}, of which none is ONLINE", words(&suited))));
    }
    chosen.truncate(request.placement.wanted() as usize);
    if chosen.len() < original.holders.len() {
        tracing::info!(
            volume = request.name, from = %original.source, holders = original.nodes(), on = words(&chosen),
            "a copy is not made on all nodes that hold its bytes: the class wants fewer replicas, other nodes or other pools, or a node is away"
        );
    }
    Ok(chosen)
}

/// May LINSTOR clone the volume by itself? It clones on every node that has the bytes, so all of them must suit, and
/// be no more than the class wants. It chooses the pools by the class's group.
///
/// # Errors
/// Those of [`choose`] that need no request.
pub(super) fn may_clone(original: &Original, request: &CreateRequest, terms: &Terms) -> Result<bool, Error> {
    let holders = original.holders.len();
    let suited = suited(original, original.holders.iter().collect(), request, terms)?;
    Ok(original.is_whole && suited.len() == holders && holders <= request.placement.wanted() as usize)
}

/// The holders that the class's pools allow.
fn in_pools<'a>(original: &'a Original, request: &CreateRequest) -> Result<Vec<&'a Holder>, Error> {
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
    Ok(in_pools)
}

/// Of the holders those that the class and the topology allow, the best first.
fn suited(
    original: &Original,
    holders: Vec<&Holder>,
    request: &CreateRequest,
    terms: &Terms,
) -> Result<Vec<NodeName>, Error> {
    // What is going to be placed beside the copy must have its place, too.
    attempts(request, terms)?;
    let mut nodes = holders.into_iter().map(|holder| NodeName::parse(&holder.node)).collect::<Result<Vec<_>, _>>()?;
    if let Policy::Manual(listed) = &request.policy {
        nodes.retain(|node| is_among(node, listed));
        if nodes.is_empty() {
            return Err(original.differs("set of nodes (nodeList)", original.nodes(), words(listed)));
        }
    }
    if !is_remote(request) && !terms.requisite.is_empty() {
        nodes.retain(|node| terms.requisite.iter().any(|term| is_among(node, term)));
    }
    if nodes.is_empty() {
        let asked = topology::describe(&request.requisite);
        return Err(Error::OutOfReach { from: original.source.clone(), nodes: original.nodes(), asked });
    }
    nodes.sort_by_key(|node| rank(node, terms));
    Ok(nodes)
}

/// Preferred nodes first, in their order, then those asked for, then the rest.
fn rank(node: &NodeName, terms: &Terms) -> usize {
    let ranked = terms.preferred.iter().chain(&terms.requisite);
    ranked.take_while(|term| !is_among(node, term)).count()
}

fn is_among(node: &NodeName, nodes: &[NodeName]) -> bool {
    nodes.iter().any(|one| is_same_name(one.as_str(), node.as_str()))
}

fn words(nodes: &[NodeName]) -> String {
    nodes.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", ")
}
