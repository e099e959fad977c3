//! The LINSTOR client against servers that answer as recorded, answer badly, or not at all.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

mod admission;
#[path = "../support/authority.rs"]
mod authority;
mod certificate;
mod failover;
mod outcome;
mod requests;
mod server;
mod tls;
mod token;
mod version;
