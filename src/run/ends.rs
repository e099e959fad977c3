//! What a controller does about the ends of workflows' volumes, beside CSI: the reaper, and the call by which Airflow's
//! side says that a run is over.

use std::sync::Arc;

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::Failure;
use crate::config::DriverConfig;
use crate::lifetime::{
    http::{self, Desk, Nobody},
    reaper::{Reaper, Settings},
    sole::FolderLock,
};
use crate::linstor::Client;
use crate::metrics::Lifetimes;
use crate::volume::moment::Moment;
use crate::workflow::FolderDirectory;

/// What runs, until it is waited for.
#[derive(Debug, Default)]
pub(super) struct Ends {
    reaper: Option<JoinHandle<()>>,
    runs: Option<JoinHandle<std::io::Result<()>>>,
}

impl Ends {
    /// Starts what the configuration asks for; it ends soon after `shutdown`. Errors: the address is taken.
    pub(super) async fn start(
        driver: &DriverConfig,
        linstor: &Client,
        lifetimes: Lifetimes,
        shutdown: &CancellationToken,
    ) -> Result<Self, Failure> {
        let reaper = reaper(driver, linstor, lifetimes, shutdown.clone())?;
        let Some(config) = &driver.lifetime.runs else { return Ok(Self { reaper, runs: None }) };
        let listener = TcpListener::bind(config.listen).await;
        let listener = listener.map_err(|error| format!("can't serve runs at --runs-listen {}: {error}", config.listen))?;
        tracing::info!(address = %listener.local_addr()?, "serving POST /v1/runs/finish");
        let desk = Desk {
            linstor: linstor.clone(),
            instances: driver.airflow_instances.clone(),
            token_file: config.token_file.clone(),
            bearers: None::<Nobody>,
        };
        let runs = Some(tokio::spawn(http::serve(listener, desk, shutdown.clone())));
        Ok(Self { reaper, runs })
    }

    /// Waits until all of it has ended.
    pub(super) async fn ended(self) -> Result<(), Failure> {
        if let Some(reaper) = self.reaper {
            reaper.await?;
        }
        match self.runs {
            Some(runs) => Ok(runs.await??),
            None => Ok(()),
        }
    }
}

/// Without a directory no reaper works: a PersistentVolume that nobody sees may name any volume.
fn reaper(
    driver: &DriverConfig,
    linstor: &Client,
    lifetimes: Lifetimes,
    shutdown: CancellationToken,
) -> Result<Option<JoinHandle<()>>, Failure> {
    let (Some(interval), Some(dir)) = (driver.lifetime.reap_interval, &driver.pods) else { return Ok(None) };
    let settings = Settings {
        interval,
        is_dry: driver.lifetime.is_dry,
        per_minute: driver.lifetime.reap_per_minute,
        driver: driver.driver_name.to_string(),
    };
    let (directory, elected) = (FolderDirectory::new(dir.clone()), FolderLock::new(dir.clone()));
    let reaper = Reaper::new(linstor.clone(), directory, elected, settings, lifetimes, Arc::new(Moment::now))?;
    Ok(Some(tokio::spawn(reaper.run(shutdown))))
}
