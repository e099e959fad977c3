//! The controller's verbs: what to do with a volume, one file per verb, in few LINSTOR requests.
//!
//! Words: the nouns below. Verbs: [`create`], [`delete`], [`attach`], [`detach`], [`expand`], [`list`], [`capacity`],
//! [`settle`], those of [`snapshot`]s. Rules: [`giveup`] (when a silent node loses its volume), [`reserve`] (one
//! operation per volume), [`groups`] (which resource groups are there). The order of requests in each verb is such that
//! a crash between any two of them is mended by the same call again.

pub mod attach;
pub mod capacity;
pub mod context;
pub mod copy;
pub mod create;
pub mod delete;
pub mod detach;
pub mod drbd_options;
mod error;
pub mod expand;
pub mod filesystem;
pub mod formatted;
pub mod giveup;
pub mod groups;
pub mod id;
mod known;
pub mod list;
pub mod page;
pub mod params;
mod patience;
pub mod place;
pub mod qos;
pub mod record;
pub mod reserve;
pub mod said;
pub mod settle;
pub mod size;
pub mod snapshot;
#[cfg(test)]
mod tests;

pub use error::Error;
pub use id::VolumeId;
