//! What is to be done for a node that wants a volume, or that lets go of one.

use super::observe::{Holder, Observation, Sharing, Standing};
use super::prove::{Gap, Proof, prove};
use crate::linstor::{model::is_same_name, name::NodeName};

/// Which node wants the volume, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The node that is to have it.
    pub target: NodeName,
    /// Whom it would bear beside it.
    pub sharing: Sharing,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nobody stands in the way.
    Free,
    /// Records stand whose nodes are out of the way: carry these steps out, then decide again.
    Tidy(Vec<Step>),
    /// The resources decide: look at them, then decide again.
    Look,
    /// It may pass by itself within seconds, as the survivors agree on who is left: look again for a while.
    Wait(Doubt),
    /// These nodes lose the volume to the target: when its device stands, their records go, and nothing else of theirs.
    GiveUp {
        /// The nodes, as their records spell them.
        nodes: Vec<NodeName>,
        /// Why they can't write any more.
        proof: Proof,
    },
    /// It takes a person, or time. Nothing is to be changed.
    Refuse(Refusal),
}

/// Why a silent node is not given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The node.
    pub node: NodeName,
    /// What was seen.
    pub seen: String,
}

/// What clears a record away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Drop the node's records and touch nothing else: LINSTOR has removed the node, or it was given up.
    Forget(NodeName),
    /// Complete the detach that had to wait for the node: it is ONLINE again.
    Finish(NodeName),
}

impl Step {
    /// The node that it is about.
    pub fn node(&self) -> &NodeName {
        let (Self::Forget(node) | Self::Finish(node)) = self;
        node
    }
}

/// Why the target does not get the volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// LINSTOR doesn't know the target.
    NoSuchNode,
    /// The target does not answer, in LINSTOR's word.
    TargetAway(String),
    /// A node has it and keeps it: it answers, or nothing but its own disk has the data.
    Held {
        /// The node, as its record spells it.
        by: NodeName,
        /// How LINSTOR sees it.
        status: String,
    },
    /// A node does not answer, and nothing can prove that it doesn't write.
    Unprovable(Doubt),
}

/// What is to be done so that the target has the volume, by what is seen.
///
/// Readers bear each other, wherever they are and whatever became of their nodes. Else a node that let go while it was
/// away is tidied up, one that lives keeps the volume, and a silent one loses it with proof only.
pub fn decide(seen: &Observation, wish: &Wish) -> Decision {
    match seen.standing(&wish.target) {
        Standing::Online => {}
        Standing::Away(status) => return Decision::Refuse(Refusal::TargetAway(status.clone())),
        Standing::Removed => return Decision::Refuse(Refusal::NoSuchNode),
    }
    let mut steps = Vec::new();
    let mut lost = Vec::new();
    for holder in in_the_way(seen, wish) {
        match obstacle(seen, holder) {
            Obstacle::Leaves(step) => insert(&mut steps, step),
            Obstacle::Silent => insert(&mut lost, holder.node.clone()),
            Obstacle::Stays(refusal) => return Decision::Refuse(refusal),
        }
    }
    match lost.first() {
        _ if !steps.is_empty() => Decision::Tidy(steps),
        None => Decision::Free,
        Some(first) => {
            let doubt = |seen| Doubt { node: first.clone(), seen };
            match prove(seen, &lost, &wish.target) {
                Ok(proof) => Decision::GiveUp { nodes: lost, proof },
                Err(Gap::Unseen) => Decision::Look,
                Err(Gap::Passing(seen)) => Decision::Wait(doubt(seen)),
                Err(Gap::Lasting(seen)) => Decision::Refuse(Refusal::Unprovable(doubt(seen))),
            }
        }
    }
}

/// What ends a detach that waits for its node; none: it goes on waiting. To delete there while the node is away would
/// take quorum from the others, and let two nodes write.
pub fn leave(node: &NodeName, standing: &Standing) -> Option<Step> {
    match standing {
        Standing::Online => Some(Step::Finish(node.clone())),
        Standing::Away(_) => None,
        Standing::Removed => Some(Step::Forget(node.clone())),
    }
}

/// What a holder on another node means for the target.
enum Obstacle {
    Leaves(Step),
    Stays(Refusal),
    Silent,
}

fn obstacle(seen: &Observation, holder: &Holder) -> Obstacle {
    let standing = seen.standing(&holder.node);
    let stays = || Obstacle::Stays(Refusal::Held { by: holder.node.clone(), status: standing.to_string() });
    match leave(&holder.node, standing) {
        Some(Step::Finish(_)) if !holder.is_detaching => stays(),
        Some(step) => Obstacle::Leaves(step),
        None if !seen.is_replicated => stays(),
        None => Obstacle::Silent,
    }
}

/// The holders on other nodes that don't bear the target.
fn in_the_way<'a>(seen: &'a Observation, wish: &'a Wish) -> impl Iterator<Item = &'a Holder> {
    let is_beside = |holder: &&Holder| !is_same_name(holder.node.as_str(), wish.target.as_str());
    seen.holders.iter().filter(is_beside).filter(|holder| !holder.sharing.bears(wish.sharing))
}

/// Several records of one node lead to one step.
fn insert<T: PartialEq>(list: &mut Vec<T>, one: T) {
    if !list.contains(&one) {
        list.push(one);
    }
}
