//! Snapshots of volumes, one alone or a group of one moment.
//!
//! Words: [`id`] (what CSI and LINSTOR call them), [`props`] (what a snapshot says of itself), [`taken`] (what is told
//! of it), [`params`] (what a VolumeSnapshotClass may say). Verbs: [`create`], [`delete`], [`list`]. A single snapshot is
//! taken as a group of one.

pub mod create;
pub mod delete;
mod error;
pub mod id;
pub mod list;
pub mod params;
pub mod props;
pub mod taken;

pub use error::Error;
pub use id::{GroupId, SnapshotId};
pub use props::{Membership, SnapshotProps};
pub use taken::Taken;
