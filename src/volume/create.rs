//! CreateVolume: one definition with its tags, its replicas, and the proof that they are there.
//!
//! Fresh: look (or make the group), spawn, look: three requests. Naming the node of the first replica takes one more
//! ([`spread`] says which nodes are tried). A repeat finds the definition and completes what a broken call left undone.

mod request;
mod undo;

use std::time::Duration;

pub use request::{CreateRequest, Created};

use super::{
    Error, copy,
    filesystem::FsUuid,
    groups::Groups,
    owned,
    record::Ledger,
    replicas::{Placer, Stopped, held, missing_clients, plan, replicas},
    same,
    spread::Attempt,
    topology,
};
use crate::linstor::{
    self, Client, Kind, Object,
    model::{Resource, ResourceDefinition, ViewQuery},
    name::ResourceName,
};
use crate::workflow::{Incarnation, Tags};

/// Makes the volume, or completes it, or finds it complete. Waits for a copy's bytes, at most `patience`.
///
/// # Errors
/// `Mismatch` and `Foreign` where the name is taken, `Size`, `NoRoom`; `Unfinished` where something exists that must be
/// completed; those of [`copy::create`].
pub async fn create(
    linstor: &Client,
    groups: &Groups,
    owners: &owned::Owners,
    request: &CreateRequest,
    patience: Duration,
) -> Result<Created, Error> {
    if let Some(owner) = request.claim.ownership.workflow() {
        // Large, and not for the way of every other volume.
        return Box::pin(owned::create(linstor, groups, owners, request, owner, patience)).await;
    }
    if let Some(source) = &request.source {
        return copy::create(linstor, groups, request, source, patience).await;
    }
    let resource = request.resource.clone();
    let size_kib = request.range.choose_kib(request.fs_type)?;
    let look = async {
        // Whose class this process has not met yet is most likely new: the spawn itself tells, for creation by name is
        // atomic.
        let is_first = !groups.is_known(&request.placement);
        if is_first { Ok(None) } else { Ok(linstor.definition(&resource).await?) }
    };
    let (existing, placement) = tokio::try_join!(look, groups.heed(linstor, &request.placement))?;
    let request = &request.heeding(placement)?;
    let create = Create { linstor, request, resource: &resource };
    if let Some(existing) = existing {
        return create.resume(existing).await;
    }
    let attempts = match create.prospect(groups).await? {
        Prospect::Attempts(attempts) => attempts,
        Prospect::There(existing) => return create.resume(*existing).await,
    };
    let tags = new_tags(request)?;
    match create.make(groups, &attempts, &tags, size_kib).await? {
        Made::Replicas => create.finish(size_kib, &create.view().await?, create.wanted()).await,
        Made::Elsewhere => create.resume(create.existing().await?).await,
    }
}

/// What a definition that this process knows nothing of may come to.
pub(super) enum Prospect {
    /// These are tried in turn.
    Attempts(Vec<Attempt>),
    /// It is there, though nothing that is asked for now could be made.
    There(Box<ResourceDefinition>),
}

/// A volume that was given what it lacked.
pub(super) struct Whole {
    pub size_kib: u64,
    pub there: Vec<Resource>,
    pub wanted: u32,
}

/// Who made a definition.
pub(super) enum Made {
    /// This call, with all its replicas.
    Replicas,
    /// Another creator was faster.
    Elsewhere,
}

/// One CreateVolume, and what of it copies have in common with the rest.
pub(super) struct Create<'a> {
    pub linstor: &'a Client,
    pub request: &'a CreateRequest,
    pub resource: &'a ResourceName,
}

impl Create<'_> {
    pub(super) fn placer<'b>(&'b self, tags: &'b Tags, size_kib: u64) -> Placer<'b> {
        Placer { linstor: self.linstor, request: self.request, resource: self.resource, tags, size_kib }
    }

    /// Plans the replicas, with the group made where this process has not met it.
    pub(super) async fn prospect(&self, groups: &Groups) -> Result<Prospect, Error> {
        let ensured = groups.ensure(self.linstor, &self.request.placement);
        match tokio::try_join!(plan(self.linstor, self.request), ensured) {
            Ok((attempts, ())) => Ok(Prospect::Attempts(attempts)),
            // What this controller has not looked for may be there all the same.
            Err(error @ (Error::NoSuchPlace(_) | Error::Impossible(_))) => {
                let existing = self.linstor.definition(self.resource).await?.ok_or(error)?;
                Ok(Prospect::There(Box::new(existing)))
            }
            Err(error) => Err(error),
        }
    }

    /// Makes the definition with its replicas and clients, or takes back what was made of it.
    pub(super) async fn make(
        &self,
        groups: &Groups,
        attempts: &[Attempt],
        tags: &Tags,
        size_kib: u64,
    ) -> Result<Made, Error> {
        let placer = self.placer(tags, size_kib);
        match placer.place(attempts, self.wanted(), None).await {
            Ok(()) => {}
            Err(Stopped { error, is_defined: true }) => return Err(self.take_back_open(tags, size_kib, error).await),
            Err(Stopped { error, is_defined: false }) => match error.kind() {
                Some(Kind::Exists(Object::Definition)) => return Ok(Made::Elsewhere),
                Some(Kind::NotFound(Object::Group)) => {
                    groups.forget(&self.request.placement);
                    return Err(self.no_group());
                }
                _ => return Err(self.take_back(tags, size_kib, error).await),
            },
        }
        self.ensure_clients(&placer, &[]).await?;
        Ok(Made::Replicas)
    }

    /// The definition that another creator made.
    pub(super) async fn existing(&self) -> Result<ResourceDefinition, Error> {
        let existing = self.linstor.definition(self.resource).await?;
        existing.ok_or_else(|| self.unfinished("it appeared and went away again".to_owned()))
    }

    /// What a definition that is there lacks of its `wanted` replicas and its clients.
    async fn complete(&self, tags: &Tags, size_kib: u64, there: &[Resource], wanted: u32) -> Result<(), Error> {
        let placer = self.placer(tags, size_kib);
        let held = held(there);
        if held.len() < wanted as usize {
            let attempts = match plan(self.linstor, self.request).await {
                Ok(attempts) => attempts,
                // Nothing that is asked for now can be: no call will complete it.
                Err(error @ (Error::NoSuchPlace(_) | Error::Impossible(_))) => {
                    return Err(self.remove_unused(tags).await.err().unwrap_or(error));
                }
                Err(Error::Linstor(error)) => return Err(self.still_open(error)),
                Err(error) => return Err(error),
            };
            let placed = placer.place(&attempts, wanted, Some(&held)).await;
            if let Err(Stopped { error, .. }) = placed {
                return Err(self.take_back_open(tags, size_kib, error).await);
            }
        }
        self.ensure_clients(&placer, there).await
    }

    pub(super) async fn ensure_clients(&self, placer: &Placer<'_>, there: &[Resource]) -> Result<(), Error> {
        placer.ensure_clients(there).await.map_err(|error| self.still_open(error))
    }

    /// A definition of that name is there: is it this volume, and is it whole?
    async fn resume(&self, existing: ResourceDefinition) -> Result<Created, Error> {
        let tags = same::check(self.request, &existing)?;
        let whole = self.complete_all(&tags, existing.size_kib(), None, None).await?;
        self.finish(whole.size_kib, &whole.there, whole.wanted).await
    }

    /// Gives this volume what it lacks. `seen` and `ledger`: its resources and its records, where they have been read.
    pub(super) async fn complete_all(
        &self,
        tags: &Tags,
        size_kib: Option<u64>,
        seen: Option<Vec<Resource>>,
        ledger: Option<&Ledger>,
    ) -> Result<Whole, Error> {
        let size_kib = match size_kib {
            Some(size_kib) => size_kib,
            None => {
                let size_kib = self.request.range.choose_kib(self.request.fs_type)?;
                let made = self.linstor.create_volume_definition(self.resource, size_kib).await;
                made.map_err(|error| self.still_open(error))?;
                size_kib
            }
        };
        let mut there = match seen {
            Some(there) => there,
            None => self.view().await?,
        };
        same::check_listed(self.request, &there)?;
        let mut wanted = self.wanted();
        if replicas(&there).count() < wanted as usize {
            // Fewer may have been asked for since.
            let asked = match ledger {
                Some(ledger) => ledger.replicas,
                None => self.ledger(tags).await?.replicas,
            };
            wanted = asked.map_or(wanted, |asked| wanted.min(asked));
        }
        let lacks_clients = !missing_clients(&self.request.reach.clients, &there).is_empty();
        if replicas(&there).count() < wanted as usize || lacks_clients {
            self.complete(tags, size_kib, &there, wanted).await?;
            there = self.view().await?;
        }
        Ok(Whole { size_kib, there, wanted })
    }

    /// All its resources.
    pub(super) async fn view(&self) -> Result<Vec<Resource>, Error> {
        let query = ViewQuery { resources: vec![self.resource.clone()], ..ViewQuery::default() };
        self.linstor.resources_view(&query).await.map_err(|error| self.still_open(error))
    }

    /// Success is said of replicas that were seen with a device, never of a 201 alone.
    pub(super) async fn finish(&self, size_kib: u64, there: &[Resource], wanted: u32) -> Result<Created, Error> {
        let ready: Vec<Resource> =
            replicas(there).filter(|replica| replica.device_path(0).is_some()).cloned().collect();
        if ready.len() < wanted as usize {
            return Err(self.unfinished(format!("{} of {wanted} replicas have a device", ready.len())));
        }
        let reach = &self.request.reach;
        if let Some(client) = missing_clients(&reach.clients, there).first() {
            return Err(self.unfinished(format!("its client {client} has no resource yet")));
        }
        let reachable_from = topology::accessible(self.linstor, reach, &ready).await;
        let reachable_from = reachable_from.map_err(|error| self.still_open(error))?;
        Ok(Created {
            id: self.request.id(),
            bytes: size_kib * 1024,
            reachable_from,
            wishes: self.request.wishes.clone(),
            source: self.request.source.clone(),
        })
    }

    pub(super) async fn ledger(&self, tags: &Tags) -> Result<Ledger, Error> {
        let store = self.linstor.kv(self.resource).await?.unwrap_or_default();
        Ok(Ledger::read(self.resource.as_str(), &store, &tags.incarnation)?)
    }

    pub(super) fn no_group(&self) -> Error {
        match &self.request.placement.group {
            Some(group) => Error::NoSuchGroup(group.clone()),
            None => self.unfinished("its resource group was removed meanwhile".to_owned()),
        }
    }

    pub(super) fn wanted(&self) -> u32 {
        self.request.placement.wanted()
    }

    /// The definition is there: a refusal now, or a controller that is too old, must not look like an end.
    pub(super) fn still_open(&self, error: linstor::Error) -> Error {
        match error {
            linstor::Error::Refused(_) | linstor::Error::TooOld { .. } => self.unfinished(error.to_string()),
            silence => silence.into(),
        }
    }

    pub(super) fn unfinished(&self, seen: String) -> Error {
        Error::Unfinished { resource: self.resource.clone(), seen }
    }
}

pub(super) fn new_tags(request: &CreateRequest) -> Result<Tags, Error> {
    let (mut incarnation, mut uuid) = ([0; 16], [0; 16]);
    for random in [&mut incarnation, &mut uuid] {
        getrandom::fill(random).map_err(|error| Error::Random(error.to_string()))?;
    }
    let incarnation = Incarnation::from_random(incarnation);
    Ok(Tags {
        // What a pod writes to a raw device must never be taken for a filesystem that is to be made: without an identity nothing is.
        fs_uuid: request.fs_type.map(|_| FsUuid::from_random(uuid)),
        try_number: request.claim.try_number,
        ti_id: request.claim.ti_id.clone(),
        pvc_namespace: request.claim.pvc_namespace.clone(),
        pvc_name: request.claim.pvc_name.clone(),
        reach: request.reach.clone(),
        confirm: request.claim.confirm,
        retain: request.claim.retain,
        reap_unproven: request.claim.reap_unproven,
        ..Tags::new(incarnation, request.claim.ownership.clone(), &request.name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linstor::model::Props;
    use crate::linstor::{ApiVersion, Settings};
    use crate::volume::{
        attributes::Attributes, id::resource_name, place::Placement, said::Said, size::CapacityRange, spread::Policy,
    };
    use crate::workflow::{Ownership, Reach};

    #[test]
    fn once_a_definition_is_there_no_error_looks_like_an_end() {
        let linstor = Client::new(&Settings::new(vec!["http://127.0.0.1:1".parse().unwrap()])).unwrap();
        let request = CreateRequest {
            name: "vol1".to_owned(),
            resource: resource_name("vol1"),
            range: CapacityRange::any(),
            source: None,
            fs_type: None,
            is_fs_named: false,
            wishes: None,
            placement: Placement::default(),
            policy: Policy::default(),
            reach: Reach::default(),
            attributes: Attributes::default(),
            properties: Props::new(),
            said: Said::default(),
            requisite: Vec::new(),
            preferred: Vec::new(),
            claim: Ownership::None.into(),
        };
        let create = Create { linstor: &linstor, request: &request, resource: &request.resource };
        let found = ApiVersion { major: 1, minor: 0 };
        let too_old = linstor::Error::TooOld { url: "http://old".to_owned(), found, needed: ApiVersion::MINIMUM };
        assert!(matches!(create.still_open(too_old), Error::Unfinished { .. }));
        let silence = linstor::Error::Unknown { request: "POST".to_owned(), reason: "a reset".to_owned() };
        assert!(matches!(create.still_open(silence), Error::Linstor(linstor::Error::Unknown { .. })));
    }
}
