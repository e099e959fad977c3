//! The words that the health of volumes, as the controller sees it, and that of a node share: how bad something is, and
//! one thing that is wrong. Each has reasons of its own.

/// How bad it is (CSI spec, VolumeHealthErrorType), as far as whoever looks can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It can't be told: neither that it is fine nor that it isn't.
    Unknown,
    /// It works, and less safely or for fewer than asked for.
    Degraded,
    /// It can't be used now: from no node, or not from this one.
    Inaccessible,
    /// Data is lost.
    DataLoss,
}

/// What can be wrong, as one of the two names it. Its name is CSI's `reason`.
pub trait Reason: Copy {
    /// What a person can do about it.
    fn advice(self) -> &'static str;
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition<R> {
    /// What is wrong.
    pub reason: R,
    /// What was seen, and what to do.
    pub message: String,
}

impl<R: Reason> Condition<R> {
    /// A condition with what was seen.
    pub fn new(reason: R, seen: &str) -> Self {
        Self { reason, message: format!("{seen}; {}", reason.advice()) }
    }
}
