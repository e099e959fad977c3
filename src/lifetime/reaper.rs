//! The reaper: looks at all volumes of workflows from time to time and removes those that may go (docs/decisions.md,
//! Letting go).
//!
//! A volume that may go gets a candidate's mark at one look, which any claim revokes, and is removed at the next. Only
//! the elected controller looks, and where Kubernetes can't be asked nothing is removed. Neither makes it safe: that does
//! [`super::reaping`], whoever else is at work.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{
    carry::{self, Halt, Named, Names},
    judge::Verdict,
    reaping::{End, Reaping},
    survey::{Survey, Surveyed},
};
use crate::linstor::{Client, name::ResourceName};
use crate::metrics::Lifetimes;
use crate::volume::{
    Error,
    ending::{self, Change, Mark, Token},
    moment::Moment,
    standing,
};
use crate::workflow::{Directory, Elected, Filter};

/// How soon after a look the next one is, where more may go than one look removes.
const NEXT_MINUTE: Duration = Duration::from_secs(60);

/// How a reaper works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Between two looks.
    pub interval: Duration,
    /// Only say what would be removed.
    pub is_dry: bool,
    /// The most volumes that are removed a minute.
    pub per_minute: usize,
    /// The driver whose PersistentVolumes count as claims.
    pub driver: String,
}

/// Tells the time; a test has its own.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// A reaper of one process.
pub struct Reaper<D, E> {
    linstor: Client,
    directory: D,
    elected: E,
    settings: Settings,
    metrics: Lifetimes,
    clock: Clock,
    /// Who we are, for people who find our marks.
    by: String,
    /// Removals that were begun and came to a halt.
    open: BTreeMap<ResourceName, Reaping>,
}

impl<D, E> fmt::Debug for Reaper<D, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reaper").field("by", &self.by).field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What a look came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Round {
    /// The volumes that are gone, or would be.
    pub reaped: Vec<String>,
    /// The volumes that may go next time, or would.
    pub candidates: Vec<String>,
    /// May more go than one look removes?
    pub has_more: bool,
}

impl<D: Directory, E: Elected> Reaper<D, E> {
    /// A reaper with a random name. Errors: the operating system gives no random bytes.
    pub fn new(
        linstor: Client,
        directory: D,
        elected: E,
        settings: Settings,
        metrics: Lifetimes,
        clock: Clock,
    ) -> Result<Self, Error> {
        let by = format!("reaper {}", Token::random()?);
        Ok(Self { linstor, directory, elected, settings, metrics, clock, by, open: BTreeMap::new() })
    }

    /// Looks from time to time until `stop`; a removal that is under way then comes to its next halt.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut wait = self.settings.interval;
        while tokio::time::timeout(wait, stop.cancelled()).await.is_err() {
            wait = match self.round().await {
                Ok(Round { has_more: true, .. }) => NEXT_MINUTE.min(self.settings.interval),
                Ok(_) => self.settings.interval,
                Err(error) => {
                    self.metrics.failed();
                    tracing::warn!(%error, "volumes could not be looked at, so none is removed; trying again");
                    self.settings.interval
                }
            };
        }
    }

    /// One look, and what follows from it.
    ///
    /// # Errors
    /// LINSTOR or Kubernetes can't be asked, or a volume's records can't be read. Nothing was removed.
    pub async fn round(&mut self) -> Result<Round, Halt> {
        if !self.elected.is_held() {
            return Ok(Round::default());
        }
        let now = (self.clock)();
        let handles = Named { directory: &self.directory, driver: &self.settings.driver }.names().await?;
        let mut survey = Survey::of(&self.linstor, &Filter::default()).await?;
        name(&mut survey, &handles);
        survey.ask_for_snapshots(&self.linstor, now).await?;
        self.tell(&survey, now);
        self.void(&survey).await?;
        let mut round = Round::default();
        let mut due: Vec<&Surveyed> = Vec::new();
        for (volume, verdict) in survey.judged(now) {
            match verdict {
                Verdict::Final => due.push(volume),
                Verdict::Reapable(_) if volume.ledger.ending.candidate.is_some() => due.push(volume),
                Verdict::Reapable(_) => round.candidates.push(self.nominate(volume, &verdict, now).await?),
                _ if volume.ledger.ending.candidate.is_some() => self.dismiss(volume).await?,
                _ => {}
            }
        }
        self.reap(&due, now, &mut round).await?;
        Ok(round)
    }

    /// Removes what is due, as far as one look may.
    async fn reap(&mut self, due: &[&Surveyed], now: Moment, round: &mut Round) -> Result<(), Halt> {
        if self.settings.is_dry {
            round.reaped = due.iter().map(|volume| volume.resource.to_string()).collect();
            for volume in due {
                tracing::info!(volume = %volume.resource, bytes = volume.bytes, "would be removed (--reap-dry-run)");
            }
            return Ok(());
        }
        for volume in due {
            let mark = Mark { by: self.by.clone(), time: now };
            let new =
                Reaping::new(&volume.resource, &volume.tags.incarnation, &volume.ledger.ending, mark, Token::random()?);
            if let (Some(new), false) = (new, self.open.contains_key(&volume.resource)) {
                self.open.insert(volume.resource.clone(), new);
            }
        }
        let open = std::mem::take(&mut self.open);
        for (resource, mut reaping) in open {
            // A removal that is only begun begins anew at the next look, by what is so then.
            if round.reaped.len() >= self.settings.per_minute || !self.elected.is_held() {
                round.has_more = true;
                if reaping.is_decided() {
                    self.open.insert(resource, reaping);
                }
                continue;
            }
            let names = Named { directory: &self.directory, driver: &self.settings.driver };
            match carry::remove(&self.linstor, &names, &mut reaping).await {
                Ok(End::Reaped) => {
                    tracing::info!(volume = %resource, "removed a volume that nobody needs any more");
                    self.metrics.reaped();
                    round.reaped.push(resource.to_string());
                }
                Ok(End::Gone) => {}
                Ok(End::Left(why)) => {
                    tracing::info!(volume = %resource, why, "a volume was to be removed and stays");
                    if reaping.is_decided() {
                        self.open.insert(resource, reaping);
                    }
                }
                Err(halt) => {
                    tracing::warn!(volume = %resource, error = %halt, "the removal of a volume came to a halt; it goes on at the next look");
                    self.metrics.failed();
                    self.open.insert(resource, reaping);
                }
            }
        }
        Ok(())
    }

    /// Marks a volume that may go.
    async fn nominate(&self, volume: &Surveyed, verdict: &Verdict, now: Moment) -> Result<String, Halt> {
        let name = volume.resource.to_string();
        if self.settings.is_dry {
            tracing::info!(volume = %name, why = %verdict, bytes = volume.bytes, "may go (--reap-dry-run)");
            return Ok(name);
        }
        let mark = Mark { by: self.by.clone(), time: now };
        let set = ending::single_entry(&volume.tags.incarnation, ending::CANDIDATE, &mark);
        standing::write(&self.linstor, &volume.resource, &Change { set, remove: Vec::new() }).await?;
        tracing::info!(volume = %name, why = %verdict, bytes = volume.bytes, "may go; it is removed at the next look unless somebody claims it");
        Ok(name)
    }

    /// Takes a candidate's mark away where it does not hold any more.
    async fn dismiss(&self, volume: &Surveyed) -> Result<(), Halt> {
        if self.settings.is_dry {
            return Ok(());
        }
        let remove = vec![ending::single_key(&volume.tags.incarnation, ending::CANDIDATE)];
        Ok(standing::write(&self.linstor, &volume.resource, &Change { remove, ..Change::default() }).await?)
    }

    /// Takes proofs away that their run's going on has made void: the volume that shows it may be gone tomorrow.
    async fn void(&self, survey: &Survey) -> Result<(), Halt> {
        let void = survey.volumes.iter().filter(|volume| survey.runs.is_void(volume.subject()) && !volume.is_deleting);
        for volume in void.filter(|_| !self.settings.is_dry) {
            let remove = vec![ending::single_key(&volume.tags.incarnation, ending::ENDED)];
            standing::write(&self.linstor, &volume.resource, &Change { remove, ..Change::default() }).await?;
            tracing::info!(volume = %volume.resource, "its run goes on: the proof of its end is void");
        }
        Ok(())
    }

    /// Counts the volumes by what is to become of them, and names those that a person should look at.
    fn tell(&self, survey: &Survey, now: Moment) {
        let mut counts: BTreeMap<&'static str, (u64, u64)> = BTreeMap::new();
        let mut oldest = Duration::ZERO;
        for (volume, verdict) in survey.judged(now) {
            let (count, bytes) = counts.entry(verdict.word()).or_default();
            (*count, *bytes) = (*count + 1, *bytes + volume.bytes);
            let name = &volume.resource;
            match verdict {
                Verdict::Waiting => {
                    let age = super::judge::idle_since(&volume.ledger).map(|idle| idle.age(now)).unwrap_or_default();
                    oldest = oldest.max(age);
                    tracing::debug!(volume = %name, bytes = volume.bytes, idle_seconds = age.as_secs(), "waits: nothing proves that its run is over");
                }
                Verdict::Contested(_) => tracing::warn!(volume = %name, "{verdict}"),
                _ => {}
            }
        }
        let (waiting, bytes) = counts.get(Verdict::Waiting.word()).copied().unwrap_or_default();
        if waiting > 0 {
            tracing::info!(
                waiting,
                bytes,
                oldest_seconds = oldest.as_secs(),
                "volumes wait for a proof that their run is over; see linflow volumes list"
            );
        }
        self.metrics.looked(&counts);
    }
}

fn name(survey: &mut Survey, handles: &BTreeSet<String>) {
    // By the name alone, for every claim of a volume has another handle.
    let named: BTreeSet<String> = handles
        .iter()
        .filter_map(|handle| crate::volume::VolumeId::parse(handle).ok())
        .map(|id| id.resource().to_string())
        .collect();
    for volume in &mut survey.volumes {
        volume.is_named = named.contains(&volume.resource.as_str().to_ascii_lowercase());
    }
}
