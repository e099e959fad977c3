//! The Controller service through its public seams: gRPC in, and what LINSTOR (the sandbox) then has.
//!
//! One module an idea of docs/decisions.md and of the project's first issue; each test is a sentence of theirs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

#[path = "../support/mod.rs"]
mod support;

mod asking;
mod attach;
mod bad_input;
mod bound;
mod capacity;
mod claims;
mod confirming;
mod copies;
mod copy_places;
mod delete;
mod detach;
mod expand;
mod faults;
mod forged;
mod forks;
mod giveup;
mod groups;
mod health;
mod holders;
mod limit;
mod list;
mod modes;
mod modify;
mod names;
mod owned;
mod owned_queue;
mod paging;
mod parameters;
mod peer;
mod placement;
mod policies;
mod races;
mod reach;
mod released;
mod scopes;
mod sizes;
mod snapshot_lists;
mod snapshots;
mod tags;
mod topology;
mod turns;
mod validate;
