//! Roles and replication, recomputed from what the devices' openers do: who is primary, who gets the bytes, who may be
//! written.

use super::Cluster;
use super::definition::Definition;
use super::drbd::Drbd;
use super::name::Key;
use super::resource::{Kind, Resource};
use crate::sandbox::bytes::ReplicaKey;
use std::io;

impl Cluster {
    /// Recomputes the roles of every definition.
    pub fn refresh_all(&mut self) -> io::Result<()> {
        self.drop_hung_nodes()?;
        let keys: Vec<Key> = self.definitions.keys().cloned().collect();
        keys.iter().try_for_each(|key| self.refresh(key))
    }

    /// Recomputes the roles of one definition. Without DRBD there are none.
    pub fn refresh(&mut self, key: &Key) -> io::Result<()> {
        if self.definitions.get(key).is_none_or(|definition| !definition.is_drbd()) {
            return Ok(());
        }
        for node in self.nodes_of(key) {
            self.watch_opener(key, &node)?;
        }
        self.advance(key);
        for node in self.nodes_of(key) {
            self.resync(key, &node)?;
            self.follow_peer(key, &node)?;
        }
        let (writers, readers): (Vec<Key>, Vec<Key>) =
            self.nodes_of(key).into_iter().partition(|node| self.may_write(key, node));
        // Devices on one file have caches of their own, so one gives its right back before the other gets it.
        readers.iter().try_for_each(|node| self.guard_device(key, node, false))?;
        writers.iter().try_for_each(|node| self.guard_device(key, node, true))
    }

    /// The nodes that a definition has resources on.
    pub fn nodes_of(&self, key: &Key) -> Vec<Key> {
        self.definitions.get(key).map(|d| d.resources.keys().cloned().collect()).unwrap_or_default()
    }

    /// A definition and one of its resources.
    fn pair(&self, key: &Key, node: &Key) -> Option<(&Definition, &Resource)> {
        let definition = self.definitions.get(key)?;
        definition.resources.get(node).map(|resource| (definition, resource))
    }

    /// One of a definition's resources, to change.
    pub fn resource_mut(&mut self, key: &Key, node: &Key) -> Option<&mut Resource> {
        self.definitions.get_mut(key)?.resources.get_mut(node)
    }

    /// Sees a device opened or closed. At the close the peers get the bytes.
    fn watch_opener(&mut self, key: &Key, node: &Key) -> io::Result<()> {
        let Some((definition, resource)) = self.pair(key, node) else { return Ok(()) };
        if resource.created_ms.is_none() || !self.is_online(&resource.node) {
            return Ok(());
        }
        let was_open = resource.open;
        let unaware = resource.unaware && Drbd::of(self, definition, resource).connected().next().is_none();
        let mut open = false;
        for (number, _) in resource.volumes.iter().filter(|(_, volume)| !volume.device.is_empty()) {
            open |= self.backing().is_open(&resource.key(&definition.name, *number))?;
        }
        if was_open && !open {
            self.spread(key, node)?;
        }
        let Some((_, resource)) = self.pair(key, node) else { return Ok(()) };
        if (resource.open, resource.unaware) == (open, unaware) {
            return Ok(());
        }
        if let Some(resource) = self.resource_mut(key, node) {
            resource.open = open;
            resource.unaware = unaware;
        }
        Ok(())
    }

    /// Copies what a primary has written to the connected replicas: what DRBD would have done at each write.
    pub fn spread(&self, key: &Key, node: &Key) -> io::Result<()> {
        let Some((definition, resource)) = self.pair(key, node) else { return Ok(()) };
        let drbd = Drbd::of(self, definition, resource);
        let stale = !resource.is_diskless() && !drbd.is_up_to_date();
        let Some(source) = bytes_of(resource).filter(|_| !stale) else { return Ok(()) };
        let targets = drbd.connected().filter(|peer| peer.is_up_to_date() && peer.node() != source);
        for target in targets {
            self.copy(definition, source, target.node())?;
        }
        Ok(())
    }

    /// Copies all volumes from one node's replica to another's.
    fn copy(&self, definition: &Definition, from: &str, to: &str) -> io::Result<()> {
        let key = |node: &str, volume| ReplicaKey { node: node.to_owned(), resource: definition.name.clone(), volume };
        definition.volumes.keys().try_for_each(|volume| self.backing().copy(&key(from, *volume), &key(to, *volume)))
    }

    /// A primary that writes while a replica is away starts a new generation: that replica is outdated from then on.
    pub fn advance(&mut self, key: &Key) {
        let Some(definition) = self.definitions.get(key) else { return };
        let primary = definition.resources.values().map(|r| Drbd::of(self, definition, r));
        let Some(primary) = primary.into_iter().find(|drbd| drbd.may_go_on()) else { return };
        let here: Vec<Key> =
            primary.connected().chain([primary]).filter(Drbd::is_up_to_date).map(|d| Key::of(d.node())).collect();
        let away = definition.diskful().any(|r| {
            r.generation == definition.generation && r.sync_percent.is_none() && !here.contains(&Key::of(&r.node))
        });
        if !away || here.is_empty() {
            return;
        }
        if let Some(definition) = self.definitions.get_mut(key) {
            definition.generation += 1;
            for node in here {
                if let Some(resource) = definition.resources.get_mut(&node) {
                    resource.generation = definition.generation;
                }
            }
        }
    }

    /// Brings an outdated replica up to date from a connected one, unless its resync is held back.
    fn resync(&mut self, key: &Key, node: &Key) -> io::Result<()> {
        let Some((definition, resource)) = self.pair(key, node) else { return Ok(()) };
        let drbd = Drbd::of(self, definition, resource);
        let waits = resource.is_diskless() || resource.open || resource.sync_percent.is_some() || drbd.is_up_to_date();
        let Some(source) = drbd.source().filter(|_| !waits) else { return Ok(()) };
        if self.serves_client(definition, resource) {
            // Its file has what the client wrote while the node was away: the newest bytes there are.
            self.copy(definition, &resource.node, source.node())?;
        } else {
            self.copy(definition, source.node(), &resource.node)?;
        }
        let generation = definition.generation;
        if let Some(resource) = self.resource_mut(key, node) {
            resource.generation = generation;
        }
        Ok(())
    }

    /// Does an open client work on the resource's file?
    fn serves_client(&self, definition: &Definition, resource: &Resource) -> bool {
        let served = |client: &Resource| client.via.as_deref() == Some(&resource.node);
        definition.resources.values().any(|r| r.is_diskless() && served(r) && Drbd::of(self, definition, r).may_go_on())
    }

    /// Lets a diskless resource work on a replica that it reaches. One that is open stays where it is.
    fn follow_peer(&mut self, key: &Key, node: &Key) -> io::Result<()> {
        let Some((definition, resource)) = self.pair(key, node) else { return Ok(()) };
        let drbd = Drbd::of(self, definition, resource);
        if !resource.is_diskless() || resource.open || !drbd.is_alive() {
            return Ok(());
        }
        let Some(source) = drbd.source().map(|source| source.node().to_owned()) else { return Ok(()) };
        if resource.via.as_deref() == Some(&source) && resource.volumes.values().all(|v| !v.device.is_empty()) {
            return Ok(());
        }
        let mut devices = Vec::new();
        for number in resource.volumes.keys() {
            let client = resource.key(&definition.name, *number);
            let peer = ReplicaKey { node: source.clone(), ..client.clone() };
            devices.push((*number, self.backing().connect(&client, &peer)?));
        }
        if let Some(resource) = self.resource_mut(key, node) {
            resource.via = Some(source);
            resource.writable = None;
            for (number, device) in devices {
                if let Some(volume) = resource.volumes.get_mut(&number) {
                    volume.device = device;
                }
            }
        }
        Ok(())
    }

    /// Would DRBD let the device be opened for writing, or does it go on with it open? Of the devices on one replica's
    /// file only one may be written: the open one, else a client's, else the replica's own.
    fn may_write(&self, key: &Key, node: &Key) -> bool {
        let Some((definition, resource)) = self.pair(key, node) else { return false };
        let drbd = Drbd::of(self, definition, resource);
        let would_let = drbd.may_promote() || drbd.may_go_on();
        let rank = |other: &Resource| (other.open, other.is_diskless(), other.node_id);
        let file = bytes_of(resource);
        let beside =
            definition.resources.values().filter(|other| other.node != resource.node && other.kind != Kind::TieBreaker);
        let mut rivals = beside.filter(|other| file.is_some() && bytes_of(other) == file);
        would_let && resource.kind != Kind::TieBreaker && rivals.all(|rival| rank(rival) < rank(resource))
    }

    /// Makes a device writable or read-only.
    fn guard_device(&mut self, key: &Key, node: &Key, writable: bool) -> io::Result<()> {
        let Some((definition, resource)) = self.pair(key, node) else { return Ok(()) };
        if resource.writable == Some(writable) {
            return Ok(());
        }
        for (number, _) in resource.volumes.iter().filter(|(_, volume)| !volume.device.is_empty()) {
            self.backing().set_writable(&resource.key(&definition.name, *number), writable)?;
        }
        if let Some(definition) = self.definitions.get_mut_unkept(key)
            && let Some(resource) = definition.resources.get_mut(node)
        {
            resource.writable = Some(writable);
        }
        Ok(())
    }
}

/// The node whose bytes a resource works on.
fn bytes_of(resource: &Resource) -> Option<&str> {
    if resource.is_diskless() { resource.via.as_deref() } else { Some(&resource.node) }
}
