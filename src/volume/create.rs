//! CreateVolume: one definition with its tags, its replicas, and the proof that they are there.
//!
//! Fresh: look (or make the group), spawn, look: three requests. Naming the node of the first replica takes one more. A
//! repeat finds the definition and completes what a broken call left undone.

use std::time::Duration;

use super::{
    Error,
    copy::{self, Origin, Source},
    filesystem::{FsType, FsUuid, FsWishes},
    groups::Groups,
    id::VolumeId,
    known::check_ours,
    place::Placement,
    record::Ledger,
    said::{Difference, Said},
    size::CapacityRange,
};
use crate::linstor::{
    self, Client, Kind, Object,
    model::{AutoPlace, DRBD, Props, Resource, ResourceDefinition, SelectFilter, Spawn, ViewQuery, is_same_name},
    name::{NodeName, ResourceName},
};
use crate::workflow::{Claim, Incarnation, Ownership, Tags, tag::DRIVER_VERSION};

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
    /// Properties of LINSTOR that it gets.
    pub properties: Props,
    /// What its class said.
    pub said: Said,
    /// The nodes one of which must reach the volume; empty: any.
    pub requisite: Vec<NodeName>,
    /// The same in order of preference: the first is where the pod is going to run.
    pub preferred: Vec<NodeName>,
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
    /// The only nodes that can reach it; empty: all can, over the network.
    pub reachable_from: Vec<NodeName>,
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
    let request = &CreateRequest { placement, ..request.clone() };
    let create = Create { linstor, request, resource: &resource };
    if let Some(existing) = existing {
        return create.resume(existing).await;
    }
    groups.ensure(linstor, &request.placement).await?;
    let tags = new_tags(request)?;
    match create.spawn(&tags, size_kib).await {
        Ok(Spawned::Complete) => {}
        Ok(Spawned::First) => create.place_rest(&tags, size_kib).await?,
        Err(error) => match error.kind() {
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
    create.finish(size_kib, &create.view_replicas().await?)
}

/// How far one spawn went.
enum Spawned {
    /// All replicas are placed.
    Complete,
    /// The first replica is, on the node that was preferred.
    First,
}

/// One CreateVolume, and what of it copies have in common with the rest.
pub(super) struct Create<'a> {
    pub linstor: &'a Client,
    pub request: &'a CreateRequest,
    pub resource: &'a ResourceName,
}

impl Create<'_> {
    /// Spawns with the first replica on the preferred node, else wherever the caller allows.
    async fn spawn(&self, tags: &Tags, size_kib: u64) -> Result<Spawned, linstor::Error> {
        let placement = &self.request.placement;
        let body = |filter: Option<SelectFilter>| Spawn {
            resource_definition_name: self.resource.clone(),
            volume_sizes: vec![size_kib],
            select_filter: filter,
            definitions_only: false,
            resource_definition_props: self.properties(tags),
        };
        let group = placement.group_name();
        if let Some(first) = self.request.preferred.first() {
            let filter =
                SelectFilter { place_count: Some(1), node_name_list: vec![first.to_string()], ..placement.first() };
            match self.linstor.spawn(&group, &body(Some(filter))).await {
                Ok(_) if placement.replicas() == Some(1) => return Ok(Spawned::Complete),
                Ok(_) => return Ok(Spawned::First),
                // No pool there, or a full one. Elsewhere may do.
                Err(error) if error.kind() == Some(Kind::NotEnoughNodes) => {}
                Err(error) => return Err(error),
            }
        }
        self.linstor.spawn(&group, &body(self.anywhere_allowed())).await.map(|_| Spawned::Complete)
    }

    /// The definition's properties: the tags, what the class said, and what it sets.
    pub(super) fn properties(&self, tags: &Tags) -> Props {
        let mut properties = tags.to_properties();
        properties.extend([self.request.said.to_property()]);
        properties.extend(self.request.properties.clone());
        properties
    }

    /// The filter of a spawn without a preferred node. Without DRBD only the requisite nodes reach the data; with it
    /// every node does.
    fn anywhere_allowed(&self) -> Option<SelectFilter> {
        let CreateRequest { placement, requisite, .. } = self.request;
        let nodes = if placement.may_use_drbd() { &[] } else { requisite.as_slice() };
        let node_name_list = nodes.iter().map(ToString::to_string).collect();
        let filter = SelectFilter { place_count: placement.explicit_count(), node_name_list, ..placement.explicit() };
        (filter != SelectFilter::default()).then_some(filter)
    }

    /// Places the replicas beyond the first.
    async fn place_rest(&self, tags: &Tags, size_kib: u64) -> Result<(), Error> {
        let placement = &self.request.placement;
        let select_filter = SelectFilter { place_count: placement.replicas(), ..placement.explicit() };
        match self
            .linstor
            .autoplace(
                self.resource,
                &AutoPlace { select_filter, diskless_on_remaining: placement.diskless_on_remaining == Some(true) },
            )
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if error.refusal().is_none() => Err(self.still_open(error)),
            Err(error) => Err(self.take_back(tags, size_kib, error).await),
        }
    }

    /// A definition of that name is there: is it this volume, and is it whole?
    async fn resume(&self, existing: ResourceDefinition) -> Result<Created, Error> {
        let tags = self.check_same(&existing)?;
        let size_kib = match existing.size_kib() {
            Some(size_kib) => size_kib,
            None => {
                let size_kib = self.request.range.choose_kib(self.request.fs_type)?;
                let made = self.linstor.create_volume_definition(self.resource, size_kib).await;
                made.map_err(|error| self.still_open(error))?;
                size_kib
            }
        };
        let mut replicas = self.view_replicas().await?;
        if replicas.len() < self.wanted() {
            self.place_rest(&tags, size_kib).await?;
            replicas = self.view_replicas().await?;
        }
        self.finish(size_kib, &replicas)
    }

    /// Is the existing definition what is asked for? Answers its tags.
    pub(super) fn check_same(&self, existing: &ResourceDefinition) -> Result<Tags, Error> {
        let request = self.request;
        let tags = check_ours(existing, self.resource)?;
        let group = request.placement.group_name();
        let least = request.fs_type.map_or(0, FsType::min_bytes);
        let does = |bytes: &u64| request.range.holds(*bytes) && *bytes >= least;
        let origin = Origin::read(self.resource, &existing.props)?;
        // A copy is being grown until it has what it was promised.
        let promised = origin.as_ref().map_or(0, |origin| origin.size_kib);
        let bytes = existing.size_kib().map(|size_kib| size_kib.max(promised) * 1024);
        let from = |source: Option<&Source>| source.map_or_else(|| "none".to_owned(), ToString::to_string);
        let origin = origin.map(|origin| origin.source);
        let (field, is, asked) = if tags.csi_name != request.name {
            ("CSI name", tags.csi_name, request.name.clone())
        } else if origin != request.source {
            ("content source", from(origin.as_ref()), from(request.source.as_ref()))
        } else if let Some(bytes) = bytes.filter(|bytes| !does(bytes)) {
            ("size", format!("{bytes} bytes"), format!("{}, and {least} for its filesystem", request.range))
        } else if tags.fs_uuid.is_some() != request.fs_type.is_some() {
            let access = |is_filesystem| if is_filesystem { "filesystem" } else { "raw block" }.to_owned();
            ("access type", access(tags.fs_uuid.is_some()), access(request.fs_type.is_some()))
        } else if let Some(Difference { field, existing, asked }) = request.said.difference(&existing.props) {
            (field, existing, asked)
        } else if !is_same_name(&existing.resource_group_name, group.as_str()) {
            ("placement (resource group)", existing.resource_group_name.clone(), group.to_string())
        } else if tags.ownership != request.claim.ownership {
            ("workflow", describe(&tags.ownership), describe(&request.claim.ownership))
        } else {
            return Ok(tags);
        };
        Err(Error::Mismatch { name: request.name.clone(), field, existing: is, asked })
    }

    /// The replicas with a disk that aren't being deleted.
    pub(super) async fn view_replicas(&self) -> Result<Vec<Resource>, Error> {
        let query = ViewQuery { resources: vec![self.resource.clone()], ..ViewQuery::default() };
        let mut replicas = self.linstor.resources_view(&query).await.map_err(|error| self.still_open(error))?;
        replicas.retain(|replica| !replica.is_diskless() && !replica.is_deleting());
        Ok(replicas)
    }

    /// Success is said of replicas that were seen with a device, never of a 201 alone.
    pub(super) fn finish(&self, size_kib: u64, replicas: &[Resource]) -> Result<Created, Error> {
        let ready: Vec<&Resource> = replicas.iter().filter(|replica| replica.device_path(0).is_some()).collect();
        if ready.len() < self.wanted() {
            return Err(self.unfinished(format!("{} of {} replicas have a device", ready.len(), self.wanted())));
        }
        let uses_drbd = ready.iter().any(|replica| replica.has_layer(DRBD));
        let nodes = ready.iter().filter(|_| !uses_drbd).filter_map(|replica| NodeName::parse(&replica.node_name).ok());
        Ok(Created {
            id: self.resource.clone().into(),
            bytes: size_kib * 1024,
            reachable_from: nodes.collect(),
            wishes: self.request.wishes.clone(),
            source: self.request.source.clone(),
        })
    }

    /// After a refusal: a final answer is given only when nothing is left, for the caller won't come again after one.
    async fn take_back(&self, tags: &Tags, size_kib: u64, error: linstor::Error) -> Error {
        if error.refusal().is_none() {
            return Error::Linstor(error);
        }
        match self.remove_unused(tags).await {
            Ok(()) if matches!(error.kind(), Some(Kind::NotEnoughNodes | Kind::NotEnoughSpace)) => {
                Error::NoRoom { size_kib, placement: self.request.placement.describe(), source: error }
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
        let store = self.linstor.kv(self.resource).await?.unwrap_or_default();
        // What another incarnation or another driver left under the name says nothing of this one.
        if Ledger::read(self.resource.as_str(), &store, &tags.incarnation)? != Ledger::default() {
            return Err(self.unfinished("it has been used".to_owned()));
        }
        self.linstor.delete_definition(self.resource).await?;
        match self.linstor.definition(self.resource).await?.is_some_and(is_it) {
            true => Err(Error::Deleting(self.resource.clone())),
            false => Ok(()),
        }
    }

    pub(super) fn no_group(&self) -> Error {
        match &self.request.placement.group {
            Some(group) => Error::NoSuchGroup(group.clone()),
            None => self.unfinished("its resource group was removed meanwhile".to_owned()),
        }
    }

    pub(super) fn wanted(&self) -> usize {
        self.request.placement.replicas().unwrap_or(1) as usize
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
        try_number: None,
        ti_id: None,
        pvc_namespace: request.claim.pvc_namespace.clone(),
        pvc_name: request.claim.pvc_name.clone(),
    })
}

fn describe(ownership: &Ownership) -> String {
    ownership.workflow().map_or_else(|| format!("scope {}", ownership.scope()), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linstor::{ApiVersion, Settings};
    use crate::volume::{id::resource_name, size::CapacityRange};

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
            properties: Props::new(),
            said: Said::default(),
            requisite: Vec::new(),
            preferred: Vec::new(),
            claim: Claim { ownership: Ownership::None, pvc_namespace: None, pvc_name: None },
        };
        let create = Create { linstor: &linstor, request: &request, resource: &request.resource };
        let found = ApiVersion { major: 1, minor: 0 };
        let too_old = linstor::Error::TooOld { url: "http://old".to_owned(), found, needed: ApiVersion::MINIMUM };
        assert!(matches!(create.still_open(too_old), Error::Unfinished { .. }));
        let silence = linstor::Error::Unknown { request: "POST".to_owned(), reason: "a reset".to_owned() };
        assert!(matches!(create.still_open(silence), Error::Linstor(linstor::Error::Unknown { .. })));
    }
}
