//! Whose token is it? Kubernetes' TokenReview says so, of tokens that were made for this driver.

use ::kube::api::PostParams;
use ::kube::core::Request;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::connection::{Kubernetes, Question};
use super::rights::REVIEW_TOKENS;
use super::trouble::Trouble;
use crate::workflow::Bearers;

const PATH: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

/// Asks whose tokens are.
#[derive(Debug, Clone)]
pub struct Reviewer {
    kubernetes: Kubernetes,
    audience: String,
}

#[derive(Deserialize)]
struct Review {
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    authenticated: bool,
    audiences: Vec<String>,
    user: User,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
}

impl Reviewer {
    /// Takes tokens whose audience is the driver's name, and no others: one that was made for Kubernetes itself, or for
    /// somebody else, proves nothing here.
    pub fn new(kubernetes: Kubernetes, driver: &str) -> Self {
        Self { kubernetes, audience: driver.to_owned() }
    }

    /// The namespace of the service account whose valid token this is; none where it is nobody's, has another audience,
    /// or is a person's. Errors: Kubernetes could not be asked, so that nothing is known.
    pub async fn namespace_of(&self, token: &SecretString) -> Result<Option<String>, Trouble> {
        let spec = json!({"token": token.expose_secret(), "audiences": [self.audience]});
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec});
        let request = Request::new(PATH).create(&PostParams::default(), review.to_string().into_bytes());
        let Review { status } = self.kubernetes.ask(Question { right: REVIEW_TOKENS, name: None }, request).await?;
        // An authenticator that knows nothing of audiences names none.
        let is_ours = status.authenticated && status.audiences.contains(&self.audience);
        Ok(is_ours.then(|| namespace(&status.user.username)).flatten().map(str::to_owned))
    }
}

impl Bearers for Reviewer {
    async fn namespace_of(&self, token: &SecretString) -> Result<Option<String>, String> {
        self.namespace_of(token).await.map_err(|trouble| trouble.to_string())
    }
}

/// `system:serviceaccount:NAMESPACE:NAME`, which Kubernetes keeps for service accounts.
fn namespace(username: &str) -> Option<&str> {
    let (namespace, name) = username.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty()).then_some(namespace)
}
