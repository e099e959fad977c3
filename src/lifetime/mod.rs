//! How long a workflow's volume is kept, and how it is let go (docs/decisions.md, Letting go).
//!
//! ```text
//! survey ─► judge, a pure function ─► reaping, the removal step by step ─► carry, which sends the steps
//! ```
//!
//! Two reapers, claims and persons meet at one volume without a lock: each writes before it looks ([`reaping`],
//! [`keeping`], `forgetting`, and the claims' side in `volume::standing`). The model test walks every interleaving of them.

pub mod carry;
pub mod cli;
mod forgetting;
pub mod http;
pub mod judge;
pub mod keeping;
pub mod reaper;
pub mod reaping;
pub mod sole;
pub mod survey;
#[cfg(test)]
mod tests;
pub mod word;
