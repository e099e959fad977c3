//! A node that can take no volumes is not told to kubelet: pods go elsewhere instead of waiting there.

use linflow::csi::proto::NodeGetInfoRequest;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::{
    kubelet::Kubelet,
    support::{World, driver::Driver, eventually},
};

/// The node plugin of that node, with more flags.
async fn node(kubelet: &Kubelet, linstor: &str, name: &str, flags: &[&str]) -> Driver {
    let common = ["--node-name", name, "--admin-listen", "127.0.0.1:0", "--kubelet-dir", kubelet.dir()];
    Driver::spawn(linstor, "node", &kubelet.csi_socket(), &[&common[..], flags].concat()).await
}

/// The process says so in its log, at /readyz, and kubelet sees nothing of it.
async fn expect_withheld(driver: &Driver, kubelet: &Kubelet, words: &str) {
    driver.await_page("/readyz", 503, words).await;
    driver.await_log(words).await;
    assert_eq!(driver.page("/healthz").await.0, 200);
    assert!(!kubelet.socket().exists());
}

#[tokio::test]
async fn a_node_that_linstor_does_not_know_says_so_and_is_not_registered() {
    let (world, kubelet) = (World::start().await, Kubelet::new());
    let driver = node(&kubelet, &world.sandbox.url(), "node-9", &[]).await;
    let words = "LINSTOR knows no node node-9, so no volumes are taken here: register it as a satellite";
    expect_withheld(&driver, &kubelet, words).await;
    // It is told once, however often LINSTOR is asked.
    world.sandbox.requests().reset();
    eventually("LINSTOR is asked again", || async {
        world.sandbox.requests().take().iter().any(|one| one.path == "/v1/nodes").then_some(())
    })
    .await;
    assert_eq!(driver.count_log("LINSTOR knows no node"), 1);
}

#[tokio::test]
async fn a_node_is_registered_once_its_satellite_is_there() {
    let (world, kubelet) = (World::start().await, Kubelet::new());
    world.crash("node-1");
    let driver = node(&kubelet, &world.sandbox.url(), "node-1", &["--require-drbd", "true"]).await;
    expect_withheld(&driver, &kubelet, "the satellite of node node-1 is OFFLINE").await;
    world.restore("node-1");
    assert_eq!(kubelet.find().await.name, "linflow.csi");
}

#[tokio::test]
async fn a_node_that_was_registered_before_is_registered_whatever_linstor_says_of_it_now() {
    let (world, kubelet) = (World::start().await, Kubelet::new());
    let driver = node(&kubelet, &world.sandbox.url(), "node-1", &[]).await;
    kubelet.find().await;
    driver.node().await.node_get_info(NodeGetInfoRequest {}).await.unwrap();
    driver.kill().await;
    std::fs::remove_file(kubelet.socket()).unwrap();
    world.crash("node-1");
    let _driver = node(&kubelet, &world.sandbox.url(), "node-1", &[]).await;
    assert_eq!(kubelet.find().await.name, "linflow.csi", "what is mounted there must be unmounted");
}

#[tokio::test]
async fn a_node_without_drbd_is_not_registered_where_drbd_is_required() {
    let linstor = MockServer::start().await;
    let node_1 = serde_json::json!([
        { "name": "node-1", "type": "SATELLITE", "connection_status": "ONLINE", "resource_layers": ["STORAGE"] }
    ]);
    let version = serde_json::json!({ "version": "1.33.1", "rest_api_version": "1.27.0" });
    for (path, answer) in [("/v1/controller/version", version), ("/v1/nodes", node_1)] {
        let answer = ResponseTemplate::new(200).set_body_json(answer);
        Mock::given(matchers::path(path)).respond_with(answer).mount(&linstor).await;
    }

    let kubelet = Kubelet::new();
    let driver = node(&kubelet, &linstor.uri(), "node-1", &["--require-drbd", "true"]).await;
    expect_withheld(&driver, &kubelet, "LINSTOR sees no DRBD on node node-1").await;
    let kubelet = Kubelet::new();
    let _driver = node(&kubelet, &linstor.uri(), "node-1", &[]).await;
    assert_eq!(kubelet.find().await.name, "linflow.csi");
}
