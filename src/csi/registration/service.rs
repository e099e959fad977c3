//! The two calls that kubelet makes.

use std::path::PathBuf;

use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::proto::{
    InfoRequest, PluginInfo, RegistrationStatus, RegistrationStatusResponse, registration_server::Registration,
};
use super::standing::Standing;

/// Kubelet's word for a CSI driver.
const KIND: &str = "CSIPlugin";
/// Kubelet looks at the major number alone, and 1 is the only one that it takes.
const VERSION: &str = "1.0.0";

/// Says who we are, and hears what kubelet made of it.
#[derive(Debug)]
pub(super) struct Registrar {
    pub(super) driver_name: String,
    pub(super) csi_path: PathBuf,
    pub(super) standing: watch::Sender<Standing>,
}

#[tonic::async_trait]
impl Registration for Registrar {
    async fn get_info(&self, _: Request<InfoRequest>) -> Result<Response<PluginInfo>, Status> {
        tracing::debug!("kubelet asks who is there");
        Ok(Response::new(PluginInfo {
            r#type: KIND.to_owned(),
            name: self.driver_name.clone(),
            endpoint: self.csi_path.to_string_lossy().into_owned(),
            supported_versions: vec![VERSION.to_owned()],
        }))
    }

    async fn notify_registration_status(
        &self,
        message: Request<RegistrationStatus>,
    ) -> Result<Response<RegistrationStatusResponse>, Status> {
        let RegistrationStatus { plugin_registered, error } = message.into_inner();
        let standing = if plugin_registered { Standing::Registered } else { Standing::Refused(error) };
        // Kubelet repeats a refusal for as long as its cause is there.
        let is_news = self.standing.send_if_modified(|now| {
            *now != standing && {
                *now = standing.clone();
                true
            }
        });
        match standing.problem() {
            Some(problem) if is_news => tracing::error!(driver = %self.driver_name, "{problem}"),
            Some(problem) => tracing::debug!(driver = %self.driver_name, "{problem}"),
            None => tracing::info!(driver = %self.driver_name, "kubelet has registered the driver"),
        }
        Ok(Response::new(RegistrationStatusResponse {}))
    }
}
