//! What a watch tells of pods, kept by UID: most look-ups of a storm are answered without a question.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::kube::core::PartialObjectMeta;
use ::kube::runtime::watcher::Event;
use k8s_openapi::api::core::v1;

use super::metadata;
use crate::workflow::{Pod, PodRef};

/// The pods that a watch tells of.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Watched>);

#[derive(Debug, Default)]
struct Watched {
    /// Whether `pods` is what the watch last told, with nothing missed since.
    is_synced: bool,
    pods: HashMap<String, Pod>,
    /// A list that is not at its end yet.
    coming: HashMap<String, Pod>,
}

impl Cache {
    /// Exactly this pod, where the watch knows it and is not behind.
    pub(super) fn get(&self, pod: &PodRef) -> Option<Pod> {
        let uid = pod.uid.as_ref()?;
        let watched = self.watched();
        let found = watched.pods.get(uid).filter(|_| watched.is_synced)?;
        found.reference.could_be(pod).then(|| found.clone())
    }

    /// Takes in what the watch tells.
    pub(super) fn apply(&self, event: Event<PartialObjectMeta<v1::Pod>>) {
        let mut watched = self.watched();
        watched.is_synced = !matches!(event, Event::Init | Event::InitApply(_));
        match event {
            Event::Init => watched.coming.clear(),
            Event::InitApply(pod) => watched.coming.extend(keyed(pod)),
            Event::InitDone => watched.pods = std::mem::take(&mut watched.coming),
            Event::Apply(pod) => watched.pods.extend(keyed(pod)),
            Event::Delete(pod) => {
                pod.metadata.uid.and_then(|uid| watched.pods.remove(&uid));
            }
        }
    }

    /// Something may have been missed.
    pub(super) fn falls_behind(&self) {
        self.watched().is_synced = false;
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        // A panic elsewhere leaves whole entries only.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keyed(pod: PartialObjectMeta<v1::Pod>) -> Option<(String, Pod)> {
    let pod = metadata::pod(pod);
    Some((pod.reference.uid.clone()?, pod))
}
