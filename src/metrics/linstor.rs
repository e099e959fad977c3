//! Requests to LINSTOR, by kind and outcome.

use std::{fmt, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{counter::Counter, family::Family, gauge::ConstGauge, histogram::Histogram},
    registry::Registry,
};
use tokio::time::Instant;

use super::catalogue::{Member, QUEUED, REPEATS, REQUESTS, SLOW, UNDER_WAY, WAITING};
use super::slow::{Slow, Slowness};
use crate::linstor::{
    Client,
    watch::{Outcome, Route, Watch},
};

/// Counts and times requests, and tells of replies that are slow for their kind.
#[derive(Debug)]
pub struct Requests {
    seconds: Family<Attempt, Histogram, fn() -> Histogram>,
    repeats: Family<Kind, Counter>,
    slow: Family<Kind, Counter>,
    queued: Histogram,
    slowness: Slowness,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    method: String,
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempt {
    method: String,
    route: &'static str,
    outcome: &'static str,
}

impl Default for Requests {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(REQUESTS.buckets.iter().copied());
        Self {
            seconds: Family::new_with_constructor(histogram),
            repeats: Family::default(),
            slow: Family::default(),
            queued: Histogram::new(QUEUED.buckets.iter().copied()),
            slowness: Slowness::default(),
        }
    }
}

impl Requests {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(REQUESTS.name, REQUESTS.help, self.seconds.clone());
        registry.register(REPEATS.name, REPEATS.help, self.repeats.clone());
        registry.register(SLOW.name, SLOW.help, self.slow.clone());
        registry.register(QUEUED.name, QUEUED.help, self.queued.clone());
    }

    fn judge(&self, route: &Route, took: Duration) {
        let Some(Slow { usual, untold }) = self.slowness.judge(route, took, Instant::now()) else { return };
        self.slow.get_or_create(&kind(route)).inc();
        if let Some(more) = untold {
            let (ms, usual_ms) = (took.as_millis(), usual.as_millis());
            tracing::warn!(%route, ms, usual_ms, more, "LINSTOR replies far slower than it used to; more: untold before");
        }
    }
}

impl Watch for Requests {
    fn waited(&self, took: Duration) {
        self.queued.observe(took.as_secs_f64());
    }

    fn attempted(&self, route: &Route, outcome: Outcome, took: Duration) {
        let Kind { method, route: path } = kind(route);
        let attempt = Attempt { method, route: path, outcome: word(outcome) };
        self.seconds.get_or_create(&attempt).observe(took.as_secs_f64());
        if matches!(outcome, Outcome::Ok | Outcome::Refused) {
            self.judge(route, took);
        }
    }

    fn repeated(&self, route: &Route) {
        self.repeats.get_or_create(&kind(route)).inc();
    }
}

fn kind(route: &Route) -> Kind {
    Kind { method: route.method().to_owned(), route: route.path() }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Refused => "refused",
        Outcome::Unanswered => "unanswered",
        Outcome::Unsent => "unsent",
    }
}

/// The queue before LINSTOR as it is when the page is asked for.
#[derive(Debug)]
pub(super) struct QueueNow(pub(super) Client);

impl Collector for QueueNow {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let queue = self.0.queue();
        let mut gauge = |member: Member, value: usize| {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            let encoder = encoder.encode_descriptor(member.name, member.help, None, gauge.metric_type())?;
            gauge.encode(encoder)
        };
        gauge(WAITING, queue.waiting)?;
        gauge(UNDER_WAY, queue.under_way)
    }
}
