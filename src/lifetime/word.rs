//! Words about volumes' ends, from outside: a run is over or goes on, a volume is let go or held.

use super::{
    judge::claimants,
    survey::{Survey, Surveyed},
};
use crate::linstor::Client;
use crate::volume::{
    Error,
    ending::{self, Change, LetGo, Outcome, RunEnd},
    moment::Moment,
    standing,
};
use crate::workflow::{DagId, Filter, Instance, RunId};

/// A run by its ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRef {
    /// The Airflow deployment.
    pub instance: Instance,
    /// The DAG.
    pub dag: DagId,
    /// The run.
    pub run: RunId,
}

impl RunRef {
    fn filter(&self) -> Filter {
        Filter::run(self.instance.clone(), self.dag.clone(), self.run.clone())
    }
}

/// Writes the proof that a run is over to all of its volumes; answers their names. A claim that comes later, of whichever
/// of them, voids it.
///
/// # Errors
/// LINSTOR's. Some volumes may have the proof then: say it again.
pub async fn finish(
    linstor: &Client,
    run: &RunRef,
    state: Outcome,
    by: &str,
    now: Moment,
) -> Result<Vec<String>, Error> {
    let end = RunEnd { state, time: now, by: by.to_owned() };
    each(linstor, run, |volume| {
        let set = ending::single_entry(&volume.tags.incarnation, ending::ENDED, &end);
        Change { set, remove: Vec::new() }
    })
    .await
}

/// Takes the proof back, for the run goes on; answers the names of the run's volumes.
///
/// # Errors
/// As [`finish`].
pub async fn resume(linstor: &Client, run: &RunRef) -> Result<Vec<String>, Error> {
    each(linstor, run, |volume| {
        let keys = [ending::ENDED, ending::CANDIDATE].map(|key| ending::single_key(&volume.tags.incarnation, key));
        Change { remove: keys.into(), ..Change::default() }
    })
    .await
}

async fn each(linstor: &Client, run: &RunRef, change: impl Fn(&Surveyed) -> Change) -> Result<Vec<String>, Error> {
    let survey = Survey::of(linstor, &run.filter()).await?.only(&run.filter());
    let mut told = Vec::new();
    for volume in survey.volumes.iter().filter(|volume| !volume.is_deleting) {
        standing::write(linstor, &volume.resource, &change(volume)).await?;
        told.push(volume.resource.to_string());
    }
    Ok(told)
}

/// Why a person's word is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "volume {volume} is still claimed by {claims}; delete the PersistentVolumeClaim first, or say it again afterwards"
)]
pub struct StillClaimed {
    volume: String,
    claims: String,
}

/// A person lets a volume go: it is kept as after a run that succeeded, or not at all where that is said.
pub async fn let_go(
    linstor: &Client,
    volume: &Surveyed,
    now: Moment,
    at_once: bool,
) -> Result<Result<(), StillClaimed>, Error> {
    let claims = claimants(&volume.ledger);
    if !claims.is_empty() {
        return Ok(Err(StillClaimed { volume: volume.resource.to_string(), claims: claims.join(", ") }));
    }
    let incarnation = &volume.tags.incarnation;
    let set = ending::single_entry(incarnation, ending::LET_GO, &LetGo { time: now, now: at_once });
    let remove = vec![ending::single_key(incarnation, ending::HOLD)];
    standing::write(linstor, &volume.resource, &Change { set, remove }).await?;
    Ok(Ok(()))
}

/// A person wants a volume held until then, whatever speaks for its end.
pub async fn hold(linstor: &Client, volume: &Surveyed, until: Moment) -> Result<(), Error> {
    let set = ending::moment_entry(&volume.tags.incarnation, ending::HOLD, until);
    standing::write(linstor, &volume.resource, &Change { set, remove: Vec::new() }).await
}
