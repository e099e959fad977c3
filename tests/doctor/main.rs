//! `linflow doctor`, the built binary, against the sandbox and against servers that are not as they should be.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

#[path = "../support/authority.rs"]
mod authority;
mod cluster;
mod connection;
mod node;
mod output;
mod patient;
#[path = "../support/mod.rs"]
mod support;
