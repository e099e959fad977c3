//! What `/metrics` tells: CSI calls and LINSTOR's replies, by kind and outcome, and how long they took.
//!
//! [`Operations`] is told of CSI calls, [`Doubts`] of pods in them, [`Requests`] of requests to LINSTOR; [`catalogue`] names every member. No label
//! holds an id: of volumes, of nodes, or of workflows.

mod baseline;
pub mod catalogue;
mod csi;
mod lifetime;
mod linstor;
mod pods;
mod slow;

use std::sync::Arc;

use prometheus_client::{encoding::text, metrics::info::Info, registry::Registry};

pub use csi::Operations;
pub use lifetime::Lifetimes;
pub use linstor::Requests;
pub use pods::Doubts;

use crate::linstor::Client;

/// The media type of [`Metrics::page`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All members of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    operations: Operations,
    doubts: Doubts,
    requests: Arc<Requests>,
    lifetimes: Lifetimes,
}

impl Metrics {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(driver_name: &str) -> Self {
        let (operations, requests) = (Operations::new(driver_name), Arc::new(Requests::default()));
        let mut registry = Registry::default();
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register(catalogue::BUILD.name, catalogue::BUILD.help, version);
        operations.register(&mut registry);
        let doubts = Doubts::default();
        doubts.register(&mut registry);
        requests.register(&mut registry);
        let lifetimes = Lifetimes::default();
        lifetimes.register(&mut registry);
        Self { registry, operations, doubts, requests, lifetimes }
    }

    /// Who is to be told of CSI calls.
    #[must_use]
    pub fn operations(&self) -> Operations {
        self.operations.clone()
    }

    /// Who is to be told of pods that ask for another owner's volume.
    #[must_use]
    pub fn doubts(&self) -> Doubts {
        self.doubts.clone()
    }

    /// Who is to be told of requests to LINSTOR.
    #[must_use]
    pub fn requests(&self) -> Arc<Requests> {
        Arc::clone(&self.requests)
    }

    /// Who is to be told of volumes' ends.
    #[must_use]
    pub fn lifetimes(&self) -> Lifetimes {
        self.lifetimes.clone()
    }

    /// The same with the queue before that LINSTOR.
    #[must_use]
    pub fn with_queue_of(mut self, client: Client) -> Self {
        self.registry.register_collector(Box::new(linstor::QueueNow(client)));
        self
    }

    /// The page, in OpenMetrics' text format.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = String::new();
        text::encode(&mut page, &self.registry).expect("a String takes all that is written to it");
        page
    }
}

#[cfg(test)]
mod tests;
