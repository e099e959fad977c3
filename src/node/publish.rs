//! NodePublishVolume and NodeUnpublishVolume: one bind mount per pod. No question to LINSTOR.

use std::path::Path;

use tokio::time::Instant;

use super::{
    AbsolutePath, Access, DeviceHint, Difference, Error, Host,
    device::{await_device, locate},
    host::{BlockDevice, HostError, PathKind, Place},
    mounts::{MountEntry, MountTable},
    options::{Attribute, Attributes, MountOptions},
    stage::{ensure_directory, unmount_all},
};

use crate::access::Permit;

/// What NodePublishVolume asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishRequest {
    /// The volume's device: what raw block publishes, and what must be mounted at the staging path otherwise.
    pub device: DeviceHint,
    /// `staging_target_path`.
    pub staging_path: AbsolutePath,
    /// `target_path`.
    pub target_path: AbsolutePath,
    /// How the volume is used.
    pub access: Access,
    /// `readonly`. On a raw block volume it sets the mount only; the orchestrator's device rules keep the pod from
    /// writing.
    pub read_only: bool,
}

/// Publishes a staged volume, for which there is a permit, at the target path, or the device node of a raw block
/// volume. Repeating it finishes what was cut; a target that is published with fewer rights than asked for is refused.
pub async fn publish<H: Host>(
    host: &H,
    request: &PublishRequest,
    permit: &Permit,
    deadline: Instant,
) -> Result<(), Error> {
    if *permit.volume() != request.device.resource {
        return Err(Error::OtherPermit { permitted: permit.volume().clone(), asked: request.device.resource.clone() });
    }
    match &request.access {
        Access::Mount { flags, .. } => publish_filesystem(host, request, flags, deadline).await,
        Access::Block => publish_block(host, request, deadline).await,
    }
}

async fn publish_filesystem<H: Host>(
    host: &H,
    request: &PublishRequest,
    flags: &[String],
    deadline: Instant,
) -> Result<(), Error> {
    let mut wanted = MountOptions::parse_flags(flags)?.attributes;
    if request.read_only {
        wanted.insert(Attribute::ReadOnly);
    }
    let staging_path = request.staging_path.as_path();
    let not_staged = || Error::NotStaged(staging_path.to_owned());
    let staging = host.inspect(staging_path, deadline).await?.ok_or_else(not_staged)?;
    let table = host.mount_table(deadline).await?;
    let staged = table.top_at(&staging.path).ok_or_else(not_staged)?;
    if let Some(device) = locate(host, &request.device, deadline).await? {
        require_device(&staging.path, staged, &device)?;
    }
    if staged.went_read_only() && !wanted.contains(&Attribute::ReadOnly) {
        return Err(Error::WentReadOnly(staging.path));
    }
    wanted.extend(Attribute::among(&staged.options));
    let target = ensure_directory(host, request.target_path.as_path(), deadline).await?;
    let is_of_volume = |entry: &MountEntry| entry.device == staged.device && entry.root == staged.root;
    ensure_bound(host, &Binding { source: &staging.path, target: &target.path, wanted }, is_of_volume, &table, deadline)
        .await
}

fn require_device(path: &Path, entry: &MountEntry, device: &BlockDevice) -> Result<(), Error> {
    if entry.device == device.number {
        return Ok(());
    }
    Err(Error::WrongDevice { path: path.to_owned(), is: entry.device, wanted: device.number })
}

async fn publish_block<H: Host>(host: &H, request: &PublishRequest, deadline: Instant) -> Result<(), Error> {
    let device = await_device(host, &request.device, deadline).await?;
    let target = ensure_file(host, request.target_path.as_path(), &device, deadline).await?;
    let wanted = if request.read_only { [Attribute::ReadOnly].into() } else { Attributes::new() };
    let table = host.mount_table(deadline).await?;
    // Two writers, the pod and the filesystem's driver, would destroy what is there.
    if let Some(mounted) = table.of_device(device.number).next() {
        return Err(Error::InUse { path: mounted.mount_point.clone(), source: None });
    }
    let is_of_volume = |_: &MountEntry| target.kind == Some(PathKind::BlockDevice(device.number));
    ensure_bound(host, &Binding { source: &device.path, target: &target.path, wanted }, is_of_volume, &table, deadline)
        .await
}

/// The place of a path, with a regular file there or the device already.
async fn ensure_file<H: Host>(host: &H, path: &Path, device: &BlockDevice, deadline: Instant) -> Result<Place, Error> {
    let place = host.inspect(path, deadline).await?.ok_or_else(|| Error::ParentMissing(path.to_owned()))?;
    match place.kind {
        Some(PathKind::File(0)) => {}
        None => host.create_file(&place.path, deadline).await?,
        Some(PathKind::BlockDevice(number)) if number == device.number => {}
        Some(PathKind::BlockDevice(is)) => {
            return Err(Error::WrongDevice { path: place.path, is, wanted: device.number });
        }
        Some(PathKind::Symlink) => return Err(HostError::Symlink(place.path).into()),
        Some(_) => return Err(Error::WrongKind { path: place.path, expected: "an empty file" }),
    }
    Ok(place)
}

struct Binding<'a> {
    source: &'a Path,
    target: &'a Path,
    wanted: Attributes,
}

/// Bind-mounts unless that is done, then takes away the rights that were not asked for. A publish that was cut in
/// between has left a mount with too many rights, so those are taken from an existing one as well; none are given back.
async fn ensure_bound<H: Host>(
    host: &H,
    binding: &Binding<'_>,
    is_of_volume: impl Fn(&MountEntry) -> bool,
    table: &MountTable,
    deadline: Instant,
) -> Result<(), Error> {
    let bound = table.top_at(binding.target);
    let present = match bound {
        Some(entry) if !is_of_volume(entry) => {
            return Err(Error::ForeignMount { path: binding.target.to_owned(), fs_type: entry.fs_type.clone() });
        }
        Some(entry) => Attribute::among(&entry.options),
        None => {
            host.bind(binding.source, binding.target, deadline).await?;
            Attributes::new()
        }
    };
    if present.contains(&Attribute::ReadOnly) && !binding.wanted.contains(&Attribute::ReadOnly) {
        let difference = Difference { field: "access", is: "ro".to_owned(), wanted: "rw".to_owned() };
        return Err(Error::Incompatible { path: binding.target.to_owned(), difference });
    }
    if binding.wanted.is_subset(&present) {
        return Ok(());
    }
    let attributes = binding.wanted.union(&present).copied().collect();
    Ok(host.remount_bind(binding.target, &attributes, deadline).await?)
}

/// Unpublishes: takes every mount of ours away from the target path and removes the path. Data is never removed: what
/// is left there must be an empty directory or an empty file.
pub async fn unpublish<H: Host>(host: &H, target_path: &AbsolutePath, deadline: Instant) -> Result<(), Error> {
    let Some(place) = host.inspect(target_path.as_path(), deadline).await? else { return Ok(()) };
    unmount_all(host, &place, deadline).await?;
    let Some(place) = host.inspect(&place.path, deadline).await? else { return Ok(()) };
    match place.kind {
        None => Ok(()),
        Some(PathKind::Directory) => Ok(host.remove_directory(&place.path, deadline).await?),
        Some(PathKind::File(0)) => Ok(host.remove_file(&place.path, deadline).await?),
        Some(PathKind::Symlink) => Err(HostError::Symlink(place.path).into()),
        Some(_) => Err(Error::WrongKind { path: place.path, expected: "an empty file or directory" }),
    }
}
