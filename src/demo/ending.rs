//! The end of the story: the run is over, its volume is kept for a while, and then nobody needs it any more.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    cluster::{Cluster, DRIVER},
    error::Error,
    pods::TaskPod,
    print::Seen,
};
use crate::lifetime::{
    reaper::{Clock, Reaper, Round, Settings},
    sole::FolderLock,
    word::{self, RunRef},
};
use crate::linstor::{model::DefinitionQuery, name::ResourceName};
use crate::metrics::Lifetimes;
use crate::volume::{ending::Outcome, generation, moment::Moment};
use crate::workflow::{DagId, FolderDirectory, Instance, RunId};

/// For how long a volume is kept whose run succeeded, unless its class says otherwise.
const KEPT: Duration = Duration::from_secs(3600);

/// A volume that nobody has claimed any more.
pub struct Ending<'a> {
    cluster: &'a Cluster,
    resource: ResourceName,
    run: RunRef,
    reaper: Reaper<FolderDirectory, FolderLock>,
    /// The time, as the reaper is told it.
    now: Arc<Mutex<Moment>>,
}

impl<'a> Ending<'a> {
    /// Of the pod's run.
    pub fn new(cluster: &'a Cluster, resource: ResourceName, pod: &TaskPod) -> Result<Self, Error> {
        let unnamed = |_| Error::Unexpected { expected: "ids of Airflow", seen: pod.name.clone() };
        let run = RunRef {
            instance: Instance::parse(&pod.namespace).map_err(unnamed)?,
            dag: DagId::parse(&pod.dag_id).map_err(unnamed)?,
            run: RunId::parse(&pod.run_id).map_err(unnamed)?,
        };
        let now = Arc::new(Mutex::new(Moment::now()));
        let told = Arc::clone(&now);
        // A moment is whole whenever it is read.
        let clock: Clock = Arc::new(move || *told.lock().unwrap_or_else(PoisonError::into_inner));
        let pods = cluster.work.pods();
        let (directory, lock) = (FolderDirectory::new(&pods), FolderLock::new(&pods));
        let settings = Settings { interval: KEPT, is_dry: false, per_minute: 1, driver: DRIVER.to_owned() };
        let reaper = Reaper::new(cluster.linstor.clone(), directory, lock, settings, Lifetimes::default(), clock);
        Ok(Self { cluster, resource, run, reaper: reaper.map_err(lifetime)?, now })
    }

    /// Airflow says that the run is over. Its volumes stay for a while: a run may be cleared.
    pub async fn finish(&mut self) -> Result<Seen, Error> {
        // By the reaper's clock, so that its hour is an hour after this.
        let told = word::finish(&self.cluster.linstor, &self.run, Outcome::Success, "linflow demo", self.now());
        let told = told.await.map_err(lifetime)?;
        let round = self.look(Duration::ZERO).await?;
        if told != [self.resource.to_string()] || round != Round::default() {
            return Err(Error::Unexpected { expected: "a volume that is kept", seen: format!("{told:?}, {round:?}") });
        }
        Ok(Seen::new("the run succeeded; its volume is kept for an hour, in case the run is cleared"))
    }

    /// The hour is over.
    pub async fn reap(&mut self) -> Result<Seen, Error> {
        let first = self.look(KEPT).await?;
        let second = self.look(KEPT).await?;
        let name = vec![self.resource.to_string()];
        if (&first.candidates, &second.reaped) != (&name, &name) {
            let seen = format!("{first:?}, {second:?}");
            return Err(Error::Unexpected { expected: "a candidate that is removed at the next look", seen });
        }
        Ok(Seen::new("its clock put on, the reaper marks the volume at one look and removes it at the next"))
    }

    /// Is anything left? Of the owner its next generation is, for a name is never used again.
    pub async fn check(&mut self) -> Result<Seen, Error> {
        let linstor = &self.cluster.linstor;
        let definitions = linstor.definitions(&DefinitionQuery::default()).await?;
        let owner = generation::of(&self.resource).map(|(owner, _)| owner.to_string()).unwrap_or_default();
        let (kept, records): (Vec<String>, Vec<String>) =
            linstor.kv_list().await?.into_keys().map(|name| name.to_string()).partition(|name| *name == owner);
        let definitions = definitions.into_iter().map(|definition| format!("definition {}", definition.name));
        let records = records.into_iter().map(|instance| format!("key-value instance {instance}"));
        let left: Vec<String> = definitions.chain(records).chain(self.cluster.work.leftovers().await?).collect();
        if !left.is_empty() {
            return Err(Error::LeftOver(left));
        }
        Ok(Seen::new("no definition, no record of the volume, no loop device, no mount")
            .note(format!("{} stays: the task's next volume has another name", kept.join(", ")))
            .looked(2))
    }

    fn now(&self) -> Moment {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&mut self, later: Duration) -> Result<Round, Error> {
        {
            let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
            *now = now.after(later);
        }
        self.reaper.round().await.map_err(lifetime)
    }
}

fn lifetime(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Lifetime(Box::new(error))
}
