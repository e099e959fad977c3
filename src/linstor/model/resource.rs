//! Resources: the replicas of a definition, one a node, and what is seen of them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{DRBD, DiskState, Props};

/// A resource with its volumes (schema `ResourceWithVolumes`, `GET /v1/view/resources`).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// The definition's name.
    pub name: String,
    /// The node.
    pub node_name: String,
    /// The resource's own properties.
    pub props: Props,
    /// `DISKLESS`, `DRBD_DISKLESS`, `TIE_BREAKER`, `DELETE`, `INACTIVE`, … A combined flag brings those it implies.
    pub flags: Vec<String>,
    /// The layers as a tree, the top first.
    pub layer_object: LayerObject,
    /// What the satellite told; absent while it is not connected.
    pub state: Option<ResourceState>,
    /// Random, new with every resource.
    pub uuid: String,
    /// Its volumes.
    pub volumes: Vec<Volume>,
}

impl Resource {
    /// Whether it stores no data on its node.
    pub fn is_diskless(&self) -> bool {
        self.has_flag("DISKLESS")
    }

    /// Whether it only votes: a diskless one that LINSTOR keeps for the quorum. To delete it switches quorum off.
    pub fn is_tie_breaker(&self) -> bool {
        self.has_flag("TIE_BREAKER")
    }

    /// Whether its deletion has begun.
    pub fn is_deleting(&self) -> bool {
        self.has_flag("DELETE") || self.has_flag("DRBD_DELETE")
    }

    /// Whether it was deactivated, or its node evicted.
    pub fn is_inactive(&self) -> bool {
        self.has_flag("INACTIVE")
    }

    /// Whether the satellite is connected and has told its state. Without that, nothing is known of it: neither that it
    /// is in use nor that it is not.
    pub fn is_live(&self) -> bool {
        self.state.is_some()
    }

    /// Whether the device is open for writing there (DRBD primary). None: not known, which is so without the DRBD layer
    /// and while the satellite is away, and never means "no".
    pub fn in_use(&self) -> Option<bool> {
        self.state.as_ref()?.in_use
    }

    /// Whether DRBD would let this node become primary now. None: not known.
    pub fn may_promote(&self) -> Option<bool> {
        self.drbd()?.may_promote
    }

    /// DRBD's view of the resource, where it has that layer.
    pub fn drbd(&self) -> Option<&DrbdResource> {
        self.layer_object.find(DRBD)?.drbd.as_ref()
    }

    /// Whether the resource has this layer, such as [`DRBD`].
    pub fn has_layer(&self, layer: &str) -> bool {
        self.layer_object.find(layer).is_some()
    }

    /// Its layers, top first.
    pub fn layers(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(&self.layer_object), |above| above.children.first()).map(|one| one.layer.as_str())
    }

    /// The volume of this number.
    pub fn volume(&self, number: u32) -> Option<&Volume> {
        self.volumes.iter().find(|volume| volume.volume_number == number)
    }

    /// The device to open, such as `/dev/drbd1000`; none until it has been made. A loop device's path may change.
    pub fn device_path(&self, volume: u32) -> Option<&str> {
        self.volume(volume)?.device_path.as_deref()
    }

    /// DRBD's state of the disk under this volume; none without DRBD, and while the satellite is away.
    pub fn disk_state(&self, volume: u32) -> Option<DiskState> {
        self.volume(volume)?.disk_state()
    }

    fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|have| have == flag)
    }
}

/// One layer of a resource, with the layers below it (schema `ResourceLayer`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LayerObject {
    /// The layer's kind, such as `DRBD`.
    #[serde(rename = "type")]
    pub layer: String,
    /// The layers below.
    pub children: Vec<LayerObject>,
    /// DRBD's part, in a `DRBD` layer.
    pub drbd: Option<DrbdResource>,
}

impl LayerObject {
    /// This layer, or the first one below it, of that kind.
    fn find(&self, layer: &str) -> Option<&Self> {
        if self.layer == layer { Some(self) } else { self.children.iter().find_map(|child| child.find(layer)) }
    }
}

/// DRBD's part of a resource (schema `DrbdResource`). Its secret is not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct DrbdResource {
    /// Whether the node could become primary; absent while its satellite is away.
    pub may_promote: Option<bool>,
    /// The higher, the better a node is to become primary; absent while its satellite is away.
    pub promotion_score: Option<i32>,
    /// The connections by peer; empty while its satellite is away.
    pub connections: BTreeMap<String, Connection>,
}

/// A DRBD connection to a peer (schema `DrbdConnection`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Connection {
    /// Whether it stands.
    pub connected: bool,
    /// DRBD's word: `Connected`, `Connecting`, `StandAlone`, …
    pub message: String,
}

/// What the satellite told of a resource (schema `ResourceState`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ResourceState {
    /// DRBD primary; absent without the DRBD layer.
    pub in_use: Option<bool>,
}

/// A volume of a resource (schema `Volume`).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Volume {
    /// `0..=65534`.
    pub volume_number: u32,
    /// The pool that it is in.
    pub storage_pool_name: String,
    /// The pool's kind, such as `LVM_THIN`.
    pub provider_kind: String,
    /// The top layer's device; absent until it has been made.
    pub device_path: Option<String>,
    /// KiB taken in the pool; negative while not known.
    pub allocated_size_kib: i64,
    /// The volume's own properties, the device's links among them.
    pub props: Props,
    /// `DELETE`, `RESIZE`, `DRBD_RESIZE`, …
    pub flags: Vec<String>,
    /// DRBD's part; absent without that layer, and while the satellite is away.
    pub state: Option<VolumeState>,
    /// The layers from top to bottom.
    pub layer_data_list: Vec<VolumeLayer>,
}

impl Volume {
    /// DRBD's state of the disk; none without DRBD, and while the satellite is away.
    pub fn disk_state(&self) -> Option<DiskState> {
        let text = self.state.as_ref()?.disk_state.as_deref()?;
        text.parse().ok()
    }

    /// KiB that the top layer offers; none while not known. Without DRBD, thin files say what is allocated instead.
    pub fn usable_size_kib(&self) -> Option<u64> {
        u64::try_from(self.layer_data_list.first()?.data.usable_size_kib?).ok()
    }
}

/// What the satellite told of a volume (schema `VolumeState`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct VolumeState {
    /// DRBD's word; parsed by [`Volume::disk_state`].
    pub disk_state: Option<String>,
}

/// One layer of a volume (schema `VolumeLayer`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct VolumeLayer {
    /// The layer's kind, such as `DRBD`.
    #[serde(rename = "type")]
    pub layer: String,
    data: VolumeLayerData,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct VolumeLayerData {
    usable_size_kib: Option<i64>,
}
