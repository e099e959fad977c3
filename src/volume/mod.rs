//! The verbs of the controller.

pub mod filesystem;
