//! The controller's verbs: what to do with a volume, one file per verb, in few LINSTOR requests.
//!
//! Words: the nouns below. Verbs: [`create`] and [`copy`], [`delete`], [`attach`], [`detach`], [`expand`], [`modify`],
//! [`list`], [`validate`], [`health`], [`capacity`], [`settle`], those of [`snapshot`]s. Rules: [`reserve`] (one
//! operation per volume), [`limit`] (how many a node may have), [`groups`] (which resource groups are there), [`standing`]
//! (a claim beside a reaper), [`generation`], [`spread`] (which nodes are tried for replicas; [`topology`] says which there
//! are). The order of requests in each verb is such that a crash between any two of them is mended by the same call
//! again.

pub mod attach;
mod attachment;
pub mod attributes;
pub mod begun;
pub mod capacity;
pub mod claims;
mod clear;
pub mod context;
pub mod copy;
pub mod create;
pub mod delete;
pub mod detach;
pub mod drbd_options;
pub mod ending;
mod error;
pub mod expand;
pub mod filesystem;
pub mod formatted;
pub mod generation;
pub mod groups;
pub mod health;
pub mod holders;
pub mod id;
mod known;
pub mod limit;
pub mod list;
pub mod modify;
pub mod moment;
mod owned;
pub mod page;
pub mod params;
mod patience;
pub mod place;
pub mod qos;
pub mod record;
mod replicas;
pub mod reserve;
pub mod said;
mod same;
pub mod seat;
pub mod settle;
pub mod size;
pub mod snapshot;
pub mod spread;
pub mod standing;
#[cfg(test)]
mod tests;
pub mod topology;
pub mod validate;
mod warned;

pub use error::Error;
pub use id::VolumeId;
pub use owned::{Kept, OwnedError, Owners};
