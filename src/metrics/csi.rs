//! CSI calls, by method and code.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, histogram::Histogram},
    registry::Registry,
};

use super::catalogue::OPERATIONS;

/// Counts and times CSI calls. Clones count together.
#[derive(Debug, Clone)]
pub struct Operations {
    driver_name: String,
    seconds: Family<Labels, Histogram, fn() -> Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    driver_name: String,
    method_name: &'static str,
    grpc_status_code: &'static str,
}

impl Operations {
    /// For the calls of that driver.
    #[must_use]
    pub fn new(driver_name: &str) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(OPERATIONS.buckets.iter().copied());
        Self { driver_name: driver_name.to_owned(), seconds: Family::new_with_constructor(histogram) }
    }

    /// A call has ended. `method`: its gRPC path; `code`: its gRPC code, in the words of Kubernetes' sidecars.
    pub fn ended(&self, method: &'static str, code: &'static str, took: Duration) {
        let labels = Labels { driver_name: self.driver_name.clone(), method_name: method, grpc_status_code: code };
        self.seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(OPERATIONS.name, OPERATIONS.help, self.seconds.clone());
    }
}
