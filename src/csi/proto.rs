//! The messages, servers and clients of CSI 1.13, generated from proto/csi.proto by build.rs.
//!
//! `Debug` of a message is safe to log: what must not be logged is replaced, see [`redact`](super::redact).
#![allow(missing_docs, clippy::all, clippy::too_many_lines, reason = "generated code")]

tonic::include_proto!("csi.v1");

include!(concat!(env!("OUT_DIR"), "/csi_debug.rs"));

include!(concat!(env!("OUT_DIR"), "/csi_methods.rs"));
