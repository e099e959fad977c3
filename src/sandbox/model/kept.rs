//! The cluster on disk: what of it is written down after a change, and how it is put together again.
//!
//! Kept: nodes with their pools and properties, groups, definitions with their resources and snapshots, key-value
//! stores, the controller's properties, the passphrase's hash, error reports. Not kept: the health of nodes (all are up
//! after a start, as if each had restarted) and that the passphrase was entered.

use super::Cluster;
use super::definition::Definition;
use super::encryption::Encryption;
use super::failures::FailureError;
use super::fault::Fault;
use super::group::Group;
use super::kv::KeyValueStore;
use super::name::Key;
use super::node::Node;
use super::props::Props;
use super::reports::ErrorReport;
use super::resource::{Deleting, Resource};
use super::table::Table;
use crate::sandbox::bytes::{Held, ReplicaKey};
use crate::sandbox::journal::Journal;
use serde::{Deserialize, Serialize};
use std::io;

/// One object as it is now; nothing where it is gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    /// A node.
    Node(Key, Option<Box<Node>>),
    /// A resource group.
    Group(Key, Option<Box<Group>>),
    /// A resource definition.
    Definition(Key, Option<Box<Definition>>),
    /// A key-value store.
    Store(Key, Option<Box<KeyValueStore>>),
    /// What is the controller's own.
    Controller(Box<Controller>),
    /// One more error report.
    Report(Box<ErrorReport>),
}

/// What is the controller's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Controller {
    props: Props,
    encryption: Encryption,
}

/// The journal of a cluster, and what it has of what is not in tables.
#[derive(Debug)]
pub struct Keeper {
    journal: Journal,
    controller: Controller,
    reports: usize,
}

fn rows<'a, T: Clone>(
    table: &'a Table<T>,
    keys: impl IntoIterator<Item = &'a Key>,
    row: impl Fn(Key, Option<Box<T>>) -> Row,
) -> Vec<Row> {
    keys.into_iter().map(|key| row(key.clone(), table.get(key).cloned().map(Box::new))).collect()
}

impl Cluster {
    /// Writes down what changed since the last call, durably. Where that fails the change is not kept, and neither is
    /// any later one.
    pub fn save(&mut self) -> io::Result<()> {
        let Some(mut keeper) = self.keeper.take() else { return Ok(()) };
        let saved = self.save_in(&mut keeper);
        self.keeper = Some(keeper);
        saved
    }

    fn save_in(&mut self, keeper: &mut Keeper) -> io::Result<()> {
        let changes = self.changes(keeper);
        if !changes.is_empty() {
            keeper.journal.append(&changes)?;
            self.note_saved(keeper);
        }
        // What was removed is gone for good only now.
        self.backing().settle()?;
        if keeper.journal.is_bloated() {
            keeper.journal.rewrite(self.everything())?;
        }
        Ok(())
    }

    fn controller(&self) -> Controller {
        Controller { props: self.props.clone(), encryption: self.encryption.clone() }
    }

    fn note_saved(&self, keeper: &mut Keeper) {
        keeper.controller = self.controller();
        keeper.reports = self.reports.all().len();
    }

    fn changes(&mut self, keeper: &Keeper) -> Vec<Row> {
        let (nodes, groups) = (self.nodes.take_touched(), self.groups.take_touched());
        let (definitions, stores) = (self.definitions.take_touched(), self.kv.table_mut().take_touched());
        let mut changes = rows(&self.nodes, &nodes, Row::Node);
        changes.extend(rows(&self.groups, &groups, Row::Group));
        changes.extend(rows(&self.definitions, &definitions, Row::Definition));
        changes.extend(rows(self.kv.table(), &stores, Row::Store));
        let controller = self.controller();
        if controller != keeper.controller {
            changes.push(Row::Controller(Box::new(controller)));
        }
        changes.extend(self.reports.all()[keeper.reports..].iter().cloned().map(|r| Row::Report(Box::new(r))));
        changes
    }

    /// All there is, a line an object.
    fn everything(&self) -> impl Iterator<Item = Vec<Row>> {
        let reports = self.reports.all().iter().cloned().map(|report| Row::Report(Box::new(report)));
        let nodes = self.nodes.keys().flat_map(|key| rows(&self.nodes, [key], Row::Node));
        let groups = self.groups.keys().flat_map(|key| rows(&self.groups, [key], Row::Group));
        let definitions = self.definitions.keys().flat_map(|key| rows(&self.definitions, [key], Row::Definition));
        let stores = self.kv.table().keys().flat_map(|key| rows(self.kv.table(), [key], Row::Store));
        let controller = std::iter::once(Row::Controller(Box::new(self.controller())));
        let all = controller.chain(nodes).chain(groups).chain(definitions).chain(stores).chain(reports);
        all.map(|row| vec![row])
    }

    /// Writes all changes into a journal from now on, beginning with what is there now.
    pub fn keep(&mut self, journal: Journal) -> io::Result<()> {
        self.keeper = Some(Keeper { journal, controller: Controller::default(), reports: 0 });
        self.save()
    }

    /// Becomes what a journal says.
    pub fn load(&mut self, lines: Vec<Vec<Row>>) {
        (self.nodes, self.groups, self.definitions) = Default::default();
        lines.into_iter().flatten().for_each(|row| self.put(row));
        let tables = (&mut self.nodes, &mut self.groups, &mut self.definitions, self.kv.table_mut());
        let _as_written = (tables.0.take_touched(), tables.1.take_touched());
        let _as_written = (tables.2.take_touched(), tables.3.take_touched());
    }

    /// Finds the bytes of loaded replicas again, finishes what waited for nodes, and goes on keeping.
    pub fn resume(&mut self, journal: Journal) -> Result<(), FailureError> {
        self.backing().take_up(&self.held())?;
        for key in self.definitions.keys().cloned().collect::<Vec<Key>>() {
            self.attach_again(&key)?;
        }
        let mut keeper = Keeper { journal, controller: Controller::default(), reports: 0 };
        self.note_saved(&mut keeper);
        self.keeper = Some(keeper);
        for (definition, node) in self.unfinished() {
            self.catch_up(&definition, &node)?;
        }
        self.refresh_all()?;
        Ok(self.save()?)
    }

    /// The resources that waited for their nodes, to go or to be made.
    fn unfinished(&self) -> Vec<(Key, Key)> {
        let waits = |definition: &Definition, resource: &Resource| {
            let unmade = resource.volumes.values().any(|volume| volume.device.is_empty());
            definition.deleting || resource.deleting != Deleting::No || (unmade && !resource.is_diskless())
        };
        let of = |(key, definition): (&Key, &Definition)| {
            let waiting = definition.resources.iter().filter(|(_, resource)| waits(definition, resource));
            waiting.map(|(node, _)| (key.clone(), node.clone())).collect::<Vec<_>>()
        };
        self.definitions.iter().flat_map(of).collect()
    }

    /// Makes the nodes' first pools as large as asked.
    pub fn resize_pools(&mut self, size_kib: u64) -> io::Result<()> {
        for key in self.nodes.keys().cloned().collect::<Vec<Key>>() {
            let differs = |node: &Node| node.pools.first().is_some_and(|pool| pool.size_kib != size_kib);
            if self.nodes.get(&key).is_some_and(differs)
                && let Some(pool) = self.nodes.get_mut(&key).and_then(|node| node.pools.first_mut())
            {
                pool.size_kib = size_kib;
            }
        }
        self.save()
    }

    /// Writes down what is left to write and lets go of the devices and of the folder.
    pub fn leave_kept(&mut self) -> io::Result<()> {
        self.refresh_all()?;
        self.save()?;
        self.keeper = None;
        self.backing().close()
    }

    fn put(&mut self, row: Row) {
        fn set<T>(table: &mut Table<T>, key: Key, row: Option<Box<T>>) {
            match row {
                Some(row) => drop(table.insert(key, *row)),
                None => drop(table.remove(&key)),
            }
        }
        match row {
            Row::Node(key, row) => set(&mut self.nodes, key, row),
            Row::Group(key, row) => set(&mut self.groups, key, row),
            Row::Definition(key, row) => set(&mut self.definitions, key, row),
            Row::Store(key, row) => set(self.kv.table_mut(), key, row),
            Row::Controller(controller) => {
                self.props = controller.props;
                self.encryption = controller.encryption;
            }
            Row::Report(report) => self.reports.add(*report),
        }
    }

    /// What the backing has to hold for this cluster.
    fn held(&self) -> Held {
        let mut held = Held { snapshots: self.snapshot_keys(), ..Held::default() };
        for definition in self.definitions.values() {
            for resource in definition.resources.values() {
                let made = resource.volumes.iter().filter(|(_, volume)| !volume.device.is_empty());
                let keys = made.map(|(number, _)| resource.key(&definition.name, *number));
                if resource.is_diskless() { held.clients.extend(keys) } else { held.replicas.extend(keys) }
            }
        }
        held
    }

    /// Gives the resources of a definition their devices, on the bytes that they had.
    fn attach_again(&mut self, key: &Key) -> Result<(), Fault> {
        let Some(definition) = self.definitions.get(key) else { return Ok(()) };
        let mut attached = Vec::new();
        for (node, resource) in &definition.resources {
            for (number, _) in resource.volumes.iter().filter(|(_, volume)| !volume.device.is_empty()) {
                let size_kib = definition.volumes.get(number).map_or(0, |volume| volume.size_kib);
                let own = resource.key(&definition.name, *number);
                let device = match &resource.via {
                    Some(via) if resource.is_diskless() => {
                        let peer = ReplicaKey { node: via.clone(), ..own.clone() };
                        self.backing().connect(&own, &peer)
                    }
                    _ => self.backing().create(&own, size_kib),
                };
                attached.push((node.clone(), *number, device.map_err(|error| Fault::backing(&error))?));
            }
        }
        for (node, number, device) in attached {
            let known = self.definitions.get(key).and_then(|d| d.resources.get(&node)?.volumes.get(&number));
            if known.is_some_and(|volume| volume.device == device) {
                continue;
            }
            let volume = self.resource_mut(key, &node).and_then(|resource| resource.volumes.get_mut(&number));
            if let Some(volume) = volume {
                volume.device = device;
            }
        }
        Ok(())
    }
}
