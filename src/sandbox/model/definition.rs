//! Resource definitions and their volumes, before anything is deployed.

use super::cloning::Cloning;
use super::fault::{Fault, code};
use super::group::first_free;
use super::identity;
use super::layer::Layer;
use super::name::Key;
use super::props::{Props, QUORUM, QUORUM_SET_BY};
use super::resource::{Deleting, Resource};
use super::snapshot::{ReplicaSnapshot, Snapshot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A volume of a definition.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VolumeDefinition {
    /// LINSTOR's identity of it.
    pub uuid: String,
    /// Its nominal size, KiB.
    pub size_kib: u64,
    /// DRBD's minor number, from 1000; known once DRBD is in the stack.
    pub minor: Option<u32>,
    /// Its properties.
    pub props: Props,
}

/// A resource definition with its deployed resources.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Definition {
    /// The name, as given.
    pub name: String,
    /// LINSTOR's identity of it.
    pub uuid: String,
    /// The name of its group.
    pub group: String,
    /// Its properties.
    pub props: Props,
    /// Does it wait for its last node to delete it?
    pub deleting: bool,
    /// Its layers, top first; `None` until they are given or something is deployed.
    pub layers: Option<Vec<Layer>>,
    /// Its volumes.
    pub volumes: BTreeMap<u32, VolumeDefinition>,
    /// Its resources, by node.
    pub resources: BTreeMap<Key, Resource>,
    /// Its snapshots, by name.
    pub snapshots: BTreeMap<Key, Snapshot>,
    /// How many snapshots were ever taken of it.
    pub snapshots_taken: u64,
    /// How far it is, where it is a clone.
    pub cloning: Cloning,
    /// DRBD's shared secret.
    pub secret: String,
    /// DRBD's TCP port, from 7000.
    pub port: u32,
    /// Counts the generations of the data: grows when a primary starts to write while a replica is away.
    pub generation: u64,
}

impl Definition {
    /// A definition without volumes.
    pub fn new(name: &str, group: &str, props: Props, layers: Option<Vec<Layer>>, port: u32) -> Self {
        Self {
            name: name.to_owned(),
            uuid: identity::uuid(),
            group: group.to_owned(),
            props,
            deleting: false,
            layers,
            volumes: BTreeMap::new(),
            resources: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            snapshots_taken: 0,
            cloning: Cloning::default(),
            secret: identity::secret(),
            port,
            generation: 1,
        }
    }

    /// The layers that hold: DRBD over STORAGE unless told otherwise.
    pub fn stack(&self) -> Vec<Layer> {
        self.layers.clone().unwrap_or_else(|| vec![Layer::Drbd, Layer::Storage])
    }

    /// Is it replicated by DRBD?
    pub fn is_drbd(&self) -> bool {
        self.stack().contains(&Layer::Drbd)
    }

    /// The number for a new volume: the one asked for, or the first free one.
    pub fn volume_number(&self, asked: Option<i64>) -> Result<u32, Fault> {
        let Some(asked) = asked else { return Ok(first_free(&self.volumes)) };
        let number = u32::try_from(asked).ok().filter(|n| *n <= MAX_VOLUME).ok_or_else(|| {
            let message = format!(
                "The specified volume number '{asked}' is invalid. Volume numbers have to be in range of 0 - {MAX_VOLUME}."
            );
            Fault::new(code::INVALID_VOLUME_NUMBER, message)
                .because(format!("Volume number {asked} is out of range [0 - {MAX_VOLUME}]"))
                .reported()
        })?;
        if self.volumes.contains_key(&number) {
            let name = &self.name;
            let message =
                format!("A volume definition with the number {number} already exists in resource definition '{name}'.");
            return Err(Fault {
                volume: Some((name.clone(), number)),
                ..Fault::new(code::VOLUME_DEFINITION_EXISTS, message)
            }
            .because("The VolumeDefinition already exists")
            .detailed(volume_details(name, number)));
        }
        Ok(number)
    }

    /// Refuses a size that no volume can have.
    pub fn check_size(&self, number: u32, size_kib: i64) -> Result<u64, Fault> {
        u64::try_from(size_kib).ok().filter(|size| *size > 0).ok_or_else(|| {
            let name = &self.name;
            let message = format!(
                "The volume definition with number '{number}' of resource definition '{name}' has an invalid size of \
                 '{size_kib}'. Valid sizes range from 4 to 1099511627776."
            );
            Fault { volume: Some((name.clone(), number)), ..Fault::new(code::INVALID_SIZE, message) }
                .because(format!("Volume size value {size_kib} is out of range [1 - {}] for non-DRBD", i64::MAX))
                .detailed(volume_details(name, number))
        })
    }

    /// Notes whether a person has set the quorum, which LINSTOR then leaves alone, or has given it back.
    pub fn note_quorum_setter(&mut self) {
        if self.props.contains_key(QUORUM) {
            self.props.insert(QUORUM_SET_BY.to_owned(), "user".to_owned());
        } else {
            self.props.remove(QUORUM_SET_BY);
        }
    }

    /// Did a person set the quorum?
    pub fn is_quorum_manual(&self) -> bool {
        self.props.contains_key(QUORUM_SET_BY)
    }

    /// The sum of its volumes' nominal sizes, KiB.
    pub fn size_kib(&self) -> u64 {
        self.volumes.values().fold(0, |sum, volume| sum.saturating_add(volume.size_kib))
    }

    /// The resource on a node.
    pub fn on(&self, node: &str) -> Option<&Resource> {
        self.resources.get(&Key::of(node))
    }

    /// Its diskful resources, those that DRBD is to forget left out.
    pub fn diskful(&self) -> impl Iterator<Item = &Resource> {
        self.staying().filter(|r| !r.is_diskless())
    }

    /// Does a resource take room of its pool? Not without a disk, and not once DRBD is to forget it.
    pub fn counts(&self, resource: &Resource) -> bool {
        !resource.is_diskless() && resource.deleting != Deleting::DrbdFlagged
    }

    /// What nodes hold of its snapshots, with the snapshots' names.
    pub fn held(&self) -> impl Iterator<Item = (&str, &ReplicaSnapshot)> {
        let snapshots = self.snapshots.values();
        snapshots.flat_map(|snapshot| snapshot.replicas.values().map(move |held| (snapshot.name.as_str(), held)))
    }

    /// Its resources, those that DRBD is to forget left out.
    pub fn staying(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values().filter(|r| r.deleting != Deleting::DrbdFlagged)
    }
}

const MAX_VOLUME: u32 = 65534;

fn volume_details(name: &str, number: u32) -> String {
    format!("Resource definition: {name}, Volume number: {number}")
}

impl VolumeDefinition {
    /// A volume of a size.
    pub fn new(size_kib: u64, minor: Option<u32>, mut props: Props) -> Self {
        props.insert("DrbdCurrentGi".to_owned(), identity::generation());
        Self { uuid: identity::uuid(), size_kib, minor, props }
    }
}
