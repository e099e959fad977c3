//! Requests of the Controller service, parsed once into what `volume/` understands. An error here means that nothing
//! was done.

use crate::csi::proto as csi;
use crate::linstor::name::{NameError, NodeName};
use crate::volume::{VolumeId, context::ContextError, copy::Source, snapshot::SnapshotId};
use crate::volume::{
    attach::AttachRequest,
    attributes::{AttributeError, Attributes},
    capacity::CapacityRequest,
    claims::owned_name,
    create::CreateRequest,
    filesystem::{FsType, OptionError, UnknownFsType},
    id::VolumeIdError,
    params::{ParameterError, Parameters},
    record::{AccessMode, AccessType},
    said::Said,
    size::{CapacityRange, MIN_BYTES, SizeError},
    snapshot::params::SnapshotParameterError,
    topology::Term,
};
use crate::workflow::{Claim, ClaimError};

pub mod node;

/// What would be copied twice.
const FROM_BESIDE_SOURCE: &str = "linflow.csi/from beside volume_content_source";

/// The topology key whose value is the node's name.
pub use crate::volume::topology::HOSTNAME as TOPOLOGY_KEY;

/// A request that can't be meant.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// A field that CSI requires is empty.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A volume name that CSI forbids.
    #[error("name has {0} characters or holds control characters; give 1 to 128 characters without them")]
    VolumeName(usize),
    /// A volume id that linflow never gives.
    #[error(transparent)]
    VolumeId(#[from] VolumeIdError),
    /// A content source by an id that linflow never gives: there is none. The code is the spec's own (CreateVolume
    /// Errors, "Source does not exist").
    #[error("volume_content_source {0:?} does not exist: linflow never gave that id")]
    NoSuchSource(String),
    /// A node id that LINSTOR can't have as a name.
    #[error("node_id: {0}")]
    NodeId(#[from] NameError),
    /// A StorageClass parameter that is unknown or makes no sense.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// A mutable parameter that is unknown or makes no sense.
    #[error(transparent)]
    Attribute(#[from] AttributeError),
    /// A workflow in the StorageClass that can't be told, or isn't the claim's to name.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// A capacity range that holds no size.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// An access mode that isn't supported.
    #[error("access mode {mode} is not supported: {reason}; use ReadWriteOnce, or ReadOnlyMany for many readers")]
    AccessMode {
        /// CSI's word for it.
        mode: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// A filesystem that isn't supported.
    #[error(transparent)]
    FsType(#[from] UnknownFsType),
    /// An option of mkfs, mount or xfs_io that isn't on the list.
    #[error(transparent)]
    FsOption(#[from] OptionError),
    /// A `volume_mount_group` that is no group of Linux. The spec leaves its form to the plugin; kubelet sends fsGroup.
    #[error("volume_mount_group {0:?} is not a group's number; give one from 0 to 4294967294")]
    MountGroup(String),
    /// Something that this version can't do.
    #[error("{0} is not supported by this version of linflow; leave it out")]
    Unsupported(&'static str),
    /// A filesystem that nobody may ever write to, and nothing in it.
    #[error(
        "every access mode asked for only reads, and the volume would be blank for good; add ReadWriteOnce to the access modes, or name a snapshot or volume to copy"
    )]
    NeverWritten,
    /// A path that is not acceptable.
    #[error("{field}: {reason}")]
    Path {
        /// The field of the request.
        field: &'static str,
        /// What is wrong with it and what to pass.
        reason: String,
    },
    /// NodePublishVolume without the path where the volume was staged. The code is the spec's own (NodePublishVolume
    /// Errors).
    #[error("staging_target_path is missing; call NodeStageVolume first and pass its path")]
    NoStagingPath,
    /// Raw use of a volume that carries a filesystem, or will: what is written there would be lost at the next stage.
    #[error(
        "the volume was made for a filesystem and is not given out as a raw device; make another with volumeMode Block"
    )]
    RawUse,
    /// A VolumeSnapshotClass parameter that is unknown or asks for what linflow does not do.
    #[error(transparent)]
    SnapshotParameter(#[from] SnapshotParameterError),
    /// One thing named twice where each may be once.
    #[error("{field} names {id} twice; name each once")]
    Repeated {
        /// The field of the request.
        field: &'static str,
        /// What is named twice.
        id: String,
    },
    /// max_entries below zero.
    #[error("max_entries is {0}; it can't be negative")]
    MaxEntries(i32),
    /// A publish_context that isn't ours.
    #[error(transparent)]
    Context(#[from] ContextError),
}

/// How a volume is used, apart from its access mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// As a raw device.
    Block,
    /// As a filesystem.
    Mount {
        /// Which; none: what the volume_context says.
        fs_type: Option<FsType>,
        /// Mount flags, unchecked.
        flags: Vec<String>,
        /// The group that the files are to belong to (`volume_mount_group`), unchecked.
        group: Option<String>,
    },
}

impl Use {
    /// What the node is given.
    pub fn access_type(&self) -> AccessType {
        match self {
            Self::Block => AccessType::Block,
            Self::Mount { .. } => AccessType::Mount,
        }
    }

    /// The filesystem that it names.
    pub fn fs_type(&self) -> Option<FsType> {
        match self {
            Self::Block => None,
            Self::Mount { fs_type, .. } => *fs_type,
        }
    }
}

/// The field, unless it is empty.
pub fn require<'a>(field: &'static str, value: &'a str) -> Result<&'a str, RequestError> {
    if value.is_empty() { Err(RequestError::Missing(field)) } else { Ok(value) }
}

/// A volume id that a caller gives.
pub fn volume_id(id: &str) -> Result<VolumeId, RequestError> {
    Ok(VolumeId::parse(require("volume_id", id)?)?)
}

/// One capability: the use and the access mode.
pub fn capability(capability: Option<&csi::VolumeCapability>) -> Result<(Use, AccessMode), RequestError> {
    use csi::volume_capability::AccessType as Given;
    let capability = capability.ok_or(RequestError::Missing("volume_capability"))?;
    let mode = capability.access_mode.ok_or(RequestError::Missing("volume_capability.access_mode"))?.mode();
    let used = match capability.access_type.as_ref().ok_or(RequestError::Missing("volume_capability.access_type"))? {
        Given::Block(_) => Use::Block,
        Given::Mount(mount) => {
            let fs_type = Some(mount.fs_type.as_str()).filter(|name| !name.is_empty()).map(str::parse).transpose()?;
            let group = Some(&mount.volume_mount_group).filter(|group| !group.is_empty()).cloned();
            Use::Mount { fs_type, flags: mount.mount_flags.clone(), group }
        }
    };
    let mode = access_mode(mode, &used)?;
    Ok((used, mode))
}

/// The mode, where it can be had for that use.
fn access_mode(mode: csi::volume_capability::access_mode::Mode, used: &Use) -> Result<AccessMode, RequestError> {
    use csi::volume_capability::access_mode::Mode;
    let reason = match (mode, used) {
        (Mode::SingleNodeWriter, _) => return Ok(AccessMode::SingleNodeWriter),
        (Mode::SingleNodeSingleWriter, _) => return Ok(AccessMode::SingleNodeSingleWriter),
        (Mode::SingleNodeMultiWriter, _) => return Ok(AccessMode::SingleNodeMultiWriter),
        (Mode::SingleNodeReaderOnly, _) => return Ok(AccessMode::SingleNodeReaderOnly),
        (Mode::MultiNodeReaderOnly, _) => return Ok(AccessMode::MultiNodeReaderOnly),
        (Mode::MultiNodeSingleWriter, _) => "DRBD lets no node read while another one may write",
        (Mode::MultiNodeMultiWriter, Use::Block) => {
            "it takes two DRBD primaries, as live migration does, and linflow doesn't allow them yet"
        }
        (Mode::MultiNodeMultiWriter, Use::Mount { .. }) => {
            "ext4 and xfs are written by one node at a time, and linflow exports nothing over NFS"
        }
        (Mode::Unknown, _) => "it is none that this version knows",
    };
    Err(RequestError::AccessMode { mode: mode.as_str_name(), reason })
}

/// All capabilities of a volume: the filesystem that the first mount names, or the class's, or ext4; none for raw block
/// alone.
pub(super) fn filesystem(
    capabilities: &[csi::VolumeCapability],
    class: Option<FsType>,
) -> Result<Option<FsType>, RequestError> {
    if capabilities.is_empty() {
        return Err(RequestError::Missing("volume_capabilities"));
    }
    let uses = capabilities.iter().map(|one| capability(Some(one))).collect::<Result<Vec<_>, _>>()?;
    let mut mounts = uses.into_iter().filter_map(|(used, _)| match used {
        Use::Mount { fs_type, .. } => Some(fs_type.or(class).unwrap_or(FsType::Ext4)),
        Use::Block => None,
    });
    let first = mounts.next();
    match mounts.find(|other| Some(*other) != first) {
        Some(_) => Err(RequestError::Unsupported("more than one filesystem in volume_capabilities")),
        None => Ok(first),
    }
}

/// Is there anybody to write to a filesystem that starts out blank? Without a writer it is never made.
fn check_written(capabilities: &[csi::VolumeCapability], has_source: bool) -> Result<(), RequestError> {
    let only_reads = |one: &csi::VolumeCapability| matches!(capability(Some(one)), Ok((Use::Mount { .. }, mode)) if mode.is_reader());
    if !has_source && capabilities.iter().all(only_reads) { Err(RequestError::NeverWritten) } else { Ok(()) }
}

/// CSI bans control characters from names "other than commonly used whitespace" (spec, CreateVolumeRequest.name).
fn is_banned(character: char) -> bool {
    character.is_control() && !matches!(character, '\t' | '\n' | '\r')
}

/// What a CreateVolumeRequest's class says, with which its claim is asked for.
pub fn parameters(request: &csi::CreateVolumeRequest) -> Result<Parameters, RequestError> {
    let characters = require("name", &request.name)?.chars().count();
    if characters > 128 || request.name.chars().any(is_banned) {
        return Err(RequestError::VolumeName(characters));
    }
    Ok(Parameters::parse(&request.parameters)?)
}

/// A CreateVolumeRequest with these parameters, from this claim.
pub fn create(
    request: &csi::CreateVolumeRequest,
    mut parameters: Parameters,
    claim: Claim,
) -> Result<CreateRequest, RequestError> {
    let name = &*request.name;
    let has_source = request.volume_content_source.is_some();
    if claim.from.is_some() && has_source {
        return Err(RequestError::Unsupported(FROM_BESIDE_SOURCE));
    }
    let attributes = Attributes::parse(&request.mutable_parameters)?;
    // "Values specified in mutable_parameters MUST take precedence over the values from parameters" (CreateVolume).
    parameters.placement.count = attributes.replicas.or(parameters.placement.count);
    parameters.properties.extend(attributes.to_properties());
    let fs_type = filesystem(&request.volume_capabilities, parameters.fs_type)?;
    let is_fs_named = parameters.fs_type.is_some() || names_filesystem(&request.volume_capabilities);
    check_written(&request.volume_capabilities, has_source || claim.from.is_some())?;
    let (requisite, preferred) = topology(request.accessibility_requirements.as_ref())?;
    let wishes = fs_type.map(|fs_type| parameters.fs_texts.wishes(fs_type)).transpose()?;
    for remark in &parameters.remarks {
        tracing::warn!(volume = name, "{remark}");
    }
    Ok(CreateRequest {
        name: name.to_owned(),
        resource: match claim.ownership.workflow() {
            Some(owner) => owned_name(owner, 0),
            None => parameters.resource_name(name)?,
        },
        said: Said::new(&parameters.placement, &parameters.topology.policy, wishes.as_ref(), &parameters.properties)?,
        wishes,
        properties: parameters.properties,
        range: capacity_range(request.capacity_range)?,
        source: request.volume_content_source.as_ref().map(content_source).transpose()?,
        fs_type,
        is_fs_named,
        claim,
        placement: parameters.placement,
        policy: parameters.topology.policy,
        reach: parameters.topology.reach,
        attributes,
        requisite,
        preferred,
    })
}

fn names_filesystem(capabilities: &[csi::VolumeCapability]) -> bool {
    use csi::volume_capability::AccessType;
    let names = |one: &csi::VolumeCapability| matches!(&one.access_type, Some(AccessType::Mount(mount)) if !mount.fs_type.is_empty());
    capabilities.iter().any(names)
}

/// What a volume is to be made from.
fn content_source(source: &csi::VolumeContentSource) -> Result<Source, RequestError> {
    use csi::volume_content_source::Type;
    match &source.r#type {
        None => Err(RequestError::Missing("volume_content_source.type")),
        Some(Type::Volume(volume)) => {
            let id = VolumeId::parse(require("volume_content_source.volume.volume_id", &volume.volume_id)?);
            Ok(Source::Volume(id.map_err(|_| RequestError::NoSuchSource(volume.volume_id.clone()))?))
        }
        Some(Type::Snapshot(snapshot)) => {
            let id = SnapshotId::parse(require("volume_content_source.snapshot.snapshot_id", &snapshot.snapshot_id)?);
            Ok(Source::Snapshot(id.map_err(|_| RequestError::NoSuchSource(snapshot.snapshot_id.clone()))?))
        }
    }
}

/// A range, where one is sent.
pub fn capacity_range(range: Option<csi::CapacityRange>) -> Result<CapacityRange, RequestError> {
    match range {
        Some(range) => Ok(CapacityRange::parse(range.required_bytes, range.limit_bytes)?),
        None => Ok(CapacityRange::any()),
    }
}

/// The terms of a topology requirement: requisite, preferred.
fn topology(required: Option<&csi::TopologyRequirement>) -> Result<(Vec<Term>, Vec<Term>), RequestError> {
    let terms = |list: &[csi::Topology]| -> Result<Vec<Term>, RequestError> {
        list.iter().map(|one| Ok(Term::parse(&one.segments)?)).collect()
    };
    match required {
        Some(required) => Ok((terms(&required.requisite)?, terms(&required.preferred)?)),
        None => Ok((Vec::new(), Vec::new())),
    }
}

/// How many entries a page of a list may have; 0: any number.
pub fn max_entries(sent: i32) -> Result<usize, RequestError> {
    usize::try_from(sent).map_err(|_| RequestError::MaxEntries(sent))
}

/// A ControllerPublishVolumeRequest.
pub fn attach(request: &csi::ControllerPublishVolumeRequest) -> Result<AttachRequest, RequestError> {
    let volume = volume_id(&request.volume_id)?;
    let node = NodeName::parse(require("node_id", &request.node_id)?)?;
    let (used, mode) = capability(request.volume_capability.as_ref())?;
    Ok(AttachRequest {
        volume,
        node,
        mode,
        access: used.access_type(),
        fs_type: used.fs_type(),
        read_only: request.readonly || mode.is_reader(),
    })
}

/// A ControllerExpandVolumeRequest: the volume, the range, and whether the node has a filesystem to grow, which a raw
/// block volume has not.
pub fn expand(request: &csi::ControllerExpandVolumeRequest) -> Result<(VolumeId, CapacityRange, bool), RequestError> {
    let volume = volume_id(&request.volume_id)?;
    let range = request.capacity_range.ok_or(RequestError::Missing("capacity_range"))?;
    let used = request.volume_capability.as_ref().map(|one| capability(Some(one))).transpose()?;
    let is_raw = matches!(used, Some((Use::Block, _)));
    Ok((volume, capacity_range(Some(range))?, !is_raw))
}

/// A ControllerModifyVolumeRequest: the volume and what it is to have.
pub fn modify(request: &csi::ControllerModifyVolumeRequest) -> Result<(VolumeId, Attributes), RequestError> {
    Ok((volume_id(&request.volume_id)?, Attributes::parse(&request.mutable_parameters)?))
}

/// A GetCapacityRequest.
pub fn capacity(request: &csi::GetCapacityRequest) -> Result<CapacityRequest, RequestError> {
    let parameters = Parameters::parse(&request.parameters)?;
    // The provisioner sends no capabilities: then the class alone tells the filesystem.
    let fs_type = match request.volume_capabilities.as_slice() {
        [] => parameters.fs_type,
        capabilities => filesystem(capabilities, parameters.fs_type)?,
    };
    let from = request.accessible_topology.as_ref().filter(|place| !place.segments.is_empty());
    let from = from.map(|place| Term::parse(&place.segments)).transpose()?;
    Ok(CapacityRequest {
        placement: parameters.placement,
        policy: parameters.topology.policy,
        reach: parameters.topology.reach,
        over_provision: parameters.over_provision,
        least_bytes: fs_type.map_or(MIN_BYTES, |fs_type| fs_type.min_bytes().max(MIN_BYTES)),
        from,
    })
}

pub mod snapshot;
#[cfg(test)]
mod tests;
