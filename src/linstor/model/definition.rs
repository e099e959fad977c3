//! Resource definitions: what a volume is, apart from where it is.

use serde::Deserialize;

use super::{DRBD, Props, quorum};

/// A resource definition (schema `ResourceDefinition`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ResourceDefinition {
    /// The name in its display case.
    pub name: String,
    /// The definition's own properties; inherited ones are not shown.
    pub props: Props,
    /// `DELETE`, `CLONING`, `FAILED`, `RESTORE_TARGET`.
    pub flags: Vec<String>,
    /// The layers from top to bottom; empty while nothing is placed and the group names none.
    pub layer_data: Vec<LayerData>,
    /// Random, new with every definition: two of the same name differ in it.
    pub uuid: String,
    /// The group that it was made from.
    pub resource_group_name: String,
    /// Its volumes; filled by [`Client::definitions`](crate::linstor::Client::definitions).
    pub volume_definitions: Vec<VolumeDefinition>,
}

impl ResourceDefinition {
    /// Whether its deletion has begun. It stays so while a node that holds a replica is away.
    pub fn is_deleting(&self) -> bool {
        self.flags.iter().any(|flag| flag == "DELETE")
    }

    /// Whether it is a clone whose bytes are still being copied.
    pub fn is_cloning(&self) -> bool {
        self.flags.iter().any(|flag| flag == "CLONING")
    }

    /// Whether it is a clone that could not be made. It never will be.
    pub fn is_failed(&self) -> bool {
        self.flags.iter().any(|flag| flag == "FAILED")
    }

    /// The layers from top to bottom, such as `DRBD`, `STORAGE`.
    pub fn layers(&self) -> impl Iterator<Item = &str> {
        self.layer_data.iter().map(|layer| layer.layer.as_str())
    }

    /// Whether DRBD replicates it.
    pub fn uses_drbd(&self) -> bool {
        self.layers().any(|layer| layer == DRBD)
    }

    /// The value of one of its own properties.
    pub fn prop(&self, key: &str) -> Option<&str> {
        self.props.get(key).map(String::as_str)
    }

    /// KiB of volume 0, as asked for; none where that volume is not defined (yet).
    pub fn size_kib(&self) -> Option<u64> {
        self.volume_definitions.iter().find(|volume| volume.volume_number == 0).map(|volume| volume.size_kib)
    }

    /// Whether a replica may be written only with a majority of voters. LINSTOR sets and removes it by itself
    /// (auto-quorum) as replicas come and go.
    pub fn has_majority_quorum(&self) -> bool {
        quorum::is_majority(&self.props)
    }
}

/// One layer of a definition (schema `ResourceDefinitionLayer`); its data, a DRBD secret among it, is not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LayerData {
    /// The layer's kind, such as `DRBD`.
    #[serde(rename = "type")]
    pub layer: String,
}

/// A volume of a definition (schema `VolumeDefinition`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct VolumeDefinition {
    /// `0..=65534`; linflow uses 0.
    pub volume_number: u32,
    /// KiB as asked for; the device may be a little larger.
    pub size_kib: u64,
    /// The volume definition's own properties.
    pub props: Props,
    /// `DELETE`, `RESIZE`, `DRBD_INITIALIZED`, …
    pub flags: Vec<String>,
}
