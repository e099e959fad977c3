//! What a controller does about the ends of workflows' volumes, beside CSI: the reaper, and the call by which Airflow's
//! side says that a run is over.

use std::sync::Arc;

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{Failure, kubernetes};
use crate::config::{DirectoryConfig, DriverConfig};
use crate::kube::{Lease, Reviewer};
use crate::lifetime::{
    http::{self, Desk},
    reaper::{Reaper, Settings},
    sole::FolderLock,
};
use crate::linstor::Client;
use crate::metrics::Lifetimes;
use crate::volume::moment::Moment;
use crate::workflow::{AnyDirectory, Elected};

/// What runs, until it is waited for.
#[derive(Debug, Default)]
pub(super) struct Ends {
    tasks: Vec<JoinHandle<()>>,
    runs: Option<JoinHandle<std::io::Result<()>>>,
}

/// How one of several controllers becomes the reaper.
enum Election {
    Lease(Arc<Lease>),
    Folder(FolderLock),
}

impl Elected for Election {
    fn is_held(&self) -> bool {
        match self {
            Self::Lease(lease) => lease.is_held(),
            Self::Folder(lock) => lock.is_held(),
        }
    }
}

impl Ends {
    /// Starts what the configuration asks for; it ends soon after `shutdown`. Errors: the address is taken.
    pub(super) async fn start(
        driver: &DriverConfig,
        linstor: &Client,
        directory: AnyDirectory,
        lifetimes: Lifetimes,
        shutdown: &CancellationToken,
    ) -> Result<Self, Failure> {
        let mut ends = Self::default();
        ends.start_reaper(driver, linstor, directory, lifetimes, shutdown)?;
        let Some(config) = &driver.lifetime.runs else { return Ok(ends) };
        let listener = TcpListener::bind(config.listen).await;
        let listener =
            listener.map_err(|error| format!("can't serve runs at --runs-listen {}: {error}", config.listen))?;
        tracing::info!(address = %listener.local_addr()?, "serving POST /v1/runs/finish");
        let desk = Desk {
            linstor: linstor.clone(),
            instances: driver.airflow_instances.clone(),
            token_file: config.token_file.clone(),
            bearers: kubernetes(&driver.directory)
                .map(|kubernetes| Reviewer::new(kubernetes, driver.driver_name.as_str())),
        };
        ends.runs = Some(tokio::spawn(http::serve(listener, desk, shutdown.clone())));
        Ok(ends)
    }

    /// Without a directory no reaper works: a PersistentVolume that nobody sees may name any volume.
    fn start_reaper(
        &mut self,
        driver: &DriverConfig,
        linstor: &Client,
        directory: AnyDirectory,
        lifetimes: Lifetimes,
        shutdown: &CancellationToken,
    ) -> Result<(), Failure> {
        let Some(interval) = driver.lifetime.reap_interval else { return Ok(()) };
        let elected = match (&driver.directory, kubernetes(&driver.directory)) {
            (_, Some(kubernetes)) => {
                let lease = Arc::new(Lease::of_reaper(kubernetes, driver.driver_name.as_str())?);
                let (held, stop) = (Arc::clone(&lease), shutdown.clone());
                self.tasks.push(tokio::spawn(async move { held.run(stop).await }));
                Election::Lease(lease)
            }
            (DirectoryConfig::Folder(dir), None) => Election::Folder(FolderLock::new(dir)),
            _ => return Ok(()),
        };
        let settings = Settings {
            interval,
            is_dry: driver.lifetime.is_dry,
            per_minute: driver.lifetime.reap_per_minute,
            driver: driver.driver_name.to_string(),
        };
        let reaper = Reaper::new(linstor.clone(), directory, elected, settings, lifetimes, Arc::new(Moment::now))?;
        self.tasks.push(tokio::spawn(reaper.run(shutdown.clone())));
        Ok(())
    }

    /// Waits until all of it has ended.
    pub(super) async fn ended(self) -> Result<(), Failure> {
        for task in self.tasks {
            task.await?;
        }
        match self.runs {
            Some(runs) => Ok(runs.await??),
            None => Ok(()),
        }
    }
}
