//! Kubernetes' API server: whose pod, whose claim, who is told. It alone names the crates kube and k8s-openapi.
//!
//! [`ApiDirectory`] answers workflow's questions, of pods and claims by their metadata alone: a pod's spec holds the
//! live tokens of Airflow's tasks in its arguments, and is never asked for. [`Lease`] elects one of several
//! controllers, [`Reviewer`] tells whose token a caller shows, [`Need`] what rights all of that takes.
//!
//! Every question is bounded in time and is asked once: who called repeats the call. Nothing is read or opened before
//! the first question, so that a process that asks nothing pays nothing.

mod cache;
mod connection;
mod directory;
mod event;
mod lease;
mod metadata;
mod review;
mod rights;
mod trouble;

pub use connection::{Kubernetes, Place};
pub use directory::ApiDirectory;
pub use lease::Lease;
pub use review::Reviewer;
pub use rights::{Need, Where};
pub use trouble::{Right, Trouble};
