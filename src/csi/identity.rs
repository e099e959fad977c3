//! The Identity service: who we are, what we offer, whether we can work now.

use tonic::{Request, Response, Status};

use super::proto::{
    GetPluginCapabilitiesRequest, GetPluginCapabilitiesResponse, GetPluginInfoRequest, GetPluginInfoResponse,
    PluginCapability, ProbeRequest, ProbeResponse, identity_server,
    plugin_capability::{Service, Type, VolumeExpansion, service, volume_expansion},
};

/// Whether the driver can work now. Any `Fn() -> impl Future<Output = bool>` is one.
pub trait Readiness: Send + Sync + 'static {
    /// Tells from what is known already, such as LINSTOR's last answer, so that a probe is answered at once.
    fn is_ready(&self) -> impl Future<Output = bool> + Send;
}

impl<F, Answer> Readiness for F
where
    F: Fn() -> Answer + Send + Sync + 'static,
    Answer: Future<Output = bool> + Send,
{
    fn is_ready(&self) -> impl Future<Output = bool> + Send {
        self()
    }
}

/// The Identity service of one process.
#[derive(Debug)]
pub struct Identity<R> {
    driver_name: String,
    readiness: R,
    serves_controller: bool,
}

impl<R: Readiness> Identity<R> {
    /// `driver_name` is the CSIDriver object's: domain notation, at most 63 characters (CSI, GetPluginInfo).
    pub fn new(driver_name: impl Into<String>, readiness: R) -> Self {
        Self { driver_name: driver_name.into(), readiness, serves_controller: false }
    }

    /// The same beside a Controller service on the same socket, which is then offered.
    pub(super) fn beside_controller(self, serves_controller: bool) -> Self {
        Self { serves_controller, ..self }
    }
}

#[tonic::async_trait]
impl<R: Readiness> identity_server::Identity for Identity<R> {
    async fn get_plugin_info(
        &self,
        _: Request<GetPluginInfoRequest>,
    ) -> Result<Response<GetPluginInfoResponse>, Status> {
        Ok(Response::new(GetPluginInfoResponse {
            name: self.driver_name.clone(),
            vendor_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Default::default()
        }))
    }

    async fn get_plugin_capabilities(
        &self,
        _: Request<GetPluginCapabilitiesRequest>,
    ) -> Result<Response<GetPluginCapabilitiesResponse>, Status> {
        let capabilities = if self.serves_controller { of_controller() } else { Vec::new() };
        Ok(Response::new(GetPluginCapabilitiesResponse { capabilities }))
    }

    /// Never fails: an error makes kubelet restart the plugin, and LINSTOR being away is no reason to.
    async fn probe(&self, _: Request<ProbeRequest>) -> Result<Response<ProbeResponse>, Status> {
        Ok(Response::new(ProbeResponse { ready: Some(self.readiness.is_ready().await) }))
    }
}

/// What a plugin with a controller offers. ONLINE growth may come "during any time in the lifecycle"
/// (ControllerExpandVolume); OFFLINE, its only other kind, would forbid it while a volume is published.
fn of_controller() -> Vec<PluginCapability> {
    let service = |kind: service::Type| Type::Service(Service { r#type: kind.into() });
    let online = VolumeExpansion { r#type: volume_expansion::Type::Online.into() };
    let offered = [
        service(service::Type::ControllerService),
        service(service::Type::VolumeAccessibilityConstraints),
        service(service::Type::GroupControllerService),
        service(service::Type::SnapshotAccessibilityConstraints),
        Type::VolumeExpansion(online),
    ];
    offered.map(|kind| PluginCapability { r#type: Some(kind) }).into()
}
