//! Who may have a volume when another node had it before: `observe → decide → clear`.
//!
//! [`Observation`] is what is seen, cut down to what decides. [`decide`] and [`leave`] are pure: what is seen and wished
//! in, a [`Decision`] out, each rule of docs/decisions.md (Attaching and leaving) in one place and told by recordings
//! of a real LINSTOR with DRBD. A [`Step`] is what clears the way; the verbs in `volume/` carry steps out and look again.

mod decide;
mod observe;
mod prove;
#[cfg(test)]
mod tests;

pub use decide::{Decision, Doubt, Refusal, Step, Wish, decide, leave};
pub use observe::{Holder, Kind, Link, Observation, Replica, Report, Sharing, Standing};
pub use prove::Proof;
