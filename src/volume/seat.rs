//! Where a volume is attached: a node, and of an owner's volume the claim that has it there.
//!
//! The key of an attach record is `attach/<node>`, or `attach/<node>@<claim key>`: no node's name holds an `@`.

use std::{collections::BTreeMap, error::Error, fmt};

use super::{claims::ClaimKey, id::VolumeId, record::Attachment};
use crate::linstor::{model::is_same_name, name::NodeName};
use crate::workflow::Incarnation;

/// A node, and of an owner's volume the claim.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seat {
    /// The node, as the record spells it.
    pub node: NodeName,
    /// The claim; none for a volume that no owner's claims share.
    pub claim: Option<ClaimKey>,
}

impl Seat {
    /// That of a volume id on a node.
    pub fn of(volume: &VolumeId, node: &NodeName) -> Self {
        Self { node: node.clone(), claim: volume.claim().cloned() }
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    pub fn parse(text: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let (node, claim) = text.split_once('@').map_or((text, None), |(node, claim)| (node, Some(claim)));
        let not_a_claim = "what follows the @ is not 32 hex digits";
        let claim = claim.map(|claim| ClaimKey::parse(claim).ok_or(not_a_claim)).transpose()?;
        Ok(Self { node: NodeName::parse(node)?, claim })
    }

    /// Is it on this node? LINSTOR ignores the case of names.
    pub fn is_on(&self, node: &NodeName) -> bool {
        is_same_name(self.node.as_str(), node.as_str())
    }

    /// Is it the same node and claim?
    pub fn is(&self, other: &Self) -> bool {
        self.claim == other.claim && self.is_on(&other.node)
    }
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)?;
        self.claim.as_ref().map_or(Ok(()), |claim| write!(f, "@{claim}"))
    }
}

/// The key of an attach record.
pub fn attach_key(incarnation: &Incarnation, seat: &Seat) -> String {
    format!("{incarnation}/attach/{seat}")
}

/// The node whose attach record has this key, of whatever incarnation and claim; none: it is the key of something else.
pub fn attached_node(key: &str) -> Option<&str> {
    let seat = key.trim_start_matches('/').split_once('/')?.1.strip_prefix("attach/")?;
    Some(seat.split_once('@').map_or(seat, |(node, _)| node))
}

/// An attach record, and the mark that outlives it: the keys and values to write together.
pub fn attach_entry(incarnation: &Incarnation, seat: &Seat, attachment: &Attachment) -> BTreeMap<String, String> {
    let value = serde_json::to_string(attachment).expect("an attachment holds only text and truth values");
    BTreeMap::from([(attach_key(incarnation, seat), value), (format!("{incarnation}/used"), "true".to_owned())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_reads_back_and_a_broken_claim_is_no_seat() {
        let node = NodeName::parse("Node-1.example").unwrap();
        for claim in [None, Some(ClaimKey::of("pvc-1"))] {
            let seat = Seat { node: node.clone(), claim };
            assert_eq!(Seat::parse(&seat.to_string()).unwrap(), seat);
            let key = attach_key(&Incarnation::from_random([1; 16]), &seat);
            assert_eq!(attached_node(&key), Some("Node-1.example"));
        }
        for bad in ["", "no/de", "node-1@", "node-1@abc", "@0123"] {
            assert!(Seat::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(attached_node("a/formatted"), None);
    }

    #[test]
    fn two_claims_on_one_node_have_two_seats_and_a_nodes_case_makes_none() {
        let seat =
            |node: &str, claim: &str| Seat { node: NodeName::parse(node).unwrap(), claim: Some(ClaimKey::of(claim)) };
        assert!(seat("node-1", "a").is(&seat("NODE-1", "a")));
        assert!(!seat("node-1", "a").is(&seat("node-1", "b")));
        assert!(!seat("node-1", "a").is(&seat("node-2", "a")));
    }
}
