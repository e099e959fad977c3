//! How the volume comes to its end: its claim is deleted, the run ends, and when nobody needs it any more it goes.

use std::{sync::Arc, time::Duration};

use super::{
    cluster::{Cluster, DRIVER},
    error::Error,
    print::Seen,
};
use crate::lifetime::{
    reaper::{Reaper, Settings},
    word::{self, RunRef},
};
use crate::linstor::{model::DefinitionQuery, name::ResourceName};
use crate::metrics::Lifetimes;
use crate::volume::{claims::owner_instance, ending::Outcome, moment::Moment};
use crate::workflow::{Elected, FolderDirectory, WorkflowRef};

/// How far the reaper's clock is put forward: past the hour for which a run's volume is kept after success.
const LATER: Duration = Duration::from_secs(2 * 3600);

/// The end of a volume.
pub struct Ending<'a> {
    cluster: &'a Cluster,
    owner: &'a WorkflowRef,
    resource: &'a ResourceName,
}

/// There is one controller.
struct Alone;

impl Elected for Alone {
    fn is_held(&self) -> bool {
        true
    }
}

impl<'a> Ending<'a> {
    /// The end of that owner's volume.
    pub fn new(cluster: &'a Cluster, owner: &'a WorkflowRef, resource: &'a ResourceName) -> Self {
        Self { cluster, owner, resource }
    }

    async fn is_there(&self) -> Result<bool, Error> {
        Ok(self.cluster.linstor.definition(self.resource).await?.is_some())
    }

    /// `kubectl delete pvc`.
    pub async fn release(&self, claims: &[String]) -> Result<Seen, Error> {
        for claim in claims {
            self.cluster.calls.delete(claim).await?;
        }
        if !self.is_there().await? {
            return Err(Error::Unexpected { expected: "the data of the run", seen: "none".to_owned() });
        }
        Ok(Seen::new("both claims are deleted, and the data stays: the run may go on").looked(1))
    }

    /// What Airflow's side says.
    pub async fn finish(&self) -> Result<Seen, Error> {
        let Some(run) = self.owner.run().cloned() else {
            return Err(Error::Unexpected { expected: "a run", seen: self.owner.to_string() });
        };
        let run = RunRef { instance: self.owner.instance().clone(), dag: self.owner.dag().clone(), run };
        word::finish(&self.cluster.linstor, &run, Outcome::Success, "demo", Moment::now()).await?;
        Ok(Seen::new("the run has ended with success: its volume is kept for an hour more"))
    }

    /// Two looks of the reaper: one now, and one when the hour has passed.
    pub async fn reap(&self) -> Result<Seen, Error> {
        self.look(Duration::ZERO, 2).await?;
        if !self.is_there().await? {
            return Err(Error::Unexpected { expected: "a volume that is kept", seen: "none".to_owned() });
        }
        self.look(LATER, 2).await?;
        if self.is_there().await? {
            return Err(Error::Unexpected { expected: "no volume", seen: self.resource.to_string() });
        }
        Ok(Seen::new("nobody claimed it: an hour later, by a clock put forward, the reaper has removed it").looked(2))
    }

    /// A volume is a candidate at one look, and goes at the next.
    async fn look(&self, later: Duration, looks: usize) -> Result<(), Error> {
        let settings = Settings { interval: LATER, is_dry: false, per_minute: 1, driver: DRIVER.to_owned() };
        let directory = FolderDirectory::new(self.cluster.work.pods());
        let clock = Arc::new(move || Moment::now().after(later));
        let linstor = self.cluster.linstor.clone();
        let reaper = Reaper::new(linstor, directory, Alone, settings, Lifetimes::default(), clock);
        let mut reaper = reaper.map_err(|error| Error::Lifetime(error.into()))?;
        for _ in 0..looks {
            reaper.round().await.map_err(|error| Error::Lifetime(error.into()))?;
        }
        Ok(())
    }

    /// Nothing is left. That the owner had a volume, and which name comes next, is told by its own instance.
    pub async fn check(&self) -> Result<Seen, Error> {
        let definitions = self.cluster.linstor.definitions(&DefinitionQuery::default()).await?;
        let records = self.cluster.linstor.kv_list().await?;
        let definitions = definitions.into_iter().map(|definition| format!("definition {}", definition.name));
        let own = owner_instance(self.owner);
        let records = records.into_keys().filter(|name| name != own.as_str());
        let records = records.map(|instance| format!("key-value instance {instance}"));
        let left: Vec<String> = definitions.chain(records).chain(self.cluster.work.leftovers().await?).collect();
        if left.is_empty() {
            Ok(Seen::new("no definition, no record of the volume, no loop device, no mount").looked(2))
        } else {
            Err(Error::LeftOver(left))
        }
    }
}
