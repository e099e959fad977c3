//! Nodes that crash, freeze and return, and what that does to their replicas. Recordings: d06, d06b, d07, d12.

use super::Cluster;
use super::fault::{Fault, code};
use super::identity;
use super::name::Key;
use super::node::Health;
use super::resource::{Deleting, Kind};
use std::io;
use tokio::time::Instant;

/// What a fault may complain about.
#[derive(Debug, thiserror::Error)]
pub enum FailureError {
    /// There is no such node, resource or replica.
    #[error("{0}")]
    Missing(String),
    /// The backing refused.
    #[error("the backing refuses: {0}")]
    Backing(#[from] io::Error),
    /// The model refused.
    #[error("{0}")]
    Refused(String),
}

impl From<Fault> for FailureError {
    fn from(fault: Fault) -> Self {
        match fault.code {
            code::NO_NODE | code::NO_DEFINITION => Self::Missing(fault.message),
            _ => Self::Refused(fault.message),
        }
    }
}

impl Cluster {
    /// Cuts a node's power. Its openers die; what they had written reached the connected peers.
    pub fn crash(&mut self, node: &str) -> Result<(), FailureError> {
        let key = self.known_node(node)?;
        self.refresh_all()?;
        self.leave(&key, Health::Crashed)?;
        Ok(())
    }

    /// Makes a node hang. LINSTOR and DRBD notice later; its openers go on.
    pub fn freeze(&mut self, node: &str) -> Result<(), FailureError> {
        let key = self.known_node(node)?;
        let noticed_at = Instant::now() + self.freeze_noticed_after;
        if let Some(node) = self.nodes.get_mut(&key) {
            node.health = Health::Frozen { noticed_at, dropped: false };
        }
        Ok(())
    }

    /// Wakes a frozen node. A replica that was open there is StandAlone from the other replicas until something
    /// adjusts them.
    pub fn thaw(&mut self, node: &str) -> Result<(), FailureError> {
        let key = self.known_node(node)?;
        let dropped = self.nodes.get(&key).is_some_and(|n| matches!(n.health, Health::Frozen { dropped: true, .. }));
        let open: Vec<Key> = self.definitions_on(&key).into_iter().filter(|d| self.is_open_on(d, &key)).collect();
        if dropped {
            for definition in open {
                let peers: Vec<Key> = self.nodes_of(&definition).into_iter().filter(|peer| *peer != key).collect();
                let disks = |peer: &Key| self.definitions[&definition].resources[peer].kind == Kind::Diskful;
                let disks: Vec<Key> = peers.into_iter().filter(|peer| disks(peer)).collect();
                disks.iter().for_each(|peer| self.stand_alone(&definition, peer, &key));
            }
        }
        self.come_back(&key)
    }

    /// Brings a crashed node back: what waited for it is done, and its replicas resync.
    pub fn restore(&mut self, node: &str) -> Result<(), FailureError> {
        let key = self.known_node(node)?;
        for definition in self.definitions_on(&key) {
            self.reconnect_node(&definition, &key);
            if let Some(resource) = self.resource_mut(&definition, &key) {
                resource.open = false;
            }
        }
        self.come_back(&key)
    }

    /// Brings a crashed node back with its replicas StandAlone: they say UpToDate whatever they missed, and may not be
    /// promoted, until something adjusts them (recorded for a moment at every return: d06).
    pub fn restore_apart(&mut self, node: &str) -> Result<(), FailureError> {
        let key = self.known_node(node)?;
        for definition in self.definitions_on(&key) {
            let peers: Vec<Key> = self.nodes_of(&definition).into_iter().filter(|peer| *peer != key).collect();
            peers.iter().for_each(|peer| self.stand_alone(&definition, &key, peer));
            if let Some(resource) = self.resource_mut(&definition, &key) {
                resource.open = false;
                resource.unaware = true;
            }
        }
        self.come_back(&key)
    }

    /// Takes a replica's connections down: it gets no more data and is outdated by the next write.
    pub fn disconnect(&mut self, resource: &str, node: &str) -> Result<(), FailureError> {
        let (definition, node) = self.known_resource(resource, node)?;
        self.refresh(&definition)?;
        self.spread_open(&definition)?;
        for peer in self.nodes_of(&definition).into_iter().filter(|peer| *peer != node) {
            self.stand_alone(&definition, &node, &peer);
            self.stand_alone(&definition, &peer, &node);
        }
        Ok(self.refresh(&definition)?)
    }

    /// Connects all replicas of a resource again, as `drbdadm adjust` does on every change of a definition.
    pub fn adjust(&mut self, definition: &Key) -> io::Result<()> {
        if let Some(definition) = self.definitions.get_mut(definition) {
            definition.resources.values_mut().for_each(|resource| resource.standalone.clear());
        }
        self.refresh(definition)
    }

    /// Holds a replica's resync at a percentage; 100 ends it.
    pub fn set_sync_percent(&mut self, resource: &str, node: &str, percent: f64) -> Result<(), FailureError> {
        let (definition, node) = self.known_resource(resource, node)?;
        if let Some(resource) = self.resource_mut(&definition, &node) {
            if resource.is_diskless() {
                return Err(FailureError::Missing(format!("there is no replica on {}", resource.node)));
            }
            let done = percent >= 100.0;
            resource.sync_percent = (!done).then(|| percent.max(0.0));
            // Whatever it held is stale until the resync has ended.
            resource.generation = 0;
        }
        Ok(self.refresh(&definition)?)
    }

    /// Fills a node's pools with something else: they share its disk.
    pub fn fill_pool(&mut self, node: &str, kib: u64) -> Result<(), FailureError> {
        let key = self.known_node(node)?;
        if let Some(node) = self.nodes.get_mut(&key) {
            node.pools.iter_mut().for_each(|pool| pool.filled_kib = kib);
        }
        Ok(())
    }

    /// Copies what a primary has written so far to the connected replicas, as DRBD would have done long ago.
    pub fn replicate(&mut self, resource: &str) -> Result<(), FailureError> {
        let key = Key::of(&self.definition(resource)?.name);
        self.refresh(&key)?;
        Ok(self.spread_open(&key)?)
    }

    /// Lets the peers of hung nodes notice, where it is time.
    pub fn drop_hung_nodes(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let hung =
            |health: &Health| matches!(health, Health::Frozen { noticed_at, dropped: false } if *noticed_at <= now);
        let hung: Vec<(Key, Health)> = self
            .nodes
            .iter()
            .filter(|(_, node)| hung(&node.health))
            .map(|(key, node)| (key.clone(), node.health))
            .collect();
        for (key, health) in hung {
            let Health::Frozen { noticed_at, .. } = health else { continue };
            self.leave(&key, Health::Frozen { noticed_at, dropped: true })?;
        }
        Ok(())
    }

    /// A node is lost: its peers keep what it had written, and go on without it.
    fn leave(&mut self, node: &Key, health: Health) -> io::Result<()> {
        let definitions = self.definitions_on(node);
        // For the last copy the node counts as connected still: what its openers wrote had reached the peers.
        let writes: Vec<&Key> = definitions.iter().filter(|d| self.is_open_on(d, node)).collect();
        if let Some(state) = self.nodes.get_mut(node) {
            state.health = Health::Up;
        }
        for definition in writes {
            self.spread(definition, node)?;
        }
        if let Some(state) = self.nodes.get_mut(node) {
            state.health = health;
            state.offline_since_ms = Some(identity::now_ms());
        }
        for definition in &definitions {
            if health == Health::Crashed {
                self.kill_opener(definition, node)?;
            }
            if self.standalone_survivors {
                self.part_survivors(definition, node);
            }
            self.refresh(definition)?;
        }
        Ok(())
    }

    /// The opener on a crashed node is gone. Where bytes are real the caller has to unmount: this machine is alive.
    fn kill_opener(&mut self, definition: &Key, node: &Key) -> io::Result<()> {
        let Some(state) = self.definitions.get(definition) else { return Ok(()) };
        let Some(resource) = state.resources.get(node) else { return Ok(()) };
        if !self.has_bytes() {
            for number in resource.volumes.iter().filter(|(_, v)| !v.device.is_empty()).map(|(number, _)| *number) {
                self.backing().set_open(&resource.key(&state.name, number), false)?;
            }
        }
        if let Some(resource) = self.resource_mut(definition, node) {
            resource.open = false;
        }
        Ok(())
    }

    /// The survivors of a loss go StandAlone from each other (recorded: d07), which leaves nobody a quorum.
    fn part_survivors(&mut self, definition: &Key, lost: &Key) {
        let survivors: Vec<Key> = self.nodes_of(definition).into_iter().filter(|node| node != lost).collect();
        for node in &survivors {
            survivors.iter().filter(|peer| *peer != node).for_each(|peer| self.stand_alone(definition, node, peer));
        }
    }

    /// A node works again: what waited for it is done now.
    fn come_back(&mut self, node: &Key) -> Result<(), FailureError> {
        if let Some(state) = self.nodes.get_mut(node) {
            state.health = Health::Up;
            state.offline_since_ms = None;
        }
        for definition in self.definitions_on(node) {
            self.catch_up(&definition, node)?;
        }
        Ok(self.refresh_all()?)
    }

    /// Does what waited for a node with a resource: it goes, or gets what it lacks.
    pub(super) fn catch_up(&mut self, key: &Key, node: &Key) -> Result<(), FailureError> {
        let Some(definition) = self.definitions.get(key) else { return Ok(()) };
        let Some(resource) = definition.resources.get(node) else { return Ok(()) };
        if definition.deleting {
            self.remove_definition(key)?;
        } else if resource.deleting != Deleting::No {
            self.remove_resource(key, node)?;
            self.keep_quorum(key)?;
        } else {
            self.deploy(key, node)?;
        }
        Ok(())
    }

    /// Copies what is open to the connected replicas.
    pub(super) fn spread_open(&self, definition: &Key) -> io::Result<()> {
        self.nodes_of(definition)
            .iter()
            .filter(|node| self.is_open_on(definition, node))
            .try_for_each(|node| self.spread(definition, node))
    }

    fn is_open_on(&self, definition: &Key, node: &Key) -> bool {
        self.definitions.get(definition).and_then(|d| d.resources.get(node)).is_some_and(|r| r.open)
    }

    fn stand_alone(&mut self, definition: &Key, node: &Key, peer: &Key) {
        let Some(peer) = self.nodes.get(peer).map(|peer| peer.name.clone()) else { return };
        if let Some(resource) = self.resource_mut(definition, node) {
            resource.standalone.insert(peer);
        }
    }

    fn reconnect_node(&mut self, definition: &Key, node: &Key) {
        let Some(name) = self.nodes.get(node).map(|node| node.name.clone()) else { return };
        let Some(definition) = self.definitions.get_mut(definition) else { return };
        for resource in definition.resources.values_mut() {
            if resource.node == name {
                resource.standalone.clear();
            } else {
                resource.standalone.remove(&name);
            }
        }
    }

    fn definitions_on(&self, node: &Key) -> Vec<Key> {
        self.definitions.iter().filter(|(_, d)| d.resources.contains_key(node)).map(|(key, _)| key.clone()).collect()
    }

    fn known_node(&self, node: &str) -> Result<Key, FailureError> {
        Ok(Key::of(&self.node(node)?.name))
    }

    fn known_resource(&self, resource: &str, node: &str) -> Result<(Key, Key), FailureError> {
        let definition = self.definition(resource)?;
        let found = definition
            .on(node)
            .ok_or_else(|| FailureError::Missing(format!("there is no resource {resource} on {node}")))?;
        Ok((Key::of(&definition.name), Key::of(&found.node)))
    }
}
