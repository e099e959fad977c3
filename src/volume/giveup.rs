//! When a node that does not answer may be taken its volume away (docs/decisions.md, Attaching and leaving).
//!
//! A silent node may be dead, cut off or frozen, and a frozen one may still write. DRBD's quorum is the proof: while a
//! majority of at least three voters lets another node promote, the silent one can't complete a write.

use crate::linstor::model::{DiskState, Resource, ResourceDefinition, is_same_name};
use crate::linstor::name::NodeName;

/// A node that has the volume attached and is not ONLINE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost(pub NodeName);

/// Why a lost node is not given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The node.
    pub node: NodeName,
    /// What was seen.
    pub seen: String,
    /// May it pass by itself within seconds, as the survivors agree on who is left?
    pub may_pass: bool,
}

/// Proves that the lost nodes can't write any more, or says what was seen instead.
pub fn prove(
    definition: &ResourceDefinition,
    resources: &[Resource],
    lost: &[Lost],
    target: &NodeName,
) -> Result<(), Doubt> {
    let doubt = |seen: &str, may_pass| {
        let doubt = |Lost(node): &Lost| Err(Doubt { node: node.clone(), seen: seen.to_owned(), may_pass });
        lost.first().map_or(Ok(()), doubt)
    };
    if !definition.has_majority_quorum() {
        return doubt("quorum is off, so that nothing keeps it from writing", false);
    }
    let voters = count_voters(resources);
    if voters < 3 {
        return doubt(&format!("it takes three voters to tell, and there are {voters}"), false);
    }
    let is_lost = |resource: &Resource| lost.iter().any(|Lost(node)| is_same_name(&resource.node_name, node.as_str()));
    if resources.iter().any(|resource| is_lost(resource) && resource.is_live()) {
        return doubt("its satellite still reports the resource", true);
    }
    let here =
        resources.iter().find(|resource| is_same_name(&resource.node_name, target.as_str()) && has_disk(resource));
    let witness = match here {
        Some(resource) => may_take_over(resource),
        None => resources.iter().filter(|resource| !is_lost(resource) && has_disk(resource)).any(may_take_over),
    };
    if witness { Ok(()) } else { doubt("no up-to-date replica may be promoted yet", true) }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A replica as LINSTOR shows it; `may`: DRBD's word, none where the satellite is away.
    fn replica(node: &str, disk: &str, may: Option<bool>) -> Resource {
        let drbd = may.map_or(json!({}), |may| json!({"may_promote": may}));
        let mut shown = json!({
            "name": "vol1", "node_name": node, "layer_object": {"type": "DRBD", "drbd": drbd},
            "volumes": [{"volume_number": 0, "state": {"disk_state": disk}}],
        });
        if may.is_some() {
            shown["state"] = json!({"in_use": false});
        }
        if disk == "Diskless" {
            shown["flags"] = json!(["DISKLESS", "DRBD_DISKLESS", "TIE_BREAKER"]);
        }
        serde_json::from_value(shown).unwrap()
    }

    fn definition(quorum: &str) -> ResourceDefinition {
        serde_json::from_value(json!({"name": "vol1", "props": {"DrbdOptions/Resource/quorum": quorum}})).unwrap()
    }

    fn try_take(quorum: &str, resources: &[Resource], target: &str) -> Result<(), Doubt> {
        let lost = [Lost(NodeName::parse("node-1").unwrap())];
        prove(&definition(quorum), resources, &lost, &NodeName::parse(target).unwrap())
    }

    fn after_crash() -> Vec<Resource> {
        vec![
            replica("node-1", "DUnknown", None),
            replica("node-2", "UpToDate", Some(true)),
            replica("node-3", "Diskless", Some(true)),
        ]
    }

    #[test]
    fn a_dead_node_is_given_up_to_a_survivor_with_quorum_and_through_it_to_any_node() {
        for target in ["node-2", "node-3", "node-4"] {
            assert_eq!(try_take("majority", &after_crash(), target), Ok(()), "{target}");
        }
    }

    #[test]
    fn without_quorum_a_silent_node_is_never_given_up() {
        let doubt = try_take("off", &after_crash(), "node-2").unwrap_err();
        assert!(
            doubt.node.as_str() == "node-1" && doubt.seen.contains("quorum is off") && !doubt.may_pass,
            "{doubt:?}"
        );
    }

    #[test]
    fn two_voters_prove_nothing() {
        let two = &after_crash()[..2];
        assert!(try_take("majority", two, "node-2").unwrap_err().seen.contains("three voters"));
    }

    #[test]
    fn a_node_whose_satellite_still_reports_is_not_given_up() {
        let mut resources = after_crash();
        resources[0] = replica("node-1", "UpToDate", Some(false));
        assert!(try_take("majority", &resources, "node-2").is_err());
    }

    #[test]
    fn a_survivor_that_may_not_be_promoted_or_has_old_data_takes_nothing_over() {
        for (disk, may) in [
            ("UpToDate", Some(false)),
            ("Outdated", Some(true)),
            ("UpToDate", None),
            ("SyncTarget(44.81%)", Some(true)),
        ] {
            let mut resources = after_crash();
            resources[1] = replica("node-2", disk, may);
            assert!(try_take("majority", &resources, "node-2").unwrap_err().may_pass, "{disk} {may:?}");
            assert!(try_take("majority", &resources, "node-3").is_err(), "{disk} {may:?} through node-3");
        }
    }
}
