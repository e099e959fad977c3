//! Snapshots of definitions, and volumes that are made from them. Recordings: 13_snapshots, d08.

use super::Cluster;
use super::definition::{Definition, VolumeDefinition};
use super::drbd::Drbd;
use super::fault::{Fault, code};
use super::identity;
use super::layer::Layer;
use super::name::Key;
use super::props::Props;
use super::resource::{Kind, Resource};
use super::tiebreaker::AutoChange;
use crate::sandbox::bytes::ReplicaKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A snapshot of a resource definition.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    /// The name, as given.
    pub name: String,
    /// LINSTOR's identity of it.
    pub uuid: String,
    /// Its own properties.
    pub props: Props,
    /// The definition's properties when it was taken.
    pub definition_props: Props,
    /// The definition's layers when it was taken.
    pub layers: Vec<Layer>,
    /// The definition's volumes when it was taken.
    pub volumes: BTreeMap<u32, VolumeDefinition>,
    /// What nodes hold of it, by node.
    pub replicas: BTreeMap<Key, ReplicaSnapshot>,
    /// Did the satellites fail to take it?
    pub has_failed: bool,
}

/// A snapshot of one replica.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReplicaSnapshot {
    /// The node's name.
    pub node: String,
    /// LINSTOR's identity of it.
    pub uuid: String,
    /// When it was taken, milliseconds since 1970.
    pub created_ms: u64,
    /// The resource's properties when it was taken.
    pub props: Props,
    /// The pool that its replica was in, and that it is in.
    pub pool: String,
    /// LINSTOR's identities of its volumes.
    pub volumes: BTreeMap<u32, String>,
    /// Was the replica up to date?
    pub is_current: bool,
}

impl Snapshot {
    /// The backing's keys of all its volumes on all its nodes.
    fn keys(&self, definition: &str) -> impl Iterator<Item = ReplicaKey> {
        let replicas = self.replicas.values();
        replicas.flat_map(move |replica| replica.volumes.keys().map(move |number| replica.key(definition, *number)))
    }
}

impl ReplicaSnapshot {
    fn of(resource: &Resource, created_ms: u64, is_current: bool) -> Self {
        Self {
            node: resource.node.clone(),
            uuid: identity::uuid(),
            created_ms,
            props: resource.props.clone(),
            pool: resource.pool.clone(),
            volumes: resource.volumes.keys().map(|number| (*number, identity::uuid())).collect(),
            is_current,
        }
    }

    /// The backing's key of one of its volumes.
    pub fn key(&self, definition: &str, volume: u32) -> ReplicaKey {
        ReplicaKey { node: self.node.clone(), resource: definition.to_owned(), volume }
    }
}

/// Whose properties win where a snapshot's definition and the one that it is restored to have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestoredProps {
    /// Those of the snapshot: so LINSTOR's source reads.
    #[default]
    Source,
    /// Those that the target was made with: nobody has promised the order.
    Target,
}

impl RestoredProps {
    fn merge(self, source: Props, target: Props) -> Props {
        let (mut merged, over) = match self {
            Self::Source => (target, source),
            Self::Target => (source, target),
        };
        merged.extend(over);
        merged
    }
}

impl Cluster {
    /// Takes a snapshot of the replicas on `nodes`. Connected replicas get what their primary has written so far first:
    /// DRBD suspends I/O, so that all have the same bytes.
    pub fn take_snapshot(&mut self, key: &Key, name: &str, nodes: &[Key], props: &Props) -> Result<(), Fault> {
        let Some(definition) = self.definitions.get(key) else { return Ok(()) };
        let mut snapshot = self.describe(definition, name, nodes);
        snapshot.props.extend(props.clone());
        self.capture(key, &snapshot)?;
        if let Some(definition) = self.definitions.get_mut(key) {
            definition.snapshots_taken += 1;
            definition.snapshots.insert(Key::of(name), snapshot);
        }
        Ok(())
    }

    /// Keeps the bytes of all replicas of a snapshot, or of none.
    pub(super) fn capture(&self, key: &Key, snapshot: &Snapshot) -> Result<(), Fault> {
        self.spread_open(key).map_err(|error| Fault::backing(&error))?;
        let Some(definition) = self.definitions.get(key) else { return Ok(()) };
        let keep = |key: ReplicaKey| self.backing().snapshot(&key, &snapshot.name);
        if let Err(error) = snapshot.keys(&definition.name).try_for_each(keep) {
            let nodes: Vec<Key> = snapshot.replicas.keys().cloned().collect();
            self.forget(&definition.name, snapshot, &nodes)?;
            return Err(Fault::backing(&error));
        }
        Ok(())
    }

    pub(super) fn forget(&self, definition: &str, snapshot: &Snapshot, nodes: &[Key]) -> Result<(), Fault> {
        let theirs = snapshot.keys(definition).filter(|key| nodes.contains(&Key::of(&key.node)));
        let mut removed = theirs.map(|key| self.backing().remove_snapshot(&key, &snapshot.name));
        removed.try_for_each(|removed| removed.map_err(|error| Fault::backing(&error)))
    }

    pub(super) fn describe(&self, definition: &Definition, name: &str, nodes: &[Key]) -> Snapshot {
        let now = identity::now_ms();
        let current = |r: &Resource| !definition.is_drbd() || Drbd::of(self, definition, r).is_up_to_date();
        let replicas: BTreeMap<Key, ReplicaSnapshot> = nodes
            .iter()
            .filter_map(|node| Some((node.clone(), definition.resources.get(node)?)))
            .map(|(node, resource)| (node, ReplicaSnapshot::of(resource, now, current(resource))))
            .collect();
        // DRBD's numbers of the replicas' nodes, which LINSTOR keeps for shipping.
        let ids = definition.diskful().filter(|_| definition.is_drbd()).map(|r| r.node_id.to_string());
        let props = [
            ("BackupShipping/BackupNodeIdsToReset", ids.collect::<Vec<_>>().join(",")),
            ("SequenceNumber", (definition.snapshots_taken + 1).to_string()),
        ];
        Snapshot {
            name: name.to_owned(),
            uuid: identity::uuid(),
            props: props.map(|(key, value)| (key.to_owned(), value)).into(),
            definition_props: definition.props.clone(),
            layers: definition.stack(),
            volumes: definition.volumes.clone(),
            replicas,
            has_failed: false,
        }
    }

    /// Forgets what some nodes hold of a snapshot, and with the last one the snapshot. Says whether it is gone.
    pub fn remove_snapshot(&mut self, key: &Key, name: &Key, nodes: &[Key]) -> Result<bool, Fault> {
        let found =
            self.definitions.get(key).and_then(|definition| Some((definition, definition.snapshots.get(name)?)));
        let Some((definition, snapshot)) = found else { return Ok(true) };
        self.forget(&definition.name, snapshot, nodes)?;
        let Some(definition) = self.definitions.get_mut(key) else { return Ok(true) };
        if let Some(snapshot) = definition.snapshots.get_mut(name) {
            snapshot.replicas.retain(|node, _| !nodes.contains(node));
        }
        definition.snapshots.retain(|_, snapshot| !snapshot.replicas.is_empty());
        Ok(!definition.snapshots.contains_key(name))
    }

    /// Makes the replicas of a definition from a snapshot, on nodes that hold it: nothing is resynced, apart from a
    /// replica that was outdated when the snapshot was taken. Returns what LINSTOR added by itself.
    pub fn restore_snapshot(
        &mut self,
        (source, snapshot): (&str, &Snapshot),
        nodes: &[Key],
        to: &Key,
    ) -> Result<Vec<AutoChange>, Fault> {
        // A clone may have asked for other layers.
        let own = self
            .definitions
            .get(to)
            .filter(|target| target.cloning.is_clone())
            .and_then(|target| target.layers.clone());
        self.set_layers(to, own.unwrap_or_else(|| snapshot.layers.clone()));
        let restored_props = self.restored_props;
        let Some(target) = self.definitions.get_mut(to) else { return Ok(Vec::new()) };
        // A clone has its source's already, apart from those that were not to be taken over.
        if !target.cloning.is_clone() {
            target.props = restored_props.merge(snapshot.definition_props.clone(), target.props.clone());
        }
        let (name, generation, volumes) = (target.name.clone(), target.generation, target.volumes.clone());
        for (node, replica) in snapshot.replicas.iter().filter(|(node, _)| nodes.contains(node)) {
            for number in replica.volumes.keys().filter(|number| volumes.contains_key(number)) {
                let from = replica.key(source, *number);
                let restored = self.backing().restore(&from, &snapshot.name, &replica.key(&name, *number));
                restored.map_err(|error| Fault::backing(&error))?;
            }
            self.add_resource(to, node, Kind::Diskful, Some(&replica.pool))?;
        }
        let any_current = snapshot.replicas.values().any(|replica| replica.is_current);
        for (node, replica) in &snapshot.replicas {
            if let Some(resource) = self.resource_mut(to, node) {
                resource.generation = if replica.is_current || !any_current { generation } else { 0 };
            }
        }
        self.keep_quorum(to)
    }

    /// A snapshot as if its replicas were in other pools: the new names of pools by the old ones.
    pub fn renamed(&self, mut snapshot: Snapshot, names: &BTreeMap<String, String>) -> Result<Snapshot, Fault> {
        for (node, replica) in &mut snapshot.replicas {
            let Some((_, new)) = names.iter().find(|(old, _)| Key::of(old) == Key::of(&replica.pool)) else { continue };
            if self.nodes.get(node).is_none_or(|node| node.pool(new).is_none()) {
                let message = format!("Storage pool '{new}' on node '{}' not found.", replica.node);
                return Err(Fault::new(code::NO_POOL, message));
            }
            replica.pool.clone_from(new);
        }
        Ok(snapshot)
    }

    /// Every snapshot that the backing holds.
    pub fn snapshot_keys(&self) -> Vec<(ReplicaKey, String)> {
        let all = self.definitions.values().flat_map(|d| d.snapshots.values().map(move |snapshot| (&d.name, snapshot)));
        all.flat_map(|(name, snapshot)| snapshot.keys(name).map(|key| (key, snapshot.name.clone()))).collect()
    }
}
