//! The gRPC side: the CSI services on a unix socket, and what may be said of their calls in the logs.
//!
//! [`proto`] the generated contract; [`request`] and [`response`] between it and the domain; [`identity`],
//! [`controller`], [`group`] and [`node`] the services; [`admit`] who may have a volume that is to be published; [`status`] the
//! code of each error; [`redact`] what may be logged; [`socket`] where it is served; [`service`] the server, with one
//! log line per call; [`registration`] how kubelet learns of it.

pub mod admit;
mod attaching;
mod call;
pub mod controller;
mod drain;
pub mod group;
pub mod identity;
pub mod node;
mod node_health;
pub mod proto;
mod queue;
pub mod redact;
pub mod registration;
pub mod request;
pub mod response;
pub mod service;
mod snapshot;
pub mod socket;
pub mod status;
mod validate;
mod volume_health;
