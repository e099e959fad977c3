//! A CSI role from its first call to its last.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    Failure,
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
use crate::linstor::Client;
use crate::metrics::{MEDIA_TYPE, Metrics};
use crate::node::linux::LinuxHost;

/// How long the start waits for LINSTOR's first answer.
const GREETING: Duration = Duration::from_secs(3);

/// What a process serves.
pub(super) struct Role {
    pub(super) driver: DriverConfig,
    pub(super) reach: Reach,
    pub(super) controller: Option<ControllerService>,
    pub(super) node: Option<NodeService<LinuxHost>>,
    pub(super) registration: Option<Registration>,
}

/// The way to LINSTOR, and what is counted on it and elsewhere.
pub(super) struct Reach {
    pub(super) linstor: Client,
    pub(super) metrics: Metrics,
}

impl Reach {
    /// Nothing is sent yet. Errors: the settings, or files that they name, are wrong.
    pub(super) fn new(driver: &DriverConfig) -> Result<Self, Failure> {
        let metrics = Metrics::new(driver.driver_name.as_str());
        let linstor = Client::watched(&driver.linstor, metrics.requests())?;
        Ok(Self { metrics: metrics.with_queue_of(linstor.clone()), linstor })
    }
}

impl Role {
    /// Serves until `shutdown`, and then until all that runs has ended: the socket for kubelet goes first, then calls
    /// are not taken any more, those under way are answered, and health is told up to the last moment.
    pub(super) async fn serve(self, shutdown: CancellationToken) -> Result<(), Failure> {
        let Self { driver, reach: Reach { linstor, metrics }, controller, node, registration } = self;
        let socket = socket::bind(&Endpoint::parse(&driver.csi_endpoint.to_string_lossy())?).await?;
        let listener = listen(&driver).await?;
        greet(&linstor).await;
        tracing::info!(endpoint = %driver.csi_endpoint.display(), driver = %driver.driver_name, "serving CSI");
        let is_controller = controller.is_some();
        let ready = Ready {
            linstor: is_controller.then(|| linstor.clone()),
            kubelet: registration.as_ref().map(Registration::standings),
            shutdown: shutdown.clone(),
        };
        let (ended, operations) = (CancellationToken::new(), metrics.operations());
        let page = Page { media_type: MEDIA_TYPE, text: Box::new(move || metrics.page()) };
        let admin = tokio::spawn(serve_admin(listener, ready, page, ended.clone()));
        let settle = controller.as_ref().map(|controller| tokio::spawn(controller.settle(shutdown.clone())));
        // A node mounts and unmounts without LINSTOR, so its probe doesn't ask: a restart would not bring LINSTOR back.
        let identity = Identity::new(driver.driver_name.as_str(), move || {
            let linstor = linstor.clone();
            async move { !is_controller || answers(&linstor).await.is_ok() }
        });
        let trackers =
            [controller.as_ref().map(|it| it.running().clone()), node.as_ref().map(|it| it.running().clone())];
        let services = Services { identity, controller, node };
        service::serve(socket, services, operations, withdrawn(registration, shutdown)).await?;
        // Operations whose callers have gone run to their end too: nothing is left half done.
        for tracker in trackers.into_iter().flatten() {
            tracker.close();
            tracker.wait().await;
        }
        if let Some(settle) = settle {
            settle.await?;
        }
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
    match tokio::time::timeout(GREETING, linstor.version()).await {
        Ok(Ok(found)) => tracing::info!(version = %found.version, api = %found.rest_api_version, "LINSTOR answers"),
        Ok(Err(error)) => tracing::warn!(%error, "LINSTOR does not answer yet"),
        Err(_) => tracing::warn!("LINSTOR does not answer yet"),
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
async fn withdrawn(registration: Option<Registration>, shutdown: CancellationToken) {
    match registration {
        Some(registration) => registration.serve(&shutdown).await,
        None => shutdown.cancelled().await,
    }
}
