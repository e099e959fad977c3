//! The subset of LINSTOR's JSON that linflow uses, written by hand.
//!
//! LINSTOR leaves empty strings, lists, maps and nulls out of its answers, so every field has a default. It refuses
//! requests with fields that it does not know, so a request holds only what was set. All sizes are KiB (1024 bytes).

mod controller;
mod definition;
mod disk;
mod group;
mod node;
pub mod quorum;
mod request;
mod resource;
mod snapshot;

pub use controller::MasterPassphrase;
pub use definition::{LayerData, ResourceDefinition, VolumeDefinition};
pub use disk::DiskState;
pub use group::{ResourceGroup, SelectFilter, SpaceInfo, SpawnTarget};
pub use node::{Node, StoragePool};
pub use request::{
    AutoPlace, DefinitionQuery, NewDefinition, NewResourceGroup, Page, PropFilter, SizeQuery, Spawn, ViewQuery,
};
pub use resource::{Connection, DrbdResource, LayerObject, Resource, ResourceState, Volume, VolumeLayer, VolumeState};
pub use snapshot::{CloneStatus, NewClone, NewSnapshot, NodeSnapshot, Snapshot};

pub(super) use group::{AllSizesAnswer, SizeAnswer};
pub(super) use request::{
    DefinitionCreate, MakeAvailable, NewResource, PropsChange, VolumeDefinitionChange, VolumeDefinitionCreate,
};
pub(super) use snapshot::{CloneProgress, CloneStarted, SnapshotRestore, SnapshotsCreate};

/// Properties of an object: key → value, both at most 4096 characters.
pub type Props = std::collections::BTreeMap<String, String>;

/// Whether two names are LINSTOR's same name: case does not count, the display case is kept.
pub fn is_same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// The layer that replicates: DRBD.
pub const DRBD: &str = "DRBD";
/// The layer that encrypts: LUKS.
pub const LUKS: &str = "LUKS";
/// The layer that stores: LVM, ZFS, files.
pub const STORAGE: &str = "STORAGE";

#[cfg(test)]
mod tests;
