//! Getting a request to the active controller, and its answer back.
//!
//! * A controller is asked for its version before anything else is sent to it, and again after it failed to answer.
//! * What was not sent goes to the next controller at once. A change that may have been sent goes to no other one.
//! * Only GETs are repeated, within the request's deadline.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::redirect;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use super::admission::{Admission, Queue};
use super::answer::Answer;
use super::certificate::Witness;
use super::controllers::{Controller, Controllers};
use super::failure::Failure;
use super::request::Request;
use super::settings::{Mistake, Settings};
use super::token::TokenFile;
use super::version::ControllerVersion;
use super::watch::{Outcome, Watch};
use super::{settings, tls};

/// LINSTOR's server closes idle connections after 30 s. Ours go first, lest a change be sent into a closing one.
const IDLE: Duration = Duration::from_secs(20);
const REPEATS: usize = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The way to LINSTOR.
#[derive(Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    controllers: Controllers,
    admission: Admission,
    token: Option<TokenFile>,
    watch: Arc<dyn Watch>,
    /// With a controller that has not told its version.
    patience: Duration,
}

impl Transport {
    /// Reads the files that the settings name. Nothing is sent.
    pub(super) fn new(
        settings: &Settings,
        watch: Arc<dyn Watch>,
        witness: Option<&Witness>,
    ) -> Result<Self, settings::SettingsError> {
        let mut mistakes = settings.mistakes();
        let tls = tls::configure(settings, witness).map_err(|found| mistakes.extend(found)).ok();
        let token = settings.bearer_token_file.clone().map(TokenFile::new);
        if let (Some(token), Some(file)) = (&token, &settings.bearer_token_file) {
            mistakes.extend(token.check().err().map(|error| Mistake::in_file("bearer_token_file", file, error)));
        }
        let http = tls.and_then(|tls| build_http(settings, tls).map_err(|mistake| mistakes.push(mistake)).ok());
        match http {
            Some(http) if mistakes.is_empty() => Ok(Self {
                http,
                controllers: Controllers::new(settings.urls.clone()),
                admission: Admission::new(settings.max_in_flight),
                token,
                watch,
                patience: settings.connect_timeout,
            }),
            _ => Err(settings::SettingsError { mistakes }),
        }
    }

    /// How busy it is now.
    pub(super) fn queue(&self) -> Queue {
        self.admission.queue()
    }

    /// Sends a request until it is answered, may not be repeated, or the deadline passes.
    pub(super) async fn exchange<T: DeserializeOwned>(
        &self,
        request: &Request,
        deadline: Instant,
    ) -> Result<T, Failure> {
        let call = Call { request, deadline, token: self.read_token().await? };
        if !request.is_repeatable() {
            return self.round(&call).await;
        }
        let pauses = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(REPEATS);
        (|| self.round(&call))
            .retry(pauses)
            .when(Failure::may_pass)
            .notify(|_, _| self.watch.repeated(&request.route()))
            .adjust(|_, pause| pause.filter(|pause| Instant::now() + *pause < deadline))
            .await
    }

    async fn read_token(&self) -> Result<Option<HeaderValue>, Failure> {
        let Some(token) = &self.token else { return Ok(None) };
        token.header().await.map(Some).map_err(|error| Failure::NotSent(error.to_string()))
    }

    /// Offers a request to each controller in turn, until one has it.
    async fn round<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Failure> {
        let arrived = Instant::now();
        let place = self.admission.enter(call.deadline).await;
        self.watch.waited(arrived.elapsed());
        let Some(_place) = place else {
            let limit = self.admission.queue().limit;
            return Err(Failure::NotSent(format!("{limit} other requests were under way until the deadline")));
        };
        let mut failed = None;
        for controller in self.controllers.in_turn() {
            match self.offer(controller, call).await {
                Ok(answer) => return Ok(answer),
                Err(verdict) if verdict.is_verdict() => return Err(verdict),
                Err(failure) => {
                    self.controllers.avoid(controller);
                    // After the deadline the others can't be tried, and are not to be avoided for that.
                    let is_over = !failure.has_done_nothing(call.request) || call.is_late();
                    failed = Some(failure.at(controller).after(failed));
                    if is_over {
                        break;
                    }
                }
            }
        }
        Err(failed.expect("the settings were checked to name a controller"))
    }

    /// Sends a request to this controller, if it is one that linflow can work with.
    async fn offer<T: DeserializeOwned>(&self, controller: &Controller, call: &Call<'_>) -> Result<T, Failure> {
        if !controller.is_proven() {
            let question = Request::get("controller/version", &[]);
            let version: Result<ControllerVersion, _> =
                self.send(controller, &call.first(&question, self.patience)).await;
            controller.prove(&version.map_err(Failure::of_an_earlier_request)?)?;
        }
        self.send(controller, call).await
    }

    /// Sends a request to this controller and reads the answer.
    async fn send<T: DeserializeOwned>(&self, controller: &Controller, call: &Call<'_>) -> Result<T, Failure> {
        let sendable = self.prepare(controller, call)?;
        if call.is_late() {
            return Err(Failure::NotSent("the deadline has passed".to_owned()));
        }
        let started = Instant::now();
        let answer = match timeout_at(call.deadline, self.receive(sendable)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(fault(error)),
            Err(_) => Err(Failure::NoAnswer("no answer until the deadline".to_owned())),
        };
        let took = started.elapsed();
        // 0: no answer.
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(method = %call.request.method, path = call.request.path(), status, ms, "linstor");
        let decoded = answer.and_then(|answer| answer.decode(call.request));
        self.watch.attempted(&call.request.route(), outcome(&decoded), took);
        decoded
    }

    fn prepare(&self, controller: &Controller, call: &Call<'_>) -> Result<reqwest::Request, Failure> {
        let mut builder = self.http.request(call.request.method.clone(), call.request.url(controller.url()));
        if let Some(token) = &call.token {
            builder = builder.header(AUTHORIZATION, token.clone());
        }
        if let Some(body) = &call.request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        builder.build().map_err(|error| Failure::NotSent(causes(&error)))
    }

    async fn receive(&self, request: reqwest::Request) -> reqwest::Result<Answer> {
        let response = self.http.execute(request).await?;
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = response.status().as_u16();
        Ok(Answer { status, location, body: response.bytes().await?.to_vec() })
    }
}

/// A request with what every attempt to send it needs.
struct Call<'a> {
    request: &'a Request,
    deadline: Instant,
    token: Option<HeaderValue>,
}

impl Call<'_> {
    /// A question to be asked first, in so much of the time that is left.
    fn first<'a>(&self, question: &'a Request, patience: Duration) -> Call<'a> {
        let deadline = self.deadline.min(Instant::now() + patience);
        Call { request: question, deadline, token: self.token.clone() }
    }

    fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }
}

fn build_http(settings: &Settings, tls: rustls::ClientConfig) -> Result<reqwest::Client, Mistake> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(settings.user_agent.as_str())
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(IDLE)
        // A redirected POST would become a GET, a proxy from the environment sees what is the cluster's own.
        .redirect(redirect::Policy::none())
        .no_proxy()
        .retry(reqwest::retry::never())
        .build()
        .map_err(|error| Mistake::new("user_agent", causes(&error)))
}

fn outcome<T>(answer: &Result<T, Failure>) -> Outcome {
    match answer {
        Ok(_) => Outcome::Ok,
        Err(Failure::Refused(_) | Failure::TooOld { .. }) => Outcome::Refused,
        Err(Failure::NoAnswer(_)) => Outcome::Unanswered,
        Err(Failure::NotSent(_)) => Outcome::Unsent,
    }
}

/// A connection that was not made carried nothing; after that, nobody knows.
fn fault(error: reqwest::Error) -> Failure {
    let is_unsent = error.is_connect() || error.is_builder();
    let reason = causes(&error.without_url());
    if is_unsent { Failure::NotSent(reason) } else { Failure::NoAnswer(reason) }
}

/// The error with its causes, the outermost first.
fn causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
