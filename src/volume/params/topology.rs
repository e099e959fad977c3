//! Which nodes have a volume's copies, and which use it over the network.

use super::{
    Family, KnownParameter, ParameterError,
    given::{Given, entries},
};
use crate::linstor::name::NodeName;
use crate::volume::{
    place::{MAX_REPLICAS, Placement},
    spread::Policy,
};
use crate::workflow::{Reach, RemoteAccess};

/// The table.
pub(super) const FAMILY: Family = Family {
    title: "Topology",
    parameters: &[
        KnownParameter {
            key: "placementPolicy",
            aliases: &[],
            values: "`AutoPlaceTopology`, `AutoPlace`, `FollowTopology` or `Manual`, in any case; `Balanced` is read as the first",
            default: "`AutoPlaceTopology`; `Manual` with nodeList",
            meaning: "who chooses the nodes: the first copy near the pod and LINSTOR the rest among the allowed nodes; LINSTOR all; the order of the topology that Kubernetes prefers; the class itself",
            example: "FollowTopology",
        },
        KnownParameter {
            key: "nodeList",
            aliases: &[],
            values: "LINSTOR nodes, separated by spaces or commas",
            default: "no node is named",
            meaning: "exactly these nodes keep a copy; placementCount, where it is given, is their number",
            example: "node-1 node-2",
        },
        KnownParameter {
            key: "clientList",
            aliases: &[],
            values: "LINSTOR nodes, separated by spaces or commas",
            default: "none",
            meaning: "nodes that keep a diskless resource of the volume, and may use it whatever allowRemoteVolumeAccess says; needs the DRBD layer",
            example: "node-3",
        },
        KnownParameter {
            key: "allowRemoteVolumeAccess",
            aliases: &[],
            values: "`true`, `false`, or a YAML list of rules such as `- fromSame: [topology.kubernetes.io/zone]`",
            default: "`true`; without the DRBD layer `false`",
            meaning: "which nodes without a copy may use the volume: all, none, or those that share all segments of one rule with a node that has a copy; kept at attach",
            example: "false",
        },
    ],
};

/// What the family says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TopologyParameters {
    /// `placementPolicy`, `nodeList`.
    pub policy: Policy,
    /// `allowRemoteVolumeAccess`, `clientList`.
    pub reach: Reach,
}

/// Takes the family's parameters. A list of nodes is the placement's count.
pub(super) fn parse(given: &mut Given, placement: &mut Placement) -> Result<TopologyParameters, ParameterError> {
    let mut nodes = |key| given.take(key).map(|list| parse_nodes(key, &list)).transpose();
    let (listed, clients) = (nodes("nodeList")?, nodes("clientList")?.unwrap_or_default());
    let policy = parse_policy(given.take("placementPolicy"), listed)?;
    if let Policy::Manual(listed) = &policy {
        placement.count = Some(count_of(listed, placement)?);
        if let Some(node) = listed.iter().find(|node| clients.contains(node)) {
            return Err(ParameterError::NodeTwice { node: node.clone() });
        }
    }
    let access = given.take("allowRemoteVolumeAccess").map(|text| RemoteAccess::parse(&text)).transpose()?;
    let key = match access {
        Some(RemoteAccess::Anywhere | RemoteAccess::FromSame(_)) => Some("allowRemoteVolumeAccess"),
        _ if !clients.is_empty() => Some("clientList"),
        _ => None,
    };
    if let Some(key) = key.filter(|_| !placement.may_use_drbd()) {
        return Err(ParameterError::RemoteWithoutDrbd { key });
    }
    // Without DRBD nothing is remote, and what is not said is not compared.
    let remote = access.filter(|_| placement.may_use_drbd()).unwrap_or_default();
    Ok(TopologyParameters { policy, reach: Reach { remote, clients } })
}

fn parse_policy(named: Option<String>, listed: Option<Vec<NodeName>>) -> Result<Policy, ParameterError> {
    let Some(named) = named.filter(|name| !name.is_empty()) else {
        return Ok(listed.map_or_else(Policy::default, Policy::Manual));
    };
    match (named.to_ascii_lowercase().as_str(), listed) {
        // Balanced is linstor-csi's, deprecated there: the free space decides here too, near the pod first.
        ("autoplacetopology" | "balanced", None) => Ok(Policy::AutoPlaceTopology),
        ("autoplace", None) => Ok(Policy::AutoPlace),
        ("followtopology", None) => Ok(Policy::FollowTopology),
        ("manual", Some(nodes)) => Ok(Policy::Manual(nodes)),
        ("manual", None) => Err(ParameterError::ManualWithoutNodes),
        ("autoplacetopology" | "autoplace" | "followtopology" | "balanced", Some(_)) => {
            Err(ParameterError::NodesWithoutManual { policy: named })
        }
        _ => Err(ParameterError::PlacementPolicy { value: named }),
    }
}

fn count_of(listed: &[NodeName], placement: &Placement) -> Result<u32, ParameterError> {
    let nodes = u32::try_from(listed.len()).unwrap_or(u32::MAX);
    match placement.count {
        Some(count) if count != nodes => Err(ParameterError::NodeCount { count, nodes }),
        _ if nodes > MAX_REPLICAS => Err(ParameterError::TooManyNodes { nodes }),
        _ if nodes > 1 && !placement.may_use_drbd() => Err(ParameterError::ReplicasWithoutDrbd { count: nodes }),
        _ => Ok(nodes),
    }
}

fn parse_nodes(key: &'static str, list: &str) -> Result<Vec<NodeName>, ParameterError> {
    let mut nodes: Vec<NodeName> = Vec::new();
    for name in entries(list) {
        let node = NodeName::parse(name)?;
        if nodes.contains(&node) {
            return Err(ParameterError::NodeTwice { node });
        }
        nodes.push(node);
    }
    if nodes.is_empty() { Err(ParameterError::Empty { key }) } else { Ok(nodes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::params::Parameters;

    fn parse(pairs: &[(&str, &str)]) -> Result<Parameters, ParameterError> {
        Parameters::parse(&pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    #[test]
    fn a_policy_is_named_in_any_case_and_nodes_mean_manual() {
        let policy = |name| parse(&[("placementPolicy", name)]).unwrap().topology.policy;
        assert_eq!(policy("autoplacetopology"), Policy::AutoPlaceTopology);
        assert_eq!((policy("AUTOPLACE"), policy("FollowTopology")), (Policy::AutoPlace, Policy::FollowTopology));
        assert_eq!(policy("Balanced"), Policy::AutoPlaceTopology);
        let manual = parse(&[("nodeList", "node-1, node-3")]).unwrap();
        let nodes = vec!["node-1".parse().unwrap(), "node-3".parse().unwrap()];
        assert_eq!((manual.topology.policy, manual.placement.count), (Policy::Manual(nodes), Some(2)));
    }

    #[test]
    fn lists_and_policies_that_contradict_each_other_are_refused() {
        use ParameterError as E;
        let refused = |pairs: &[(&str, &str)]| parse(pairs).expect_err("they contradict each other");
        assert!(matches!(refused(&[("placementPolicy", "Manual")]), E::ManualWithoutNodes));
        assert!(matches!(refused(&[("placementPolicy", "Best")]), E::PlacementPolicy { .. }));
        let auto = [("placementPolicy", "AutoPlace"), ("nodeList", "a1")];
        assert!(matches!(refused(&auto), E::NodesWithoutManual { .. }));
        let three = [("nodeList", "a1 a2"), ("placementCount", "3")];
        assert!(matches!(refused(&three), E::NodeCount { count: 3, nodes: 2 }));
        assert!(matches!(refused(&[("nodeList", "a1 a1")]), E::NodeTwice { .. }));
        assert!(matches!(refused(&[("nodeList", "a1"), ("clientList", "a1")]), E::NodeTwice { .. }));
        assert!(matches!(refused(&[("nodeList", "a1 a2"), ("layerList", "storage")]), E::ReplicasWithoutDrbd { .. }));
        assert!(matches!(refused(&[("nodeList", "a1 a2 a3 a4 a5 a6 a7 a8 a9")]), E::TooManyNodes { nodes: 9 }));
        assert!(matches!(refused(&[("clientList", " ")]), E::Empty { key: "clientList" }));
    }

    #[test]
    fn what_only_drbd_can_do_is_refused_without_it() {
        for (key, value) in [("allowRemoteVolumeAccess", "true"), ("clientList", "a1")] {
            let refused = parse(&[("layerList", "storage"), (key, value)]);
            assert_eq!(refused, Err(ParameterError::RemoteWithoutDrbd { key }));
        }
        let local = parse(&[("layerList", "storage"), ("allowRemoteVolumeAccess", "false")]).unwrap();
        assert_eq!(local.topology, parse(&[("layerList", "storage")]).unwrap().topology);
        assert_eq!(parse(&[("allowRemoteVolumeAccess", "true")]), parse(&[]));
    }
}
