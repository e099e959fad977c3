use std::sync::Arc;

use tempfile::TempDir;
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
};
use tonic::{Code, Request, Response, Status};

use super::*;
use crate::csi::{
    proto::{
        CreateVolumeRequest, DeleteVolumeRequest, DeleteVolumeResponse, GetPluginCapabilitiesRequest,
        GetPluginInfoRequest, NodeGetInfoRequest, ProbeRequest,
        controller_client::ControllerClient,
        identity_client::IdentityClient,
        node_client::NodeClient,
        plugin_capability::{Service, Type, VolumeExpansion, service, volume_expansion},
    },
    socket::{Endpoint, bind},
};

/// Answers DeleteVolume when told to, and has nothing else.
#[derive(Clone, Default)]
struct Scripted {
    entered: Arc<Notify>,
    release: Arc<Notify>,
}

#[tonic::async_trait]
impl Controller for Scripted {
    async fn delete_volume(&self, _: Request<DeleteVolumeRequest>) -> Result<Response<DeleteVolumeResponse>, Status> {
        self.entered.notify_one();
        self.release.notified().await;
        Ok(Response::new(DeleteVolumeResponse {}))
    }
}

impl GroupController for Scripted {}

struct Absent;
impl Controller for Absent {}
impl GroupController for Absent {}
impl Node for Absent {}

/// A server in a task of its own.
struct Served {
    _folder: TempDir,
    endpoint: Endpoint,
    stop: oneshot::Sender<()>,
    end: JoinHandle<Result<(), ServeError>>,
}

async fn serve_identity(ready: bool, controller: Option<Scripted>) -> Served {
    let folder = TempDir::new().unwrap();
    let endpoint = Endpoint::parse(folder.path().join("csi.sock").to_str().unwrap()).unwrap();
    let socket = bind(&endpoint).await.unwrap();
    let identity = Identity::new("linflow.csi", move || async move { ready });
    let (stop, stopped) = oneshot::channel();
    let shutdown = async { stopped.await.unwrap() };
    let services = Services { identity, controller, node: None::<Absent> };
    let end = tokio::spawn(serve(socket, services, Operations::new("linflow.csi"), shutdown));
    Served { _folder: folder, endpoint, stop, end }
}

impl Served {
    async fn identity(&self) -> IdentityClient<tonic::transport::Channel> {
        IdentityClient::connect(self.endpoint.to_string()).await.unwrap()
    }

    async fn controller(&self) -> ControllerClient<tonic::transport::Channel> {
        ControllerClient::connect(self.endpoint.to_string()).await.unwrap()
    }

    async fn offers(&self) -> Vec<Type> {
        let answer = self.identity().await.get_plugin_capabilities(GetPluginCapabilitiesRequest {}).await.unwrap();
        answer.into_inner().capabilities.into_iter().filter_map(|capability| capability.r#type).collect()
    }
}

#[tokio::test]
async fn the_plugin_says_its_name_and_version() {
    let served = serve_identity(true, None).await;
    let info = served.identity().await.get_plugin_info(GetPluginInfoRequest {}).await.unwrap().into_inner();
    assert_eq!((info.name.as_str(), info.vendor_version.as_str()), ("linflow.csi", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn only_a_process_with_a_controller_offers_one() {
    let offers = serve_identity(true, Some(Scripted::default())).await.offers().await;
    let service = |kind: service::Type| Type::Service(Service { r#type: kind.into() });
    let online = VolumeExpansion { r#type: volume_expansion::Type::Online.into() };
    let expected = [
        service(service::Type::ControllerService),
        service(service::Type::VolumeAccessibilityConstraints),
        service(service::Type::GroupControllerService),
        service(service::Type::SnapshotAccessibilityConstraints),
        Type::VolumeExpansion(online),
    ];
    assert_eq!(offers, expected);
    assert_eq!(serve_identity(true, None).await.offers().await, []);
}

#[tokio::test]
async fn a_probe_says_whether_the_driver_is_ready_and_never_fails() {
    for ready in [true, false] {
        let served = serve_identity(ready, None).await;
        let answer = served.identity().await.probe(ProbeRequest {}).await.unwrap();
        assert_eq!(answer.into_inner().ready, Some(ready));
    }
}

#[tokio::test]
async fn a_service_or_method_that_is_not_there_is_unimplemented() {
    let served = serve_identity(true, Some(Scripted::default())).await;
    let mut node = NodeClient::connect(served.endpoint.to_string()).await.unwrap();
    assert_eq!(node.node_get_info(NodeGetInfoRequest {}).await.unwrap_err().code(), Code::Unimplemented);
    let refusal = served.controller().await.create_volume(CreateVolumeRequest::default()).await.unwrap_err();
    assert_eq!(refusal.code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_call_under_way_is_answered_before_the_server_stops() {
    let script = Scripted::default();
    let Served { _folder, endpoint, stop, end } = serve_identity(true, Some(script.clone())).await;
    let mut idle = IdentityClient::connect(endpoint.to_string()).await.unwrap();
    idle.probe(ProbeRequest {}).await.unwrap();
    let mut client = ControllerClient::connect(endpoint.to_string()).await.unwrap();
    let call = tokio::spawn(async move { client.delete_volume(DeleteVolumeRequest::default()).await });
    let entered = tokio::time::timeout(Duration::from_secs(10), script.entered.notified());
    entered.await.expect("the call comes within ten seconds");

    stop.send(()).unwrap();
    let socket_is_gone = async {
        while endpoint.path().exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), socket_is_gone).await.unwrap();
    assert!(!end.is_finished(), "stopped with a call unanswered");
    script.release.notify_one();

    call.await.unwrap().unwrap();
    end.await.unwrap().unwrap();
    assert!(idle.probe(ProbeRequest {}).await.is_err());
    bind(&endpoint).await.unwrap();
}
