//! A small LINSTOR cluster with linflow's services before it, for tests through the public seams: gRPC in, HTTP out.
//!
//! ```text
//! let world = World::start().await;
//! let volume = world.controller.create(create("data").gib(1)).await.unwrap();
//! let (context, requests) = world.count(world.controller.publish(publish(&volume, "node-1"))).await;
//! ```
//!
//! [`World`] is the sandbox (three nodes, books only) and a controller; [`csi`] speaks gRPC to it, [`node`] to a node;
//! [`rest`] speaks to LINSTOR past linflow, as an administrator would; [`driver`] is the built binary, which can be
//! killed.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

pub mod bytes;
pub mod claims;
pub mod csi;
pub mod driver;
pub mod http;
pub mod kubernetes;
pub mod log;
pub mod node;
pub mod rest;
pub mod seed;
pub mod snapshots;
pub mod witness;

use std::{
    fmt::Debug,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use linflow::{
    csi::{
        controller::ControllerService,
        identity::Identity,
        node::{NodeParts, NodeService},
        proto::{controller_server, group_controller_server, node_client::NodeClient, node_server},
        service::{self, Services},
        socket::{Endpoint, bind},
    },
    linstor::{Client, Settings, name::NodeName},
    metrics::{Doubts, Operations},
    node::Host,
    sandbox::{self, BackingKind, Sandbox, bytes::ReplicaKey, requests::Request},
    volume::topology::TopologySettings,
    workflow::{AnyDirectory, Confirm, Instances, NoWitness},
};
use tempfile::TempDir;
use tokio::time::{interval, timeout};
use tonic::{Code, Status, transport::Channel};

pub use csi::{Controller, Create, create, publish};

/// The nodes of every world.
pub const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];
/// The storage pool on each of them.
pub const POOL: &str = "pool1";
/// Its size: 10 GiB.
pub const POOL_KIB: u64 = 10 << 20;
/// How long an attach waits for its device, unless a test says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long a hang goes unnoticed in tests. LINSTOR takes about seven seconds.
pub const FREEZE_NOTICED_AFTER: Duration = Duration::from_millis(200);
/// How long a test waits for what must happen.
const SOON: Duration = Duration::from_secs(20);

/// A cluster and a controller that serves it. All of it ends with the test.
pub struct World {
    /// The embedded LINSTOR: faults, node failures, the log of requests.
    pub sandbox: Sandbox,
    /// The first controller.
    pub controller: Controller,
    folder: TempDir,
    sockets: AtomicU32,
}

impl World {
    /// Three nodes, nothing on them, one controller.
    pub async fn start() -> Self {
        Self::start_on(BackingKind::Bookkeeping).await
    }

    /// The same with real bytes, where that is asked for. Then whoever starts it stops the sandbox.
    pub async fn start_on(backing: BackingKind) -> Self {
        let folder = TempDir::new().unwrap();
        let sandbox = Sandbox::start(sandbox::Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            nodes: NODES.map(|node| NodeName::parse(node).unwrap()).into(),
            state: folder.path().join("state"),
            pool: POOL.parse().unwrap(),
            pool_kib: POOL_KIB,
            backing,
        });
        let sandbox = sandbox.await.unwrap();
        let service = ControllerService::new(client(&sandbox, |_| {}), Instances::default(), PATIENCE);
        let controller = serve_controller(&folder.path().join("0.sock"), service).await;
        Self { sandbox, controller, folder, sockets: AtomicU32::new(1) }
    }

    /// Another controller on the same LINSTOR: a process of its own, as far as they know.
    pub async fn another_controller(&self) -> Controller {
        self.controller_with(self.linstor(), PATIENCE).await
    }

    /// A controller with a client and a patience of its own.
    pub async fn controller_with(&self, linstor: Client, patience: Duration) -> Controller {
        self.serve(ControllerService::new(linstor, Instances::default(), patience)).await
    }

    /// A controller of that service.
    pub async fn serve(&self, service: ControllerService) -> Controller {
        serve_controller(&self.socket(), service).await
    }

    /// The Node service of a node, on a socket of its own.
    pub async fn node<H: Host + 'static>(&self, node: &str, host: H, directory: AnyDirectory) -> NodeClient<Channel> {
        let parts = self.node_parts(node, host, directory);
        self.serve_node(parts).await
    }

    /// What the Node service of a node is usually made of.
    pub fn node_parts<H>(&self, node: &str, host: H, directory: AnyDirectory) -> NodeParts<H> {
        NodeParts {
            host,
            linstor: self.linstor(),
            directory,
            witness: Arc::new(NoWitness),
            instances: Instances::default(),
            confirm: Confirm::default(),
            doubts: Doubts::default(),
            name: node.parse().unwrap(),
            max_volumes: 0,
            topology: TopologySettings { pools: true, file: None },
        }
    }

    /// The Node service of these parts, on a socket of its own.
    pub async fn serve_node<H: Host + 'static>(&self, parts: NodeParts<H>) -> NodeClient<Channel> {
        let service = NodeService::new(parts);
        let socket = self.socket();
        serve(&socket, None::<Absent>, Some(service)).await;
        NodeClient::connect(format!("unix://{}", socket.display())).await.unwrap()
    }

    /// A client of this LINSTOR, with the usual settings.
    pub fn linstor(&self) -> Client {
        client(&self.sandbox, |_| {})
    }

    /// A client of this LINSTOR that waits only so long for an answer.
    pub fn impatient_linstor(&self, timeout: Duration) -> Client {
        client(&self.sandbox, |settings| (settings.read_timeout, settings.write_timeout) = (timeout, timeout))
    }

    /// What a call answers, and the LINSTOR requests that were made meanwhile. The question for LINSTOR's version,
    /// which a process asks once, is left out.
    pub async fn count<T>(&self, call: impl Future<Output = T>) -> (T, Vec<Request>) {
        self.sandbox.requests().reset();
        let answer = call.await;
        (
            answer,
            self.sandbox.requests().take().into_iter().filter(|one| one.path != "/v1/controller/version").collect(),
        )
    }

    /// Cuts a node's power.
    pub fn crash(&self, node: &str) {
        self.sandbox.cluster().lock().crash(node).unwrap();
    }

    /// Makes a node hang. Nobody has noticed yet; `LINSTOR` does after [`FREEZE_NOTICED_AFTER`].
    pub fn freeze(&self, node: &str) {
        let cluster = self.sandbox.cluster();
        let mut cluster = cluster.lock();
        cluster.freeze_noticed_after = FREEZE_NOTICED_AFTER;
        cluster.freeze(node).unwrap();
    }

    /// Wakes a frozen node.
    pub fn thaw(&self, node: &str) {
        self.sandbox.cluster().lock().thaw(node).unwrap();
    }

    /// Brings a crashed node back.
    pub fn restore(&self, node: &str) {
        self.sandbox.cluster().lock().restore(node).unwrap();
    }

    /// Plays a process that opens the volume's device on a node (or closes it), as a mount does.
    pub fn set_open(&self, volume: &str, node: &str, open: bool) {
        let resource = csi::resource(volume).to_owned();
        let key = ReplicaKey { node: node.to_owned(), resource, volume: 0 };
        self.sandbox.cluster().lock().backing().set_open(&key, open).unwrap();
        self.sandbox.refresh().unwrap();
    }

    /// The folder of this world, which goes with it.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    fn socket(&self) -> std::path::PathBuf {
        self.folder.path().join(format!("{}.sock", self.sockets.fetch_add(1, Ordering::Relaxed)))
    }
}

fn client(sandbox: &Sandbox, change: impl FnOnce(&mut Settings)) -> Client {
    let mut settings = Settings::new(vec![sandbox.url().parse().unwrap()]);
    change(&mut settings);
    Client::new(&settings).unwrap()
}

async fn serve_controller(socket: &std::path::Path, service: ControllerService) -> Controller {
    serve(socket, Some(service.clone()), None::<Absent>).await;
    Controller::connect(socket, service).await
}

struct Absent;
impl controller_server::Controller for Absent {}
impl group_controller_server::GroupController for Absent {}
impl node_server::Node for Absent {}

/// Serves until the test's runtime ends.
async fn serve<C: controller_server::Controller + group_controller_server::GroupController, N: node_server::Node>(
    socket: &std::path::Path,
    controller: Option<C>,
    node: Option<N>,
) {
    let socket = bind(&Endpoint::parse(&socket.to_string_lossy()).unwrap()).await.unwrap();
    let identity = Identity::new("linflow.csi", || async { true });
    let services = Services { identity, controller, node };
    tokio::spawn(service::serve(socket, services, Operations::new("linflow.csi"), std::future::pending()));
}

/// The message of a refusal that has this code.
#[track_caller]
pub fn refused<T: Debug>(answer: Result<T, Status>, code: Code) -> String {
    let status = answer.expect_err("this must be refused");
    assert_eq!(status.code(), code, "{}", status.message());
    status.message().to_owned()
}

/// Is it a code after which the caller comes again, rather than one that ends the matter?
pub fn is_open(status: &Status) -> bool {
    matches!(status.code(), Code::Cancelled | Code::DeadlineExceeded | Code::Unavailable | Code::Aborted)
}

/// Waits for what must happen; fails where it doesn't soon.
pub async fn soon<T>(what: &str, happens: impl Future<Output = T>) -> T {
    match timeout(SOON, happens).await {
        Ok(answer) => answer,
        Err(_) => panic!("waited for {what} in vain"),
    }
}

/// Looks until `look` sees it; fails where it doesn't soon.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let mut tick = interval(Duration::from_millis(20));
    let looking = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tick.tick().await;
        }
    };
    soon(what, looking).await
}
