//! Kubernetes' API server, asked over HTTP: what is asked, what is never asked, and what is made of each answer.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

#[path = "../support/api_server.rs"]
mod api_server;
mod calls;
mod deleting;
mod directory;
mod doctor;
mod events;
mod kept;
mod lease;
mod review;
#[path = "../support/mod.rs"]
mod support;
mod watch;

use std::time::Duration;

use api_server::ApiServer;
use linflow::kube::{ApiDirectory, Kubernetes, Place};
use linflow::workflow::PodRef;

const DRIVER: &str = "linflow.csi";

fn connect(server: &ApiServer) -> Kubernetes {
    Kubernetes::new(Place::Kubeconfig(server.kubeconfig()))
}

fn directory(server: &ApiServer) -> ApiDirectory {
    ApiDirectory::new(connect(server), DRIVER)
}

fn pod(name: &str, uid: &str) -> PodRef {
    PodRef { namespace: "airflow".to_owned(), name: name.to_owned(), uid: Some(uid.to_owned()) }
}

/// Lets that much time pass at once.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
