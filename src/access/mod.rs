//! May this pod have this volume? Decided here, without I/O, and answered with proof.
//!
//! [`decide`] alone makes a [`Permit`]; code that mounts a volume takes one, so that nothing is published undecided.
//! Whether the pod is the owner's was found out before, by [`crate::workflow::verify()`].

pub mod expected;
pub mod permit;

pub use expected::{Expected, Unexpected, expect};
pub use permit::{Check, Claimant, Denial, Doubt, Owned, Permit, Request, Rule, decide};
