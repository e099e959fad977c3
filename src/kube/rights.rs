//! What linflow asks Kubernetes for, and whether it may: Kubernetes' own word on each right, before a call fails.

use std::time::Duration;

use ::kube::api::PostParams;
use ::kube::core::Request;
use ::kube::core::request::Error::BuildRequest;
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use super::connection::{Kubernetes, Question};
use super::lease::reaper_lease;
use super::trouble::{Right, Trouble};

pub(super) const GET_PODS: Right = Right { verb: "get", resource: "pods" };
pub(super) const LIST_PODS: Right = Right { verb: "list", resource: "pods" };
pub(super) const WATCH_PODS: Right = Right { verb: "watch", resource: "pods" };
pub(super) const GET_CLAIMS: Right = Right { verb: "get", resource: "persistentvolumeclaims" };
pub(super) const LIST_VOLUMES: Right = Right { verb: "list", resource: "persistentvolumes" };
pub(super) const CREATE_EVENTS: Right = Right { verb: "create", resource: "events.events.k8s.io" };
pub(super) const GET_LEASES: Right = Right { verb: "get", resource: LEASES };
pub(super) const CREATE_LEASES: Right = Right { verb: "create", resource: LEASES };
pub(super) const UPDATE_LEASES: Right = Right { verb: "update", resource: LEASES };
pub(super) const REVIEW_TOKENS: Right = Right { verb: "create", resource: "tokenreviews.authentication.k8s.io" };

const LEASES: &str = "leases.coordination.k8s.io";
/// What everybody may who is known (`system:public-info-viewer`, `system:basic-user`), unless somebody has changed that.
const GET_VERSION: Right = Right { verb: "get", resource: "/version" };
const REVIEW_OURSELVES: Right = Right { verb: "create", resource: "selfsubjectaccessreviews.authorization.k8s.io" };
const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// A right that linflow uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Which.
    pub right: Right,
    /// What it is for, and what comes of it where it is missing.
    pub purpose: &'static str,
    /// Does linflow do all else without it?
    pub is_optional: bool,
    /// In which namespaces, and of which object.
    pub place: Where,
}

/// Where a right is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    /// In all namespaces.
    Everywhere,
    /// In our own.
    Here,
    /// In our own, for the object of that name.
    Object(String),
}

const fn everywhere(right: Right, is_optional: bool, purpose: &'static str) -> Need {
    Need { right, purpose, is_optional, place: Where::Everywhere }
}

impl Need {
    /// What a controller of that driver asks for.
    pub fn of_controller(driver: &str) -> Vec<Self> {
        let elects = "without it no reaper works, and volumes that nobody needs stay";
        let of_lease = |right, place| Self { right, purpose: elects, is_optional: false, place };
        let lease = || Where::Object(reaper_lease(driver));
        vec![
            everywhere(GET_CLAIMS, false, "without it nobody's volume is a workflow's: who asks for it is read there"),
            everywhere(GET_PODS, false, "without it no pod is confirmed, and no claim has a pod"),
            everywhere(LIST_PODS, false, "without it nobody can tell that the pod which holds a volume has ended"),
            everywhere(WATCH_PODS, true, "without it each pod is asked for by itself"),
            everywhere(LIST_VOLUMES, false, "without it no volume is removed, for a PersistentVolume may name it"),
            everywhere(CREATE_EVENTS, true, "without it refusals are in the log alone"),
            of_lease(CREATE_LEASES, Where::Here),
            of_lease(GET_LEASES, lease()),
            of_lease(UPDATE_LEASES, lease()),
            everywhere(REVIEW_TOKENS, true, "without it --runs-listen takes no caller but with --runs-token-file"),
        ]
    }

    /// What a node asks for.
    pub fn of_node() -> Vec<Self> {
        vec![everywhere(CREATE_EVENTS, true, "without it refusals are in the log alone")]
    }
}

#[derive(Deserialize)]
struct Review {
    status: Status,
}

#[derive(Deserialize)]
struct Status {
    allowed: bool,
}

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "gitVersion")]
    git: String,
}

impl Kubernetes {
    /// The API server's version, such as `v1.34.1`. Answers within `limit`, as [`Kubernetes::may`].
    pub async fn version(&self, limit: Duration) -> Result<String, Trouble> {
        let request = hyper::Request::get("/version").body(Vec::new()).map_err(BuildRequest);
        let question = Question { right: GET_VERSION, name: None };
        within(limit, self.ask(question, request)).await.map(|version: Version| version.git)
    }

    /// May we?
    pub async fn may(&self, need: &Need, limit: Duration) -> Result<bool, Trouble> {
        within(limit, self.review(need)).await
    }

    async fn review(&self, need: &Need) -> Result<bool, Trouble> {
        let (resource, group) = need.right.resource.split_once('.').unwrap_or((need.right.resource, ""));
        let (namespace, name) = match &need.place {
            Where::Everywhere => ("", ""),
            Where::Here => (self.namespace().await?, ""),
            Where::Object(name) => (self.namespace().await?, name.as_str()),
        };
        let attributes = json!({"namespace": namespace, "name": name, "verb": need.right.verb, "group": group, "resource": resource});
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        });
        let request = Request::new(REVIEWS).create(&PostParams::default(), body.to_string().into_bytes());
        let Review { status } = self.ask(Question { right: REVIEW_OURSELVES, name: None }, request).await?;
        Ok(status.allowed)
    }
}

async fn within<T>(limit: Duration, asked: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    let late = |_| Err(Trouble::Silent(format!("nothing within {limit:?}")));
    timeout(limit, asked).await.unwrap_or_else(late)
}
