//! Registration with kubelet, by the process itself.

use linflow::{
    csi::proto::NodeGetInfoRequest,
    sandbox::faults::{Matcher, Moment},
};
use tonic::Code;

use crate::{
    kubelet::{Kubelet, NO_SUCH_SOCKET},
    support::{World, create, driver::Driver, eventually, soon},
};

/// A LINSTOR that nobody is.
const NOBODY: &str = "http://127.0.0.1:1";

/// A role that registers with that kubelet.
async fn register(kubelet: &Kubelet, role: &str, linstor: &str) -> Driver {
    let flags = ["--node-name", "node-1", "--admin-listen", "127.0.0.1:0", "--kubelet-dir", kubelet.dir()];
    Driver::spawn(linstor, role, &kubelet.csi_socket(), &flags).await
}

#[tokio::test]
async fn kubelet_finds_the_driver_and_readiness_follows_its_word() {
    let kubelet = Kubelet::new();
    let driver = register(&kubelet, "node", NOBODY).await;
    let found = kubelet.find().await;
    assert_eq!((found.r#type.as_str(), found.name.as_str()), ("CSIPlugin", "linflow.csi"));
    assert_eq!(found.endpoint, kubelet.csi_socket().to_str().unwrap());
    assert_eq!(found.supported_versions, ["1.0.0"]);
    driver.await_page("/readyz", 503, "kubelet has not registered the driver yet").await;

    kubelet.notify("").await;
    driver.await_page("/readyz", 200, "ok").await;
    driver.await_log("kubelet has registered the driver").await;
    assert_eq!(driver.page("/healthz").await.0, 200);
}

#[tokio::test]
async fn a_refusal_is_told_with_its_cause_and_remedy_until_kubelet_takes_it_back() {
    let kubelet = Kubelet::new();
    let driver = register(&kubelet, "node", NOBODY).await;
    kubelet.notify(NO_SUCH_SOCKET).await;
    kubelet.notify(NO_SUCH_SOCKET).await;
    let line = driver.await_log("kubelet refused to register the driver").await;
    for words in ["ERROR", "dial unix /csi/csi.sock: connect: no such file", "--kubelet-csi-path"] {
        assert!(line.contains(words), "{words} is missing: {line}");
    }
    driver.await_page("/readyz", 503, "--kubelet-csi-path").await;
    assert_eq!(driver.page("/healthz").await.0, 200);

    kubelet.notify("").await;
    driver.await_page("/readyz", 200, "ok").await;
    driver.await_log("kubelet has registered the driver").await;
    assert_eq!(driver.count_log("kubelet refused"), 1, "kubelet repeats itself, the log does not");
}

#[tokio::test]
async fn kubelet_is_told_the_path_that_it_sees() {
    let kubelet = Kubelet::new();
    let seen = "/var/lib/kubelet/plugins/linflow.csi/csi.sock";
    let flags = ["--node-name", "node-1", "--kubelet-dir", kubelet.dir(), "--kubelet-csi-path", seen];
    let _driver = Driver::spawn(NOBODY, "node", &kubelet.csi_socket(), &flags).await;
    assert_eq!(kubelet.find().await.endpoint, seen);
}

#[tokio::test]
async fn a_missing_directory_is_told_and_awaited() {
    let kubelet = Kubelet::without_registry();
    let driver = register(&kubelet, "node", NOBODY).await;
    driver
        .await_page("/readyz", 503, "plugins_registry\" is not there: give kubelet's --root-dir as --kubelet-dir")
        .await;
    driver.await_log("is not there: give kubelet's --root-dir").await;
    assert_eq!(driver.page("/healthz").await.0, 200);
    // CSI is served all the same, for whoever registers it.
    driver.node().await.node_get_info(NodeGetInfoRequest {}).await.unwrap();

    kubelet.make_registry();
    assert_eq!(kubelet.find().await.name, "linflow.csi");
    kubelet.notify("").await;
    driver.await_page("/readyz", 200, "ok").await;
}

#[tokio::test]
async fn what_a_killed_process_left_is_replaced() {
    let kubelet = Kubelet::new();
    let killed = register(&kubelet, "node", NOBODY).await;
    kubelet.find().await;
    killed.kill().await;
    assert!(kubelet.socket().exists(), "SIGKILL leaves the socket");
    let _next = register(&kubelet, "node", NOBODY).await;
    assert_eq!(kubelet.find().await.name, "linflow.csi");
}

#[tokio::test]
async fn a_socket_that_was_taken_away_is_made_again() {
    let kubelet = Kubelet::new();
    let driver = register(&kubelet, "node", NOBODY).await;
    kubelet.find().await;
    kubelet.notify("").await;
    std::fs::remove_file(kubelet.socket()).unwrap();
    assert_eq!(kubelet.find().await.name, "linflow.csi");
    driver.await_page("/readyz", 503, "kubelet has not registered the driver yet").await;
}

#[tokio::test]
async fn a_socket_of_somebody_else_is_left_alone_until_it_is_free() {
    let kubelet = Kubelet::new();
    let other = tokio::net::UnixListener::bind(kubelet.socket()).unwrap();
    let driver = register(&kubelet, "node", NOBODY).await;
    driver.await_page("/readyz", 503, "another process").await;
    drop(other);
    assert_eq!(kubelet.find().await.name, "linflow.csi");
}

#[tokio::test]
async fn the_socket_goes_at_the_end_and_an_older_process_leaves_the_newers() {
    let (kubelet, world) = (Kubelet::new(), World::start().await);
    let mut older = register(&kubelet, "all", &world.sandbox.url()).await;
    kubelet.find().await;
    let gate = world.sandbox.faults().gate(Matcher::contains("/resource-groups").times(1), Moment::Before);
    let controller = older.controller(&world).await;
    let call = tokio::spawn(async move { controller.create(create("held")).await });
    soon("the held request", gate.arrived()).await;

    older.terminate();
    eventually("kubelet's socket to go", async || (!kubelet.socket().exists()).then_some(())).await;
    eventually("the CSI socket to go", async || (!kubelet.csi_socket().exists()).then_some(())).await;
    assert!(!older.has_ended(), "it ended with a call under way");
    let newer = register(&kubelet, "all", &world.sandbox.url()).await;
    kubelet.find().await;
    gate.release();
    call.await.unwrap().unwrap();
    assert!(older.ended().await.success());

    assert_eq!(kubelet.find().await.name, "linflow.csi");
    kubelet.notify("").await;
    newer.await_page("/readyz", 200, "ok").await;
    newer.controller(&world).await.list(0, "").await.unwrap();
    newer.kill().await;
}

#[tokio::test]
async fn a_role_without_the_flag_or_without_a_node_registers_nothing() {
    let (kubelet, world) = (Kubelet::new(), World::start().await);
    let socket = kubelet.csi_socket();
    let flags = ["--admin-listen", "127.0.0.1:0"];
    let node = Driver::spawn(NOBODY, "node", &socket, &[&flags[..], &["--node-name", "node-1"]].concat()).await;
    node.await_page("/readyz", 200, "ok").await;
    node.kill().await;
    let flags = [&flags[..], &["--kubelet-dir", kubelet.dir()]].concat();
    let controller = Driver::spawn(&world.sandbox.url(), "controller", &socket, &flags).await;
    controller.await_page("/readyz", 200, "ok").await;
    assert!(!kubelet.socket().exists());
    let status = controller.node().await.node_get_info(NodeGetInfoRequest {}).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}
