//! The REST client for LINSTOR.

pub mod name;
