//! workflow's questions, put to the API server.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ::kube::api::{GetParams, ListParams};
use ::kube::core::{ObjectList, PartialObjectMeta, Request, Resource};
use ::kube::runtime::{WatchStreamExt, watcher};
use k8s_openapi::api::core::v1;
use serde::Deserialize;
use tokio::time::sleep;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;

use super::cache::Cache;
use super::connection::{Kubernetes, Question};
use super::event::Teller;
use super::metadata::{self, checked};
use super::rights::{GET_CLAIMS, GET_PODS, LIST_PODS, LIST_VOLUMES, WATCH_PODS};
use super::trouble::{Right, Trouble};
use crate::workflow::{ClaimManifest, ClaimRef, Directory, DirectoryError, Notice, Object, Pod, PodRef, Presence};

/// Airflow labels all pods of its tasks so, those of KubernetesExecutor and of KubernetesPodOperator.
const TASKS: &str = "dag_id";
/// How many objects are listed at once.
const PAGE: u32 = 500;
/// How long a watch that is not allowed waits before it is tried again: rights may be granted, and a starting API server
/// refuses what it will soon allow.
const FORBIDDEN: Duration = Duration::from_secs(600);

/// Kubernetes' API server as a [`Directory`]. Cheap to clone; clones share what a watch told.
#[derive(Debug, Clone)]
pub struct ApiDirectory {
    kubernetes: Kubernetes,
    cache: Arc<Cache>,
    teller: Arc<Teller>,
    looks_up_pods: bool,
}

impl ApiDirectory {
    /// Nothing is asked yet. The driver's name is that of the reporter in Events.
    pub fn new(kubernetes: Kubernetes, driver: &str) -> Self {
        let teller = Arc::new(Teller::new(kubernetes.clone(), driver));
        Self { kubernetes, cache: Arc::default(), teller, looks_up_pods: true }
    }

    /// The same that asks for no pods: for a node that has no right to.
    #[must_use]
    pub fn without_pods(self) -> Self {
        Self { looks_up_pods: false, ..self }
    }

    /// Keeps the pods of Airflow's tasks at hand until `stop`. Where that is not allowed, look-ups go on one by one.
    pub async fn watch(&self, stop: CancellationToken) {
        stop.run_until_cancelled(async {
            loop {
                let trouble = match self.kubernetes.client().await {
                    Ok(client) => self.follow(client.clone()).await,
                    Err(trouble) => trouble,
                };
                tracing::warn!(%trouble, "pods of Airflow's tasks can't be watched; each is looked up by itself instead");
                sleep(FORBIDDEN).await;
            }
        })
        .await;
    }

    /// Takes in what the watch tells, over breaks of the connection, until it is forbidden.
    async fn follow(&self, client: ::kube::Client) -> Trouble {
        let pods = ::kube::Api::<PartialObjectMeta<v1::Pod>>::all(client);
        let settings = watcher::Config::default().labels(TASKS).page_size(PAGE);
        let mut events = std::pin::pin!(watcher::watcher(pods, settings).default_backoff());
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => self.cache.apply(event),
                Err(error) => {
                    self.cache.falls_behind();
                    let trouble = trouble_of(&error);
                    if matches!(trouble, Trouble::Forbidden { .. }) {
                        return trouble;
                    }
                    tracing::debug!(%trouble, "the watch of pods is broken, and is begun again");
                }
            }
        }
        Trouble::Silent("the watch has ended".to_owned())
    }

    async fn look_up(&self, pod: &PodRef) -> Result<Pod, DirectoryError> {
        let object = || Object::Pod(pod.clone());
        let found = self.get::<v1::Pod>(GET_PODS, &pod.namespace, &pod.name).await;
        let found = metadata::pod(found.map_err(|trouble| trouble.about(object()))?);
        match (&pod.uid, &found.reference.uid) {
            (Some(wanted), Some(uid)) if wanted != uid => {
                Err(DirectoryError::WrongUid { object: object(), found: uid.clone() })
            }
            _ => Ok(found),
        }
    }

    /// An object's metadata.
    async fn get<K: Resource<DynamicType = ()>>(
        &self,
        right: Right,
        namespace: &str,
        name: &str,
    ) -> Result<PartialObjectMeta<K>, Trouble> {
        let (path, name) = (K::url_path(&(), Some(checked(namespace)?)), checked(name)?);
        let question = Question { right, name: Some(name) };
        self.kubernetes.ask(question, Request::new(path).get_metadata(name, &GetParams::default())).await
    }

    /// Whether there is a pod of that name, of those that have not ended. Kubernetes itself looks at the phase, so that
    /// nothing of a pod is sent but metadata.
    async fn running(&self, pod: &PodRef) -> Result<bool, Trouble> {
        let path = v1::Pod::url_path(&(), Some(checked(&pod.namespace)?));
        let fields = format!("metadata.name={},status.phase!=Succeeded,status.phase!=Failed", checked(&pod.name)?);
        let request = Request::new(path).list_metadata(&ListParams::default().fields(&fields));
        let question = Question { right: LIST_PODS, name: None };
        let found: ObjectList<PartialObjectMeta<v1::Pod>> = self.kubernetes.ask(question, request).await?;
        Ok(found.items.into_iter().any(|found| metadata::pod(found).reference.could_be(pod)))
    }

    async fn all_handles(&self, driver: &str) -> Result<BTreeSet<String>, Trouble> {
        let mut handles = BTreeSet::new();
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let request = Request::new(v1::PersistentVolume::url_path(&(), None)).list(&page);
            let question = Question { right: LIST_VOLUMES, name: None };
            let found: ObjectList<Volume> = self.kubernetes.ask(question, request).await?;
            let sources = found.items.into_iter().filter_map(|volume| volume.spec.csi);
            handles.extend(sources.filter(|csi| csi.driver == driver).map(|csi| csi.handle));
            match found.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(handles),
            }
        }
    }
}

/// What we need of a PersistentVolume.
#[derive(Clone, Deserialize)]
struct Volume {
    spec: VolumeSpec,
}

#[derive(Clone, Deserialize)]
struct VolumeSpec {
    csi: Option<CsiSource>,
}

#[derive(Clone, Deserialize)]
struct CsiSource {
    driver: String,
    #[serde(rename = "volumeHandle")]
    handle: String,
}

impl Directory for ApiDirectory {
    async fn pod(&self, pod: &PodRef) -> Result<Pod, DirectoryError> {
        if !self.looks_up_pods {
            let reason =
                "this node looks no pods up; start it with --pod-lookups true, which needs the right to get pods";
            return Err(DirectoryError::Unavailable { object: Object::Pod(pod.clone()), reason: reason.to_owned() });
        }
        match self.cache.get(pod) {
            Some(pod) => Ok(pod),
            None => self.look_up(pod).await,
        }
    }

    async fn claim(&self, namespace: &str, name: &str) -> Result<ClaimManifest, DirectoryError> {
        let found = self.get::<v1::PersistentVolumeClaim>(GET_CLAIMS, namespace, name).await;
        found.map(metadata::claim).map_err(|trouble| {
            let claim = ClaimRef { namespace: namespace.to_owned(), name: name.to_owned(), uid: None };
            trouble.about(Object::Claim(claim))
        })
    }

    async fn presence(&self, pod: &PodRef) -> Result<Presence, DirectoryError> {
        if self.running(pod).await.map_err(|trouble| trouble.about(Object::Pod(pod.clone())))? {
            return Ok(Presence::Alive);
        }
        match self.look_up(pod).await {
            Ok(_) => Ok(Presence::Ended),
            Err(DirectoryError::NotFound { .. } | DirectoryError::WrongUid { .. }) => Ok(Presence::Absent),
            Err(error @ DirectoryError::Unavailable { .. }) => Err(error),
        }
    }

    async fn handles(&self, driver: &str) -> Result<BTreeSet<String>, DirectoryError> {
        self.all_handles(driver).await.map_err(|trouble| trouble.about(Object::Volumes))
    }

    async fn tell(&self, notice: &Notice) {
        self.teller.tell(notice).await;
    }
}

fn trouble_of(error: &watcher::Error) -> Trouble {
    let question = Question { right: WATCH_PODS, name: None };
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => question.trouble(error),
        watcher::Error::WatchError(status) => Trouble::of_status(status, WATCH_PODS, None),
        watcher::Error::NoResourceVersion => Trouble::Silent("a list without a version".to_owned()),
    }
}
