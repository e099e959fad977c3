//! The long-running roles: what each serves, and how it ends.

mod ends;
mod ready;
mod serve;

use std::{
    error::Error,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use self::serve::{Enrolment, Reach, Role};
use crate::config::{
    Action, Deletion, DirectoryConfig, DriverConfig, DriverName, KubeletConfig, ManageConfig, NodeConfig, SandboxConfig,
};
use crate::csi::{
    controller::ControllerService,
    node::{NodeParts, NodeService},
    registration::{self, Registration},
};
use crate::kube::{ApiDirectory, Kubernetes};
use crate::lifetime::cli::{self, CommandError};
use crate::node::linux::LinuxHost;
use crate::sandbox::{self, BackingKind, Sandbox};
use crate::volume::topology::TopologySettings;
use crate::workflow::{AnyDirectory, FolderDirectory};

/// A role that ended by an error.
pub type Failure = Box<dyn Error + Send + Sync>;

/// How long an attach waits for its device; the attacher's calls are cut after 15 s by default, and repeated.
const PATIENCE: Duration = Duration::from_secs(30);
/// Locks of devices that are worked on. On a tmpfs: after a reboot no mkfs can be left.
const LOCK_DIR: &str = "/run/linflow/locks";

/// Serves Identity and Controller until `shutdown`.
pub async fn controller(driver: DriverConfig, shutdown: CancellationToken) -> Result<(), Failure> {
    let reach = Reach::new(&driver)?;
    let kubernetes = api(&driver.directory, &driver.driver_name);
    let controller = controller_service(&driver, &reach, directory(&driver.directory, kubernetes.clone()));
    let role = Role { driver, reach, kubernetes, controller: Some(controller), node: None, registration: None };
    role.serve(shutdown).await
}

/// Serves Identity and Node until `shutdown`.
pub async fn node(driver: DriverConfig, node: NodeConfig, shutdown: CancellationToken) -> Result<(), Failure> {
    let reach = Reach::new(&driver)?;
    let registration = enrolment(&driver, &node)?;
    let kubernetes = api(&driver.directory, &driver.driver_name);
    let pods = kubernetes.clone().map(|api| if node.looks_up_pods { api } else { api.without_pods() });
    let directory = directory(&driver.directory, pods);
    let node = node_service(&driver, node, &reach, directory);
    Role { driver, reach, kubernetes, controller: None, node: Some(node), registration }.serve(shutdown).await
}

/// Serves all services on one socket until `shutdown`.
pub async fn all(driver: DriverConfig, node: NodeConfig, shutdown: CancellationToken) -> Result<(), Failure> {
    let reach = Reach::new(&driver)?;
    let registration = enrolment(&driver, &node)?;
    let kubernetes = api(&driver.directory, &driver.driver_name);
    let directory = directory(&driver.directory, kubernetes.clone());
    let controller = controller_service(&driver, &reach, directory.clone());
    let node = node_service(&driver, node, &reach, directory);
    let role = Role { driver, reach, kubernetes, controller: Some(controller), node: Some(node), registration };
    role.serve(shutdown).await
}

/// Serves the embedded LINSTOR until `shutdown`, then takes its devices away.
pub async fn sandbox(config: SandboxConfig, shutdown: CancellationToken) -> Result<(), Failure> {
    let latency = config.latency;
    let settings = sandbox::Settings {
        listen: config.listen,
        nodes: config.nodes,
        state: config.state,
        pool: config.pool,
        pool_kib: config.pool_bytes / 1024,
        backing: if config.bookkeeping { BackingKind::Bookkeeping } else { BackingKind::Auto },
    };
    let sandbox = Sandbox::start_kept(settings).await?;
    sandbox.set_latency(latency);
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(sandbox.banner().as_bytes())?;
    stdout.flush()?;
    drop(stdout);
    shutdown.cancelled().await;
    Ok(sandbox.stop().await?)
}

/// Does what a person asked for about volumes or runs; answers the exit status.
pub async fn manage(config: &ManageConfig) -> Result<u8, CommandError> {
    let directory = match &config.action {
        Action::DeleteVolumes(Deletion { naming, .. }) | Action::KeepVolumes(_, naming) => {
            directory(&naming.directory, api(&naming.directory, &naming.driver_name))
        }
        _ => AnyDirectory::None,
    };
    cli::run(config, &directory).await
}

/// The API server, where it is asked; nothing is asked yet.
fn kubernetes(config: &DirectoryConfig) -> Option<Kubernetes> {
    match config {
        DirectoryConfig::Kubernetes(place) => Some(Kubernetes::new(place.clone())),
        DirectoryConfig::None | DirectoryConfig::Folder(_) => None,
    }
}

/// The same to look pods and claims up, and to tell people.
fn api(config: &DirectoryConfig, driver: &DriverName) -> Option<ApiDirectory> {
    kubernetes(config).map(|kubernetes| ApiDirectory::new(kubernetes, driver.as_str()))
}

/// Where a service looks claims and pods up.
fn directory(config: &DirectoryConfig, api: Option<ApiDirectory>) -> AnyDirectory {
    match (config, api) {
        (_, Some(api)) => AnyDirectory::Kubernetes(Arc::new(api)),
        (DirectoryConfig::Folder(dir), None) => AnyDirectory::Folder(FolderDirectory::new(dir)),
        _ => AnyDirectory::None,
    }
}

fn controller_service(driver: &DriverConfig, reach: &Reach, directory: AnyDirectory) -> ControllerService {
    ControllerService::new(reach.linstor.clone(), driver.airflow_instances.clone(), PATIENCE)
        .with_directory(directory)
        .with_witness(Arc::clone(&reach.witness))
        .with_confirm(driver.confirm, reach.metrics.doubts())
        .with_limit(driver.max_volumes_per_node)
}

fn node_service(
    driver: &DriverConfig,
    node: NodeConfig,
    reach: &Reach,
    directory: AnyDirectory,
) -> NodeService<LinuxHost> {
    NodeService::new(NodeParts {
        host: LinuxHost::new(LOCK_DIR),
        linstor: reach.linstor.clone(),
        directory,
        witness: Arc::clone(&reach.witness),
        instances: driver.airflow_instances.clone(),
        confirm: driver.confirm,
        doubts: reach.metrics.doubts(),
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

fn enrolment(driver: &DriverConfig, node: &NodeConfig) -> Result<Option<Enrolment>, Failure> {
    let Some(KubeletConfig { socket, csi_path }) = node.kubelet.clone() else { return Ok(None) };
    let driver_name = driver.driver_name.to_string();
    let registration = Registration::new(registration::Settings { driver_name, socket, csi_path })?;
    Ok(Some(Enrolment { registration, requires_drbd: node.requires_drbd }))
}
