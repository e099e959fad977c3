//! The embedded LINSTOR, asked through its REST API.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod copies;
mod encryption;
#[path = "../support/http.rs"]
mod http;
mod lab;
mod many;
mod placement;
mod replication;
mod restarts;
#[path = "../support/seed.rs"]
mod seed;
mod snapshots;
