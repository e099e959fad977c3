//! Five hundred pods of one run that come at once: what Kubernetes' sidecars are told, and what LINSTOR has then. How long
//! that takes is the bench's to say (`make crowd`).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

#[allow(dead_code, reason = "its other half serves other tests")]
#[path = "../support/api_server.rs"]
mod api_server;
mod crowd;
mod sidecar;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use api_server::{ApiServer, PODS};
use crowd::{Crowd, Member, members};
use linflow::kube::{ApiDirectory, Kubernetes as Connection, Place};
use linflow::{sandbox::latency::Latency, workflow::AnyDirectory};
use sidecar::Wave;
use support::{csi::resource, kubernetes::Kubernetes};

const CROWD: usize = 500;
/// How many pods a node has room for, where nobody tells kubelet otherwise.
const ON_THE_NODE: usize = 110;
const CLAIMS: &str = "/api/v1/namespaces/airflow/persistentvolumeclaims";

/// Kubernetes' API server with all of them.
async fn api_server(members: &[Member]) -> (ApiServer, AnyDirectory) {
    let server = ApiServer::start().await;
    for Member { pod, claim } in members {
        server.put(PODS, pod.clone());
        server.put(CLAIMS, claim.clone());
    }
    let connection = Connection::new(Place::Kubeconfig(server.kubeconfig()));
    let directory = ApiDirectory::new(connection, "linflow.csi");
    (server, AnyDirectory::Kubernetes(Arc::new(directory)))
}

/// One controller looks into a folder of manifests, the other one asks the API server.
#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_pods_of_one_run_that_come_at_once_make_one_volume_attach_it_and_let_it_go() {
    let (members, folder) = (members(CROWD), Kubernetes::new());
    folder.put_crowd(&members);
    let (server, directory) = api_server(&members).await;
    let crowd = Crowd::gather(&members, vec![folder.directory(), directory], Latency::Storage).await;

    let waves = crowd.claim().await;
    let (asked, calls) = (server.asked().len(), waves[1].calls.len());
    assert!(asked <= 2 * calls, "{asked} questions in {calls} calls: the claim, and its pod");
    let claimed = Wave::of_all(waves);
    println!("claimed: {}", claimed.figures());
    let ids: BTreeSet<&str> = claimed.answers.iter().map(String::as_str).collect();
    let volumes: BTreeSet<&str> = ids.iter().map(|id| resource(id)).collect();
    assert_eq!((ids.len(), volumes.len()), (CROWD, 1));
    let id = &claimed.answers[0];
    assert_eq!(crowd.recorded(id).await, CROWD);
    let requests = crowd.world.sandbox.requests().take();
    let spawns = requests.iter().filter(|one| one.path.ends_with("/spawn")).count();
    assert!(spawns <= 2, "{spawns} times it was to be made: once by each controller at most");
    assert!(requests.len() <= CROWD * 5, "{} requests", requests.len());

    crowd.world.sandbox.set_latency(Latency::None);
    let started = &claimed.answers[..ON_THE_NODE];
    let waves = crowd.attach(started).await;
    let (asked, calls) = (server.asked().len(), waves[1].calls.len());
    assert!(asked <= calls, "{asked} questions in {calls} calls: the pod");
    println!("attached: {}", Wave::of_all(waves).figures());
    assert_eq!(crowd.attached(id).await, ON_THE_NODE);
    println!("detached: {}", Wave::of_all(crowd.detach(started).await).figures());
    assert_eq!(crowd.attached(id).await, 0);
    println!("released: {}", Wave::of_all(crowd.release(&claimed.answers).await).figures());
    assert_eq!(crowd.recorded(id).await, 0);
    assert!(crowd.world.definition(resource(id)).await.is_some(), "the run may come for its data again");
}
