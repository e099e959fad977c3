//! Putting resources on nodes and taking them away.

use super::Cluster;
use super::definition::Definition;
use super::fault::{Fault, code};
use super::identity;
use super::layer::Layer;
use super::name::Key;
use super::node::DISKLESS_POOL;
use super::props::POOL_NAME;
use super::resource::{Deleting, Kind, Resource, Volume};

impl Cluster {
    /// Registers a resource on a node, in its first pool unless told otherwise, and deploys it where the node can be
    /// reached. A replica that joins others starts empty: DRBD brings it up to date, without DRBD it stays an empty
    /// twin.
    pub fn add_resource(&mut self, key: &Key, node: &Key, kind: Kind, pool: Option<&str>) -> Result<(), Fault> {
        let Some(name) = self.nodes.get(node).map(|node| node.name.clone()) else { return Ok(()) };
        let pool = if kind == Kind::Diskful { self.pool_name(node, pool) } else { DISKLESS_POOL.to_owned() };
        let Some(definition) = self.definitions.get_mut(key) else { return Ok(()) };
        let joins = definition.diskful().next().is_some();
        let taken: Vec<u32> = definition.resources.values().map(|r| r.node_id).collect();
        let node_id = (0..).find(|id| !taken.contains(id)).unwrap_or_default();
        let generation = if joins && definition.is_drbd() { 0 } else { definition.generation };
        let mut resource = Resource::new(&name, kind, &pool, node_id, generation);
        resource.props.insert(POOL_NAME.to_owned(), pool);
        definition.resources.insert(node.clone(), resource);
        self.deploy(key, node)
    }

    /// The first replicas of a definition are made together: all are up to date from the start.
    pub fn mark_initial(&mut self, key: &Key) {
        let Some(definition) = self.definitions.get_mut(key) else { return };
        let generation = definition.generation;
        definition.resources.values_mut().for_each(|r| r.generation = generation);
    }

    /// A node's pool as it is spelled there, its first one where none is named.
    fn pool_name(&self, node: &Key, asked: Option<&str>) -> String {
        let Some(node) = self.nodes.get(node) else { return String::new() };
        let pool = asked.map_or_else(|| node.pools.first(), |name| node.pool(name));
        pool.map(|pool| pool.name.clone()).unwrap_or_default()
    }

    /// Makes the devices of a resource's volumes, those that are missing, where its node can be reached.
    pub fn deploy(&mut self, key: &Key, node: &Key) -> Result<(), Fault> {
        let Some(definition) = self.definitions.get(key) else { return Ok(()) };
        let Some(resource) = definition.resources.get(node) else { return Ok(()) };
        let online = self.is_online(&resource.node);
        let mut volumes = resource.volumes.clone();
        for (number, size_kib) in definition.volumes.iter().map(|(number, volume)| (*number, volume.size_kib)) {
            let volume = volumes.entry(number).or_insert_with(Volume::undeployed);
            if online && volume.device.is_empty() && !resource.is_diskless() {
                let made = self.backing().create(&resource.key(&definition.name, number), size_kib);
                volume.device = made.map_err(|error| Fault::backing(&error))?;
            } else if online && !resource.is_diskless() {
                // It may have grown while its node was away.
                let grown = self.backing().grow(&resource.key(&definition.name, number), size_kib);
                grown.map_err(|error| Fault::backing(&error))?;
            }
        }
        if let Some(resource) = self.resource_mut(key, node) {
            resource.volumes = volumes;
            resource.writable = None;
            if online {
                resource.created_ms = resource.created_ms.or_else(|| Some(identity::now_ms()));
            }
        }
        Ok(())
    }

    /// Makes a diskless resource a replica in a pool, the first one unless told otherwise: its device is made anew, and
    /// DRBD fills it.
    pub fn give_disk(&mut self, key: &Key, node: &Key, pool: Option<&str>) -> Result<(), Fault> {
        let pool = self.pool_name(node, pool);
        if let Some(resource) = self.resource_mut(key, node).filter(|resource| resource.open) {
            let message = format!("The sandbox can't give '{}' a disk while it is in use there.", resource.node);
            return Err(Fault::new(code::IN_USE, message));
        }
        self.detach(key, node)?;
        if let Some(resource) = self.resource_mut(key, node) {
            resource.kind = Kind::Diskful;
            resource.generation = 0;
            resource.via = None;
            resource.pool.clone_from(&pool);
            resource.props.insert(POOL_NAME.to_owned(), pool);
            resource.volumes.values_mut().for_each(|volume| volume.device.clear());
        }
        self.deploy(key, node)
    }

    /// Makes a diskless resource a replica because somebody asked for that.
    pub fn toggle_diskful(&mut self, key: &Key, node: &Key, pool: &str) -> Result<(), Fault> {
        self.give_disk(key, node, Some(pool))?;
        if let Some(resource) = self.resource_mut(key, node) {
            resource.toggled = true;
            resource.props.insert("DiskfulBy".to_owned(), "user".to_owned());
        }
        Ok(())
    }

    /// Takes a replica's disk away: what is left is a tie-breaker where one is wanted, else a client.
    pub fn toggle_diskless(&mut self, key: &Key, node: &Key) -> Result<(), Fault> {
        if let Some(resource) = self.resource_mut(key, node).filter(|resource| resource.open) {
            let message = format!("The sandbox can't take the disk of '{}' while it is in use there.", resource.node);
            return Err(Fault::new(code::IN_USE, message));
        }
        self.detach(key, node)?;
        let Some(definition) = self.definitions.get(key) else { return Ok(()) };
        let left = definition.diskful().count().saturating_sub(1);
        let alone = !definition.staying().any(|resource| resource.kind == Kind::Client);
        let votes = alone && left >= 2 && left.is_multiple_of(2) && self.makes_tie_breakers(definition);
        if let Some(resource) = self.resource_mut(key, node) {
            resource.kind = if votes { Kind::TieBreaker } else { Kind::Client };
            resource.toggled = true;
            (resource.via, resource.writable, resource.sync_percent) = (None, None, None);
            resource.pool = DISKLESS_POOL.to_owned();
            resource.props.insert(POOL_NAME.to_owned(), DISKLESS_POOL.to_owned());
            resource.props.remove("DiskfulBy");
            resource.volumes.values_mut().for_each(|volume| volume.device.clear());
        }
        Ok(())
    }

    /// Takes the devices and files of a resource away.
    fn detach(&self, key: &Key, node: &Key) -> Result<(), Fault> {
        let Some(definition) = self.definitions.get(key) else { return Ok(()) };
        let Some(resource) = definition.resources.get(node) else { return Ok(()) };
        for number in resource.volumes.keys() {
            let removed = self.backing().remove(&resource.key(&definition.name, *number));
            removed.map_err(|error| Fault::backing(&error))?;
        }
        Ok(())
    }

    /// Deletes a resource; one whose node can't be reached is flagged, and goes when it returns. Says whether it is
    /// gone.
    pub fn remove_resource(&mut self, key: &Key, node: &Key) -> Result<bool, Fault> {
        let drbd = self.definitions.get(key).is_some_and(Definition::is_drbd);
        let Some(resource) = self.resource_mut(key, node) else { return Ok(true) };
        let (name, deployed) = (resource.node.clone(), resource.created_ms.is_some());
        if !self.is_online(&name) && (deployed || !drbd) {
            if let Some(resource) = self.resource_mut(key, node) {
                resource.deleting = if drbd { Deleting::DrbdFlagged } else { Deleting::Flagged };
            }
            return Ok(false);
        }
        self.detach(key, node)?;
        if let Some(definition) = self.definitions.get_mut(key) {
            definition.resources.remove(node);
            definition.resources.values_mut().for_each(|r| {
                r.standalone.remove(&name);
            });
        }
        Ok(true)
    }

    /// Deletes a definition with all its resources; it stays, flagged, while a node with one can't be reached. Says
    /// whether it is gone.
    pub fn remove_definition(&mut self, key: &Key) -> Result<bool, Fault> {
        let nodes = self.nodes_of(key);
        let waits = self
            .definitions
            .get(key)
            .is_some_and(|definition| definition.resources.values().any(|r| !self.is_online(&r.node)));
        if let Some(definition) = self.definitions.get_mut(key) {
            definition.deleting = true;
            definition.resources.values_mut().for_each(|resource| resource.deleting = Deleting::Flagged);
        }
        for node in nodes {
            let online = self.nodes.get(&node).is_some_and(super::node::Node::is_online);
            if online {
                self.detach(key, &node)?;
            }
        }
        if !waits {
            self.definitions.remove(key);
        }
        Ok(!waits)
    }

    /// Grows a volume on every node that can be reached, with the devices of clients on its files. The others grow when
    /// they return.
    pub fn grow_volume(&mut self, key: &Key, number: u32, size_kib: u64) -> Result<(), Fault> {
        let Some(definition) = self.definitions.get(key) else { return Ok(()) };
        for resource in definition.diskful().filter(|r| self.is_online(&r.node)) {
            let grown = self.backing().grow(&resource.key(&definition.name, number), size_kib);
            grown.map_err(|error| Fault::backing(&error))?;
        }
        Ok(())
    }
}

impl Cluster {
    /// Fixes the layers of a definition at its first deployment, and gives its volumes minor numbers where DRBD is
    /// among them.
    pub fn set_layers(&mut self, key: &Key, layers: Vec<Layer>) {
        if let Some(definition) = self.definitions.get_mut(key) {
            definition.layers = Some(layers);
        }
        self.number_volumes(key);
    }

    /// Gives the volumes of a DRBD definition the minor numbers that they lack.
    pub fn number_volumes(&mut self, key: &Key) {
        let Some(definition) = self.definitions.get(key).filter(|d| d.layers.is_some() && d.is_drbd()) else { return };
        let lacking: Vec<u32> = definition.volumes.iter().filter(|(_, v)| v.minor.is_none()).map(|(n, _)| *n).collect();
        for number in lacking {
            let minor = self.free_minor();
            let volume = self.definitions.get_mut(key).and_then(|definition| definition.volumes.get_mut(&number));
            if let Some(volume) = volume {
                volume.minor = Some(minor);
            }
        }
    }

    /// Deletes a volume of a definition on all nodes and says what its identity was; `None` where there was none.
    pub fn take_volume(&mut self, key: &Key, number: u32) -> Result<Option<String>, Fault> {
        let Some(definition) = self.definitions.get(key) else { return Ok(None) };
        for resource in definition.resources.values() {
            let removed = self.backing().remove(&resource.key(&definition.name, number));
            removed.map_err(|error| Fault::backing(&error))?;
        }
        let Some(definition) = self.definitions.get_mut(key) else { return Ok(None) };
        for resource in definition.resources.values_mut() {
            resource.volumes.remove(&number);
        }
        Ok(definition.volumes.remove(&number).map(|volume| volume.uuid))
    }

    /// Takes every device and file of the cluster away; the first failure is told, the rest are tried all the same.
    pub fn remove_devices(&self) -> std::io::Result<()> {
        let keys = self.definitions.values().flat_map(|definition| {
            let resources = definition.resources.values();
            resources.flat_map(|r| r.volumes.keys().map(|number| r.key(&definition.name, *number)))
        });
        let snapshots = self.snapshot_keys().into_iter().map(|(key, name)| self.backing().remove_snapshot(&key, &name));
        let results: Vec<std::io::Result<()>> = keys.map(|key| self.backing().remove(&key)).chain(snapshots).collect();
        results.into_iter().collect()
    }
}
