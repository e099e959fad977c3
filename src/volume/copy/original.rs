//! What a copy is made of, as LINSTOR has it now, and whether it is what the request asks for.

use super::{Source, temporary};
use crate::linstor::{
    Client,
    model::{DRBD, Props, Resource, ResourceDefinition, Snapshot, ViewQuery, is_same_name},
    name::ResourceName,
};
use crate::volume::{
    Error, VolumeId,
    create::CreateRequest,
    filesystem::{FsType, FsUuid, FsWishes},
    known::Known,
    place::Placement,
    said::Said,
    same::access_type,
    snapshot::{SnapshotId, SnapshotProps},
};
use crate::workflow::Tags;

use super::source::Origin;

/// A snapshot or a volume, read for a copy.
#[derive(Debug)]
pub(super) struct Original {
    pub source: Source,
    /// The identity of its filesystem, which the copy's is too; none for raw block.
    pub fs_uuid: Option<FsUuid>,
    /// Its filesystem, where its class's words are kept.
    pub fs_type: Option<FsType>,
    /// Its layers, top first, separated by commas; of a snapshot only where its volume's class said them.
    pub layers: Option<String>,
    /// The filesystem that was known to be finished on it before its bytes were taken.
    pub formatted: Option<FsUuid>,
    pub size_kib: u64,
    pub uses_drbd: bool,
    /// The nodes that have the bytes.
    pub holders: Vec<Holder>,
    /// The definition's properties, which LINSTOR copies.
    pub props: Props,
    /// Of a volume: does every node with a replica answer? LINSTOR never completes a clone without one.
    pub is_whole: bool,
}

/// A node with the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub node: String,
    /// The storage pool there; none where LINSTOR does not say.
    pub pool: Option<String>,
}

impl Original {
    /// Reads a snapshot that a caller named. One request.
    pub async fn of_snapshot(linstor: &Client, id: &SnapshotId) -> Result<Self, Error> {
        let source = Source::Snapshot(id.clone());
        let snapshot = find(linstor, id).await?.ok_or_else(|| missing(&source, "it does not exist in LINSTOR"))?;
        match SnapshotProps::read(&snapshot.props) {
            Ok(Some(own)) => Self::read(source, &snapshot, own.formatted),
            Ok(None) => Err(missing(&source, "it was not taken by linflow")),
            Err(damaged) => Err(not_ready(&source, damaged.to_string())),
        }
    }

    /// Reads the snapshot that stands between a volume and its clone. One request.
    pub async fn of_temporary(linstor: &Client, volume: &VolumeId, copy: &ResourceName) -> Result<Self, Error> {
        let source = Source::Volume(volume.clone());
        let id = temporary::id(volume.resource(), copy);
        let snapshot =
            find(linstor, &id).await?.ok_or_else(|| not_ready(&source, "its snapshot is gone".to_owned()))?;
        let formatted = temporary::formatted(&snapshot).map_err(|seen| not_ready(&source, seen))?;
        Self::read(source, &snapshot, formatted)
    }

    fn read(source: Source, snapshot: &Snapshot, formatted: Option<FsUuid>) -> Result<Self, Error> {
        if snapshot.is_failed() {
            return Err(missing(&source, "it failed when it was taken, and never will hold anything; take another"));
        } else if snapshot.is_deleting() {
            return Err(missing(&source, "it is being deleted"));
        }
        let size_kib = snapshot.size_kib().filter(|_| snapshot.is_ready());
        let size_kib = size_kib.ok_or_else(|| not_ready(&source, "it is still being taken".to_owned()))?;
        let tags = read_tags(&source, &snapshot.definition_props)?;
        let holder = |node: &String| {
            let here = snapshot.snapshots.iter().find(|one| is_same_name(&one.node_name, node));
            Holder { node: node.clone(), pool: here.and_then(|one| one.pool()).map(str::to_owned) }
        };
        Ok(Self {
            fs_uuid: tags.fs_uuid,
            fs_type: Said::fs_type(&snapshot.definition_props),
            layers: Said::layers(&snapshot.definition_props),
            formatted,
            size_kib,
            uses_drbd: snapshot.uses_drbd(),
            holders: snapshot.nodes.iter().map(holder).collect(),
            props: snapshot.definition_props.clone(),
            is_whole: true,
            source,
        })
    }

    /// Reads a volume, its records before anything is copied. Three requests side by side.
    pub async fn of_volume(linstor: &Client, volume: &VolumeId) -> Result<Self, Error> {
        let source = Source::Volume(volume.clone());
        let query = ViewQuery { resources: vec![volume.resource().clone()], ..ViewQuery::default() };
        let view = async { Ok(linstor.resources_view(&query).await?) };
        let (known, mut replicas) = match tokio::try_join!(Known::load(linstor, volume), view) {
            Err(Error::NotFound(_)) => return Err(missing(&source, "it does not exist in LINSTOR")),
            Err(Error::Foreign(_)) => return Err(missing(&source, "it was not made by linflow")),
            Err(Error::Deleting(_)) => return Err(missing(&source, "it is being deleted")),
            read => read?,
        };
        known.check_claim()?;
        replicas.retain(|replica| !replica.is_diskless() && !replica.is_deleting());
        let unready = || not_ready(&source, "it is not complete itself".to_owned());
        let size_kib = known.definition.size_kib().filter(|size_kib| is_complete(&known, *size_kib, &replicas));
        let holder = |replica: &Resource| Holder {
            node: replica.node_name.clone(),
            pool: replica.volume(0).map(|volume| volume.storage_pool_name.clone()),
        };
        Ok(Self {
            size_kib: size_kib.ok_or_else(unready)?,
            fs_uuid: known.tags.fs_uuid,
            fs_type: Said::fs_type(&known.definition.props),
            layers: replicas.first().map(layers),
            formatted: known.ledger.formatted,
            uses_drbd: replicas.iter().any(|replica| replica.has_layer(DRBD)),
            holders: replicas.iter().map(holder).collect(),
            props: known.definition.props,
            is_whole: replicas.iter().all(Resource::is_live),
            source,
        })
    }

    /// The request as it is for this original: with its filesystem where none was named, and the size in KiB.
    ///
    /// # Errors
    /// `Incompatible` where the copy can't be what is asked for, `Size`.
    pub fn fit(&self, request: &CreateRequest) -> Result<(CreateRequest, u64), Error> {
        let is_filesystem = self.fs_uuid.is_some();
        if is_filesystem != request.fs_type.is_some() {
            let (from, volume_mode) = (self.source.clone(), if is_filesystem { "Filesystem" } else { "Block" });
            let (is, asked) = (access_type(is_filesystem), access_type(request.fs_type.is_some()));
            return Err(Error::OtherAccessType { from, is, asked, volume_mode });
        }
        self.check_layers(&request.placement)?;
        let size_kib = request.range.copy_kib(self.size_kib)?;
        let request = with_filesystem(request, self.fs_type);
        request.map_err(|(is, asked)| self.differs("filesystem", is, asked)).map(|request| (request, size_kib))
    }

    /// LINSTOR copies the layers too: what is not encrypted or replicated does not become so by being copied.
    fn check_layers(&self, placement: &Placement) -> Result<(), Error> {
        let words = |uses_drbd| if uses_drbd { "with DRBD" } else { "without DRBD" }.to_owned();
        let asked = placement.stack().join(",");
        match &self.layers {
            Some(is) if *is != asked => Err(self.differs("layer list", is.clone(), asked)),
            _ if self.uses_drbd != placement.may_use_drbd() => {
                Err(self.differs("layer list", words(self.uses_drbd), words(placement.may_use_drbd())))
            }
            _ => Ok(()),
        }
    }

    /// The nodes that have the bytes, in words.
    pub fn nodes(&self) -> String {
        self.holders.iter().map(|holder| holder.node.as_str()).collect::<Vec<_>>().join(", ")
    }

    pub fn differs(&self, field: &'static str, is: String, asked: String) -> Error {
        Error::Incompatible { from: self.source.clone(), field, is, asked }
    }
}

/// The request with the filesystem that a copy has, where it is known and the caller named none; where that isn't the one
/// that was asked for, both.
pub(super) fn with_filesystem(request: &CreateRequest, own: Option<FsType>) -> Result<CreateRequest, (String, String)> {
    let (own, asked) = match (own, request.fs_type) {
        (Some(own), Some(asked)) if own != asked => (own, asked),
        _ => return Ok(request.clone()),
    };
    let has_wishes = request.wishes.as_ref().is_some_and(|wishes| *wishes != FsWishes::none(asked));
    if request.is_fs_named || has_wishes {
        return Err((own.to_string(), asked.to_string()));
    }
    let said = request.said.clone().with_filesystem(own);
    Ok(CreateRequest { fs_type: Some(own), wishes: Some(FsWishes::none(own)), said, ..request.clone() })
}

/// Is a volume all that it is to be? One that is itself a copy in the making is not.
fn is_complete(known: &Known, size_kib: u64, replicas: &[Resource]) -> bool {
    let own = match Origin::read(known.volume.resource(), &known.definition.props) {
        Ok(None) => true,
        Ok(Some(origin)) => origin.incarnation == known.tags.incarnation && origin.size_kib <= size_kib,
        Err(_) => false,
    };
    own && !replicas.is_empty() && !known.definition.is_cloning() && !known.definition.is_failed()
}

/// The layers of a replica, top first, separated by commas.
pub(super) fn layers(replica: &Resource) -> String {
    replica.layers().collect::<Vec<_>>().join(",")
}

async fn find(linstor: &Client, id: &SnapshotId) -> Result<Option<Snapshot>, Error> {
    let all = linstor.snapshots(std::slice::from_ref(id.resource())).await?;
    let is_it = |snapshot: &Snapshot| {
        is_same_name(&snapshot.resource_name, id.resource().as_str())
            && is_same_name(&snapshot.name, id.name().as_str())
    };
    Ok(all.into_iter().find(is_it))
}

fn read_tags(source: &Source, props: &Props) -> Result<Tags, Error> {
    Tags::read(props)?.ok_or_else(|| missing(source, "its volume was not made by linflow"))
}

/// Whether a definition was cloned from that one by LINSTOR itself.
pub(super) fn was_cloned(definition: &ResourceDefinition, source: &Source) -> bool {
    let from = definition.prop("cloned-from");
    matches!(source, Source::Volume(_)) && from.is_some_and(|from| is_same_name(from, source.resource().as_str()))
}

pub(super) fn missing(source: &Source, reason: &'static str) -> Error {
    Error::NoSource { from: source.clone(), reason }
}

pub(super) fn not_ready(source: &Source, seen: String) -> Error {
    Error::SourceNotReady { from: source.clone(), seen }
}
