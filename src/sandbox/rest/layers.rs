//! The layers of a deployed resource: `layer_object`, and each volume's `layer_data_list`.

use super::definitions::drbd_data;
use super::json::Fields;
use super::view::is_known;
use crate::sandbox::model::Cluster;
use crate::sandbox::model::definition::{Definition, VolumeDefinition};
use crate::sandbox::model::drbd::{Connection, Drbd};
use crate::sandbox::model::layer::Layer;
use crate::sandbox::model::resource::{Resource, Volume};
use serde_json::{Map, Value, json};

/// A volume's number, the volume on its node, and its definition.
pub type VolumeParts<'a> = (u32, &'a Volume, &'a VolumeDefinition);

/// Room for DRBD's own data behind a volume's, KiB (recorded: 60 for 96 MiB).
const DRBD_KIB: u64 = 60;
/// Room for the header of LUKS, KiB.
const LUKS_KIB: u64 = 16 << 10;

/// A resource of a definition.
#[derive(Clone, Copy)]
pub struct Deployed<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The definition.
    pub definition: &'a Definition,
    /// The resource.
    pub resource: &'a Resource,
}

impl Deployed<'_> {
    /// The tree of layers, the top one first.
    pub fn layers(self) -> Value {
        let stack = self.definition.stack();
        let under = stack.iter().rev().fold(None, |under, layer| Some(self.layer(*layer, under)));
        under.unwrap_or_default()
    }

    fn layer(self, layer: Layer, under: Option<Value>) -> Value {
        let name = layer.name();
        let own = if layer == Layer::Drbd {
            self.drbd()
        } else {
            json!({format!("{}_volumes", name.to_lowercase()): self.each(|parts| self.volume(layer, parts))})
        };
        let children: Vec<Value> = under.into_iter().collect();
        Fields::new().with("children", children).with("type", name).kept(&name.to_lowercase(), own).done()
    }

    fn each(self, render: impl Fn(VolumeParts<'_>) -> Value) -> Vec<Value> {
        let pairs = self.resource.volumes.iter();
        let parts = pairs.filter_map(|(number, volume)| Some((*number, volume, self.definition.volumes.get(number)?)));
        parts.map(render).collect()
    }

    fn drbd(self) -> Value {
        let Self { cluster, definition, resource } = self;
        let drbd = Drbd::of(cluster, definition, resource);
        let mut flags = if resource.is_diskless() || resource.toggled { vec!["DISKLESS"] } else { vec![] };
        if resource.created_ms.is_some() && !resource.toggled {
            flags.push("INITIALIZED");
        }
        let fields = Fields::new()
            .with("drbd_resource_definition", drbd_data(definition))
            .with("node_id", resource.node_id)
            .with("tcp_ports", [definition.port])
            .with("peer_slots", 7)
            .with("al_stripes", 1)
            .with("al_size", 32)
            .with("flags", flags)
            .with("drbd_volumes", self.each(|parts| self.drbd_volume(parts)));
        if is_known(drbd) { with_status(fields, drbd).done() } else { fields.done() }
    }

    /// What each layer says of a volume, the top one first.
    pub fn volume_layers(self, parts: VolumeParts<'_>) -> Vec<Value> {
        let one = |layer: &Layer| {
            let data = if *layer == Layer::Drbd { self.drbd_volume(parts) } else { self.volume(*layer, parts) };
            json!({"type": layer.name(), "data": data})
        };
        self.definition.stack().iter().map(one).collect()
    }

    /// What all layers above one ask for beside the volume's size, KiB.
    fn overhead_kib(self, layer: Layer) -> u64 {
        let above = self.definition.stack();
        let above = above.iter().take_while(|one| **one != layer);
        above.map(|one| if *one == Layer::Drbd { DRBD_KIB } else { own_kib(*one) }).sum()
    }

    fn volume(self, layer: Layer, parts: VolumeParts<'_>) -> Value {
        if layer == Layer::Storage {
            return self.storage_volume(parts);
        }
        let (number, volume, size) = parts;
        let usable = size.size_kib + self.overhead_kib(layer);
        let fields = Fields::new()
            .kept("volume_number", number)
            .with("device_path", self.device_of(layer, parts))
            .with("backing_device", &volume.device)
            .with("allocated_size_kib", usable + own_kib(layer))
            .with("usable_size_kib", usable)
            .with("disk_state", "[]");
        if layer == Layer::Luks { fields.kept("opened", !volume.device.is_empty()).done() } else { fields.done() }
    }

    /// The storage under a volume. FILE_THIN says what is allocated, not the nominal size, as usable; what stands on top
    /// asks for its own room.
    fn storage_volume(self, (number, volume, size): VolumeParts<'_>) -> Value {
        let allocated = self.cluster.allocated_kib(&self.resource.key(&self.definition.name, number));
        let fields = Fields::new().kept("volume_number", number);
        if self.resource.is_diskless() {
            return fields.with("allocated_size_kib", 0).with("usable_size_kib", size.size_kib).done();
        }
        let overhead = self.overhead_kib(Layer::Storage);
        let fields = match (volume.device.is_empty(), overhead) {
            (true, _) => fields.with("allocated_size_kib", -1).with("usable_size_kib", size.size_kib),
            (false, 0) => fields.with("allocated_size_kib", allocated).with("usable_size_kib", allocated),
            (false, more) => fields.with("allocated_size_kib", allocated).with("usable_size_kib", size.size_kib + more),
        };
        fields.with("device_path", &volume.device).with("disk_state", "[]").done()
    }

    fn drbd_volume(self, parts: VolumeParts<'_>) -> Value {
        let (number, _, size) = parts;
        let diskless = self.resource.is_diskless();
        let allocated = if diskless { json!(-1) } else { json!(size.size_kib + DRBD_KIB) };
        let minor = Fields::new().kept("volume_number", number).with("minor_number", size.minor).done();
        let below = self.definition.stack().get(1).copied().unwrap_or(Layer::Storage);
        Fields::new()
            .with("drbd_volume_definition", minor)
            .with("device_path", self.device_path(parts))
            .with("backing_device", if diskless { String::new() } else { self.device_of(below, parts) })
            .with("allocated_size_kib", allocated)
            .with("usable_size_kib", size.size_kib)
            .done()
    }

    /// The device that somebody who opens the volume is told.
    pub fn device_path(self, parts: VolumeParts<'_>) -> String {
        self.device_of(self.definition.stack().first().copied().unwrap_or(Layer::Storage), parts)
    }

    /// Where bytes are real the device is the one that holds them; else it is what the layer would call it.
    fn device_of(self, layer: Layer, (number, volume, size): VolumeParts<'_>) -> String {
        let invented = !self.cluster.has_bytes() && !volume.device.is_empty();
        match (layer, size.minor) {
            (Layer::Drbd, Some(minor)) if invented => format!("/dev/drbd{minor}"),
            (Layer::Luks, _) if invented => {
                format!("/dev/mapper/Linstor-Crypt-{}_{number:05}", self.definition.name)
            }
            _ => volume.device.clone(),
        }
    }
}

/// What a layer keeps of its device for itself, KiB.
fn own_kib(layer: Layer) -> u64 {
    if layer == Layer::Luks { LUKS_KIB } else { 0 }
}

fn with_status(fields: Fields, drbd: Drbd<'_>) -> Fields {
    let connection = |peer: Drbd<'_>| {
        let state = drbd.connection(&peer);
        (peer.node().to_owned(), json!({"connected": state == Connection::Connected, "message": state.name()}))
    };
    fields
        .with("connections", drbd.peers().map(connection).collect::<Map<_, _>>())
        .with("promotion_score", drbd.promotion_score())
        .with("may_promote", drbd.may_promote())
}
