//! The client: what the rest of linflow holds.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::admission::Queue;
use super::certificate::Witness;
use super::error::{Error, Refusal};
use super::rc::Replies;
use super::request::Request;
use super::settings::{Settings, SettingsError};
use super::transport::Transport;
use super::watch::{Unwatched, Watch};

/// A client of one LINSTOR cluster. Clones are cheap and share connections, the limit on requests under way, and what
/// is known about the controllers.
///
/// Every method is one request. Questions (`read_timeout`) are repeated while that is safe; changes (`write_timeout`)
/// are sent at most once. Before its first request to a controller the client asks for its version, once.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    transport: Transport,
    read_timeout: Duration,
    write_timeout: Duration,
}

impl Client {
    /// Makes a client; nothing is sent yet. Errors list every mistake in the settings and in the files that they name.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        Self::build(settings, Arc::new(Unwatched), None)
    }

    /// The same, with somebody who is told of its requests.
    pub fn watched(settings: &Settings, watch: Arc<dyn Watch>) -> Result<Self, SettingsError> {
        Self::build(settings, watch, None)
    }

    /// The same, with a witness of the certificates that controllers show. Over plain http it sees nothing.
    pub fn with_witness(settings: &Settings, witness: &Witness) -> Result<Self, SettingsError> {
        Self::build(settings, Arc::new(Unwatched), Some(witness))
    }

    fn build(settings: &Settings, watch: Arc<dyn Watch>, witness: Option<&Witness>) -> Result<Self, SettingsError> {
        let transport = Transport::new(settings, watch, witness)?;
        let (read_timeout, write_timeout) = (settings.read_timeout, settings.write_timeout);
        Ok(Self { inner: Arc::new(Inner { transport, read_timeout, write_timeout }) })
    }

    /// How busy the way to LINSTOR is now.
    #[must_use]
    pub fn queue(&self) -> Queue {
        self.inner.transport.queue()
    }

    /// Asks.
    pub(super) async fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.exchange(&request, self.inner.read_timeout).await
    }

    /// Asks, with a time of its own where that is shorter.
    pub(super) async fn ask_within<T: DeserializeOwned>(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<T, Error> {
        self.exchange(&request, timeout.min(self.inner.read_timeout)).await
    }

    /// Asks for one object by its own path; none where LINSTOR says that it does not exist.
    pub(super) async fn ask_for<T: DeserializeOwned>(&self, request: Request) -> Result<Option<T>, Error> {
        match self.ask(request).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes something. An error among the replies is a refusal, whatever the status was.
    pub(super) async fn change(&self, request: Request) -> Result<Replies, Error> {
        let replies: Replies = self.exchange(&request, self.inner.write_timeout).await?;
        match replies.error() {
            Some(error) => Err(Error::Refused(Box::new(Refusal::new(request.to_string(), 200, error.clone())))),
            None => Ok(replies),
        }
    }

    /// Changes something whose answer is more than replies.
    pub(super) async fn change_for<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.exchange(&request, self.inner.write_timeout).await
    }

    /// POSTs a change.
    pub(super) async fn post(
        &self,
        route: &'static str,
        names: &[&str],
        body: &impl Serialize,
    ) -> Result<Replies, Error> {
        self.change(Request::change(Method::POST, route, names).json(body)).await
    }

    /// PUTs a change.
    pub(super) async fn put(
        &self,
        route: &'static str,
        names: &[&str],
        body: &impl Serialize,
    ) -> Result<Replies, Error> {
        self.change(Request::change(Method::PUT, route, names).json(body)).await
    }

    async fn exchange<T: DeserializeOwned>(&self, request: &Request, timeout: Duration) -> Result<T, Error> {
        let deadline = Instant::now() + timeout;
        let answer = self.inner.transport.exchange(request, deadline).await;
        answer.map_err(|failure| failure.into_error(request))
    }
}
