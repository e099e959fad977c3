//! How many volumes a node may have attached (`--max-volumes-per-node`), kept by the controller as well: a scheduler
//! that doesn't count, or counts late, sends more.
//!
//! No request that grows with the cluster is on the way of an attach: this process counts for itself, by the attach
//! records that it saw at its last look at all of them (`settle`) and those that it wrote or removed since. Only where
//! that says "full" are all records looked at before an attach is refused. What another controller attached since the
//! last look is not counted, so that two of them may overshoot by that.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Error, VolumeId, record, seat::attached_node};
use crate::linstor::{
    Client,
    model::{Resource, ViewQuery},
    name::NodeName,
};

/// How many names an error lists.
const NAMED: usize = 8;
/// The time of an attach that is still under way.
const UNDER_WAY: u64 = u64::MAX;

/// The limit that holds for every node, and what this process knows of them. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Limit {
    most: Option<usize>,
    known: Arc<Mutex<Attached>>,
}

/// The volumes that each node has attached, all names in lower case, and since when it is known: a count of changes.
#[derive(Debug, Default)]
struct Attached {
    now: u64,
    is_known: bool,
    nodes: BTreeMap<String, BTreeMap<String, u64>>,
}

/// When a look at the records began.
#[derive(Debug, Clone, Copy)]
pub struct Look(u64);

/// A volume's place among those of a node while it is being attached. Dropped, it goes on counting: what an attach that
/// failed has left is told by the next look.
#[derive(Debug)]
pub struct Slot {
    limit: Limit,
    node: String,
    volume: String,
}

impl Limit {
    /// At most so many volumes on each node, 1 or more; none: no limit, and nothing is counted.
    pub fn new(most: Option<u32>) -> Self {
        Self { most: most.map(|most| most as usize), known: Arc::default() }
    }

    /// Takes a place for the volume on the node, where there is one.
    ///
    /// # Errors
    /// `NodeFull`, after a look at all records and at what LINSTOR has on the node.
    pub async fn take(&self, linstor: &Client, volume: &VolumeId, node: &NodeName) -> Result<Option<Slot>, Error> {
        let Some(most) = self.most else { return Ok(None) };
        if !self.known().is_known {
            let look = self.look();
            self.learn(look, &linstor.kv_list().await?);
        }
        if let Some(slot) = self.reserve(most, volume, node) {
            return Ok(Some(slot));
        }
        let look = self.look();
        let query = ViewQuery { nodes: vec![node.clone()], ..ViewQuery::default() };
        let (stores, there) = tokio::try_join!(linstor.kv_list(), linstor.resources_view(&query))?;
        self.learn(look, &stores);
        self.forget_missing(node, &there);
        self.reserve(most, volume, node).map(Some).ok_or_else(|| self.full(most, node))
    }

    /// A look at all records begins.
    pub fn look(&self) -> Look {
        Look(self.known().now)
    }

    /// What a look at all key-value-store instances showed. What changed here since it began is not undone by it.
    pub fn learn(&self, look: Look, stores: &BTreeMap<String, BTreeMap<String, String>>) {
        if self.most.is_none() {
            return;
        }
        let mut known = self.known();
        let mut nodes: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for (instance, store) in stores.iter().filter(|(_, store)| record::is_ours(store)) {
            for node in store.keys().filter_map(|key| attached_node(key)) {
                nodes.entry(lower(node)).or_default().insert(lower(instance), 0);
            }
        }
        for (node, volumes) in std::mem::take(&mut known.nodes) {
            let newer = volumes.into_iter().filter(|(_, since)| *since > look.0);
            nodes.entry(node).or_default().extend(newer);
        }
        known.nodes = nodes;
        known.is_known = true;
    }

    /// The volume is attached to the node no more, or to none where none is named, but for those that it is `still_on`:
    /// by another claim, or until its node is back.
    pub fn release(&self, volume: &VolumeId, node: Option<&NodeName>, still_on: &BTreeSet<NodeName>) {
        let (volume, node) = (lower(volume.resource().as_str()), node.map(|node| lower(node.as_str())));
        let still_on: BTreeSet<String> = still_on.iter().map(|node| lower(node.as_str())).collect();
        let mut known = self.known();
        for (name, volumes) in &mut known.nodes {
            if node.as_ref().is_none_or(|node| node == name) && !still_on.contains(name) {
                volumes.remove(&volume);
            }
        }
    }

    fn reserve(&self, most: usize, volume: &VolumeId, node: &NodeName) -> Option<Slot> {
        let (volume, node) = (lower(volume.resource().as_str()), lower(node.as_str()));
        let mut known = self.known();
        let volumes = known.nodes.entry(node.clone()).or_default();
        if volumes.len() >= most && !volumes.contains_key(&volume) {
            return None;
        }
        volumes.insert(volume.clone(), UNDER_WAY);
        drop(known);
        Some(Slot { limit: self.clone(), node, volume })
    }

    /// A record whose definition was removed with LINSTOR's own tools stays behind. Where LINSTOR has nothing on the
    /// node, it takes no place there.
    fn forget_missing(&self, node: &NodeName, there: &[Resource]) {
        let there: BTreeSet<String> = there.iter().map(|resource| lower(&resource.name)).collect();
        if let Some(volumes) = self.known().nodes.get_mut(&lower(node.as_str())) {
            volumes.retain(|volume, since| *since > 0 || there.contains(volume));
        }
    }

    fn full(&self, limit: usize, node: &NodeName) -> Error {
        let known = self.known();
        let volumes: Vec<&str> =
            known.nodes.get(&lower(node.as_str())).into_iter().flatten().map(|(volume, _)| volume.as_str()).collect();
        let named = volumes.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let others = volumes.len().saturating_sub(NAMED);
        let attached = if others > 0 { format!("{named} and {others} more") } else { named };
        Error::NodeFull { node: node.clone(), limit, attached }
    }

    fn known(&self) -> MutexGuard<'_, Attached> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut known = self.limit.known();
        known.now += 1;
        let now = known.now;
        if let Some(since) = known.nodes.get_mut(&self.node).and_then(|volumes| volumes.get_mut(&self.volume)) {
            *since = now;
        }
    }
}

fn lower(name: &str) -> String {
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(name: &str) -> VolumeId {
        VolumeId::parse(name).unwrap()
    }

    fn node() -> NodeName {
        NodeName::parse("node-1").unwrap()
    }

    fn listed(volumes: &[&str]) -> BTreeMap<String, BTreeMap<String, String>> {
        let incarnation = "a".repeat(32);
        let store = |node: &str| BTreeMap::from([(format!("{incarnation}/attach/{node}"), "{}".to_owned())]);
        volumes.iter().map(|volume| ((*volume).to_owned(), store("Node-1"))).collect()
    }

    fn seeded(most: u32, volumes: &[&str]) -> Limit {
        let limit = Limit::new(Some(most));
        limit.learn(limit.look(), &listed(volumes));
        limit
    }

    #[test]
    fn a_node_takes_so_many_and_what_it_has_already_and_no_more() {
        let limit = seeded(2, &["vol1", "vol2"]);
        assert!(limit.reserve(2, &volume("VOL2"), &node()).is_some());
        assert!(limit.reserve(2, &volume("vol3"), &node()).is_none());
        assert!(limit.reserve(2, &volume("vol3"), &NodeName::parse("node-2").unwrap()).is_some());
        limit.release(&volume("vol1"), Some(&NodeName::parse("NODE-1").unwrap()), &BTreeSet::new());
        assert!(limit.reserve(2, &volume("vol3"), &node()).is_some());
    }

    #[test]
    fn a_look_undoes_nothing_that_was_attached_since_it_began() {
        let limit = seeded(2, &[]);
        let before = limit.look();
        let done = limit.reserve(2, &volume("done"), &node());
        let under_way = limit.reserve(2, &volume("under-way"), &node());
        drop(done);
        limit.learn(before, &listed(&[]));
        assert!(limit.reserve(2, &volume("third"), &node()).is_none());
        // One that begins later tells the truth of what has ended.
        let after = limit.look();
        limit.learn(after, &listed(&[]));
        assert!(limit.reserve(2, &volume("third"), &node()).is_some());
        drop(under_way);
    }

    #[test]
    fn a_record_of_what_is_not_on_the_node_takes_no_place() {
        let limit = seeded(1, &["gone"]);
        let under_way = limit.reserve(2, &volume("new"), &node());
        limit.forget_missing(&node(), &[]);
        assert!(limit.reserve(1, &volume("third"), &node()).is_none(), "an attach under way keeps its place");
        drop(under_way);
        limit.release(&volume("new"), None, &BTreeSet::new());
        assert!(limit.reserve(1, &volume("third"), &node()).is_some());
    }

    #[test]
    fn an_error_names_the_first_of_many() {
        let many: Vec<String> = (0..20).map(|number| format!("vol-{number:02}")).collect();
        let limit = seeded(20, &many.iter().map(String::as_str).collect::<Vec<_>>());
        let text = limit.full(20, &node()).to_string();
        for part in ["node-1", "20", "vol-00", "vol-07 and 12 more"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
