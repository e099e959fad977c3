//! The call by which Airflow's side says that a run is over, or goes on (`--runs-listen`).
//!
//! ```text
//! POST /v1/runs/finish  {"instance": …, "dag_id": …, "run_id": …, "state": "success" | "failed", "age_ms": …}
//! POST /v1/runs/resume  {"instance": …, "dag_id": …, "run_id": …}
//! 200 {"volumes": [the run's volumes]}   else {"error": what is wrong, and what to do}
//! ```
//!
//! `age_ms` says how long ago the run ended, for a caller that had to try again: what was claimed in between voids the
//! proof. It is no time of day, since two clocks may differ.
//!
//! The caller shows a bearer token: the one in a file, which may speak for any instance, or one of a service account,
//! which speaks for the instance of its namespace.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::post,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::word::{self, RunRef};
use crate::linstor::Client;
use crate::volume::{Error, ending::Outcome, moment::Moment};
use crate::workflow::{Bearers, DagId, Instance, Instances, RunId};

/// What the call works with.
#[derive(Debug)]
pub struct Desk<B> {
    /// Where the volumes are.
    pub linstor: Client,
    /// Which instance a namespace belongs to.
    pub instances: Instances,
    /// The file with the token that may speak for any instance; read at each call.
    pub token_file: Option<PathBuf>,
    /// Who knows whose other tokens are.
    pub bearers: Option<B>,
}

/// Nobody: no token of a service account is known.
#[derive(Debug)]
pub enum Nobody {}

impl Bearers for Nobody {
    async fn namespace_of(&self, _: &SecretString) -> Result<Option<String>, String> {
        Ok(None)
    }
}

/// Whose word it is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Speaker {
    /// The token of the file.
    File,
    /// A service account of that namespace.
    Account(String),
}

/// What is answered where nothing is done.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Finish {
    instance: Option<String>,
    dag_id: String,
    run_id: String,
    state: Outcome,
    #[serde(default)]
    age_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resume {
    instance: Option<String>,
    dag_id: String,
    run_id: String,
}

/// Serves until `shutdown`. Errors: the listener fails.
pub async fn serve<B: Bearers + 'static>(
    listener: TcpListener,
    desk: Desk<B>,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/v1/runs/finish", post(finish::<B>))
        .route("/v1/runs/resume", post(resume::<B>))
        .with_state(Arc::new(desk));
    axum::serve(listener, routes).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

async fn finish<B: Bearers>(
    State(desk): State<Arc<Desk<B>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    // The proof is as old as the run's end: what is claimed from then on voids it.
    let now = Moment::now();
    let speaker = desk.speaker(&headers).await?;
    let Finish { instance, dag_id, run_id, state, age_ms } = parse(&body)?;
    let run = desk.run(&speaker, instance, &dag_id, &run_id)?;
    let ended = now.before(Duration::from_millis(age_ms));
    let told = word::finish(&desk.linstor, &run, state, &speaker.name(), ended).await;
    answer(told, &format!("run is over: {state}"), &run)
}

async fn resume<B: Bearers>(
    State(desk): State<Arc<Desk<B>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let speaker = desk.speaker(&headers).await?;
    let Resume { instance, dag_id, run_id } = parse(&body)?;
    let run = desk.run(&speaker, instance, &dag_id, &run_id)?;
    answer(word::resume(&desk.linstor, &run).await, "run goes on", &run)
}

fn answer(told: Result<Vec<String>, Error>, what: &str, run: &RunRef) -> Result<Response, Refusal> {
    let RunRef { instance, dag, run } = run;
    match told {
        Ok(volumes) => {
            // Airflow's side tells of every run, and most have none.
            match volumes.len() {
                0 => tracing::debug!(%instance, %dag, %run, "{what}, and has no volumes"),
                volumes => tracing::info!(%instance, %dag, %run, volumes, "{what}"),
            }
            Ok(Json(json!({"volumes": volumes})).into_response())
        }
        Err(error) => {
            tracing::warn!(%instance, %dag, %run, %error, "a run's end could not be written down");
            Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, format!("{error}; call again")))
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        let help = "send a JSON object with instance, dag_id, run_id and, to finish, state (success or failed)";
        Refusal(StatusCode::BAD_REQUEST, format!("the body can't be read: {error}; {help}"))
    })
}

impl Speaker {
    fn name(&self) -> String {
        match self {
            Self::File => "the holder of --runs-token-file".to_owned(),
            Self::Account(namespace) => format!("a service account of {namespace}"),
        }
    }
}

impl<B: Bearers> Desk<B> {
    async fn speaker(&self, headers: &HeaderMap) -> Result<Speaker, Refusal> {
        let unauthorized = |message: &str| Refusal(StatusCode::UNAUTHORIZED, message.to_owned());
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token =
            header.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim).filter(|token| !token.is_empty());
        let Some(token) = token else {
            return Err(unauthorized("no token was shown; send it as Authorization: Bearer TOKEN"));
        };
        let token = SecretString::from(token);
        if let Some(known) = self.known().await?
            && is_same(&known, &token)
        {
            return Ok(Speaker::File);
        }
        let namespace = match &self.bearers {
            Some(bearers) => bearers.namespace_of(&token).await,
            None => Ok(None),
        };
        match namespace {
            Ok(Some(namespace)) => Ok(Speaker::Account(namespace)),
            Ok(None) => Err(unauthorized(
                "the token is not known; send that of --runs-token-file, or a service account's for this driver",
            )),
            Err(why) => Err(Refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("whose token it is can't be asked: {why}; call again"),
            )),
        }
    }

    async fn known(&self) -> Result<Option<SecretString>, Refusal> {
        let Some(file) = &self.token_file else { return Ok(None) };
        match tokio::fs::read_to_string(file).await {
            Ok(text) if !text.trim().is_empty() => Ok(Some(SecretString::from(text.trim()))),
            Ok(_) => Err(Refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                "the file of --runs-token-file is empty; write a token to it".to_owned(),
            )),
            Err(error) => Err(Refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("the file of --runs-token-file can't be read ({error}); make it readable"),
            )),
        }
    }

    /// The run that is spoken of, where the speaker may.
    fn run(&self, speaker: &Speaker, instance: Option<String>, dag: &str, run: &str) -> Result<RunRef, Refusal> {
        let bad = |error: String| Refusal(StatusCode::BAD_REQUEST, error);
        let named = instance
            .map(|name| Instance::parse(&name))
            .transpose()
            .map_err(|error| bad(format!("instance: {error}")))?;
        let own = match speaker {
            Speaker::File => None,
            Speaker::Account(namespace) => {
                Some(self.instances.of(namespace).map_err(|error| Refusal(StatusCode::FORBIDDEN, error.to_string()))?)
            }
        };
        let instance = match (named, own) {
            (Some(named), Some(own)) if named != own => {
                let message = format!(
                    "the token's namespace belongs to Airflow instance {own}, not to {named}; speak of runs of {own}, or list the namespace with --airflow-instance"
                );
                return Err(Refusal(StatusCode::FORBIDDEN, message));
            }
            (Some(instance), _) | (None, Some(instance)) => instance,
            (None, None) => return Err(bad("instance is missing; name the Airflow instance of the run".to_owned())),
        };
        let dag = DagId::parse(dag).map_err(|error| bad(format!("dag_id: {error}")))?;
        let run = RunId::parse(run).map_err(|error| bad(format!("run_id: {error}")))?;
        Ok(RunRef { instance, dag, run })
    }
}

/// Compared by their hashes, so that the time tells nothing.
fn is_same(one: &SecretString, other: &SecretString) -> bool {
    Sha256::digest(one.expose_secret()) == Sha256::digest(other.expose_secret())
}
