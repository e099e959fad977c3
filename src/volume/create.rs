//! CreateVolume: one definition with its tags, its replicas, and the proof that they are there.
//!
//! Fresh: look (or make the group), spawn, look: three requests. Naming the node of the first replica takes one more
//! ([`spread`] says which nodes are tried). A repeat finds the definition and completes what a broken call left undone.

use std::time::Duration;

use super::{
    Error,
    attributes::Attributes,
    capacity,
    copy::{self, Source},
    filesystem::{FsType, FsUuid, FsWishes},
    groups::Groups,
    id::VolumeId,
    place::Placement,
    record::Ledger,
    replicas::{Placer, Stopped, held, missing_clients, plan, replicas},
    said::Said,
    same,
    size::CapacityRange,
    spread::Policy,
    topology::{self, Segments, Term},
};
use crate::linstor::{
    self, Client, Kind, Object,
    model::{Props, Resource, ResourceDefinition, ViewQuery},
    name::ResourceName,
};
use crate::workflow::{Claim, Incarnation, Reach, Tags, tag::DRIVER_VERSION};

/// A CreateVolume request, parsed.
#[derive(Debug, Clone)]
pub struct CreateRequest {
    /// The CSI name: 1 to 128 characters.
    pub name: String,
    /// The name of its resource definition.
    pub resource: ResourceName,
    /// The size.
    pub range: CapacityRange,
    /// What it is made from; none: it begins empty.
    pub source: Option<Source>,
    /// The filesystem that it will carry; none for raw block.
    pub fs_type: Option<FsType>,
    /// Did the capability or the class name that filesystem? Else a copy has its source's.
    pub is_fs_named: bool,
    /// How that is made and mounted; none for raw block.
    pub wishes: Option<FsWishes>,
    /// Where the replicas go.
    pub placement: Placement,
    /// Who chooses the nodes.
    pub policy: Policy,
    /// Who may use it over the network.
    pub reach: Reach,
    /// Properties of LINSTOR that it gets.
    pub properties: Props,
    /// What its class said.
    pub said: Said,
    /// The places one of which must reach the volume; empty: any.
    pub requisite: Vec<Term>,
    /// The same in order of preference: the first is where the pod is going to run.
    pub preferred: Vec<Term>,
    /// What its VolumeAttributesClass says; `placement` and `properties` have it already.
    pub attributes: Attributes,
    /// Whose volume it is, and the PersistentVolumeClaim that it is made for.
    pub claim: Claim,
}

/// A volume that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its id.
    pub id: VolumeId,
    /// Its size in bytes: what LINSTOR's volume definition says.
    pub bytes: u64,
    /// Where it can be reached from: nodes that have all segments of one of these; empty: every node, over the network.
    pub reachable_from: Vec<Segments>,
    /// How its filesystem is made and mounted; none for raw block.
    pub wishes: Option<FsWishes>,
    /// What it was made from; none: it began empty.
    pub source: Option<Source>,
}

/// Makes the volume, or completes it, or finds it complete. Waits for a copy's bytes, at most `patience`.
///
/// # Errors
/// `Mismatch` and `Foreign` where the name is taken, `Size`, `NoRoom`; `Unfinished` where something exists that must be
/// completed; those of [`copy::create`].
pub async fn create(
    linstor: &Client,
    groups: &Groups,
    request: &CreateRequest,
    patience: Duration,
) -> Result<Created, Error> {
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
    let attempts = match tokio::try_join!(plan(linstor, request), groups.ensure(linstor, &request.placement)) {
        Ok((attempts, ())) => attempts,
        // What this controller has not looked for may be there all the same.
        Err(error @ (Error::NoSuchPlace(_) | Error::Impossible(_))) => {
            let existing = linstor.definition(&resource).await?.ok_or(error)?;
            return create.resume(existing).await;
        }
        Err(error) => return Err(error),
    };
    let tags = new_tags(request)?;
    let placer = create.placer(&tags, size_kib);
    match placer.place(&attempts, create.wanted(), None).await {
        Ok(()) => {}
        Err(Stopped { error, is_defined: true }) => return Err(create.take_back_open(&tags, size_kib, error).await),
        Err(Stopped { error, is_defined: false }) => match error.kind() {
            // Another creator was faster.
            Some(Kind::Exists(Object::Definition)) => {
                let existing = linstor.definition(&resource).await?;
                let existing =
                    existing.ok_or_else(|| create.unfinished("it appeared and went away again".to_owned()))?;
                return create.resume(existing).await;
            }
            Some(Kind::NotFound(Object::Group)) => {
                groups.forget(&request.placement);
                return Err(create.no_group());
            }
            _ => return Err(create.take_back(&tags, size_kib, error).await),
        },
    }
    create.ensure_clients(&placer, &[]).await?;
    create.finish(size_kib, &create.view().await?, create.wanted()).await
}

impl CreateRequest {
    /// The same with a placement that heeds the administrator's group. `Unmodifiable` where the attributes need DRBD
    /// and it has none.
    pub(super) fn heeding(&self, placement: Placement) -> Result<Self, Error> {
        match self.attributes.needs_drbd().filter(|_| !placement.may_use_drbd()) {
            Some(what) => Err(Error::Unmodifiable { volume: self.name.clone(), what }),
            None => Ok(Self { placement, ..self.clone() }),
        }
    }

    /// What its definition says of itself: its tags, what its class said, and what that sets.
    pub(super) fn definition_properties(&self, tags: &Tags) -> Props {
        let mut properties = tags.to_properties();
        properties.extend([self.said.to_property()]);
        properties.extend(self.properties.clone());
        properties
    }
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
        let size_kib = match existing.size_kib() {
            Some(size_kib) => size_kib,
            None => {
                let size_kib = self.request.range.choose_kib(self.request.fs_type)?;
                let made = self.linstor.create_volume_definition(self.resource, size_kib).await;
                made.map_err(|error| self.still_open(error))?;
                size_kib
            }
        };
        let mut there = self.view().await?;
        same::check_listed(self.request, &there)?;
        let mut wanted = self.wanted();
        if replicas(&there).count() < wanted as usize {
            // Fewer may have been asked for since.
            wanted = self.ledger(&tags).await?.replicas.map_or(wanted, |asked| wanted.min(asked));
        }
        let lacks_clients = !missing_clients(&self.request.reach.clients, &there).is_empty();
        if replicas(&there).count() < wanted as usize || lacks_clients {
            self.complete(&tags, size_kib, &there, wanted).await?;
            there = self.view().await?;
        }
        self.finish(size_kib, &there, wanted).await
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
            id: self.resource.clone().into(),
            bytes: size_kib * 1024,
            reachable_from,
            wishes: self.request.wishes.clone(),
            source: self.request.source.clone(),
        })
    }

    /// After a refusal with the definition there; anything but a refusal leaves it to the next call.
    async fn take_back_open(&self, tags: &Tags, size_kib: u64, error: linstor::Error) -> Error {
        if error.refusal().is_none() {
            return self.still_open(error);
        }
        self.take_back(tags, size_kib, error).await
    }

    /// After a refusal: a final answer is given only when nothing is left, for the caller won't come again after one.
    async fn take_back(&self, tags: &Tags, size_kib: u64, error: linstor::Error) -> Error {
        if error.refusal().is_none() {
            return Error::Linstor(error);
        }
        match self.remove_unused(tags).await {
            Ok(()) if error.is_no_room() => {
                let placement = &self.request.placement;
                let largest_kib = capacity::largest_kib(self.linstor, placement).await;
                Error::NoRoom { size_kib, placement: placement.describe(), largest_kib, source: error }
            }
            Ok(()) if error.kind() == Some(Kind::NoMasterKey) => {
                Error::NoPassphrase { resource: self.resource.clone(), source: error }
            }
            Ok(()) => Error::Linstor(error),
            Err(left) => self.unfinished(format!("{error}; and it could not be taken back: {left}")),
        }
    }

    /// Removes the definition of this incarnation, unless it was ever attached, and looks that it is gone.
    async fn remove_unused(&self, tags: &Tags) -> Result<(), Error> {
        let is_it = |definition: ResourceDefinition| matches!(Tags::read(&definition.props), Ok(Some(found)) if found.incarnation == tags.incarnation);
        if !self.linstor.definition(self.resource).await?.is_some_and(is_it) {
            return Ok(());
        }
        // What another incarnation or another driver left under the name says nothing of this one.
        if self.ledger(tags).await? != Ledger::default() {
            return Err(self.unfinished("it has been used".to_owned()));
        }
        self.linstor.delete_definition(self.resource).await?;
        match self.linstor.definition(self.resource).await?.is_some_and(is_it) {
            true => Err(Error::Deleting(self.resource.clone())),
            false => Ok(()),
        }
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
    Ok(Tags {
        driver: DRIVER_VERSION.to_owned(),
        incarnation: Incarnation::from_random(incarnation),
        ownership: request.claim.ownership.clone(),
        csi_name: request.name.clone(),
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
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linstor::{ApiVersion, Settings};
    use crate::volume::{id::resource_name, size::CapacityRange};
    use crate::workflow::Ownership;

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
