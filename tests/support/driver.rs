//! linflow as it runs for real: a process that can be stopped and killed.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
};

use linflow::csi::proto::{ProbeRequest, identity_client::IdentityClient, node_client::NodeClient};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use tonic::transport::Channel;

use super::{Controller, World, eventually, http, soon};

/// A process of the built binary. Dropped, it is killed.
pub struct Driver {
    process: Child,
    socket: PathBuf,
    log: Log,
    _folder: Option<TempDir>,
}

/// What a process has logged until now.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn find(&self, words: &str) -> Option<String> {
        self.0.lock().unwrap().iter().find(|line| line.contains(words)).cloned()
    }
}

impl Driver {
    /// Starts a role and waits until it serves and asks LINSTOR nothing more by itself.
    pub async fn start(world: &World, role: &str, flags: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let socket = folder.path().join("csi.sock");
        world.sandbox.requests().reset();
        let driver = Self { _folder: Some(folder), ..Self::spawn(&world.sandbox.url(), role, &socket, flags).await };
        driver.await_quiet(world, role).await;
        driver
    }

    /// Starts a role with its socket there, and waits until it serves.
    pub async fn spawn(linstor: &str, role: &str, socket: &Path, flags: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_linflow"))
            // The environment may name another LINSTOR.
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .arg(role)
            .args(["--csi-endpoint", &format!("unix://{}", socket.display())])
            .args(["--linstor-url", linstor])
            .args(flags)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().expect("stderr is piped")).lines();
        let log = Log::default();
        let written = log.clone();
        // To its end, so that the process never waits for a reader.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                written.0.lock().unwrap().push(line);
            }
        });
        let mut driver = Self { process, socket: socket.to_owned(), log, _folder: None };
        let serves = async {
            tokio::select! {
                _ = driver.process.wait() => false,
                _ = eventually("a driver that serves", async || driver.log.find("serving CSI")) => true,
            }
        };
        assert!(serves.await, "the driver ended: {:#?}", driver.log.0.lock().unwrap());
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

    /// A connection to its socket.
    pub async fn channel(&self) -> Channel {
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

    /// A page of its `--admin-listen 127.0.0.1:0`: status and text.
    pub async fn page(&self, path: &str) -> (u16, String) {
        let line = self.log.find("serving health and metrics").expect("it was started with --admin-listen");
        http::exchange(line.rsplit_once("address=").unwrap().1, "GET", path, "").await
    }

    /// Waits for a page with that status, whose text has these words.
    pub async fn await_page(&self, path: &str, status: u16, words: &str) {
        let what = format!("{path} with {status} and {words:?}");
        eventually(&what, async || {
            let page = self.page(path).await;
            (page.0 == status && page.1.contains(words)).then_some(())
        })
        .await;
    }

    /// Waits for a line of the log with these words.
    pub async fn await_log(&self, words: &str) -> String {
        eventually(&format!("a log line with {words:?}"), async || self.log.find(words)).await
    }

    /// How many lines of the log have these words.
    pub fn count_log(&self, words: &str) -> usize {
        self.log.0.lock().unwrap().iter().filter(|line| line.contains(words)).count()
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        let id = self.process.id().expect("it was not waited for");
        kill(Pid::from_raw(id.try_into().unwrap()), Signal::SIGTERM).unwrap();
    }

    /// Has it ended?
    pub fn has_ended(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        soon("the process's end", self.process.wait()).await.unwrap()
    }

    /// SIGKILL; returns when the process is gone.
    pub async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }
}
