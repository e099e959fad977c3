//! The controller itself.

use std::time::Duration;

use crate::linstor::client::Client;
use crate::linstor::error::Error;
use crate::linstor::request::Request;
use crate::linstor::version::ControllerVersion;

impl Client {
    /// The active controller's version (`GET /v1/controller/version`). [`Error::TooOld`] where it is too old for
    /// linflow.
    pub async fn version(&self) -> Result<ControllerVersion, Error> {
        self.ask(Request::get("controller/version", &[])).await
    }

    /// The same for who can't wait longer than that: the error then tells why there was no answer until now.
    pub async fn version_within(&self, timeout: Duration) -> Result<ControllerVersion, Error> {
        self.ask_within(Request::get("controller/version", &[]), timeout).await
    }
}
