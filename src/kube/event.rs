//! Kubernetes Events: what a person finds beside a pod or a claim.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ::kube::api::PostParams;
use ::kube::core::Request;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::connection::{Kubernetes, Question};
use super::metadata::checked;
use super::rights::CREATE_EVENTS;
use super::trouble::Trouble;
use crate::workflow::{Notice, Object};

/// How long telling may keep a call that has something better to do.
const COURTESY: Duration = Duration::from_secs(2);
/// For how long the same is not said again about the same object: kubelet repeats a refused mount every two minutes.
const QUIET: Duration = Duration::from_secs(600);
/// How many different things are said within that time: the API server is not to be flooded.
const AT_ONCE: usize = 1000;
/// The longest note that Kubernetes takes, in bytes (`events.k8s.io/v1`).
const NOTE: usize = 1024;

/// Tells people, each thing once in a while.
#[derive(Debug)]
pub(super) struct Teller {
    kubernetes: Kubernetes,
    driver: String,
    /// What was said, and when.
    told: Mutex<HashMap<Said, Instant>>,
}

type Said = (Object, &'static str, String);

impl Teller {
    pub(super) fn new(kubernetes: Kubernetes, driver: &str) -> Self {
        Self { kubernetes, driver: driver.to_owned(), told: Mutex::default() }
    }

    /// Tells it, unless it was just told. What can't be told is logged.
    pub(super) async fn tell(&self, notice: &Notice) {
        let said = (notice.about.clone(), notice.reason, notice.message.clone());
        if !self.is_news(&said) {
            return;
        }
        let told = timeout(COURTESY, self.create(notice)).await;
        if let Err(trouble) = told.unwrap_or_else(|_| Err(Trouble::Silent("the time for it is over".to_owned()))) {
            self.told().remove(&said);
            let (about, reason) = (&notice.about, notice.reason);
            tracing::warn!(%about, reason, message = notice.message, %trouble, "an Event could not be made");
        }
    }

    /// Notes it as said, where it was not lately.
    fn is_news(&self, said: &Said) -> bool {
        let (now, mut told) = (Instant::now(), self.told());
        told.retain(|_, when| now.duration_since(*when) < QUIET);
        told.len() < AT_ONCE && told.insert(said.clone(), now).is_none()
    }

    fn told(&self) -> std::sync::MutexGuard<'_, HashMap<Said, Instant>> {
        // A panic elsewhere leaves whole entries only.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn create(&self, notice: &Notice) -> Result<(), Trouble> {
        let (kind, namespace, name, uid) = match &notice.about {
            Object::Pod(pod) => ("Pod", &pod.namespace, &pod.name, &pod.uid),
            Object::Claim(claim) => ("PersistentVolumeClaim", &claim.namespace, &claim.name, &claim.uid),
            // An Event is about one object.
            Object::Volumes => return Ok(()),
        };
        let namespace = checked(namespace)?;
        let event = json!({
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"generateName": format!("{name}-"), "namespace": namespace},
            "eventTime": humantime::format_rfc3339_micros(SystemTime::now()).to_string(),
            "reportingController": self.driver,
            "reportingInstance": instance(&self.driver),
            "type": if notice.is_warning { "Warning" } else { "Normal" },
            "reason": notice.reason,
            "action": notice.reason,
            "note": note(&notice.message),
            "regarding": {"apiVersion": "v1", "kind": kind, "namespace": namespace, "name": name, "uid": uid},
        });
        let path = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
        let request = Request::new(path).create(&PostParams::default(), event.to_string().into_bytes());
        let question = Question { right: CREATE_EVENTS, name: None };
        self.kubernetes.ask::<IgnoredAny>(question, request).await.map(|_| ())
    }
}

/// Which of the driver's processes it is: its pod's name, where Kubernetes started it.
fn instance(driver: &str) -> String {
    std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| driver.to_owned())
}

/// The message, cut where Kubernetes would refuse all of it.
fn note(message: &str) -> String {
    if message.len() <= NOTE {
        return message.to_owned();
    }
    let end = (0..=NOTE - '…'.len_utf8()).rev().find(|&at| message.is_char_boundary(at)).unwrap_or(0);
    format!("{}…", &message[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_too_long_is_cut_between_two_characters() {
        assert_eq!(note("short"), "short");
        let cut = note(&"日".repeat(400));
        assert!(cut.len() <= NOTE && cut.len() > NOTE - 6 && cut.ends_with("日…"), "{}", cut.len());
    }
}
