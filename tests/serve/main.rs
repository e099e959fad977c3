//! The roles as they run on a cluster: a process beside kubelet and its probes, started, watched and stopped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

#[path = "../support/mod.rs"]
mod support;

mod confirm;
mod drain;
mod health;
mod kubelet;
mod metrics;
mod registration;
mod withheld;
