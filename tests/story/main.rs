//! Volumes that belong to a workflow and outlive its pods, told as a story: through gRPC and the sandbox, on real bytes,
//! with the pods that Airflow makes.
//!
//! Kubernetes is a folder of manifests. Without root the volumes have no bytes, and the story says so; its calls are made
//! all the same.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

#[path = "../support/mod.rs"]
mod support;

mod cluster;
mod kubelet;
mod pods;
mod refusals;
mod run;
