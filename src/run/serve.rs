//! A CSI role from its first call to its last.

use std::{sync::Arc, time::Duration};

use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Failure,
    ends::Ends,
    ready::{Ready, answers},
};
use crate::admin::{self, Page};
use crate::config::DriverConfig;
use crate::csi::{
    controller::ControllerService,
    identity::Identity,
    node::NodeService,
    registration::Registration,
    service::{self, Services},
    socket::{self, Endpoint},
};
use crate::kube::ApiDirectory;
use crate::linstor::Client;
use crate::metrics::{MEDIA_TYPE, Metrics};
use crate::node::linux::LinuxHost;
use crate::workflow::{NoWitness, Witness};

/// How long the start waits for LINSTOR's first answer.
const GREETING: Duration = Duration::from_secs(3);
/// What is said where it doesn't come.
const SILENT: &str = "LINSTOR does not answer yet; linflow serves all the same and each call asks again: see --linstor-url, and that the controller there runs";
/// How soon LINSTOR is asked again about a node that takes no volumes.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What a process serves.
pub(super) struct Role {
    pub(super) driver: DriverConfig,
    pub(super) reach: Reach,
    pub(super) kubernetes: Option<ApiDirectory>,
    pub(super) controller: Option<ControllerService>,
    pub(super) node: Option<NodeService<LinuxHost>>,
    pub(super) registration: Option<Enrolment>,
}

/// How a node comes to kubelet.
pub(super) struct Enrolment {
    pub(super) registration: Registration,
    /// Not without DRBD.
    pub(super) requires_drbd: bool,
}

/// The way to LINSTOR, what is counted on it and elsewhere, and who tells more of a pod than its metadata.
pub(super) struct Reach {
    pub(super) linstor: Client,
    pub(super) metrics: Metrics,
    pub(super) witness: Arc<dyn Witness>,
}

impl Reach {
    /// Nothing is sent yet. Errors: the settings, or files that they name, are wrong.
    pub(super) fn new(driver: &DriverConfig) -> Result<Self, Failure> {
        let metrics = Metrics::new(driver.driver_name.as_str());
        let linstor = Client::watched(&driver.linstor, metrics.requests())?;
        let metrics = metrics.with_queue_of(linstor.clone());
        // Airflow's API is not asked yet.
        Ok(Self { linstor, metrics, witness: Arc::new(NoWitness) })
    }
}

impl Role {
    /// Serves until `shutdown`, and then until all that runs has ended: the socket for kubelet goes first, then calls
    /// are not taken any more, those under way are answered, and health is told up to the last moment.
    pub(super) async fn serve(self, shutdown: CancellationToken) -> Result<(), Failure> {
        let Self { driver, reach: Reach { linstor, metrics, .. }, kubernetes, controller, node, registration } = self;
        let socket = socket::bind(&Endpoint::parse(&driver.csi_endpoint.to_string_lossy())?).await?;
        let listener = listen(&driver).await?;
        greet(&linstor).await;
        tracing::info!(endpoint = %driver.csi_endpoint.display(), driver = %driver.driver_name, "serving CSI");
        let is_controller = controller.is_some();
        let ready = Ready {
            linstor: is_controller.then(|| linstor.clone()),
            kubelet: registration.as_ref().map(|it| it.registration.standings()),
            shutdown: shutdown.clone(),
        };
        let ends = match is_controller {
            true => {
                let directory = super::directory(&driver, kubernetes.clone());
                Ends::start(&driver, &linstor, directory, metrics.lifetimes(), &shutdown).await?
            }
            false => Ends::default(),
        };
        let (ended, operations) = (CancellationToken::new(), metrics.operations());
        let page = Page { media_type: MEDIA_TYPE, text: Box::new(move || metrics.page()) };
        let admin = tokio::spawn(serve_admin(listener, ready, page, ended.clone()));
        let settle = controller.as_ref().map(|controller| tokio::spawn(controller.settle(shutdown.clone())));
        // A node asks when it must, and keeps nothing.
        if let Some(kubernetes) = kubernetes.filter(|_| is_controller) {
            let stop = shutdown.clone();
            tokio::spawn(async move { kubernetes.watch(stop).await });
        }
        // A node mounts and unmounts without LINSTOR, so its probe doesn't ask: a restart would not bring LINSTOR back.
        let identity = Identity::new(driver.driver_name.as_str(), move || {
            let linstor = linstor.clone();
            async move { !is_controller || answers(&linstor).await.is_ok() }
        });
        let trackers =
            [controller.as_ref().map(|it| it.running().clone()), node.as_ref().map(|it| it.running().clone())];
        let withdrawn = Box::pin(withdrawn(registration.zip(node.clone()), shutdown));
        let services = Services { identity, controller, node };
        service::serve(socket, services, operations, withdrawn).await?;
        // Operations whose callers have gone run to their end too: nothing is left half done.
        for tracker in trackers.into_iter().flatten() {
            tracker.close();
            tracker.wait().await;
        }
        if let Some(settle) = settle {
            settle.await?;
        }
        ends.ended().await?;
        ended.cancel();
        Ok(admin.await??)
    }
}

async fn listen(driver: &DriverConfig) -> Result<Option<TcpListener>, Failure> {
    let Some(address) = driver.admin_listen else { return Ok(None) };
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| format!("can't serve /healthz at --admin-listen {address}: {error}"))?;
    // Where the port is 0, nobody else knows.
    tracing::info!(address = %listener.local_addr()?, "serving health and metrics");
    Ok(Some(listener))
}

/// Makes LINSTOR's acquaintance before the first call, so that no call has to. Silence is no failure: LINSTOR may come
/// later.
async fn greet(linstor: &Client) {
    match timeout(GREETING, linstor.version()).await {
        Ok(Ok(found)) => tracing::info!(version = %found.version, api = %found.rest_api_version, "LINSTOR answers"),
        Ok(Err(error)) => tracing::warn!(%error, "{SILENT}"),
        Err(_) => tracing::warn!("{SILENT}"),
    }
}

async fn serve_admin(
    listener: Option<TcpListener>,
    ready: Ready,
    page: Page,
    ended: CancellationToken,
) -> std::io::Result<()> {
    match listener {
        Some(listener) => admin::serve(listener, ready, page, ended).await,
        None => Ok(()),
    }
}

/// Ends when no more calls are to be taken: at `shutdown`, once kubelet's socket is gone.
async fn withdrawn(registers: Option<(Enrolment, NodeService<LinuxHost>)>, shutdown: CancellationToken) {
    let Some((Enrolment { registration, requires_drbd }, node)) = registers else { return shutdown.cancelled().await };
    // Kubelet that knows the driver on a node sends pods' volumes there: a node that can't take them is not told of.
    while let Some(reason) = node.objection(requires_drbd).await {
        registration.withhold(&reason);
        if timeout(LOOK_AGAIN, shutdown.cancelled()).await.is_ok() {
            return;
        }
    }
    registration.serve(&shutdown).await;
}
