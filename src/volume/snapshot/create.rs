//! CreateSnapshot and CreateVolumeGroupSnapshot: all of one moment or none, said to be there only when LINSTOR shows them.
//!
//! Fresh: the definitions ‖ the records, the snapshots, and looks until they are taken: three requests and the looks, for
//! any number of volumes. A repeat is refused by LINSTOR, whose names are unique within a definition, and looks: what is
//! there must be ours, of this name and of these volumes. What LINSTOR flags as failed is removed and taken once more.

mod look;
mod twins;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{
    Error, Membership, SnapshotId, SnapshotProps, Taken, delete,
    id::{group_name, snapshot_name},
    list::named,
};
use crate::linstor::{
    self, Client, Kind,
    model::{DefinitionQuery, NewSnapshot, PropFilter, ResourceDefinition, is_same_name},
    name::{NodeName, ResourceName, SnapshotName},
    rc::code,
};
use crate::volume::{
    self, VolumeId,
    known::check_ours,
    patience::Patience,
    record::Ledger,
    topology::{self, Term},
};
use crate::workflow::tag::{self, Tags};
use look::{Broken, Look, Settled};

/// A CreateSnapshot or CreateVolumeGroupSnapshot request, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRequest {
    /// The CSI name: 1 to 128 characters.
    csi_name: String,
    /// The volumes, in order, each once.
    sources: Vec<ResourceName>,
    /// The ids among those that were asked for which name a claim of an owner's volume.
    claims: Vec<VolumeId>,
    /// What the members of a group know of it; none where the snapshot is to be alone.
    group: Option<Membership>,
    /// The places one of which must reach what is made from it; empty: any.
    usable_from: Vec<Term>,
}

impl SnapshotRequest {
    /// A snapshot of one volume, usable from one of these places; empty: from any.
    pub fn alone(csi_name: &str, source: &VolumeId, usable_from: Vec<Term>) -> Self {
        let (sources, claims) = (vec![source.resource().clone()], claims_of(std::slice::from_ref(source)));
        Self { csi_name: csi_name.to_owned(), sources, claims, group: None, usable_from }
    }

    /// Snapshots of several volumes, of one moment. None where there is no volume.
    pub fn group(csi_name: &str, volumes: &[VolumeId]) -> Option<Self> {
        let mut sources: Vec<ResourceName> = volumes.iter().map(|volume| volume.resource().clone()).collect();
        sources.sort();
        sources.dedup();
        let (claims, group) = (claims_of(volumes), Some(Membership::of(csi_name, &sources)?));
        Some(Self { csi_name: csi_name.to_owned(), sources, claims, group, usable_from: Vec::new() })
    }

    /// The volumes that it works on, in order.
    pub fn sources(&self) -> &[ResourceName] {
        &self.sources
    }

    /// What the members of the group know of it; none where the snapshot is to be alone.
    pub fn membership(&self) -> Option<&Membership> {
        self.group.as_ref()
    }

    fn name(&self) -> SnapshotName {
        if self.group.is_some() { group_name(&self.csi_name) } else { snapshot_name(&self.csi_name) }
    }
}

/// Takes the snapshots, or finds them taken, and waits at most `patience` until LINSTOR says so. Answers one for each
/// volume, in order.
///
/// # Errors
/// `Volume` where a volume isn't there, isn't ours or goes away, or its claim was released; `Mismatch` and `Foreign` where the name is taken;
/// `Unsupported`, `NotUpToDate`, `OutOfReach`; `NotTaken`, `Deleting` where the call must come again; `Failed`.
pub async fn create(linstor: &Client, request: &SnapshotRequest, patience: Duration) -> Result<Vec<Taken>, Error> {
    let usable_from = topology::resolve(linstor, &request.usable_from).await?.concat();
    let take = Take { linstor, request, name: request.name(), usable_from, until: Instant::now() + patience };
    let (wanted, released) = take.describe().await?;
    if let Some(released) = released {
        take.check_begun(released).await?;
    }
    match take.attempt(&wanted).await? {
        Ok(members) => Ok(members),
        // It was never said to be there: it is taken once more.
        Err(_) => take.attempt(&wanted).await?.map_err(|broken| Error::Failed(broken.id, broken.flags)),
    }
}

/// What to take of a volume.
type Wanted = (ResourceName, SnapshotProps);

/// What LINSTOR said to the request.
enum Posted {
    /// They are registered.
    New,
    /// One of that name is there.
    Exists,
    /// It refuses. What it had begun may be there.
    Refused(Error),
}

struct Take<'a> {
    linstor: &'a Client,
    request: &'a SnapshotRequest,
    name: SnapshotName,
    /// The nodes of the places one of which must reach what is made from it.
    usable_from: Vec<NodeName>,
    until: Instant,
}

impl Take<'_> {
    /// Takes them, or finds them taken. What LINSTOR could not take is removed and told.
    async fn attempt(&self, wanted: &[Wanted]) -> Result<Result<Vec<Taken>, Broken>, Error> {
        let (is_new, refused) = match self.post(wanted).await? {
            Posted::New => (true, None),
            Posted::Exists => (false, None),
            Posted::Refused(error) => (false, Some(error)),
        };
        match self.await_settled(wanted, refused).await? {
            Settled::Taken { members, others } => Ok(Ok(self.accept(members, &others, is_new).await?)),
            Settled::Broken { resources, broken } => {
                self.remove(&resources).await?;
                Ok(Err(broken))
            }
        }
    }

    /// What to take, with its properties, and a claim among those that ask which is one no more. Records are read before
    /// anything is taken: a filesystem that is finished later is not known to be in the snapshot.
    async fn describe(&self) -> Result<(Vec<Wanted>, Option<VolumeId>), Error> {
        let (definitions, stores) = tokio::try_join!(self.definitions(), self.stores())?;
        let mut released = None;
        let of = |resource: &ResourceName| {
            let is_it = |one: &&ResourceDefinition| is_same_name(&one.name, resource.as_str());
            let definition = definitions.iter().find(is_it);
            let definition = definition.ok_or_else(|| volume::Error::NotFound(resource.clone().into()))?;
            let tags = check_ours(definition, resource)?;
            let store = stores.iter().find(|(name, _)| is_same_name(name, resource.as_str()));
            let ledger = store.map(|(_, store)| Ledger::read(resource.as_str(), store, &tags.incarnation)).transpose();
            let ledger = ledger.map_err(volume::Error::from)?.unwrap_or_default();
            released = released.take().or_else(|| self.released(resource, &ledger));
            Ok((resource.clone(), self.props(&tags, ledger)))
        };
        let wanted = self.request.sources.iter().map(of).collect::<Result<_, Error>>()?;
        Ok((wanted, released))
    }

    /// The claim by which this volume is asked for, where it is one no more.
    fn released(&self, resource: &ResourceName, ledger: &Ledger) -> Option<VolumeId> {
        let is_gone = |id: &&VolumeId| id.claim().is_some_and(|claim| !ledger.claims.contains_key(claim));
        self.request.claims.iter().filter(|id| id.resource() == resource).find(is_gone).cloned()
    }

    /// A claim that was released gets no new snapshot. One that was begun for it before is brought to its end: after a
    /// final answer nobody would delete it.
    async fn check_begun(&self, released: VolumeId) -> Result<(), Error> {
        let mut seen = self.linstor.snapshots(named(&self.request.sources)).await?;
        seen.retain(|one| is_same_name(&one.name, self.name.as_str()));
        if self.is_any_of(&seen) { Ok(()) } else { Err(volume::Error::Released(released).into()) }
    }

    fn props(&self, tags: &Tags, ledger: Ledger) -> SnapshotProps {
        SnapshotProps {
            driver: tag::DRIVER_VERSION.to_owned(),
            csi_name: self.request.csi_name.clone(),
            source: tags.incarnation.clone(),
            formatted: ledger.formatted,
            group: self.request.group.clone(),
        }
    }

    async fn definitions(&self) -> Result<Vec<ResourceDefinition>, linstor::Error> {
        let names = named(&self.request.sources).to_vec();
        let props = if names.is_empty() { vec![PropFilter::Has(tag::DRIVER.to_owned())] } else { Vec::new() };
        self.linstor.definitions(&DefinitionQuery { names, props, page: None }).await
    }

    async fn stores(&self) -> Result<BTreeMap<String, BTreeMap<String, String>>, linstor::Error> {
        match self.request.sources.as_slice() {
            [one] => Ok(self.linstor.kv(one).await?.map(|store| (one.to_string(), store)).into_iter().collect()),
            _ => self.linstor.kv_list().await,
        }
    }

    async fn post(&self, wanted: &[Wanted]) -> Result<Posted, Error> {
        let new = |(resource_name, props): &Wanted| NewSnapshot {
            resource_name: resource_name.clone(),
            name: self.name.clone(),
            props: props.to_properties(),
        };
        match self.linstor.take_snapshots(&wanted.iter().map(new).collect::<Vec<_>>()).await {
            Ok(replies) => {
                for warning in replies.warnings() {
                    let (volumes, linstor) = (self.volumes(), &warning.message);
                    tracing::warn!(snapshot = %self.name, %volumes, %linstor, "a snapshot was taken with a warning");
                }
                Ok(Posted::New)
            }
            Err(error) if error.refusal().is_none() => Err(error.into()),
            Err(error) => Ok(self.refused(error)),
        }
    }

    fn refused(&self, source: linstor::Error) -> Posted {
        let volumes = self.volumes();
        Posted::Refused(match source.kind() {
            Some(Kind::HasSnapshots | Kind::Exists(_)) => return Posted::Exists,
            Some(Kind::Other(code::FAIL_SNAPSHOT_NOT_UP_TO_DATE)) => Error::NotUpToDate { volumes, source },
            Some(Kind::Other(code::FAIL_SNAPSHOTS_NOT_SUPPORTED)) => Error::Unsupported { volumes, source },
            _ => source.into(),
        })
    }

    /// Looks until all are taken, or one has failed; once, where LINSTOR has refused and nothing is there.
    async fn await_settled(&self, wanted: &[Wanted], refused: Option<Error>) -> Result<Settled, Error> {
        let mut patience = Patience::until(self.until);
        // A name that is unique by itself can be no other volume's: only these are looked at, at any size of the cluster.
        let of: &[ResourceName] =
            if twins::is_unique(&self.request.csi_name) { named(&self.request.sources) } else { &[] };
        let mut refused = refused;
        loop {
            let mut seen = self.linstor.snapshots(of).await?;
            seen.retain(|one| is_same_name(&one.name, self.name.as_str()));
            if let Some(refused) = refused.take().filter(|_| !self.is_any_of(&seen)) {
                return Err(refused);
            }
            match self.judge(wanted, &seen)? {
                Look::Settled(settled) => return Ok(settled),
                Look::Waiting(error) if !patience.wait().await => return Err(error),
                Look::Waiting(_) => {}
            }
        }
    }

    /// They are taken: may they stay? Those that this call has taken are taken back where they may not; those that were
    /// there before may have been promised to somebody.
    async fn accept(&self, members: Vec<Taken>, others: &[Taken], is_new: bool) -> Result<Vec<Taken>, Error> {
        let refused = twins::older(&members, others)
            .map(|twin| self.mismatch("the source", twin.id.resource().to_string(), self.volumes()));
        let refused = refused.or_else(|| self.out_of_reach(&members));
        if let Some(refused) = refused {
            if is_new {
                self.remove(&self.request.sources).await?;
            }
            return Err(refused);
        }
        for member in members.iter().filter(|member| member.is_partial) {
            let nodes = names(&member.nodes);
            tracing::warn!(snapshot = %member.id, %nodes, "the snapshot is partial: a replica was away, and only these nodes hold it");
        }
        Ok(members)
    }

    fn mismatch(&self, field: &'static str, existing: String, asked: String) -> Error {
        Error::Mismatch { name: self.request.csi_name.clone(), field, existing, asked }
    }

    fn out_of_reach(&self, members: &[Taken]) -> Option<Error> {
        let is_anywhere = self.request.usable_from.is_empty();
        let lost = members.iter().find(|member| !is_anywhere && !member.is_usable_from(&self.usable_from))?;
        Some(Error::OutOfReach { snapshot: lost.id.clone(), nodes: names(&lost.usable_from) })
    }

    /// Removes what the call can't leave.
    async fn remove(&self, resources: &[ResourceName]) -> Result<(), Error> {
        for resource in resources {
            delete::remove(self.linstor, resource, &self.name).await?;
        }
        Ok(())
    }

    fn id(&self, resource: &ResourceName) -> SnapshotId {
        SnapshotId::new(resource.clone(), self.name.clone())
    }

    fn volumes(&self) -> String {
        self.request.sources.iter().map(ResourceName::as_str).collect::<Vec<_>>().join(", ")
    }
}

fn claims_of(volumes: &[VolumeId]) -> Vec<VolumeId> {
    volumes.iter().filter(|volume| volume.claim().is_some()).cloned().collect()
}

fn names(nodes: &[NodeName]) -> String {
    nodes.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", ")
}
