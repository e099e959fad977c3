//! A kubelet, as far as its plugins see one: a directory that is looked at, and two calls to whoever is found there.

use std::path::PathBuf;

use linflow::csi::registration::proto::{
    InfoRequest, PluginInfo, RegistrationStatus, registration_client::RegistrationClient,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::support::eventually;

/// What grpc-go, which kubelet is built with, leaves as it is.
const AUTHORITY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'@');

/// What kubelet says where nobody is at the CSI socket's path.
pub const NO_SUCH_SOCKET: &str = "RegisterPlugin error -- plugin registration failed with err: rpc error: code = \
    Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix /csi/csi.sock: connect: no \
    such file or directory\"";

/// A kubelet's directory.
pub struct Kubelet(TempDir);

impl Kubelet {
    /// With the directory for plugins.
    pub fn new() -> Self {
        let kubelet = Self::without_registry();
        kubelet.make_registry();
        kubelet
    }

    /// Before kubelet's first start.
    pub fn without_registry() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// Makes the directory for plugins, as kubelet does when it starts.
    pub fn make_registry(&self) {
        std::fs::create_dir(self.0.path().join("plugins_registry")).unwrap();
    }

    /// Its `--root-dir`.
    pub fn dir(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    /// Where the CSI socket goes.
    pub fn csi_socket(&self) -> PathBuf {
        self.0.path().join("csi.sock")
    }

    /// Where the driver is to be found.
    pub fn socket(&self) -> PathBuf {
        self.0.path().join("plugins_registry/linflow.csi@reg.sock")
    }

    /// Waits for the socket, and asks who is there.
    pub async fn find(&self) -> PluginInfo {
        let mut client = self.client().await;
        client.get_info(InfoRequest {}).await.unwrap().into_inner()
    }

    /// Says what came of a registration; an empty error: it is registered.
    pub async fn notify(&self, error: &str) {
        let status = RegistrationStatus { plugin_registered: error.is_empty(), error: error.to_owned() };
        self.client().await.notify_registration_status(status).await.unwrap();
    }

    /// As kubelet connects: what it sends as `:authority` is the socket's path, percent-encoded.
    async fn client(&self) -> RegistrationClient<Channel> {
        let path = self.socket();
        let authority = utf8_percent_encode(path.to_str().unwrap(), AUTHORITY).to_string();
        let origin = Uri::builder().scheme("http").authority(authority).path_and_query("/").build().unwrap();
        let endpoint = Endpoint::from_shared(format!("unix://{}", path.display())).unwrap().origin(origin);
        eventually("a socket that answers", async || endpoint.connect().await.ok().map(RegistrationClient::new)).await
    }
}
