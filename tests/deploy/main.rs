//! What is installed: the manifests as they are checked in, the chart's values, the examples, and what the image holds.
//! `ci/chart.sh` shows that the manifests are what the chart renders.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod classes;
mod examples;
mod image;
mod privilege;
mod rights;
mod values;
mod workloads;
mod yaml;

#[path = "../support/mod.rs"]
mod support;
