//! When a node that does not answer may be taken its volume away (docs/decisions.md, Attaching and leaving).
//!
//! A silent node may be dead, cut off or frozen, and a frozen one may still write. DRBD's quorum is the proof: while a majority of at
//! least three voters lets another node promote, the silent one can't complete a write.

use crate::linstor::model::{DiskState, Resource, ResourceDefinition, is_same_name};
use crate::linstor::name::NodeName;

/// A node that has the volume attached and is not ONLINE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost(pub NodeName);

/// Proves that the lost nodes can't write any more, or says what was seen instead.
pub fn prove(
    definition: &ResourceDefinition,
    resources: &[Resource],
    lost: &[Lost],
    target: &NodeName,
) -> Result<(), (NodeName, String)> {
    let refuse = |seen: String| lost.first().map_or(Ok(()), |Lost(node)| Err((node.clone(), seen)));
    if !definition.has_majority_quorum() {
        return refuse("quorum is off, so that nothing keeps it from writing".to_owned());
    }
    let voters = count_voters(resources);
    if voters < 3 {
        return refuse(format!("it takes three voters to tell, and there are {voters}"));
    }
    let is_lost = |resource: &Resource| lost.iter().any(|Lost(node)| is_same_name(&resource.node_name, node.as_str()));
    if let Some(alive) = resources.iter().find(|resource| is_lost(resource) && resource.is_live()) {
        return refuse(format!("its satellite still reports {}", alive.name));
    }
    let here =
        resources.iter().find(|resource| is_same_name(&resource.node_name, target.as_str()) && has_disk(resource));
    let witness = match here {
        Some(resource) => may_take_over(resource),
        None => resources.iter().filter(|resource| !is_lost(resource) && has_disk(resource)).any(may_take_over),
    };
    if witness { Ok(()) } else { refuse("no up-to-date replica may be promoted yet".to_owned()) }
}

/// Replicas with a disk vote; of those without, the tie-breaker (or the client that it became) votes once.
fn count_voters(resources: &[Resource]) -> usize {
    let present = || resources.iter().filter(|resource| !resource.is_deleting());
    present().filter(|resource| has_disk(resource)).count() + usize::from(present().any(Resource::is_diskless))
}

fn has_disk(resource: &Resource) -> bool {
    !resource.is_diskless()
}

/// DRBD's own word counts, not the disk state: a node that returns says UpToDate of stale data for a moment.
fn may_take_over(resource: &Resource) -> bool {
    resource.is_live() && resource.may_promote() == Some(true) && resource.disk_state(0) == Some(DiskState::UpToDate)
}
