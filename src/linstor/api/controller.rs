//! The controller itself.

use serde::Deserialize;

use crate::linstor::client::Client;
use crate::linstor::error::Error;
use crate::linstor::request::Request;
use crate::linstor::version::ControllerVersion;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorReport {
    text: String,
}

impl Client {
    /// The active controller's version (`GET /v1/controller/version`). [`Error::TooOld`] where it is too old for linflow.
    pub async fn version(&self) -> Result<ControllerVersion, Error> {
        self.ask(Request::get(&["controller", "version"])).await
    }

    /// The text of an error report, for people (`GET /v1/error-reports/{id}`). None where there is no such report.
    /// It is slow: LINSTOR asks every satellite.
    pub async fn error_report(&self, id: &str) -> Result<Option<String>, Error> {
        let reports: Vec<ErrorReport> = self.ask(Request::get(&["error-reports", id])).await?;
        Ok(reports.into_iter().next().map(|report| report.text))
    }
}
