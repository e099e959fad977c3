//! `linflow demo`: the whole story in one command.
//!
//! ```text
//! story     the steps, in order
//!   ending    how the volume is let go: the run is over, and the reaper comes
//!   calls     CSI as Kubernetes' sidecars and kubelet speak it: gRPC on unix sockets
//!   cluster   the sandbox, one controller, a node service for each of three simulated nodes
//!   pods      Airflow's own pods, recorded
//!   data      what is written, and its checksum
//! print     a line or an object for each step
//! work      the folder, the mounts and the loop devices, all of which go at the end
//! ```
//!
//! Without root, or where root can have none (`means`), there are no devices: books are kept, and the steps that need
//! devices are left out.

mod calls;
mod cluster;
mod data;
mod ending;
mod error;
mod means;
mod pods;
mod print;
mod story;
mod work;

use std::{sync::Arc, time::Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use self::{
    cluster::{Cluster, NODES, Servers},
    print::{Seen, Teller},
    story::Story,
    work::Work,
};
use crate::config::DemoConfig;
use crate::sandbox::Sandbox;

pub use self::error::Error;

/// Tells the story, and takes everything away at the end, also after a failure or when `shutdown` is cancelled.
///
/// # Errors
/// What kept the story from its end; or what could not be taken away.
pub async fn run(
    config: DemoConfig,
    shutdown: CancellationToken,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let teller = Arc::new(Teller::new(&config));
    let work = Arc::new(Work::make(config.keep.as_deref())?);
    let told = perform(&work, &teller, shutdown).await;
    let cleared = work.clear().await;
    let kept = if work.is_state_kept() { format!(", state kept in {}", work.state().display()) } else { String::new() };
    let error = match (told, cleared) {
        (Ok(has_devices), Ok(())) => return Ok(conclude(&teller, has_devices, &kept)?),
        (Err(error), Ok(())) | (Ok(_), Err(error)) => error,
        (Err(error), Err(left)) => {
            tracing::error!(error = left.chain(), "not everything could be taken away");
            error
        }
    };
    let step = teller.tally().failed.map_or(String::new(), |step| format!(" at step {step}"));
    if let Err(unheard) = teller.conclude(&format!("failed{step}: {}{kept}", error.chain()), false, json!({})) {
        tracing::error!(error = unheard.chain(), "nobody reads the end");
    }
    Err(error.into())
}

fn conclude(teller: &Teller, has_devices: bool, kept: &str) -> Result<(), Error> {
    let (tally, seconds) = (teller.tally(), teller.elapsed().as_secs_f64());
    let (mode, held) = if has_devices {
        ("devices", "checksum held")
    } else {
        ("bookkeeping", "bookkeeping only: nothing was formatted, mounted or written")
    };
    let line = format!(
        "{} steps in {seconds:.1} s, {} LINSTOR requests, {held}, nothing left over{kept}",
        tally.steps, tally.requests
    );
    teller.conclude(&line, true, json!({"mode": mode, "checksum_held": has_devices.then_some(true), "left_over": []}))
}

/// Answers whether there were devices. Whatever happens, services and sandbox have ended and nothing is mounted any
/// more.
async fn perform(work: &Arc<Work>, teller: &Arc<Teller>, shutdown: CancellationToken) -> Result<bool, Error> {
    let started = Instant::now();
    let obstacle = means::find_obstacle();
    introduce(teller, obstacle.as_deref())?;
    let sandbox = cluster::start_sandbox(work, obstacle.is_none()).await?;
    let servers = Servers::default();
    // In a task of its own, so that a panic, too, comes back to here.
    let mut story = tokio::spawn(play(sandbox.clone(), servers.clone(), Arc::clone(work), Arc::clone(teller), started));
    let told = tokio::select! {
        told = &mut story => told.unwrap_or_else(|broken| Err(broken.into())),
        () = shutdown.cancelled() => {
            story.abort();
            // Its outcome no longer matters; that it has ended does.
            drop(story.await);
            Err(Error::Interrupted)
        }
    };
    servers.stop().await;
    // A loop device goes at its last close, so the mounts go first. What stays nevertheless, `Work::clear` will find.
    if let Err(error) = work.detach_below(work.root()).await {
        tracing::error!(error = error.chain(), "could not detach the mounts");
    }
    if let Err(error) = sandbox.stop().await {
        tracing::error!(%error, "could not stop the sandbox");
    }
    told
}

async fn play(
    sandbox: Sandbox,
    servers: Servers,
    work: Arc<Work>,
    teller: Arc<Teller>,
    started: Instant,
) -> Result<bool, Error> {
    let requests = sandbox.requests();
    let cluster = Cluster::start(sandbox, &servers, work).await?;
    let has_devices = cluster.has_devices();
    let seen = Seen::new(format!("LINSTOR with {}; a controller, a plugin on each node", NODES.join(", ")));
    let seen = seen.fact("mode", if has_devices { "devices" } else { "bookkeeping" });
    teller.record("start", started.elapsed(), requests.count(), Ok(seen))?;
    Story::begin(cluster, &teller).await?.tell(&teller).await?;
    Ok(has_devices)
}

fn introduce(teller: &Teller, obstacle: Option<&str>) -> Result<(), Error> {
    teller.say("Simulated: LINSTOR, its nodes (all on this machine) and DRBD.")?;
    teller.say("Real: CSI services and their sockets, each check and decision, loop devices, mkfs, fsck, mounts.")?;
    if let Some(obstacle) = obstacle {
        teller.say(&format!(
            "Bookkeeping mode ({obstacle}): no devices, so nothing is staged, mounted, written or read."
        ))?;
    }
    Ok(())
}
