//! LINSTOR comes later than linflow, which waits for it and needs no restart.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod support;

use std::process::Stdio;

use linflow::{
    csi::proto::{ProbeRequest, identity_client::IdentityClient},
    sandbox::{self, BackingKind, Sandbox},
};
use support::{NODES, POOL, POOL_KIB, eventually};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

/// An address where nobody listens: it was free a moment ago.
fn free_address() -> std::net::SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_controller_without_linstor_says_so_and_serves_once_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (address, socket) = (free_address(), folder.path().join("not/yet/there/csi.sock"));
    let endpoint = format!("unix://{}", socket.display());
    let mut process = Command::new(env!("CARGO_BIN_EXE_linflow"))
        .env_clear()
        .args(["controller", "--csi-endpoint", &endpoint, "--linstor-url", &format!("http://{address}")])
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    while !said.iter().any(|line: &String| line.contains("serving CSI")) {
        said.push(lines.next_line().await.unwrap().unwrap_or_else(|| panic!("it ended: {said:#?}")));
    }
    let told = said.iter().find(|line| line.contains("LINSTOR does not answer yet")).unwrap();
    assert!(told.contains("--linstor-url") && told.contains(&address.to_string()), "{told}");
    let _reading = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });

    let identity = IdentityClient::connect(endpoint).await.unwrap();
    let is_ready = async || identity.clone().probe(ProbeRequest {}).await.unwrap().into_inner().ready == Some(true);
    assert!(!is_ready().await);
    let linstor = Sandbox::start(sandbox::Settings {
        listen: address,
        nodes: NODES.map(|node| node.parse().unwrap()).into(),
        state: folder.path().join("state"),
        pool: POOL.parse().unwrap(),
        pool_kib: POOL_KIB,
        backing: BackingKind::Bookkeeping,
    });
    let linstor = linstor.await.unwrap();
    eventually("the controller finds LINSTOR", async || is_ready().await.then_some(())).await;
    drop(linstor);
}
