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

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(uid: &str, dag: &str) -> PartialObjectMeta<v1::Pod> {
        let metadata = serde_json::json!({
            "metadata": {"namespace": "airflow", "name": "task", "uid": uid, "annotations": {"dag_id": dag}},
        });
        serde_json::from_value(metadata).unwrap()
    }

    /// The DAG that the pod is known to be of.
    fn dag(cache: &Cache, uid: &str) -> Option<String> {
        let pod = PodRef { namespace: "airflow".to_owned(), name: "task".to_owned(), uid: Some(uid.to_owned()) };
        cache.get(&pod).map(|pod| pod.annotations["dag_id"].clone())
    }

    #[test]
    fn while_a_list_is_under_way_nothing_is_told_and_what_it_lacks_is_gone() {
        let cache = Cache::default();
        let told = |uids: [&str; 2]| uids.map(|uid| dag(&cache, uid));
        let etl = || Some("etl".to_owned());
        for event in [Event::Init, Event::InitApply(seen("u1", "etl")), Event::InitApply(seen("u2", "etl"))] {
            cache.apply(event);
            assert_eq!(told(["u1", "u2"]), [None, None]);
        }
        cache.apply(Event::InitDone);
        assert_eq!(told(["u1", "u2"]), [etl(), etl()]);
        // The watch was lost, and what happened meanwhile is known when all is listed again.
        for event in [Event::Init, Event::InitApply(seen("u1", "sales"))] {
            cache.apply(event);
            assert_eq!(told(["u1", "u2"]), [None, None]);
        }
        cache.apply(Event::InitDone);
        assert_eq!(told(["u1", "u2"]), [Some("sales".to_owned()), None]);
        cache.apply(Event::Apply(seen("u2", "etl")));
        cache.apply(Event::Delete(seen("u1", "sales")));
        assert_eq!(told(["u1", "u2"]), [None, etl()]);
        cache.falls_behind();
        assert_eq!(told(["u1", "u2"]), [None, None]);
    }
}
