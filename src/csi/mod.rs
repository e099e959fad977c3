//! The gRPC side: the CSI services on a unix socket, one place that renders requests for logs, one that picks codes.
//!
//! [`proto`] the generated contract; [`redact`] what of it may be logged.

pub mod proto;
pub mod redact;
