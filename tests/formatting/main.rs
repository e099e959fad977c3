//! Every formatting state of docs/decisions.md, through NodeStageVolume, on real devices with real filesystems; and two
//! pods on one of them.
//!
//! A loop-backed sandbox, the Controller and Node services over gRPC, and what a test finds on the device afterwards.
//! It takes root; without it each test says so and ends.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod beside;
mod blank;
mod claims;
mod copies;
mod kept;
mod killed;
mod missing;
mod trouble;
