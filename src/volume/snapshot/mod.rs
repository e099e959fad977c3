//! Snapshots of volumes, one alone or a group of one moment.
//!
//! Words: [`id`] (what CSI and LINSTOR call them), [`props`] (what a snapshot says of itself).

pub mod id;
pub mod props;

pub use id::{GroupId, SnapshotId};
pub use props::SnapshotProps;
