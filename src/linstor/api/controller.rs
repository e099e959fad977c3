//! The controller itself.

use crate::linstor::client::Client;
use crate::linstor::error::Error;
use crate::linstor::request::Request;
use crate::linstor::version::ControllerVersion;

impl Client {
    /// The active controller's version (`GET /v1/controller/version`). [`Error::TooOld`] where it is too old for
    /// linflow.
    pub async fn version(&self) -> Result<ControllerVersion, Error> {
        self.ask(Request::get(&["controller", "version"])).await
    }
}
