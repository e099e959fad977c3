use std::sync::{Arc, Mutex};

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
        GetPluginInfoRequest, ListVolumesRequest, ListVolumesResponse, NodeGetInfoRequest, ProbeRequest,
        controller_client::ControllerClient,
        identity_client::IdentityClient,
        node_client::NodeClient,
        plugin_capability::{Service, Type::Service as Offers, service::Type},
    },
    socket::{Endpoint, bind},
};

/// Answers DeleteVolume when told to, refuses ListVolumes, and has nothing else.
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

    async fn list_volumes(&self, _: Request<ListVolumesRequest>) -> Result<Response<ListVolumesResponse>, Status> {
        Err(Status::aborted("no such page: start again"))
    }
}

struct Absent;
impl Controller for Absent {}
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
    let end = tokio::spawn(serve(socket, identity, controller, None::<Absent>, shutdown));
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
        let services = answer.into_inner().capabilities.into_iter().map(|capability| match capability.r#type {
            Some(Offers(Service { r#type })) => Type::try_from(r#type).unwrap(),
            other => panic!("no service: {other:?}"),
        });
        services.collect()
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
    assert_eq!(offers, [Type::ControllerService, Type::VolumeAccessibilityConstraints]);
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
    script.entered.notified().await;

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

/// Runs with the log of this thread, at `info`, caught.
fn caught_log() -> (Arc<Mutex<Vec<u8>>>, tracing::subscriber::DefaultGuard) {
    struct Sink(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Sink {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Arc::new(Mutex::new(Vec::new()));
    let sink = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("linflow=info")
        .with_ansi(false)
        .without_time()
        .with_writer(move || Sink(sink.clone()));
    (log, tracing::subscriber::set_default(subscriber.finish()))
}

#[tokio::test]
async fn each_call_is_logged_with_its_code_and_a_routine_one_is_not() {
    let (log, _guard) = caught_log();
    let script = Scripted::default();
    let served = serve_identity(true, Some(script.clone())).await;
    served.identity().await.probe(ProbeRequest {}).await.unwrap();
    script.release.notify_one();
    served.controller().await.delete_volume(DeleteVolumeRequest::default()).await.unwrap();
    served.controller().await.list_volumes(ListVolumesRequest::default()).await.unwrap_err();

    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines[0].contains("INFO") && lines[0].contains("answered method=DeleteVolume code=Ok ms="), "{log}");
    assert!(lines[1].contains("WARN") && lines[1].contains("refused method=ListVolumes code=Aborted ms="), "{log}");
    assert!(lines[1].ends_with(r#"reason="no such page: start again""#), "{log}");
}

#[tokio::test]
async fn a_caller_that_goes_away_is_logged() {
    let (log, _guard) = caught_log();
    let script = Scripted::default();
    let served = serve_identity(true, Some(script.clone())).await;
    let mut client = served.controller().await;
    let call = tokio::spawn(async move { client.delete_volume(DeleteVolumeRequest::default()).await });
    script.entered.notified().await;
    call.abort();
    served.stop.send(()).unwrap();
    served.end.await.unwrap().unwrap();

    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    assert!(log.contains("the caller went away before the answer method=DeleteVolume ms="), "{log}");
}
