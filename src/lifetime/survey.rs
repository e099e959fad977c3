//! What LINSTOR has of workflows' volumes, read in few requests.

use std::collections::BTreeMap;

use super::judge::{Runs, Subject, Verdict, judge};
use crate::linstor::{
    Client,
    model::{DefinitionQuery, Props, ResourceDefinition},
    name::ResourceName,
};
use crate::volume::{Error, copy::is_leftover, generation, moment::Moment, record::Ledger};
use crate::workflow::{Filter, Tags};

/// One volume.
#[derive(Debug, Clone)]
pub struct Surveyed {
    /// Its name.
    pub resource: ResourceName,
    /// Its tag.
    pub tags: Tags,
    /// Its records.
    pub ledger: Ledger,
    /// Its size in bytes.
    pub bytes: u64,
    /// Does LINSTOR delete it?
    pub is_deleting: bool,
    /// Its snapshots, as far as they were asked for.
    pub snapshots: Vec<String>,
    /// Does a PersistentVolume name it, as far as that was asked for?
    pub is_named: bool,
}

/// All volumes of the runs that were meant.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// By name.
    pub volumes: Vec<Surveyed>,
    /// When each run was last seen to do something.
    pub runs: Runs,
    /// The instances in which owners' generations are kept, by name.
    pub owners: BTreeMap<String, Props>,
}

impl Surveyed {
    /// As it is judged.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            tags: &self.tags,
            ledger: &self.ledger,
            is_deleting: self.is_deleting,
            snapshots: &self.snapshots,
            is_named: self.is_named,
        }
    }
}

impl Survey {
    /// Reads definitions and records: two requests.
    ///
    /// # Errors
    /// One volume whose tag or records can't be read fails the survey: what it says of its run would be missing.
    pub async fn of(linstor: &Client, filter: &Filter) -> Result<Self, Error> {
        let query = DefinitionQuery { props: filter.query(), ..DefinitionQuery::default() };
        let (definitions, stores) = tokio::try_join!(linstor.definitions(&query), linstor.kv_list())?;
        let stores: BTreeMap<String, _> =
            stores.into_iter().map(|(name, store)| (name.to_ascii_lowercase(), store)).collect();
        let nothing = BTreeMap::new();
        let read = |definition: &ResourceDefinition| {
            let Some(tags) = Tags::read(&definition.props)? else { return Ok(None) };
            let store = stores.get(&definition.name.to_ascii_lowercase()).unwrap_or(&nothing);
            let ledger = Ledger::read(&definition.name, store, &tags.incarnation)?;
            let resource = ResourceName::parse(&definition.name)?;
            let bytes = definition.size_kib().unwrap_or_default() * 1024;
            let is_deleting = definition.is_deleting();
            let surveyed =
                Surveyed { resource, tags, ledger, bytes, is_deleting, snapshots: Vec::new(), is_named: false };
            Ok::<_, Error>(Some(surveyed))
        };
        let volumes: Vec<Surveyed> =
            definitions.iter().filter_map(|one| read(one).transpose()).collect::<Result<_, _>>()?;
        let runs = Runs::of(volumes.iter().map(Surveyed::subject));
        let owners = stores.into_iter().filter(|(name, _)| generation::is_owner(name)).collect();
        Ok(Self { volumes, runs, owners })
    }

    /// The same without the volumes that aren't meant. What the others say of their runs stays known.
    pub fn only(mut self, filter: &Filter) -> Self {
        self.volumes.retain(|volume| filter.takes(&volume.tags));
        self
    }

    /// Reads the snapshots of those volumes that could go if they had none, but for those that go with their volume: one
    /// request, or none, and two for each that a copy was made through.
    pub async fn ask_for_snapshots(&mut self, linstor: &Client, now: Moment) -> Result<(), Error> {
        let runs = &self.runs;
        let matters =
            |volume: &Surveyed| matches!(judge(volume.subject(), runs, now), Verdict::Reapable(_) | Verdict::Final);
        let names: Vec<ResourceName> =
            self.volumes.iter().filter(|volume| matters(volume)).map(|volume| volume.resource.clone()).collect();
        if names.is_empty() {
            return Ok(());
        }
        // In one address as long as that many names can be.
        for names in names.chunks(100) {
            for snapshot in linstor.snapshots(names).await? {
                let of_it =
                    |volume: &&mut Surveyed| volume.resource.as_str().eq_ignore_ascii_case(&snapshot.resource_name);
                if let Some(volume) = self.volumes.iter_mut().find(of_it)
                    && !is_leftover(linstor, &volume.resource, &snapshot).await?
                {
                    volume.snapshots.push(snapshot.name);
                }
            }
        }
        Ok(())
    }

    /// Each volume with what is to become of it.
    pub fn judged(&self, now: Moment) -> impl Iterator<Item = (&Surveyed, Verdict)> {
        self.volumes.iter().map(move |volume| (volume, judge(volume.subject(), &self.runs, now)))
    }
}
