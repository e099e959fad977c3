//! The log lines of calls, and of a kubelet that does not come. In a process of its own: tracing remembers, for all threads, who listens to a line, and
//! tests beside these that log without listening would make it forget.
#![allow(clippy::unwrap_used, reason = "clippy.toml's leave for tests doesn't reach the functions beside them")]

mod support;

use std::{sync::Arc, time::Duration};

use linflow::csi::{
    identity::Identity,
    proto::{
        DeleteVolumeRequest, DeleteVolumeResponse, ListVolumesRequest, ListVolumesResponse, ProbeRequest,
        controller_client::ControllerClient, controller_server::Controller, group_controller_server::GroupController,
        identity_client::IdentityClient, node_server::Node,
    },
    registration::{Registration, Settings},
    service::{Services, serve},
    socket::{Endpoint, bind},
};
use linflow::metrics::Operations;
use support::log::Log;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// Answers DeleteVolume when told to, and refuses ListVolumes.
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

impl GroupController for Scripted {}

struct NoNode;
impl Node for NoNode {}

/// Serves the script while `calls` are made, and until the server has drained.
async fn while_serving(script: &Scripted, calls: impl AsyncFnOnce(String)) {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::parse(folder.path().join("csi.sock").to_str().unwrap()).unwrap();
    let socket = bind(&endpoint).await.unwrap();
    let identity = Identity::new("linflow.csi", || async { true });
    let (stop, stopped) = oneshot::channel();
    let services = Services { identity, controller: Some(script.clone()), node: None::<NoNode> };
    let operations = Operations::new("linflow.csi");
    let server = tokio::spawn(serve(socket, services, operations, async { stopped.await.unwrap() }));
    calls(endpoint.to_string()).await;
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn each_call_is_logged_with_its_code_and_a_routine_one_is_not() {
    let (log, _guard) = Log::catch();
    let script = Scripted::default();
    script.release.notify_one();
    while_serving(&script, async |endpoint| {
        IdentityClient::connect(endpoint.clone()).await.unwrap().probe(ProbeRequest {}).await.unwrap();
        let mut controller = ControllerClient::connect(endpoint).await.unwrap();
        controller.delete_volume(DeleteVolumeRequest::default()).await.unwrap();
        controller.list_volumes(ListVolumesRequest::default()).await.unwrap_err();
    })
    .await;

    let lines = log.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("INFO") && lines[0].contains("answered method=DeleteVolume code=Ok ms="), "{lines:?}");
    assert!(lines[1].contains("WARN") && lines[1].contains("refused method=ListVolumes code=Aborted ms="), "{lines:?}");
    assert!(lines[1].ends_with(r#"reason="no such page: start again""#), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_kubelet_that_does_not_come_is_told_of_once() {
    let (log, _guard) = Log::catch();
    let folder = tempfile::tempdir().unwrap();
    let registration = Registration::new(Settings {
        driver_name: "linflow.csi".to_owned(),
        socket: folder.path().join("linflow.csi@reg.sock"),
        csi_path: "/csi/csi.sock".into(),
    });
    let (registration, minutes) = (registration.unwrap(), Duration::from_secs(300));
    let shutdown = CancellationToken::new();
    let outcome = tokio::time::timeout(minutes, registration.serve(&shutdown)).await;
    assert!(outcome.is_err(), "it serves until it is told to stop");
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("WARN") && lines[0].contains("see that --kubelet-dir is its --root-dir"), "{lines:?}");
}

#[tokio::test]
async fn a_caller_that_goes_away_is_logged() {
    let (log, _guard) = Log::catch();
    let script = Scripted::default();
    while_serving(&script, async |endpoint| {
        let mut controller = ControllerClient::connect(endpoint).await.unwrap();
        let call = tokio::spawn(async move { controller.delete_volume(DeleteVolumeRequest::default()).await });
        let entered = tokio::time::timeout(Duration::from_secs(10), script.entered.notified());
        entered.await.expect("the call comes within ten seconds");
        call.abort();
    })
    .await;

    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("the caller went away before the answer method=DeleteVolume ms="), "{lines:?}");
}
