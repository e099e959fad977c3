//! What LINSTOR does by itself to keep quorum: tie-breakers and the quorum property. Recordings: d02, d03, d10, d11.

use super::Cluster;
use super::definition::Definition;
use super::fault::Fault;
use super::name::Key;
use super::props::{AUTO_TIE_BREAKER, QUORUM};
use super::resource::Kind;

/// What LINSTOR did by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AutoChange {
    /// A tie-breaker was made on a node.
    TieBreakerCreated {
        /// The node's name.
        node: String,
    },
    /// A tie-breaker was deleted from a node.
    TieBreakerDeleted {
        /// The node's name.
        node: String,
        /// LINSTOR's identity of it.
        uuid: String,
    },
    /// A tie-breaker is wanted, and no node is left for it.
    NoNodeForTieBreaker,
    /// The quorum was turned on.
    QuorumOn {
        /// What it was: `off`, or `undefined`.
        from: &'static str,
    },
    /// The quorum was turned off: there are too few voters.
    QuorumOff,
}

impl Cluster {
    /// Adds or deletes a tie-breaker and sets the quorum, as the resources demand.
    pub fn keep_quorum(&mut self, key: &Key) -> Result<Vec<AutoChange>, Fault> {
        let mut changes = Vec::new();
        let Some(definition) = self.definitions.get(key) else { return Ok(changes) };
        if definition.is_drbd() {
            changes.extend(self.keep_tie_breaker(key)?);
        }
        changes.extend(self.set_quorum(key));
        Ok(changes)
    }

    fn keep_tie_breaker(&mut self, key: &Key) -> Result<Option<AutoChange>, Fault> {
        let Some(definition) = self.definitions.get(key) else { return Ok(None) };
        let disks = definition.diskful().count();
        let even = disks >= 2 && disks % 2 == 0;
        let clients = definition.staying().any(|r| r.kind == Kind::Client);
        let tie_breaker = definition.resources.iter().find(|(_, r)| r.kind == Kind::TieBreaker);
        let wanted = even && !clients && self.makes_tie_breakers(definition);
        match tie_breaker {
            None if wanted => self.add_tie_breaker(key).map(Some),
            Some((node, resource)) if !wanted => {
                let (node, name, uuid) = (node.clone(), resource.node.clone(), resource.uuid.clone());
                self.remove_resource(key, &node)?;
                Ok(Some(AutoChange::TieBreakerDeleted { node: name, uuid }))
            }
            _ => Ok(None),
        }
    }

    /// Are tie-breakers made for this definition?
    pub fn makes_tie_breakers(&self, definition: &Definition) -> bool {
        let of_group = || self.groups.get(&Key::of(&definition.group)).and_then(|g| g.props.get(AUTO_TIE_BREAKER));
        let asked = definition.props.get(AUTO_TIE_BREAKER).or_else(of_group);
        let asked = asked.or_else(|| self.props.get(AUTO_TIE_BREAKER));
        let off = definition.is_quorum_manual() && definition.props.get(QUORUM).is_some_and(|quorum| quorum == "off");
        asked.is_some_and(|value| value.eq_ignore_ascii_case("true")) && !off
    }

    fn add_tie_breaker(&mut self, key: &Key) -> Result<AutoChange, Fault> {
        let taken = self.nodes_of(key);
        let free = self.nodes.iter().find(|(node, state)| state.is_online() && !taken.contains(node));
        let Some((node, name)) = free.map(|(node, state)| (node.clone(), state.name.clone())) else {
            return Ok(AutoChange::NoNodeForTieBreaker);
        };
        self.add_resource(key, &node, Kind::TieBreaker, None)?;
        Ok(AutoChange::TieBreakerCreated { node: name })
    }

    /// Quorum needs three voters, or more disks than two.
    fn set_quorum(&mut self, key: &Key) -> Option<AutoChange> {
        let definition = self.definitions.get_mut(key)?;
        if definition.is_quorum_manual() || definition.resources.is_empty() {
            return None;
        }
        let disks = definition.diskful().count();
        let enough = definition.is_drbd() && disks >= 2 && definition.staying().count() >= 3;
        let quorum = if enough { "majority" } else { "off" };
        let before = definition.props.insert(QUORUM.to_owned(), quorum.to_owned());
        match (before.as_deref(), enough) {
            (None, true) => Some(AutoChange::QuorumOn { from: "undefined" }),
            (Some("off"), true) => Some(AutoChange::QuorumOn { from: "off" }),
            (Some("majority"), false) => Some(AutoChange::QuorumOff),
            _ => None,
        }
    }
}
