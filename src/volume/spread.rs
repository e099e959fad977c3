//! In what order nodes are tried for a volume's replicas: CSI's topology requirement as a list of attempts.
//!
//! An attempt is one request to LINSTOR, which answers it whole or not at all. They are made in order until there are
//! enough replicas; the first is meant to be enough, or enough with the second, and all others wait for a refusal.

use std::collections::BTreeSet;

use crate::linstor::name::NodeName;

/// `placementPolicy`: who chooses the nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Policy {
    /// The first replica near the pod, the others where LINSTOR likes among the nodes that are preferred, then allowed.
    #[default]
    AutoPlaceTopology,
    /// LINSTOR alone.
    AutoPlace,
    /// The caller: one replica for each term, in the order of preferred, then requisite ones.
    FollowTopology,
    /// The class: exactly these nodes (`nodeList`).
    Manual(Vec<NodeName>),
}

/// The parameter that names the nodes.
pub const NODE_LIST: &str = "nodeList";

impl Policy {
    /// Its parameters with their values; the order of nodes is no matter.
    pub fn says(&self) -> Vec<(&'static str, String)> {
        let name = match self {
            Self::AutoPlaceTopology => "AutoPlaceTopology",
            Self::AutoPlace => "AutoPlace",
            Self::FollowTopology => "FollowTopology",
            Self::Manual(_) => "Manual",
        };
        let mut listed: Vec<&str> = self.listed().iter().map(NodeName::as_str).collect();
        listed.sort_unstable();
        let listed = (!listed.is_empty()).then(|| (NODE_LIST, listed.join(",")));
        [("placementPolicy", name.to_owned())].into_iter().chain(listed).collect()
    }

    /// The nodes that the class lists, and no others; empty: it doesn't.
    pub fn listed(&self) -> &[NodeName] {
        match self {
            Self::Manual(nodes) => nodes,
            Self::AutoPlaceTopology | Self::AutoPlace | Self::FollowTopology => &[],
        }
    }
}

/// The nodes that a topology requirement names, by term.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// The best first.
    pub preferred: Vec<Vec<NodeName>>,
    /// The only ones allowed; empty: all.
    pub requisite: Vec<Vec<NodeName>>,
}

/// How many replicas an attempt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// So many in all, those that are there included.
    Total(u32),
    /// One more than there are, unless one of the nodes has one.
    OneMore,
}

/// One request for replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The nodes to choose from; empty: all.
    pub nodes: Vec<NodeName>,
    /// How many replicas.
    pub count: Count,
}

/// Replicas that can't be where they must be, whatever LINSTOR says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// More replicas than nodes that may have them.
    #[error(
        "{replicas} replicas need as many nodes, and accessibility_requirements allow {nodes}; ask for fewer replicas, allow more nodes (external-provisioner: no --strict-topology), or set allowRemoteVolumeAccess to true"
    )]
    TooFewNodes {
        /// How many replicas are asked for.
        replicas: u32,
        /// The nodes, in words.
        nodes: String,
    },
    /// The class names nodes that the caller doesn't allow.
    #[error(
        "nodeList names {listed}, and accessibility_requirements allow {allowed}; the volume would be reached from none of these"
    )]
    ListedElsewhere {
        /// The class's nodes, in words.
        listed: String,
        /// The caller's, in words.
        allowed: String,
    },
}

/// The attempts, in order. `is_remote`: does every node reach the volume over the network? Only then may a replica be
/// where no term allows it, and only where the terms allow fewer nodes than there are replicas.
pub fn attempts(policy: &Policy, terms: &Terms, replicas: u32, is_remote: bool) -> Result<Vec<Attempt>, Impossible> {
    let allowed = union(&terms.requisite);
    let is_free = allowed.is_empty();
    let may_leave = is_free || (is_remote && count(&allowed) < replicas);
    if let Policy::Manual(nodes) = policy {
        let is_reached = is_remote || is_free || nodes.iter().any(|node| allowed.contains(node));
        let manual = Attempt { nodes: nodes.clone(), count: Count::Total(replicas) };
        let elsewhere = || Impossible::ListedElsewhere { listed: names(nodes), allowed: names(&allowed) };
        return if is_reached { Ok(vec![manual]) } else { Err(elsewhere()) };
    }
    if !may_leave && count(&allowed) < replicas {
        return Err(Impossible::TooFewNodes { replicas, nodes: names(&allowed) });
    }
    let anywhere = Attempt { nodes: Vec::new(), count: Count::Total(replicas) };
    if *policy == Policy::AutoPlace {
        let among = Attempt { nodes: allowed, count: Count::Total(replicas) };
        return Ok(vec![if is_remote { anywhere } else { among }]);
    }
    let mut plan = Plan::default();
    plan.first(policy, &order(policy, terms, &allowed), replicas);
    let near = union(&preferred(terms, &allowed));
    let is_wider = count(&allowed) > count(&near);
    plan.as_many_as_fit(&near, replicas, is_wider || may_leave);
    plan.as_many_as_fit(&allowed, replicas, may_leave);
    if may_leave {
        plan.push(anywhere);
    }
    Ok(plan.attempts)
}

/// The preferred terms, without what isn't allowed at all.
fn preferred(terms: &Terms, allowed: &[NodeName]) -> Vec<Vec<NodeName>> {
    let is_allowed = |node: &&NodeName| allowed.is_empty() || allowed.contains(node);
    let kept = terms.preferred.iter().map(|term| term.iter().filter(is_allowed).cloned().collect::<Vec<_>>());
    kept.filter(|term| !term.is_empty()).collect()
}

/// The terms by which one replica each is placed.
fn order(policy: &Policy, terms: &Terms, allowed: &[NodeName]) -> Vec<Vec<NodeName>> {
    let mut order = preferred(terms, allowed);
    if *policy == Policy::FollowTopology || order.is_empty() {
        order.extend(terms.requisite.iter().filter(|term| !term.is_empty()).cloned());
    }
    let mut seen = BTreeSet::new();
    order.retain(|term| seen.insert(term.clone()));
    order
}

/// The most terms that are tried one after the other; of more, LINSTOR chooses.
const MOST_IN_TURN: usize = 16;

#[derive(Default)]
struct Plan {
    attempts: Vec<Attempt>,
}

impl Plan {
    /// The replicas that have a place of their own: the one near the pod, or one for each term.
    fn first(&mut self, policy: &Policy, order: &[Vec<NodeName>], replicas: u32) {
        let is_wide = order.iter().any(|term| term.len() > 1);
        let nodes = union(order);
        let is_follow = *policy == Policy::FollowTopology;
        if !is_wide && (is_follow || count(&nodes) <= replicas) {
            let nodes: Vec<NodeName> = nodes.into_iter().take(replicas as usize).collect();
            let total = count(&nodes);
            self.push(Attempt { nodes, count: Count::Total(total) });
        }
        let in_turn = if is_wide || is_follow { MOST_IN_TURN } else { 1 };
        for nodes in order.iter().take(in_turn) {
            self.push(Attempt { nodes: nodes.clone(), count: Count::OneMore });
        }
    }

    /// All of the replicas there; or all but one, and so on, where the others may be elsewhere.
    fn as_many_as_fit(&mut self, nodes: &[NodeName], replicas: u32, may_leave: bool) {
        let least = if may_leave { 1 } else { replicas };
        for total in (least..=count(nodes).min(replicas)).rev() {
            self.push(Attempt { nodes: nodes.to_vec(), count: Count::Total(total) });
        }
    }

    /// What was refused once is not asked again, in whatever order the nodes are named.
    fn push(&mut self, attempt: Attempt) {
        let set = |attempt: &Attempt| attempt.nodes.iter().cloned().collect::<BTreeSet<_>>();
        let is_same = |other: &Attempt| other.count == attempt.count && set(other) == set(&attempt);
        let is_empty = attempt.count == Count::Total(0);
        if !is_empty && !self.attempts.iter().any(is_same) {
            self.attempts.push(attempt);
        }
    }
}

/// Each node of the terms once, in their order.
fn union(terms: &[Vec<NodeName>]) -> Vec<NodeName> {
    let mut seen = BTreeSet::new();
    terms.iter().flatten().filter(|node| seen.insert(*node)).cloned().collect()
}

fn count(nodes: &[NodeName]) -> u32 {
    u32::try_from(nodes.len()).unwrap_or(u32::MAX)
}

fn names(nodes: &[NodeName]) -> String {
    nodes.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node's name has two letters at least.
    fn node(letter: &str) -> NodeName {
        format!("n{letter}").parse().unwrap()
    }

    /// Terms as `a b|c`: nodes a and b, then node c.
    fn terms(preferred: &str, requisite: &str) -> Terms {
        let term = |term: &str| term.split_whitespace().map(node).collect();
        let list = |text: &str| text.split('|').map(term).filter(|term: &Vec<_>| !term.is_empty()).collect();
        Terms { preferred: list(preferred), requisite: list(requisite) }
    }

    /// The attempts as `a b=2` (two in all on a and b), `a+1` (one more on a), `=2` (two anywhere).
    fn plan(policy: &Policy, terms: &Terms, replicas: u32, is_remote: bool) -> Vec<String> {
        let render = |attempt: &Attempt| {
            let nodes: Vec<&str> = attempt.nodes.iter().map(|node| &node.as_str()[1..]).collect();
            let count = match attempt.count {
                Count::Total(total) => format!("={total}"),
                Count::OneMore => "+1".to_owned(),
            };
            format!("{}{count}", nodes.join(" "))
        };
        attempts(policy, terms, replicas, is_remote).unwrap().iter().map(render).collect()
    }

    fn auto(preferred: &str, requisite: &str, replicas: u32) -> Vec<String> {
        plan(&Policy::AutoPlaceTopology, &terms(preferred, requisite), replicas, true)
    }

    #[test]
    fn in_kubernetes_the_pods_node_comes_first_and_linstor_chooses_the_rest() {
        assert_eq!(auto("c|a|b", "a|b|c", 2), ["c+1", "c a b=2"]);
        assert_eq!(auto("c|a|b", "a|b|c", 1), ["c+1", "c a b=1"]);
        // As many nodes as replicas: one request for all.
        assert_eq!(auto("c|a|b", "a|b|c", 3)[0], "c a b=3");
    }

    #[test]
    fn csis_examples_are_followed() {
        assert_eq!(auto("Z3", "Z2|Z3", 1), ["Z3=1", "Z3+1", "Z2 Z3=1"]);
        assert_eq!(auto("Z4|Z2", "Z2|Z3|Z4|Z5", 1), ["Z4+1", "Z4 Z2=1", "Z2 Z3 Z4 Z5=1"]);
        assert_eq!(auto("Z5|Z3", "Z2|Z3|Z4|Z5", 2), ["Z5 Z3=2", "Z5+1", "Z5 Z3=1", "Z2 Z3 Z4 Z5=2"]);
    }

    #[test]
    fn zones_get_one_replica_each_before_one_gets_two() {
        assert_eq!(auto("a b|c d", "c d|a b", 2)[..3], ["a b+1", "c d+1", "a b c d=2"]);
        assert_eq!(auto("", "a b|c d", 2)[..2], ["a b+1", "c d+1"]);
    }

    #[test]
    fn replicas_leave_the_allowed_nodes_only_where_those_are_too_few() {
        assert_eq!(auto("a", "a", 2), ["a=1", "a+1", "=2"]);
        assert_eq!(auto("a|b", "a|b", 3), ["a b=2", "a+1", "a b=1", "=3"]);
        assert_eq!(auto("", "", 2), ["=2"]);
        assert!(!auto("a|b", "a|b", 2).contains(&"=2".to_owned()));
        let refused = attempts(&Policy::AutoPlaceTopology, &terms("a", "a"), 2, false);
        assert!(matches!(refused, Err(Impossible::TooFewNodes { replicas: 2, .. })));
        assert_eq!(plan(&Policy::AutoPlaceTopology, &terms("", ""), 1, false), ["=1"]);
    }

    #[test]
    fn what_is_preferred_and_not_allowed_is_left_out() {
        assert_eq!(plan(&Policy::AutoPlaceTopology, &terms("a|b", "b|c"), 1, false)[0], "b=1");
    }

    #[test]
    fn each_policy_has_its_own_order() {
        let asked = terms("c|a|b", "a|b|c|d");
        assert_eq!(plan(&Policy::AutoPlace, &asked, 2, true), ["=2"]);
        assert_eq!(plan(&Policy::AutoPlace, &asked, 2, false), ["a b c d=2"]);
        assert_eq!(plan(&Policy::FollowTopology, &asked, 2, true)[..5], ["c a=2", "c+1", "a+1", "b+1", "d+1"]);
        let listed = Policy::Manual(vec![node("x"), node("b")]);
        assert_eq!(plan(&listed, &asked, 2, false), ["x b=2"]);
        let elsewhere = Policy::Manual(vec![node("x")]);
        assert!(matches!(attempts(&elsewhere, &asked, 1, false), Err(Impossible::ListedElsewhere { .. })));
        assert_eq!(plan(&elsewhere, &asked, 1, true), ["x=1"]);
    }
}
