//! One of several controllers: a Lease of coordination.k8s.io/v1.
//!
//! Holders renew it, and whoever sees it unchanged for its whole duration may take it: that is measured by the own
//! clock from the first sight on, so that no two clocks are compared. Each change names the version that it rests on,
//! and Kubernetes takes only the first of two.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use ::kube::api::{GetParams, PostParams};
use ::kube::core::Request;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::connection::{Kubernetes, Question};
use super::metadata::checked;
use super::rights::{CREATE_LEASES, GET_LEASES, UPDATE_LEASES};
use super::trouble::Trouble;
use crate::workflow::Elected;

/// After this time without a renewal somebody else may take it.
const DURATION: Duration = Duration::from_secs(30);
/// How long after a renewal was begun it is surely ours: less than [`DURATION`], so that what is begun right after the
/// question has some time, and clocks may run unevenly.
const SURE: Duration = Duration::from_secs(25);
/// How often it is renewed, or looked at.
const ROUND: Duration = Duration::from_secs(10);

/// A Lease in our own namespace. It is taken, and kept, while [`Lease::run`] runs.
#[derive(Debug)]
pub struct Lease {
    kubernetes: Kubernetes,
    name: String,
    /// Who we are: random, so that a process never takes itself for the one before it.
    identity: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Until when it is surely ours.
    until: Option<Instant>,
    /// The Lease as we wrote it last.
    ours: Option<Object>,
    /// Somebody else's, as it was first seen in that version, and when.
    theirs: Option<(Spec, Instant)>,
}

/// The Lease as Kubernetes keeps it. Of its metadata, what others wrote is given back unchanged.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Object {
    metadata: Value,
    spec: Spec,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    holder_identity: Option<String>,
    lease_duration_seconds: Option<u64>,
    acquire_time: Option<String>,
    renew_time: Option<String>,
    lease_transitions: Option<u64>,
}

impl Lease {
    /// Of that name. Errors: there is no randomness.
    pub fn new(kubernetes: Kubernetes, name: &str) -> Result<Self, getrandom::Error> {
        let identity = format!("linflow-{:016x}", getrandom::u64()?);
        Ok(Self { kubernetes, name: name.to_owned(), identity, state: Mutex::default() })
    }

    /// That of the reaper of this driver: another driver beside it has its own. Errors as of [`Lease::new`].
    pub fn of_reaper(kubernetes: Kubernetes, driver: &str) -> Result<Self, getrandom::Error> {
        Self::new(kubernetes, &reaper_lease(driver))
    }

    /// Takes it as soon as it is free, and renews it, until `stop`; then gives it back.
    pub async fn run(&self, stop: CancellationToken) {
        let mut said = None;
        loop {
            let trouble = self.round().await.err();
            if trouble != said {
                match &trouble {
                    Some(trouble) => tracing::warn!(lease = self.name, %trouble, "the Lease can't be had for now"),
                    None => tracing::info!(lease = self.name, "the Lease can be asked for again"),
                }
            }
            said = trouble;
            if timeout(ROUND, stop.cancelled()).await.is_ok() {
                return self.release().await;
            }
        }
    }

    /// Takes, renews or looks, once. Errors: it could not be asked for; what was ours stays so until its time is over.
    pub async fn round(&self) -> Result<(), Trouble> {
        let ours = self.state().ours.clone();
        let mine = match ours {
            Some(lease) => lease,
            None => match self.read().await {
                Ok(lease) if self.may_take(&lease.spec) => lease,
                Ok(_) => return Ok(()),
                Err(Trouble::NotFound) => Object { metadata: json!({"name": self.name}), spec: Spec::default() },
                Err(trouble) => return Err(trouble),
            },
        };
        let begun = Instant::now();
        let wanted = Object { spec: self.spec(&mine.spec, DURATION), metadata: mine.metadata };
        match self.write(&wanted).await {
            Ok(written) => {
                let has_won = self.state().until.is_none();
                *self.state() = State { until: Some(begun + SURE), ours: Some(written), theirs: None };
                if has_won {
                    tracing::info!(lease = self.name, holder = self.identity, "the Lease is ours");
                }
                Ok(())
            }
            // Somebody else has it, or had it for a moment.
            Err(Trouble::Conflict(_) | Trouble::NotFound) => {
                *self.state() = State::default();
                Ok(())
            }
            // It may have been written or not: the next round reads what is there.
            Err(trouble) => {
                self.state().ours = None;
                Err(trouble)
            }
        }
    }

    /// Gives it back, so that nobody has to wait. Where that fails, its time runs out.
    pub async fn release(&self) {
        let State { ours, .. } = std::mem::take(&mut *self.state());
        let Some(Object { metadata, spec }) = ours else { return };
        let free = Spec { holder_identity: None, ..self.spec(&spec, Duration::from_secs(1)) };
        if let Err(trouble) = self.write(&Object { metadata, spec: free }).await {
            tracing::debug!(lease = self.name, %trouble, "the Lease was not given back");
        }
    }

    /// Whether nobody has it, or we, or whoever has it has not renewed it for its whole duration while we looked.
    fn may_take(&self, spec: &Spec) -> bool {
        let holder = spec.holder_identity.as_deref().filter(|holder| !holder.is_empty());
        if holder.is_none_or(|holder| holder == self.identity) {
            return true;
        }
        let mut state = self.state();
        // Whatever we thought: it is somebody else's.
        state.until = None;
        let first_seen = match &state.theirs {
            Some((seen, when)) if seen == spec => *when,
            _ => {
                let now = Instant::now();
                state.theirs = Some((spec.clone(), now));
                now
            }
        };
        let duration = spec.lease_duration_seconds.map_or(DURATION, Duration::from_secs);
        first_seen.elapsed() >= duration
    }

    /// What we write over `old`.
    fn spec(&self, old: &Spec, duration: Duration) -> Spec {
        let now = humantime::format_rfc3339_micros(SystemTime::now()).to_string();
        let is_ours = old.holder_identity.as_ref() == Some(&self.identity);
        let transitions = old.lease_transitions.unwrap_or(0);
        Spec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(duration.as_secs()),
            acquire_time: old.acquire_time.clone().filter(|_| is_ours).or_else(|| Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(if is_ours { transitions } else { transitions + 1 }),
        }
    }

    async fn read(&self) -> Result<Object, Trouble> {
        let question = Question { right: GET_LEASES, name: Some(&self.name) };
        self.kubernetes.ask(question, self.leases().await?.get(&self.name, &GetParams::default())).await
    }

    /// Creates it where it has no version yet, and else replaces exactly that version.
    async fn write(&self, lease: &Object) -> Result<Object, Trouble> {
        let body = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": lease.metadata, "spec": lease.spec});
        let (leases, body, post) = (self.leases().await?, body.to_string().into_bytes(), PostParams::default());
        let is_new = lease.metadata.get("resourceVersion").is_none();
        let (right, request) = if is_new {
            (CREATE_LEASES, leases.create(&post, body))
        } else {
            (UPDATE_LEASES, leases.replace(&self.name, &post, body))
        };
        self.kubernetes.ask(Question { right, name: Some(&self.name) }, request).await
    }

    async fn leases(&self) -> Result<Request, Trouble> {
        let namespace = checked(self.kubernetes.namespace().await?)?;
        Ok(Request::new(format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases")))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment, so that a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the Lease of this driver's reaper is called; the Helm chart grants it by this name.
pub(super) fn reaper_lease(driver: &str) -> String {
    format!("linflow-reaper-{}", driver.to_ascii_lowercase().replace('.', "-"))
}

impl Elected for Lease {
    fn is_held(&self) -> bool {
        self.state().until.is_some_and(|until| Instant::now() < until)
    }
}
