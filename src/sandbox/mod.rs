//! The embedded LINSTOR: an HTTP server that speaks the part of LINSTOR's REST API that linflow uses, over a simulated
//! cluster.
//!
//! [`model`] is the cluster and knows no HTTP; `rest` answers as the recordings of a real LINSTOR do; [`bytes`] is the
//! seam to what holds the replicas' data ([`backing`]: loop devices, [`bookkeeping`]: nothing); [`requests`] counts
//! what was asked; [`latency`] makes it take as long as a real LINSTOR, [`faults`] make it fail on request.
//! docs/sandbox.md says what it does not do, docs/faults.md how it fails.

pub mod backing;
pub mod banner;
pub mod bookkeeping;
pub mod bytes;
pub mod faults;
pub mod journal;
mod kept;
pub mod latency;
pub mod model;
pub mod requests;
mod rest;
pub mod serve;

use crate::linstor::name::{NodeName, PoolName};
use backing::LoopBacking;
use bookkeeping::Bookkeeping;
use bytes::{Backing, ReplicaKey};
use faults::Faults;
use journal::JournalError;
use latency::{Latency, Pace};
use model::{Cluster, Layout, SharedCluster};
use requests::RequestLog;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use rest::router;

/// What LINSTOR has and the sandbox does not. The start-up banner prints it.
pub const UNSUPPORTED: &[&str] = &[
    "snapshot rollback and shipping",
    "moving a disk with toggle-disk, activate and deactivate, resource connections, changed properties of one volume",
    "backups, remotes, schedules",
    "events (SSE)",
    "encryption: the layer and the passphrase are there, no byte is encrypted",
    "creating, deleting, evicting and reconnecting nodes",
    "storage pools other than file pools, physical storage",
    "what LUKS, NVME, CACHE and WRITECACHE would do: they pass everything through; BCACHE",
    "query-max-volume-size, the controller's configuration, metrics",
    "external names, tokens, TLS",
];

/// How the sandbox is started.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Its nodes.
    pub nodes: Vec<NodeName>,
    /// The folder for its files.
    pub state: PathBuf,
    /// The name of each node's storage pool.
    pub pool: PoolName,
    /// The size of each node's storage pool, KiB.
    pub pool_kib: u64,
    /// What holds the bytes.
    pub backing: BackingKind,
}

/// What holds the bytes of replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackingKind {
    /// Loop devices where this is root, else bookkeeping.
    #[default]
    Auto,
    /// Sparse files and loop devices: real bytes. Needs root.
    Loop,
    /// No bytes at all.
    Bookkeeping,
}

/// Why the sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address can't be listened on.
    #[error("can't listen on {address}; choose another, or port 0 for a free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// There is no node to simulate.
    #[error("a sandbox needs at least one node, and at most 254: give their names")]
    Nodes,
    /// The folder holds a cluster that was started otherwise.
    #[error("{} holds a cluster with {there}, and {asked} was asked for; start it as it was, or choose another folder", state.display())]
    Different {
        /// The folder.
        state: PathBuf,
        /// What the folder has.
        there: String,
        /// What was asked for.
        asked: String,
    },
    /// The folder can't be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The folder's cluster can't be put together again.
    #[error("the cluster in {} can't be started: {source}", state.display())]
    Resume {
        /// The folder.
        state: PathBuf,
        /// Why not.
        source: model::failures::FailureError,
    },
    /// The folder can't hold files with loop devices.
    #[error("no loop devices on files in {}: {source}; run as root, or choose bookkeeping", state.display())]
    Backing {
        /// The folder.
        state: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// What holds the bytes, by its kind. `state` is the folder for files.
fn open_backing(kind: BackingKind, state: &Path, is_kept: bool) -> Result<Arc<dyn Backing>, StartError> {
    if kind == BackingKind::Bookkeeping {
        return Ok(Arc::new(Bookkeeping::default()));
    }
    let opened = if is_kept { LoopBacking::open_kept(state) } else { LoopBacking::open(state) };
    match (kind, opened) {
        (_, Ok(backing)) => Ok(Arc::new(backing)),
        (BackingKind::Auto, Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
            Ok(Arc::new(Bookkeeping::default()))
        }
        (_, Err(source)) => Err(StartError::Backing { state: state.to_owned(), source }),
    }
}

/// A new cluster.
fn build(settings: &Settings, is_kept: bool) -> Result<Cluster, StartError> {
    if settings.nodes.is_empty() || settings.nodes.len() > 254 {
        return Err(StartError::Nodes);
    }
    let layout = Layout {
        nodes: settings.nodes.iter().map(ToString::to_string).collect(),
        pool: settings.pool.as_str(),
        pool_kib: settings.pool_kib,
        state: &settings.state,
    };
    Ok(Cluster::new(&layout, open_backing(settings.backing, &settings.state, is_kept)?))
}

/// A running sandbox. Clones are handles on the same one.
#[derive(Clone)]
pub struct Sandbox {
    address: SocketAddr,
    cluster: SharedCluster,
    requests: RequestLog,
    faults: Faults,
    pace: Pace,
    shutdown: CancellationToken,
    server: Arc<Mutex<Option<JoinHandle<()>>>>,
    is_kept: bool,
}

impl Sandbox {
    /// Starts a sandbox whose cluster ends with it; it serves once this returns.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let cluster = build(&settings, false)?;
        Self::serve(&settings, cluster, false).await
    }

    /// Starts a sandbox whose cluster stays in the state folder, with the cluster that is there already.
    pub async fn start_kept(settings: Settings) -> Result<Self, StartError> {
        let building = settings.clone();
        let built = tokio::task::spawn_blocking(move || kept::build_kept(&building)).await;
        let cluster = built.map_err(|error| StartError::Resume {
            state: settings.state.clone(),
            source: io::Error::other(error).into(),
        })??;
        Self::serve(&settings, cluster, true).await
    }

    async fn serve(settings: &Settings, cluster: Cluster, is_kept: bool) -> Result<Self, StartError> {
        let cluster = SharedCluster::new(cluster);
        let refused = |source| StartError::Listen { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let (requests, faults, shutdown) = (RequestLog::default(), Faults::default(), CancellationToken::new());
        let pace = Pace::default();
        let api = router(cluster.clone())
            .layer(axum::middleware::from_fn_with_state(pace.clone(), latency::wait))
            .layer(axum::middleware::from_fn_with_state(requests.clone(), requests::record));
        let admin = faults::admin_router(faults.clone()).merge(faults::node_router(Arc::new(cluster.clone())));
        let server = tokio::spawn(serve::serve(listener, admin.merge(api), faults.clone(), shutdown.clone()));
        let server = Arc::new(Mutex::new(Some(server)));
        Ok(Self { address, cluster, requests, faults, pace, shutdown, server, is_kept })
    }

    /// The URL of the REST API, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that it was asked.
    pub fn requests(&self) -> RequestLog {
        self.requests.clone()
    }

    /// The faults that it commits.
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }

    /// From now on requests take so long.
    pub fn set_latency(&self, latency: Latency) {
        self.pace.set(latency);
    }

    /// The cluster: nodes to crash, pools to fill. Its lock blocks.
    pub fn cluster(&self) -> SharedCluster {
        self.cluster.clone()
    }

    /// Recomputes the roles from what is open now, as every request does.
    pub fn refresh(&self) -> io::Result<()> {
        self.cluster.lock().refresh_all()
    }

    /// Copies what a primary has written so far to the connected replicas.
    pub fn replicate(&self, resource: &str) -> Result<(), model::failures::FailureError> {
        self.cluster.lock().replicate(resource)
    }

    /// The backing file of a replica, where bytes are real.
    pub fn file(&self, replica: &ReplicaKey) -> Option<PathBuf> {
        self.cluster.lock().backing().file(replica)
    }

    /// Stops serving and takes every device away that the sandbox made, and every file unless the cluster is kept.
    /// Clones are of no use afterwards.
    pub async fn stop(self) -> io::Result<()> {
        self.shutdown.cancel();
        if let Some(server) = self.server.lock().await.take() {
            server.await.map_err(io::Error::other)?;
        }
        let (cluster, is_kept) = (self.cluster.clone(), self.is_kept);
        let end = move || if is_kept { cluster.lock().leave_kept() } else { cluster.lock().remove_devices() };
        tokio::task::spawn_blocking(end).await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    fn settings(nodes: &[&str]) -> Settings {
        Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            nodes: nodes.iter().map(|node| NodeName::parse(node).unwrap()).collect(),
            state: PathBuf::from("/nowhere"),
            pool: PoolName::parse("pool").unwrap(),
            pool_kib: 1 << 20,
            backing: BackingKind::Bookkeeping,
        }
    }

    async fn ask(sandbox: &Sandbox, method: &str, target: &str, body: &str) -> String {
        let address = sandbox.url().replace("http://", "");
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let length = body.len();
        let head = format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
        stream.write_all(format!("{head}content-length: {length}\r\n\r\n{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn it_serves_on_a_port_of_the_systems_choice_and_counts_requests() {
        let sandbox = Sandbox::start(settings(&["node-1"])).await.unwrap();
        assert!(ask(&sandbox, "GET", "/v1/nodes?nodes=node-1", "").await.contains("\"ONLINE\""));
        let expected =
            requests::Request { method: "GET".into(), path: "/v1/nodes".into(), query: "nodes=node-1".into() };
        assert_eq!(sandbox.requests().take(), [expected]);
        assert_eq!(sandbox.requests().count(), 0);
        sandbox.stop().await.unwrap();
    }

    #[tokio::test]
    async fn stopping_frees_the_port_and_takes_every_device_away() {
        // An address of its own: on the usual one another test may be given the port that is freed here.
        let settings = Settings { listen: ([127, 77, 0, 1], 0).into(), ..settings(&["node-1", "node-2"]) };
        let sandbox = Sandbox::start(settings).await.unwrap();
        let spawn = r#"{"resource_definition_name":"vol","volume_sizes":[4096]}"#;
        let answer = ask(&sandbox, "POST", "/v1/resource-groups/DfltRscGrp/spawn", spawn).await;
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        let (cluster, address) = (sandbox.cluster(), sandbox.address);
        let key = ReplicaKey { node: "node-1".into(), resource: "vol".into(), volume: 0 };
        cluster.lock().backing().set_open(&key, true).unwrap();
        sandbox.stop().await.unwrap();
        assert!(cluster.lock().backing().set_open(&key, true).is_err());
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn it_does_not_start_without_nodes_or_on_a_taken_port() {
        assert!(matches!(Sandbox::start(settings(&[])).await, Err(StartError::Nodes)));
        let sandbox = Sandbox::start(settings(&["node-1"])).await.unwrap();
        let second = Settings { listen: sandbox.address, ..settings(&["node-1"]) };
        assert!(matches!(Sandbox::start(second).await, Err(StartError::Listen { .. })));
        sandbox.stop().await.unwrap();
    }
}
