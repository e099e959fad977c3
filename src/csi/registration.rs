//! Telling kubelet that a CSI driver is there, without a sidecar.
//!
//! Kubelet watches the directory `plugins_registry` below its own: for each socket there it asks who is behind it
//! (`GetInfo`), then calls the driver's NodeGetInfo at the path that it was told, and says what came of it
//! (`NotifyRegistrationStatus`). Where the socket goes, the driver is unregistered; so it goes first when we stop.
//!
//! Whatever is amiss (kubelet's directory is not there, somebody else has the socket, kubelet refuses) is told once in
//! the log and at all times by [`Standings`], and is tried again until its cause is gone.

pub mod proto;
mod remedy;
mod service;
mod standing;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use self::{proto::registration_server::RegistrationServer, service::Registrar};
use super::{
    service::accept,
    socket::{self, BoundSocket, Endpoint, SocketError, SocketFile},
};
pub use standing::{Standing, Standings};

/// How often the socket is looked after: made where it could not be before, and made again where somebody took it away.
const LOOK: Duration = Duration::from_secs(2);
/// How long kubelet may leave the socket unnoticed before that is told. It finds one within a second.
const UNNOTICED: Duration = Duration::from_secs(30);
/// How long an answer to kubelet may take that is on its way when we stop.
const LAST_WORD: Duration = Duration::from_secs(1);

/// How to register.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The driver's name.
    pub driver_name: String,
    /// The socket that kubelet finds it by, in kubelet's `plugins_registry` directory, as this process sees it.
    pub socket: PathBuf,
    /// The CSI socket, as kubelet sees it.
    pub csi_path: PathBuf,
}

/// A driver that registers with kubelet.
#[derive(Debug)]
pub struct Registration {
    settings: Settings,
    endpoint: Endpoint,
    standing: watch::Sender<Standing>,
}

/// Why there is no socket for kubelet.
#[derive(Debug, thiserror::Error)]
enum Unserved {
    #[error(
        "kubelet's directory {0:?} is not there: give kubelet's --root-dir as --kubelet-dir, and mount it into the container"
    )]
    NoDirectory(PathBuf),
    #[error("can't serve the socket for kubelet: {}", chain(.0))]
    Socket(#[from] SocketError),
}

fn chain(error: &SocketError) -> String {
    let cause = std::error::Error::source(error).map(|source| format!(": {source}"));
    format!("{error}{}", cause.unwrap_or_default())
}

impl Registration {
    /// Nothing is served yet.
    ///
    /// # Errors
    /// [`SocketError::TooLong`] and [`SocketError::NotUnix`] where the socket's path is none.
    pub fn new(settings: Settings) -> Result<Self, SocketError> {
        let endpoint = Endpoint::parse(&settings.socket.to_string_lossy())?;
        Ok(Self { settings, endpoint, standing: watch::Sender::new(Standing::Unnoticed) })
    }

    /// How the driver stands with kubelet, now and later.
    #[must_use]
    pub fn standings(&self) -> Standings {
        Standings(self.standing.subscribe())
    }

    /// Nothing is served for this reason: that is the standing, and is logged once.
    pub fn withhold(&self, reason: &str) {
        self.tell(reason);
    }

    /// Serves until `shutdown`. When this returns the socket is gone from kubelet's directory, unless it is another
    /// process's by then.
    pub async fn serve(&self, shutdown: &CancellationToken) {
        while !shutdown.is_cancelled() {
            match self.open().await {
                Ok(socket) => self.serve_on(socket, shutdown).await,
                Err(error) => {
                    self.tell(&error.to_string());
                    let _ = timeout(LOOK, shutdown.cancelled()).await;
                }
            }
        }
    }

    async fn open(&self) -> Result<BoundSocket, Unserved> {
        let directory = self.endpoint.path().parent().unwrap_or(Path::new("/"));
        // Kubelet makes it. One that we made would be one that nobody looks at.
        if !tokio::fs::metadata(directory).await.is_ok_and(|found| found.is_dir()) {
            return Err(Unserved::NoDirectory(directory.to_owned()));
        }
        Ok(socket::bind(&self.endpoint).await?)
    }

    /// Serves on this socket until `shutdown`, or until the socket is no longer where kubelet looks for it.
    async fn serve_on(&self, BoundSocket { listener, file }: BoundSocket, shutdown: &CancellationToken) {
        self.standing.send_replace(Standing::Unnoticed);
        let registrar = Registrar {
            driver_name: self.settings.driver_name.clone(),
            csi_path: self.settings.csi_path.clone(),
            standing: self.standing.clone(),
        };
        let stop = CancellationToken::new();
        let server = Server::builder().add_service(RegistrationServer::new(registrar));
        let mut server =
            tokio::spawn(server.serve_with_incoming_shutdown(accept(listener), stop.clone().cancelled_owned()));
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.watch(&file) => self.tell("the socket was taken from kubelet's directory; making it again"),
            _ = &mut server => return self.tell("the socket for kubelet stopped serving; making it again"),
        }
        // While the listener is open the inode stays ours, so that no other process's socket can be taken for it.
        drop(file);
        stop.cancel();
        let _ = timeout(LAST_WORD, server).await;
    }

    /// Ends when the socket is not ours any more. Tells once where kubelet does not come.
    async fn watch(&self, file: &SocketFile) {
        let late = Instant::now() + UNNOTICED;
        let mut is_told = false;
        while file.is_ours() {
            if !is_told && Instant::now() >= late && *self.standing.borrow() == Standing::Unnoticed {
                is_told = true;
                let path = self.endpoint.path().display();
                tracing::warn!(socket = %path, "kubelet has not noticed the driver: see that --kubelet-dir is its --root-dir");
            }
            sleep(LOOK).await;
        }
    }

    /// Logs what is amiss, once.
    fn tell(&self, problem: &str) {
        let standing = Standing::Unserved(problem.to_owned());
        if self.standing.send_replace(standing.clone()) != standing {
            tracing::warn!(driver = %self.settings.driver_name, "{problem}");
        }
    }
}
