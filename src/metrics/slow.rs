//! Which replies are slow for their kind, and which of those are told in the log.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::baseline::Baseline;
use crate::linstor::watch::Route;

/// So many times as long as usual is slow.
const FACTOR: u32 = 4;
/// What takes less is never slow, whatever is usual.
const FLOOR: Duration = Duration::from_secs(1);
/// How long nothing more is told of a kind that was told of.
const SILENCE: Duration = Duration::from_secs(60);

/// A slow reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slow {
    /// What is usual for its kind.
    pub(super) usual: Duration,
    /// Where it is to be told: how many of its kind were not, since the last that was.
    pub(super) untold: Option<u64>,
}

/// Judges replies.
#[derive(Debug, Default)]
pub(super) struct Slowness(Mutex<HashMap<Route, Known>>);

/// What is known of a kind.
#[derive(Debug, Default)]
struct Known {
    baseline: Baseline,
    told: Option<Instant>,
    untold: u64,
}

impl Slowness {
    /// Compares a reply with those of its kind before it, and remembers it.
    pub(super) fn judge(&self, route: &Route, took: Duration, now: Instant) -> Option<Slow> {
        // What was learned is whole at all times, also where a thread died meanwhile.
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kinds.entry(route.clone()).or_default();
        let usual = known.baseline.usual();
        known.baseline.learn(took);
        let usual = usual.filter(|usual| took > FLOOR && took > *usual * FACTOR)?;
        Some(Slow { usual, untold: known.tell(now) })
    }
}

impl Known {
    fn tell(&mut self, now: Instant) -> Option<u64> {
        if self.told.is_some_and(|told| now < told + SILENCE) {
            self.untold += 1;
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}
