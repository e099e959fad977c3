//! The way to the API server, made at the first question.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::kube::client::ConfigExt;
use ::kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use ::kube::{Client, Config};
use hyper::Request;
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tower::{BoxError, ServiceBuilder};

use super::trouble::{Right, Trouble, shortened};

/// How long an answer may take: a call of CSI has time for two, and repeats.
const ANSWER: Duration = Duration::from_secs(5);
/// How soon a peer that is gone is noticed on a connection where nothing is sent, as a watch is: one probe after this
/// time, and then [`PROBES`] more.
const PROBE: Duration = Duration::from_secs(15);
const PROBES: u32 = 3;
/// Where Kubernetes mounts the token of a pod's service account.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Where the API server is, and who we are to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// By the service account that Kubernetes gives a pod.
    InCluster,
    /// By a kubeconfig file, its current context.
    Kubeconfig(PathBuf),
}

impl Place {
    /// Whether there is a kubeconfig at that path. Error: what is wrong with it.
    pub fn kubeconfig(path: &str) -> Result<Self, String> {
        let place = Self::Kubeconfig(PathBuf::from(path));
        place.read_kubeconfig().map(|_| place)
    }

    /// Whether the token of a service account is mounted where Kubernetes mounts it.
    pub fn has_service_account() -> bool {
        std::path::Path::new(TOKEN).exists()
    }

    /// None where it is the service account's.
    fn read_kubeconfig(&self) -> Result<Option<Kubeconfig>, String> {
        let Self::Kubeconfig(path) = self else { return Ok(None) };
        match Kubeconfig::read_from(path) {
            Ok(file) if file.current_context.is_none() => Err("it has no current-context".to_owned()),
            Ok(file) => Ok(Some(file)),
            // The library would repeat the lines around the mistake, keys among them.
            Err(KubeconfigError::Parse(_)) => Err("it is no kubeconfig".to_owned()),
            Err(error) => Err(causes(&error)),
        }
    }

    async fn config(&self) -> Result<Config, String> {
        match self.read_kubeconfig()? {
            None => Config::incluster().map_err(|error| error.to_string()),
            Some(file) => {
                let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await;
                config.map_err(|error| error.to_string())
            }
        }
    }
}

/// The API server. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Kubernetes(Arc<Shared>);

struct Shared {
    place: Place,
    client: OnceCell<Client>,
}

impl std::fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Kubernetes").field(&self.0.place).finish()
    }
}

impl Kubernetes {
    /// Nothing is read or sent before the first question.
    pub fn new(place: Place) -> Self {
        Self(Arc::new(Shared { place, client: OnceCell::new() }))
    }

    /// The client, made where there is none yet.
    pub(super) async fn client(&self) -> Result<&Client, Trouble> {
        self.0.client.get_or_try_init(|| connect(&self.0.place)).await
    }

    /// Our own namespace: the service account's, or that of the kubeconfig's context.
    pub(super) async fn namespace(&self) -> Result<&str, Trouble> {
        Ok(self.client().await?.default_namespace())
    }

    /// Asks one question about the object of that name, or about none, and reads the answer. The library would log an
    /// answer that it can't read, whatever is in there.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        question: Question<'_>,
        request: Result<Request<Vec<u8>>, ::kube::core::request::Error>,
    ) -> Result<T, Trouble> {
        let request = request.map_err(|error| Trouble::Silent(error.to_string()))?;
        let client = self.client().await?;
        let text = match timeout(ANSWER, client.request_text(request)).await {
            Ok(answer) => answer.map_err(|error| question.trouble(&error))?,
            Err(_) => return Err(Trouble::Silent(format!("nothing within {} s", ANSWER.as_secs()))),
        };
        // serde's own words repeat values, and a review's answer repeats the token.
        serde_json::from_str(&text).map_err(|error| {
            Trouble::Silent(format!(
                "what it sends can't be read, from line {} column {}",
                error.line(),
                error.column()
            ))
        })
    }
}

/// What is needed for a question, and what it is about.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) right: Right,
    /// The object's name; none where it is about many, or about one to be made.
    pub(super) name: Option<&'a str>,
}

impl Question<'_> {
    pub(super) fn trouble(self, error: &::kube::Error) -> Trouble {
        match error {
            ::kube::Error::Api(status) => Trouble::of_status(status, self.right, self.name),
            ::kube::Error::Auth(error) => Trouble::Credentials(format!("our credentials can't be used: {error}")),
            other => Trouble::Silent(shortened(&causes(other))),
        }
    }
}

/// The error and what caused it, each told once.
fn causes(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    for cause in std::iter::successors(error.source(), |&error| error.source()).map(ToString::to_string) {
        if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

/// A client without the library's layers of retries, which callers do, and of logs, which would tell each failure twice.
/// The provider of TLS is aws-lc-rs, as the only one in the tree: rustls finds it by itself.
async fn connect(place: &Place) -> Result<Client, Trouble> {
    let unusable = |error: String| {
        Trouble::Credentials(match place {
            Place::InCluster => format!("the service account can't be used ({error}); mount its token and ca.crt"),
            Place::Kubeconfig(path) => {
                format!("{} can't be used ({error}); correct it or --kubeconfig", path.display())
            }
        })
    };
    let config = place.config().await.map_err(unusable)?;
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(ANSWER));
    connector.set_keepalive(Some(PROBE));
    connector.set_keepalive_interval(Some(PROBE));
    connector.set_keepalive_retries(Some(PROBES));
    let connector = config.rustls_https_connector_with_connector(connector);
    let connector = connector.map_err(|error| unusable(error.to_string()))?;
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().map_err(|error| unusable(error.to_string()))?)
        .map_err(BoxError::from)
        .service(legacy::Client::builder(TokioExecutor::new()).build(connector));
    Ok(Client::new(service, config.default_namespace))
}
