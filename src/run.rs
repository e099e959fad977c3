//! The long-running roles: what each serves, and how it ends.

use std::{
    error::Error,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::admin;
use crate::config::{DriverConfig, NodeConfig, SandboxConfig};
use crate::csi::{
    controller::ControllerService,
    identity::Identity,
    node::{NodeParts, NodeService},
    service,
    socket::{self, Endpoint},
};
use crate::linstor::Client;
use crate::node::linux::LinuxHost;
use crate::sandbox::{self, BackingKind, Sandbox};
use crate::volume::topology::TopologySettings;
use crate::workflow::{AnyDirectory, FolderDirectory};

/// A role that ended by an error.
pub type Failure = Box<dyn Error + Send + Sync>;

/// How long an attach waits for its device; the attacher's calls are cut after 15 s by default, and repeated.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the start waits for LINSTOR's first answer.
const GREETING: Duration = Duration::from_secs(3);
/// What is said where it doesn't come.
const SILENT: &str = "LINSTOR does not answer yet; linflow serves all the same and each call asks again: see --linstor-url, and that the controller there runs";
/// Locks of devices that are worked on. On a tmpfs: after a reboot no mkfs can be left.
const LOCK_DIR: &str = "/run/linflow/locks";

/// Serves Identity and Controller until `shutdown`.
pub async fn controller(driver: DriverConfig, shutdown: CancellationToken) -> Result<(), Failure> {
    let linstor = Client::new(&driver.linstor)?;
    let controller = controller_service(&driver, &linstor);
    serve(&driver, linstor, Some(controller), None, shutdown).await
}

/// Serves Identity and Node until `shutdown`.
pub async fn node(driver: DriverConfig, node: NodeConfig, shutdown: CancellationToken) -> Result<(), Failure> {
    let linstor = Client::new(&driver.linstor)?;
    let node = node_service(&driver, node, &linstor);
    serve(&driver, linstor, None, Some(node), shutdown).await
}

/// Serves all services on one socket until `shutdown`.
pub async fn all(driver: DriverConfig, node: NodeConfig, shutdown: CancellationToken) -> Result<(), Failure> {
    let linstor = Client::new(&driver.linstor)?;
    let controller = controller_service(&driver, &linstor);
    let node = node_service(&driver, node, &linstor);
    serve(&driver, linstor, Some(controller), Some(node), shutdown).await
}

/// Serves the embedded LINSTOR until `shutdown`, then takes its devices away.
pub async fn sandbox(config: SandboxConfig, shutdown: CancellationToken) -> Result<(), Failure> {
    let settings = sandbox::Settings {
        listen: config.listen,
        nodes: config.nodes,
        state: config.state,
        pool: config.pool,
        pool_kib: config.pool_bytes / 1024,
        backing: if config.bookkeeping { BackingKind::Bookkeeping } else { BackingKind::Auto },
    };
    let sandbox = Sandbox::start_kept(settings).await?;
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(sandbox.banner().as_bytes())?;
    stdout.flush()?;
    drop(stdout);
    shutdown.cancelled().await;
    Ok(sandbox.stop().await?)
}

fn controller_service(driver: &DriverConfig, linstor: &Client) -> ControllerService {
    ControllerService::new(linstor.clone(), driver.airflow_instances.clone(), PATIENCE)
        .with_limit(driver.max_volumes_per_node)
}

fn node_service(driver: &DriverConfig, node: NodeConfig, linstor: &Client) -> NodeService<LinuxHost> {
    NodeService::new(NodeParts {
        host: LinuxHost::new(LOCK_DIR),
        linstor: linstor.clone(),
        directory: driver
            .pods
            .clone()
            .map_or(AnyDirectory::None, |dir| AnyDirectory::Folder(FolderDirectory::new(dir))),
        instances: driver.airflow_instances.clone(),
        name: node.name,
        topology: TopologySettings { pools: node.topology_pools, file: Some(beside(&driver.csi_endpoint)) },
        max_volumes: driver.max_volumes_per_node.map_or(0, i64::from),
    })
}

/// The file of the node's last topology: where its socket is, which is on the host in Kubernetes and outlives the pod.
fn beside(socket: &Path) -> PathBuf {
    let mut file = socket.as_os_str().to_owned();
    file.push(".topology");
    file.into()
}

async fn serve(
    driver: &DriverConfig,
    linstor: Client,
    controller: Option<ControllerService>,
    node: Option<NodeService<LinuxHost>>,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let socket = socket::bind(&Endpoint::parse(&driver.csi_endpoint.to_string_lossy())?).await?;
    let admin = match driver.admin_listen {
        Some(address) => {
            let listener = TcpListener::bind(address).await;
            Some(listener.map_err(|error| format!("can't serve /healthz at --admin-listen {address}: {error}"))?)
        }
        None => None,
    };
    greet(&linstor).await;
    tracing::info!(endpoint = %driver.csi_endpoint.display(), driver = %driver.driver_name, "serving CSI");
    let admin = tokio::spawn(serve_admin(admin, linstor.clone(), shutdown.clone()));
    let settle = controller.as_ref().map(|controller| tokio::spawn(controller.settle()));
    // A node mounts and unmounts without LINSTOR, so its probe doesn't ask: a restart would not bring LINSTOR back.
    let asks = controller.is_some();
    let identity = Identity::new(driver.driver_name.as_str(), move || {
        let linstor = linstor.clone();
        async move { !asks || answers(&linstor).await.is_ok() }
    });
    let trackers = [controller.as_ref().map(|it| it.running().clone()), node.as_ref().map(|it| it.running().clone())];
    service::serve(socket, identity, controller, node, shutdown.clone().cancelled_owned()).await?;
    // Operations whose callers have gone run to their end too: nothing is left half done.
    for tracker in trackers.into_iter().flatten() {
        tracker.close();
        tracker.wait().await;
    }
    if let Some(settle) = settle {
        settle.abort();
    }
    shutdown.cancel();
    Ok(admin.await??)
}

/// Makes LINSTOR's acquaintance before the first call, so that no call has to. Silence is no failure: LINSTOR may come
/// later.
async fn greet(linstor: &Client) {
    match tokio::time::timeout(GREETING, linstor.version()).await {
        Ok(Ok(found)) => tracing::info!(version = %found.version, api = %found.rest_api_version, "LINSTOR answers"),
        Ok(Err(error)) => tracing::warn!(%error, "{SILENT}"),
        Err(_) => tracing::warn!("{SILENT}"),
    }
}

async fn serve_admin(
    listener: Option<TcpListener>,
    linstor: Client,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    match listener {
        Some(listener) => admin::serve(listener, AsksLinstor(linstor), shutdown).await,
        None => Ok(()),
    }
}

/// Ready means that LINSTOR answers.
struct AsksLinstor(Client);

impl admin::Readiness for AsksLinstor {
    async fn check(&self) -> Result<(), String> {
        answers(&self.0).await
    }
}

async fn answers(linstor: &Client) -> Result<(), String> {
    linstor.version().await.map(|_| ()).map_err(|error| error.to_string())
}
