//! kill -9 between any two LINSTOR requests: what a cut call left behind, the same call to a new process completes.
//!
//! Each test walks every cut of one verb: a real `linflow` process is killed while the sandbox holds its k-th request,
//! once before the request was acted on and once after, when only its answer is lost. A new process then gets the same
//! call, and all that LINSTOR shows must be as after one clean call. The walk ends where the call completes before its
//! k-th request, so that a request which is added to a verb is walked too.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

#[path = "../support/mod.rs"]
mod support;

mod claims;
mod copy;
mod create;
mod delete;
mod expand;
mod modify;
mod publish;
mod snapshots;
mod state;
mod unpublish;
mod walk;
