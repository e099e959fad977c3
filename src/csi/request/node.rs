//! Requests of the Node service, parsed once into what `node/` understands.

use std::collections::BTreeMap;

use tonic::Status;

use super::{RequestError, Use, require};
use crate::csi::{admit, proto as csi, status};
use crate::node::{
    AbsolutePath, Access, DeviceHint, ExpandRequest, FsUse, PublishRequest, StageRequest, Targets,
    health::HealthRequest, options::MountOptions,
};
use crate::volume::{
    VolumeId,
    context::{self, PublishContext},
    filesystem::FsType,
    record::AccessMode,
};
use crate::workflow::Scope;

/// The volume that a definition holds: linflow makes one in each.
const VOLUME_NUMBER: u32 = 0;

/// A path that a mount may stand at.
pub fn path(field: &'static str, text: &str) -> Result<AbsolutePath, RequestError> {
    let parsed = AbsolutePath::parse(require(field, text)?);
    parsed.map_err(|error| RequestError::Path { field, reason: error.to_string() })
}

/// A `volume_path`. Nothing of ours is ever mounted at a path that AbsolutePath refuses; csi-sanity asks for one and
/// expects NOT_FOUND.
pub fn mounted_path(text: &str) -> Result<AbsolutePath, Status> {
    let given = require("volume_path", text).map_err(|error| status::of(&error))?;
    AbsolutePath::parse(given).map_err(|_| status::of(&crate::node::Error::NotFound(given.into())))
}

/// The NodeStageVolumeRequest that came before a NodePublishVolumeRequest.
pub fn staging_of(message: &csi::NodePublishVolumeRequest) -> csi::NodeStageVolumeRequest {
    csi::NodeStageVolumeRequest {
        volume_id: message.volume_id.clone(),
        publish_context: message.publish_context.clone(),
        staging_target_path: message.staging_target_path.clone(),
        volume_capability: message.volume_capability.clone(),
        volume_context: message.volume_context.clone(),
        ..csi::NodeStageVolumeRequest::default()
    }
}

fn device(volume: &VolumeId, context: &PublishContext) -> DeviceHint {
    DeviceHint {
        resource: volume.resource().clone(),
        volume: VOLUME_NUMBER,
        path: context.device.clone(),
        uses_drbd: context.uses_drbd,
        min_bytes: context.bytes,
    }
}

/// How the volume is used: the capability's filesystem, else the volume's own, else ext4.
fn access(
    used: Use,
    volume_context: &BTreeMap<String, String>,
    context: &PublishContext,
) -> Result<Access, RequestError> {
    let (fs_type, flags, group) = match used {
        Use::Mount { fs_type, flags, group } => (fs_type, flags, group),
        Use::Block if context.fs_uuid.is_some() => return Err(RequestError::RawUse),
        Use::Block => return Ok(Access::Block),
    };
    let own = context::fs_type_of(volume_context).map(str::parse).transpose()?;
    let wishes = context::wishes_of(volume_context, fs_type.or(own).unwrap_or(FsType::Ext4))?;
    let group = group.map(|group| mount_group(&group)).transpose()?;
    Ok(Access::Mount(FsUse::new(wishes, MountOptions::parse_flags(&flags)?, group)))
}

/// Linux has no group 4294967295: chown(2) takes it for "leave the group as it is".
fn mount_group(text: &str) -> Result<u32, RequestError> {
    let number = text.parse().ok().filter(|number| *number != u32::MAX);
    number.ok_or_else(|| RequestError::MountGroup(text.to_owned()))
}

/// Is the device opened read-only? A claim that only reads what other claims write here opens it as they do.
fn is_read_only(context: &PublishContext, mode: AccessMode) -> bool {
    context.read_only || (mode.is_reader() && !context.only_reads)
}

/// Has the volume one pod at a time? A task has.
fn has_one_pod(context: &PublishContext) -> bool {
    context.owner.as_ref().is_some_and(|owner| owner.scope() == Scope::Task)
}

/// Where the spec's table has one answer for several modes (NodePublishVolume, second table).
fn targets(mode: AccessMode) -> Targets {
    match mode {
        AccessMode::SingleNodeWriter | AccessMode::SingleNodeSingleWriter | AccessMode::SingleNodeReaderOnly => {
            Targets::One
        }
        AccessMode::SingleNodeMultiWriter | AccessMode::MultiNodeReaderOnly => Targets::Many,
    }
}

/// A NodeStageVolumeRequest.
pub fn stage(message: &csi::NodeStageVolumeRequest) -> Result<(VolumeId, PublishContext, StageRequest), RequestError> {
    let volume = super::volume_id(&message.volume_id)?;
    let staging_path = path("staging_target_path", &message.staging_target_path)?;
    let (used, mode) = super::capability(message.volume_capability.as_ref())?;
    let context = PublishContext::from_map(&message.publish_context)?;
    let request = StageRequest {
        device: device(&volume, &context),
        staging_path,
        access: access(used, &message.volume_context, &context)?,
        read_only: is_read_only(&context, mode),
        fs_uuid: context.fs_uuid.clone(),
    };
    Ok((volume, context, request))
}

/// A NodePublishVolumeRequest.
pub fn publish(
    message: &csi::NodePublishVolumeRequest,
) -> Result<(VolumeId, PublishContext, PublishRequest), RequestError> {
    let volume = super::volume_id(&message.volume_id)?;
    let target_path = path("target_path", &message.target_path)?;
    let (used, mode) = super::capability(message.volume_capability.as_ref())?;
    if message.staging_target_path.is_empty() {
        return Err(RequestError::NoStagingPath);
    }
    let staging_path = path("staging_target_path", &message.staging_target_path)?;
    let context = PublishContext::from_map(&message.publish_context)?;
    let request = PublishRequest {
        device: device(&volume, &context),
        staging_path,
        target_path,
        access: access(used, &message.volume_context, &context)?,
        read_only: message.readonly || context.only_reads,
        is_volume_read_only: is_read_only(&context, mode),
        targets: targets(mode),
        is_shared: volume.claim().is_some(),
        only_pod: admit::pod(&message.volume_context).uid.filter(|_| has_one_pod(&context)),
    };
    Ok((volume, context, request))
}

/// A NodeExpandVolumeRequest.
pub fn expand(
    message: &csi::NodeExpandVolumeRequest,
    volume_path: AbsolutePath,
) -> Result<(VolumeId, ExpandRequest), RequestError> {
    let volume = super::volume_id(&message.volume_id)?;
    if message.volume_capability.is_some() {
        super::capability(message.volume_capability.as_ref())?;
    }
    let staging = Some(message.staging_target_path.as_str()).filter(|given| !given.is_empty());
    let request = ExpandRequest {
        resource: volume.resource().clone(),
        volume: VOLUME_NUMBER,
        volume_path,
        staging_path: staging.map(|given| path("staging_target_path", given)).transpose()?,
        min_bytes: super::capacity_range(message.capacity_range)?.required(),
    };
    Ok((volume, request))
}

/// A NodeGetVolumeHealthRequest. Both paths may be left out.
pub fn health(message: &csi::NodeGetVolumeHealthRequest) -> Result<HealthRequest, RequestError> {
    let volume = super::volume_id(&message.volume_id)?;
    let paths =
        [("staging_target_path", &message.staging_target_path), ("volume_publish_path", &message.volume_publish_path)];
    let told = paths.into_iter().filter(|(_, text)| !text.is_empty());
    let paths = told.map(|(field, text)| path(field, text)).collect::<Result<_, _>>()?;
    Ok(HealthRequest { resource: volume.resource().clone(), volume: VOLUME_NUMBER, paths, device: None })
}
