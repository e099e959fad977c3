//! linflow as it runs for real: a process that can be killed.

use std::{path::PathBuf, process::Stdio, time::Duration};

use linflow::csi::proto::{ProbeRequest, identity_client::IdentityClient, node_client::NodeClient};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};
use tonic::transport::Channel;

use super::{Controller, World, eventually};

const SOON: Duration = Duration::from_secs(30);

/// A process of the built binary. Dropped, it is killed.
pub struct Driver {
    process: Child,
    socket: PathBuf,
    _folder: TempDir,
}

impl Driver {
    /// Starts a role and waits until it serves and asks LINSTOR nothing more by itself.
    pub async fn start(world: &World, role: &str, flags: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let socket = folder.path().join("csi.sock");
        world.sandbox.requests().reset();
        let mut process = Command::new(env!("CARGO_BIN_EXE_linflow"))
            // The environment may name another LINSTOR.
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .arg(role)
            .args(["--csi-endpoint", &format!("unix://{}", socket.display())])
            .args(["--linstor-url", world.sandbox.url().as_ref()])
            .args(flags)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stderr.take().expect("stderr is piped")).lines();
        timeout(SOON, until_serving(lines)).await.expect("a driver serves soon");
        let driver = Self { process, socket, _folder: folder };
        driver.await_quiet(world, role).await;
        driver
    }

    /// Asks LINSTOR's version, which a process does once, and waits for the controller's first look at pending
    /// detaches: neither is part of the call that is to be cut.
    async fn await_quiet(&self, world: &World, role: &str) {
        let answer = IdentityClient::new(self.channel().await).probe(ProbeRequest {}).await.unwrap();
        assert_eq!(answer.into_inner().ready, Some(true));
        if role != "node" {
            eventually("the look at pending detaches", async || {
                world.sandbox.requests().take().iter().any(|one| one.path == "/v1/key-value-store").then_some(())
            })
            .await;
        }
    }

    async fn channel(&self) -> Channel {
        let endpoint = tonic::transport::Endpoint::try_from(format!("unix://{}", self.socket.display())).unwrap();
        endpoint.connect().await.unwrap()
    }

    /// Its Controller service.
    pub async fn controller(&self, world: &World) -> Controller {
        Controller::connect(&self.socket, world.controller.service.clone()).await
    }

    /// Its Node service.
    pub async fn node(&self) -> NodeClient<Channel> {
        NodeClient::new(self.channel().await)
    }

    /// SIGKILL; returns when the process is gone.
    pub async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }
}

/// Reads the log until it says that the socket is there; whatever comes after goes on being read, so that nobody
/// blocks.
async fn until_serving(mut lines: tokio::io::Lines<BufReader<tokio::process::ChildStderr>>) {
    let mut seen = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        let is_serving = line.contains("serving CSI");
        seen.push(line);
        if is_serving {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return;
        }
    }
    panic!("the driver ended: {seen:#?}");
}
