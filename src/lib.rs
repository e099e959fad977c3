//! linflow: a CSI driver for LINSTOR that knows which Airflow workflow a volume belongs to.
//!
//! # The way of a request
//!
//! ```text
//! gRPC in ─► csi       parse and validate once, into a domain request
//!         ─► workflow  who is asking? claim → evidence → Verified<WorkflowRef>
//!         ─► access    may they? pure decide() → Permit | Denial
//!         ─► volume    what to do: one file per verb
//!         ─► linstor   REST out: few calls, bounded, measured
//!         ─► csi       render the answer; csi/status.rs is the one place that picks a gRPC code
//! node:   csi/node ─► workflow ─► access ─► node (device → format → stage → publish)
//! ```
//!
//! # Layout
//!
//! [`config`] the command line; [`csi`] the gRPC services; [`workflow`] whose volume it is; [`access`] who may;
//! [`failover`] who has a volume when nodes are lost; [`kube`] whom Kubernetes knows; [`volume`] the controller's verbs;
//! [`linstor`] the REST client; [`node`] devices, filesystems and mounts;
//! [`lifetime`] how volumes are kept and let go; [`health`] a word for both; [`run`] the roles; [`admin`] the endpoints of health; [`metrics`] counts and times;
//! [`doctor`] the check of a cluster; [`sandbox`] an embedded LINSTOR with simulated nodes; [`demo`] the whole story in
//! one command.
//!
//! docs/architecture.md explains the rooms, docs/decisions.md how no data is lost.

pub mod access;
pub mod admin;
pub mod config;
pub mod csi;
pub mod demo;
pub mod doctor;
pub mod failover;
pub mod health;
pub mod kube;
pub mod lifetime;
pub mod linstor;
pub mod metrics;
pub mod node;
pub mod run;
pub mod sandbox;
pub mod volume;
pub mod workflow;
