//! Devices, filesystems and mounts of one node.
//!
//! ```text
//! stage    device (found, proven) ─► lock ─► probe ─► formatting (pure decision) ─► filesystem ─► mount
//! publish  bind mount of what is staged, or of the device node ─► bind remount where it is read-only
//! ```
//!
//! Everything that touches the machine goes through [`Host`]: [`LinuxHost`](linux::LinuxHost) is the real one,
//! [`ScriptedHost`](scripted::ScriptedHost) the one of tests. Each verb may be cut at any point and called again.
//! When a device may be written at all is settled in [`formatting`].

pub mod access;
pub mod device;
pub mod drbd;
pub mod error;
pub mod expand;
mod fence;
pub mod filesystem;
pub mod formatting;
pub mod health;
pub mod host;
pub mod imprint;
mod leaving;
pub mod linux;
pub mod mounts;
pub mod operation;
pub mod path;
pub mod probe;
pub mod publish;
pub mod scripted;
pub mod stage;
pub mod stats;
mod wait;

#[cfg(test)]
mod tests;

pub use crate::volume::filesystem::options;
pub use access::{Access, FsUse, Targets};
pub use device::DeviceHint;
pub use error::{Difference, Error};
pub use expand::{ExpandRequest, expand};
pub use formatting::{FormatRecord, FormatRecordError};
pub use host::Host;
pub use leaving::leave_to_others;
pub use path::{AbsolutePath, InvalidPath};
pub use publish::{PublishRequest, publish, unpublish};
pub use stage::{StageRequest, stage, unstage};
pub use stats::{Stats, stats};
