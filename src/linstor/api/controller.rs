//! The controller itself.

use std::time::Duration;

use serde::Deserialize;

use crate::linstor::client::Client;
use crate::linstor::error::Error;
use crate::linstor::model::{MasterPassphrase, Props};
use crate::linstor::request::Request;
use crate::linstor::version::ControllerVersion;

#[derive(Deserialize)]
struct PassphraseStatus {
    status: MasterPassphrase,
}

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

    /// The controller's properties, which every object inherits (`GET /v1/controller/properties`). Passwords of its key
    /// stores are among them: never show them all.
    pub async fn controller_props(&self) -> Result<Props, Error> {
        self.ask(Request::get("controller/properties", &[])).await
    }

    /// Whether volumes can be encrypted now (`GET /v1/encryption/passphrase`).
    pub async fn master_passphrase(&self) -> Result<MasterPassphrase, Error> {
        let answer: PassphraseStatus = self.ask(Request::get("encryption/passphrase", &[])).await?;
        Ok(answer.status)
    }
}
