//! How workflows' volumes are kept and let go: the reaper, the word about a run's end, and a person's commands, on the
//! embedded LINSTOR.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

#[path = "../support/mod.rs"]
mod support;

mod commands;
mod deleting;
mod person;
mod reaper;
mod runs;
mod volumes;
