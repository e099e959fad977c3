//! Holding requests: what is held, and the handle of a test that holds them.

use tokio::sync::watch;

use super::{Faults, RuleId};

/// What a held request is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Hold,
    GoOn,
    Close,
}

/// The state of one rule that holds requests, shared by the rule and the requests.
#[derive(Debug, Clone)]
pub(super) struct Hold {
    arrived: watch::Sender<u64>,
    verdict: watch::Sender<Verdict>,
}

impl Hold {
    pub(super) fn new() -> Self {
        Self { arrived: watch::Sender::new(0), verdict: watch::Sender::new(Verdict::Hold) }
    }

    pub(super) fn tell(&self, verdict: Verdict) {
        self.verdict.send_replace(verdict);
    }

    /// Waits for the verdict: true to go on, false to close.
    pub(super) async fn wait(self) -> bool {
        let mut verdict = self.verdict.subscribe();
        self.arrived.send_modify(|count| *count += 1);
        let told = verdict.wait_for(|verdict| *verdict != Verdict::Hold).await;
        // `self` keeps the sender alive, so the channel can't close while we wait.
        told.is_ok_and(|verdict| *verdict == Verdict::GoOn)
    }
}

/// A gate in the way of requests, made by [`Faults::gate`]. Dropped, it lets what it holds go on.
///
/// ```no_run
/// # use linflow::sandbox::faults::{Faults, Matcher, Moment};
/// # async fn example(faults: Faults) {
/// let gate = faults.gate(Matcher::prefix("/v1/resource-groups/"), Moment::Before);
/// // … start what will send the request …
/// gate.arrived().await;
/// // … kill it …
/// gate.sever();
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a dropped gate holds nothing"]
pub struct Gate {
    faults: Faults,
    id: RuleId,
    hold: Hold,
}

impl Gate {
    pub(super) fn new(faults: Faults, id: RuleId, hold: Hold) -> Self {
        Self { faults, id, hold }
    }

    /// Waits until a request stands at the gate (or has stood there).
    pub async fn arrived(&self) {
        self.arrived_count(1).await;
    }

    /// Waits until `count` requests have come to the gate.
    pub async fn arrived_count(&self, count: u64) {
        let mut arrived = self.hold.arrived.subscribe();
        // An error would mean that the sender is gone, and it is a field of `self`.
        drop(arrived.wait_for(|so_far| *so_far >= count).await);
    }

    /// Opens the gate: what is held goes on, even if its client is gone (as a request that was late in the network
    /// would). Later requests pass.
    pub fn release(self) {
        drop(self);
    }

    /// Takes the gate away and closes the connections of what is held: before the act, it is never done; after it,
    /// nobody is told. Later requests pass.
    pub fn sever(self) {
        self.faults.remove(self.id, Verdict::Close);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.faults.remove(self.id, Verdict::GoOn);
    }
}
