//! CreateVolume with a content source: the restore of a snapshot, and the clone of a volume.
//!
//! [`source`] is what a copy is made from; `original` reads it and checks that it is what the request asks for. A
//! snapshot is restored on the nodes that hold it (`choose`, `pour`), so that nothing is copied over the network; a
//! volume is cloned by LINSTOR (`cloning`), or, where it can't, through a snapshot of its own (`temporary`). Then it is
//! looked at until it stands, grown, and given the replicas that it lacks (`stand`).
//!
//! Whatever call finds the definition goes on from there: its [`Origin`] says what it is made from, how large it is to be
//! and on which nodes, and its `formatted` record is written before the first replica is made, or is written again.

mod choose;
mod cloning;
mod original;
mod pour;
pub mod source;
mod stand;
pub(in crate::volume) mod temporary;

use std::time::Duration;

use tokio::time::Instant;

pub use source::{Origin, OriginError, Source};
pub use temporary::is_leftover;

use super::{
    Error,
    create::{Create, CreateRequest, Created, new_tags},
    groups::Groups,
    known::check_ours,
    record, replicas,
    said::Said,
    same,
};
use crate::linstor::{
    Client,
    model::{Props, ResourceDefinition},
    name::{NodeName, ResourceName},
};
use crate::workflow::Tags;
use original::{Original, was_cloned, with_filesystem};
use stand::Seen;

/// Makes a volume from its source, or completes it, or finds it complete. Waits at most `patience` for what LINSTOR copies
/// by itself.
///
/// # Errors
/// Those of [`create`](super::create::create), and `NoSource`, `SourceNotReady`, `Incompatible`, `OutOfReach`,
/// `CopyFailed`.
pub async fn create(
    linstor: &Client,
    groups: &Groups,
    request: &CreateRequest,
    source: &Source,
    patience: Duration,
) -> Result<Created, Error> {
    let resource = request.resource.clone();
    let look = async { Ok(linstor.definition(&resource).await?) };
    let (existing, placement) = tokio::try_join!(look, groups.heed(linstor, &request.placement))?;
    let request = request.heeding(placement)?;
    let copying = Copying { linstor, groups, resource: &resource, source, until: Instant::now() + patience };
    match existing {
        Some(existing) => copying.resume(&request, existing).await,
        None => copying.begin(&request).await,
    }
}

struct Copying<'a> {
    linstor: &'a Client,
    groups: &'a Groups,
    resource: &'a ResourceName,
    source: &'a Source,
    until: Instant,
}

/// A copy whose definition is there, or is about to be.
struct Copy<'a> {
    create: Create<'a>,
    source: &'a Source,
    until: Instant,
    tags: Tags,
    origin: Origin,
    /// Did LINSTOR clone it, rather than restore a snapshot?
    is_clone: bool,
    /// Did this call make the definition? Only then may all of it be taken back: nobody was told of it yet.
    is_fresh: bool,
}

impl Copying<'_> {
    /// Nothing of that name is there.
    async fn begin(&self, request: &CreateRequest) -> Result<Created, Error> {
        let terms = replicas::terms(self.linstor, request).await?;
        match self.source {
            Source::Snapshot(id) => {
                let original = Original::of_snapshot(self.linstor, id).await?;
                self.restore(request, &terms, &original, id).await
            }
            Source::Volume(volume) => {
                let original = Original::of_volume(self.linstor, volume).await?;
                let (fitting, size_kib) = original.fit(request)?;
                if choose::may_clone(&original, &fitting, &terms)? {
                    let nodes = original.holders.iter().map(|holder| holder.node.clone()).collect();
                    let copy = self.plan(&fitting, &original, size_kib, nodes, true)?;
                    if let Some(made) = self.clone_by_linstor(request, &copy, &original).await? {
                        return Ok(made);
                    }
                }
                temporary::take(self.linstor, &original, self.resource).await?;
                let original = Original::of_temporary(self.linstor, volume, self.resource).await?;
                self.restore(request, &terms, &original, &temporary::id(volume.resource(), self.resource)).await
            }
        }
    }

    /// A copy as it is going to be.
    fn plan<'a>(
        &'a self,
        request: &'a CreateRequest,
        original: &Original,
        size_kib: u64,
        nodes: Vec<String>,
        is_clone: bool,
    ) -> Result<Copy<'a>, Error> {
        let tags = Tags { fs_uuid: original.fs_uuid.clone(), ..new_tags(request)? };
        let origin = Origin {
            source: self.source.clone(),
            incarnation: tags.incarnation.clone(),
            formatted: original.formatted.clone(),
            size_kib,
            nodes,
        };
        Ok(self.copy(request, tags, origin, (is_clone, true)))
    }

    fn copy<'a>(
        &'a self,
        request: &'a CreateRequest,
        tags: Tags,
        origin: Origin,
        (is_clone, is_fresh): (bool, bool),
    ) -> Copy<'a> {
        let create = Create { linstor: self.linstor, request, resource: self.resource };
        Copy { create, source: self.source, until: self.until, tags, origin, is_clone, is_fresh }
    }

    /// A definition of that name is there: is it this copy, and is it whole?
    async fn resume(&self, request: &CreateRequest, existing: ResourceDefinition) -> Result<Created, Error> {
        let written = check_ours(&existing, self.resource)?;
        let origin = Origin::read(self.resource, &existing.props)?;
        let is_own = origin.as_ref().is_none_or(|origin| origin.incarnation == written.incarnation);
        // Where it isn't what was asked for, the comparison below says so.
        let request = &with_filesystem(request, Said::fs_type(&existing.props)).unwrap_or_else(|_| request.clone());
        let tags = match &origin {
            // The source's tags are on it: an earlier call was cut before it put the copy's back.
            Some(origin) if !is_own => {
                same::check_copied(request, &written, &existing, origin)?;
                Tags { incarnation: origin.incarnation.clone(), fs_uuid: written.fs_uuid.clone(), ..new_tags(request)? }
            }
            _ => same::check(request, &existing)?,
        };
        let origin = match origin {
            Some(origin) if origin.source == *self.source => origin,
            other => return Err(self.other_source(request, other.map(|origin| origin.source))),
        };
        let is_clone = was_cloned(&existing, self.source);
        self.copy(request, tags, origin, (is_clone, false)).complete(existing).await
    }

    fn other_source(&self, request: &CreateRequest, is: Option<Source>) -> Error {
        Error::Mismatch {
            name: request.name.clone(),
            field: "content source",
            existing: is.map_or_else(|| "none".to_owned(), |is| is.to_string()),
            asked: self.source.to_string(),
        }
    }
}

impl Copy<'_> {
    /// What the definition says of itself in the end.
    fn properties(&self) -> Props {
        let origin = (Origin::key(self.create.resource), self.origin.to_value());
        self.create.request.definition_properties(&self.tags).into_iter().chain([origin]).collect()
    }

    /// Writes down which filesystem was finished on the source, where one was. What is there may be written again: a
    /// volume's filesystem never changes its identity.
    async fn record_formatted(&self) -> Result<(), Error> {
        let Some(uuid) = &self.origin.formatted else { return Ok(()) };
        let entry = [(record::formatted_key(&self.tags.incarnation), uuid.to_string())].into();
        let put = self.create.linstor.kv_put(self.create.resource, &entry, &[]).await;
        put.map(drop).map_err(|error| self.create.still_open(error))
    }

    /// Goes on with a copy that an earlier call began.
    async fn complete(self, existing: ResourceDefinition) -> Result<Created, Error> {
        if self.is_clone {
            self.record_formatted().await?;
            return self.stand(Seen { definition: Some(existing), there: None }).await;
        }
        let there = self.create.view().await?;
        same::check_listed(self.create.request, &there)?;
        if replicas::replicas(&there).next().is_none() {
            let nodes = self.origin.nodes.iter().map(|node| NodeName::parse(node)).collect::<Result<Vec<_>, _>>()?;
            let has_volume = existing.size_kib().is_some();
            self.pour(&self.snapshot(), &nodes, has_volume, &existing.props).await?;
            return self.stand(Seen::default()).await;
        }
        self.stand(Seen { definition: Some(existing), there: Some(there) }).await
    }
}
