//! The limit on requests under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use linflow::linstor::name::ResourceName;
use linflow::linstor::{Client, Error};
use tokio::sync::{Barrier, Notify};
use wiremock::matchers::method;
use wiremock::{Mock, Request, Respond, ResponseTemplate};

use crate::server::*;

struct HangAndTell(Arc<Notify>);

impl Respond for HangAndTell {
    fn respond(&self, _request: &Request) -> ResponseTemplate {
        self.0.notify_one();
        never()
    }
}

#[tokio::test]
async fn a_request_that_waits_for_a_place_until_its_deadline_is_not_sent() {
    let server = controller().await;
    let arrived = Arc::new(Notify::new());
    Mock::given(method("DELETE")).respond_with(HangAndTell(arrived.clone())).mount(&server).await;
    let mut settings = settings(&[&server.uri()]);
    settings.max_in_flight = 1;
    settings.read_timeout = SOON;
    let client = Client::new(&settings).unwrap();
    let (volume, holder) = (ResourceName::parse("vol1").unwrap(), client.clone());
    let holding = tokio::spawn(async move { holder.kv_delete(&volume).await });
    let arrival = tokio::time::timeout(Duration::from_secs(10), arrived.notified());
    arrival.await.expect("the first request comes within ten seconds");
    let error = client.nodes(&[]).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_eq!(asked(&server).await, ["DELETE /v1/key-value-store/vol1"]);
    holding.abort();
}

/// Serves nodes only while exactly two requests are there at once, and remembers the most that there were.
async fn serve_pairs(most: Arc<AtomicUsize>) -> String {
    let (now, pair) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(2)));
    let nodes = move || {
        let (now, most, pair) = (now.clone(), most.clone(), pair.clone());
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            pair.wait().await;
            now.fetch_sub(1, Ordering::SeqCst);
            "[]"
        }
    };
    let app = Router::new().route("/v1/controller/version", get(|| async { VERSION })).route("/v1/nodes", get(nodes));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

#[tokio::test]
async fn no_more_requests_than_the_limit_are_under_way_at_once() {
    let most = Arc::new(AtomicUsize::new(0));
    let mut settings = settings(&[&serve_pairs(most.clone()).await]);
    settings.max_in_flight = 2;
    let client = Client::new(&settings).unwrap();
    let requests = (0..8).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.nodes(&[]).await })
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.unwrap().unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}
