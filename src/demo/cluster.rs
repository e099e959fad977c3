//! The cast: the sandbox, one controller, and a node service for each simulated node, each on a socket of its own.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::Channel;

use super::{
    calls::{self, Calls},
    error::Error,
    work::Work,
};
use crate::csi::{
    controller::ControllerService,
    identity::{Identity, Readiness},
    node::{NodeParts, NodeService},
    service::{self, Services},
    socket::{self, Endpoint},
};
use crate::linstor::{
    Client, Settings,
    model::{Resource, ViewQuery, is_same_name},
    name::{NodeName, PoolName, ResourceName},
};
use crate::metrics::{Doubts, Operations};
use crate::node::linux::LinuxHost;
use crate::sandbox::{self, BackingKind, Sandbox, model::Cluster as Simulated, model::failures::FailureError};
use crate::volume::topology::TopologySettings;
use crate::workflow::{AnyDirectory, Confirm, FolderDirectory, Instances, NoWitness};

/// The simulated nodes.
pub const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];
/// Each node's storage pool.
pub const POOL: &str = "pool";
/// The size of each pool; its files are sparse.
const POOL_KIB: u64 = 1 << 20;
/// The driver's name, as StorageClasses name it.
pub const DRIVER: &str = "linflow.csi";
/// How long an attach waits for its device, or for the proof that another node may be given up.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// All that runs, for the story to act on. Clones are handles on the same.
#[derive(Clone)]
pub struct Cluster {
    /// The embedded LINSTOR.
    pub sandbox: Sandbox,
    /// A LINSTOR client, for what the demo itself wants to see.
    pub linstor: Client,
    /// The services' clients.
    pub calls: Calls,
    /// The folder.
    pub work: Arc<Work>,
}

/// The services that run.
#[derive(Clone, Default)]
pub struct Servers {
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Starts the simulated cluster, with devices where it can have them.
pub async fn start_sandbox(work: &Work, can_have_devices: bool) -> Result<Sandbox, Error> {
    let name = |name: &str| Error::Unexpected { expected: "a LINSTOR name", seen: name.to_owned() };
    let nodes = NODES.map(|node| NodeName::parse(node).map_err(|_| name(node)));
    let settings = sandbox::Settings {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        nodes: nodes.into_iter().collect::<Result<_, _>>()?,
        state: work.state().to_owned(),
        pool: PoolName::parse(POOL).map_err(|_| name(POOL))?,
        pool_kib: POOL_KIB,
        backing: if can_have_devices { BackingKind::Auto } else { BackingKind::Bookkeeping },
    };
    let started =
        if work.is_state_kept() { Sandbox::start_kept(settings).await } else { Sandbox::start(settings).await };
    started.map_err(|error| Error::Sandbox(error.into()))
}

impl Servers {
    /// Serves on a socket until told to stop, then lets what runs there come to its end; answers a connection to it.
    async fn serve<R: Readiness>(
        &self,
        endpoint: &Endpoint,
        identity: Identity<R>,
        controller: Option<ControllerService>,
        node: Option<NodeService<LinuxHost>>,
    ) -> Result<Channel, Error> {
        let socket = socket::bind(endpoint).await?;
        let stop = self.stop.clone().cancelled_owned();
        let running =
            [controller.as_ref().map(|it| it.running().clone()), node.as_ref().map(|it| it.running().clone())];
        self.tasks.spawn(async move {
            let services = Services { identity, controller, node };
            if let Err(error) = service::serve(socket, services, Operations::new(DRIVER), stop).await {
                tracing::error!(%error, "a service of the demo ended");
            }
            for tracker in running.into_iter().flatten() {
                tracker.close();
                tracker.wait().await;
            }
        });
        let channel = calls::connect(endpoint).await?;
        calls::probe(channel.clone()).await?;
        Ok(channel)
    }

    /// Stops all services, once what runs there has ended.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Cluster {
    /// Starts the services and connects to them.
    pub async fn start(sandbox: Sandbox, servers: &Servers, work: Arc<Work>) -> Result<Self, Error> {
        let url = sandbox.url().parse().map_err(|error: url::ParseError| Error::Sandbox(error.into()))?;
        let linstor = Client::new(&Settings::new(vec![url]))?;
        let asked = linstor.clone();
        let identity = Identity::new(DRIVER, move || {
            let asked = asked.clone();
            async move { asked.version().await.is_ok() }
        });
        let controller = ControllerService::new(linstor.clone(), Instances::default(), PATIENCE);
        let controller = controller.with_directory(directory(&work));
        let endpoint = Endpoint::parse(&work.socket("controller").to_string_lossy())?;
        let controller = servers.serve(&endpoint, identity, Some(controller), None).await?;
        let mut nodes = BTreeMap::new();
        for name in NODES {
            let endpoint = Endpoint::parse(&work.socket(name).to_string_lossy())?;
            let service = node_service(name, &linstor, &work)?;
            let channel = servers.serve(&endpoint, Identity::new(DRIVER, async || true), None, Some(service)).await?;
            nodes.insert(name.to_owned(), channel);
        }
        Ok(Self { sandbox, linstor, calls: Calls::new(controller, nodes), work })
    }

    /// Whether replicas have bytes and devices here: only root can make those.
    pub fn has_devices(&self) -> bool {
        self.sandbox.cluster().lock().has_bytes()
    }

    /// What LINSTOR shows of a resource, node by node.
    pub async fn view(&self, resource: &ResourceName) -> Result<Vec<Resource>, Error> {
        let query = ViewQuery { resources: vec![resource.clone()], ..ViewQuery::default() };
        Ok(self.linstor.resources_view(&query).await?)
    }

    /// Makes something happen to the simulated cluster.
    pub async fn befall(
        &self,
        event: impl FnOnce(&mut Simulated) -> Result<(), FailureError> + Send + 'static,
    ) -> Result<(), Error> {
        let cluster = self.sandbox.cluster();
        // It copies replicas and waits for devices, so it blocks.
        let happened = tokio::task::spawn_blocking(move || event(&mut cluster.lock())).await?;
        happened.map_err(|error| Error::Sandbox(error.into()))
    }
}

fn directory(work: &Work) -> AnyDirectory {
    AnyDirectory::Folder(FolderDirectory::new(work.pods()))
}

fn node_service(name: &str, linstor: &Client, work: &Work) -> Result<NodeService<LinuxHost>, Error> {
    let unnamed = |_| Error::Unexpected { expected: "a LINSTOR name", seen: name.to_owned() };
    Ok(NodeService::new(NodeParts {
        host: LinuxHost::new(work.locks()),
        linstor: linstor.clone(),
        directory: directory(work),
        witness: Arc::new(NoWitness),
        instances: Instances::default(),
        confirm: Confirm::default(),
        doubts: Doubts::default(),
        name: NodeName::parse(name).map_err(unnamed)?,
        max_volumes: 0,
        topology: TopologySettings { pools: true, file: None },
    }))
}

/// What a view shows on a node.
pub fn on<'a>(view: &'a [Resource], node: &str) -> Result<&'a Resource, Error> {
    let found = view.iter().find(|resource| is_same_name(&resource.node_name, node));
    found.ok_or_else(|| Error::Unexpected { expected: "a resource", seen: format!("none on {node}") })
}

/// The nodes of a view whose resources are such.
pub fn names(view: &[Resource], which: impl Fn(&Resource) -> bool) -> Vec<&str> {
    view.iter().filter(|resource| which(resource)).map(|resource| resource.node_name.as_str()).collect()
}
