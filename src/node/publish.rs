//! NodePublishVolume and NodeUnpublishVolume: one bind mount per pod. No question to LINSTOR.

use std::path::Path;

use tokio::time::Instant;

use super::{
    AbsolutePath, Access, DeviceHint, Difference, Error, FsUse, Host, Targets,
    device::{await_device, locate},
    fence::{is_same_volume, refuse_other_pod},
    host::{BlockDevice, Handover, HostError, PathKind, Place},
    mounts::{MountEntry, MountTable, at, at_or_of},
    options::{Attribute, Attributes},
    stage::{ensure_directory, render, unmount_all},
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
    /// Whether the pod may not write. On a raw block volume it sets the mount only; the orchestrator's device rules keep
    /// the pod from writing.
    pub read_only: bool,
    /// Whether the volume itself is read-only, and was staged so.
    pub is_volume_read_only: bool,
    /// At how many targets the volume may be published here; of an owner's volume, this claim of it.
    pub targets: Targets,
    /// Do other claims of the volume have the same device?
    pub is_shared: bool,
    /// The pod's UID, where the volume has one pod at a time.
    pub only_pod: Option<String>,
}

/// Publishes a staged volume, for which there is a permit, at the target path, or the device node of a raw block
/// volume. Repeating it finishes what was cut; a target that is published in another way is refused, and so is a second
/// one where the access mode allows one.
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
        Access::Mount(used) => publish_filesystem(host, request, used, deadline).await,
        Access::Block => publish_block(host, request, deadline).await,
    }
}

async fn publish_filesystem<H: Host>(
    host: &H,
    request: &PublishRequest,
    used: &FsUse,
    deadline: Instant,
) -> Result<(), Error> {
    let staging_path = request.staging_path.as_path();
    let not_staged = || Error::NotStaged(staging_path.to_owned());
    let staging = host.inspect(staging_path, deadline).await?.ok_or_else(not_staged)?;
    let staged = host.mounts(at(&staging.path), deadline).await?;
    let staged = staged.top_at(&staging.path).ok_or_else(not_staged)?;
    if let Some(device) = locate(host, &request.device, deadline).await? {
        require_device(&staging.path, staged, &device)?;
    }
    let rights = Rights::of(request, used, staged);
    if staged.went_read_only() && !rights.wanted.contains(&Attribute::ReadOnly) {
        return Err(Error::WentReadOnly(staging.path));
    }
    let seen_elsewhere = relative(&staging.path);
    let place = place_of_target(host, request, deadline).await?;
    let table = host.mounts(at_or_of(&place.path, staged.device), deadline).await?;
    if let Some(only) = &request.only_pod {
        refuse_other_pod(only, table.of_device(staged.device))?;
    }
    let others = table.of_device(staged.device).filter(|entry| !entry.mount_point.ends_with(seen_elsewhere));
    refuse_second_target(request, &place.path, &table, others)?;
    let target = ensure_directory(host, request.target_path.as_path(), deadline).await?;
    let is_of_volume = |entry: &MountEntry| entry.device == staged.device && entry.root == staged.root;
    let present = present_at(&target.path, &table, is_of_volume)?;
    refuse_difference(&target.path, present.as_ref(), &rights.wanted)?;
    let mut current = Attribute::among(&staged.options);
    // Linux gives a new bind mount the rights of its source. So the staging mount gets those that are asked for while
    // it is bound: at no moment has the target others, and a cut publish is told from a finished one.
    if present.is_none() {
        if let Some(group) = used.group.filter(|_| !rights.wanted.contains(&Attribute::ReadOnly)) {
            set_rights(host, &staging.path, &mut current, &rights.staged, deadline).await?;
            hand_over(host, &staging.path, group, deadline).await?;
        }
        set_rights(host, &staging.path, &mut current, &rights.wanted, deadline).await?;
        host.bind(&staging.path, &target.path, deadline).await?;
    }
    set_rights(host, &staging.path, &mut current, &rights.staged, deadline).await
}

/// `volume_mount_group`. Done at the publish: kubelet stages once for all pods of a node, and each may bring a group of
/// its own. A pod that only reads changes nothing.
async fn hand_over<H: Host>(host: &H, staging: &Path, group: u32, deadline: Instant) -> Result<(), Error> {
    match host.hand_over(staging, group, deadline).await? {
        Handover::Done { .. } => Ok(()),
        Handover::Unfinished { changed } => Err(Error::GroupUnfinished { path: staging.to_owned(), group, changed }),
    }
}

/// The rights of the two mounts.
struct Rights {
    /// Those that the staging mount has for good.
    staged: Attributes,
    /// Those that the target is to have.
    wanted: Attributes,
}

impl Rights {
    fn of(request: &PublishRequest, used: &FsUse, entry: &MountEntry) -> Self {
        let mut staged = Attribute::among(&entry.options);
        if !request.is_volume_read_only {
            staged.remove(&Attribute::ReadOnly);
        }
        let mut wanted: Attributes = staged.union(&used.wishes.mount.attributes).copied().collect();
        if request.read_only || request.is_volume_read_only {
            wanted.insert(Attribute::ReadOnly);
        }
        Self { staged, wanted }
    }
}

async fn set_rights<H: Host>(
    host: &H,
    path: &Path,
    current: &mut Attributes,
    wanted: &Attributes,
    deadline: Instant,
) -> Result<(), Error> {
    if current != wanted {
        host.remount_bind(path, wanted, deadline).await?;
        current.clone_from(wanted);
    }
    Ok(())
}

fn require_device(path: &Path, entry: &MountEntry, device: &BlockDevice) -> Result<(), Error> {
    if entry.device == device.number {
        return Ok(());
    }
    Err(Error::WrongDevice { path: path.to_owned(), is: entry.device, wanted: device.number })
}

/// What a finished bind mount of a device node has, and one that was cut between its two steps has not: the rights of
/// its source, the machine's /dev, are not ours to change meanwhile. On a device node it has no effect of its own.
const FINISHED: Attribute = Attribute::NoDirAtime;

async fn publish_block<H: Host>(host: &H, request: &PublishRequest, deadline: Instant) -> Result<(), Error> {
    let device = await_device(host, &request.device, deadline).await?;
    let place = place_of_target(host, request, deadline).await?;
    let is_wanted = at_or_of(&place.path, device.number);
    let table = host.mounts(move |entry| is_wanted(entry) || may_be_node(entry), deadline).await?;
    let others = nodes_of(host, &device, &table, deadline).await?;
    if let Some(only) = &request.only_pod {
        refuse_other_pod(only, others.iter().copied())?;
    }
    refuse_second_target(request, &place.path, &table, others.into_iter())?;
    let target = ensure_file(host, request.target_path.as_path(), &device, deadline).await?;
    // Two writers, the pod and the filesystem's driver, would destroy what is there.
    if let Some(mounted) = table.of_device(device.number).next() {
        return Err(Error::InUse { path: mounted.mount_point.clone(), source: None });
    }
    let is_of_volume = |_: &MountEntry| target.kind == Some(PathKind::BlockDevice(device.number));
    let present = present_at(&target.path, &table, is_of_volume)?;
    let mut wanted = present.clone().unwrap_or_default();
    wanted.insert(FINISHED);
    if request.read_only || request.is_volume_read_only {
        wanted.insert(Attribute::ReadOnly);
    } else {
        wanted.remove(&Attribute::ReadOnly);
    }
    match present.filter(|present| present.contains(&FINISHED)) {
        Some(finished) => return refuse_difference(&target.path, Some(&finished), &wanted),
        None if table.top_at(&target.path).is_none() => {
            host.bind(&device.path, &target.path, deadline).await?;
        }
        None => {}
    }
    Ok(host.remount_bind(&target.path, &wanted, deadline).await?)
}

/// The bind mounts of a device's node.
async fn nodes_of<'a, H: Host>(
    host: &H,
    device: &BlockDevice,
    table: &'a MountTable,
    deadline: Instant,
) -> Result<Vec<&'a MountEntry>, Error> {
    let mut found = Vec::new();
    for entry in table.0.iter().filter(|entry| may_be_node(entry)) {
        let node = host.resolve(&entry.mount_point, deadline).await;
        if node.is_ok_and(|node| node.is_some_and(|node| node.number == device.number)) {
            found.push(entry);
        }
    }
    Ok(found)
}

/// Device nodes are in a devtmpfs, or in a tmpfs where a container has its own /dev.
fn may_be_node(entry: &MountEntry) -> bool {
    entry.fs_type.ends_with("tmpfs") && entry.root != Path::new("/")
}

/// Where the target is to be.
async fn place_of_target<H: Host>(host: &H, request: &PublishRequest, deadline: Instant) -> Result<Place, Error> {
    let target = request.target_path.as_path();
    host.inspect(target, deadline).await?.ok_or_else(|| Error::ParentMissing(target.to_owned()))
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

/// The attributes of what is mounted at a target: nothing, or this volume.
fn present_at(
    target: &Path,
    table: &MountTable,
    is_of_volume: impl Fn(&MountEntry) -> bool,
) -> Result<Option<Attributes>, Error> {
    match table.top_at(target) {
        Some(entry) if !is_of_volume(entry) => {
            Err(Error::ForeignMount { path: target.to_owned(), fs_type: entry.fs_type.clone() })
        }
        entry => Ok(entry.map(|entry| Attribute::among(&entry.options))),
    }
}

/// A target that is published already keeps the rights that it has: its pod counts on them.
fn refuse_difference(target: &Path, present: Option<&Attributes>, wanted: &Attributes) -> Result<(), Error> {
    let Some(present) = present.filter(|present| *present != wanted) else { return Ok(()) };
    let access = |rights: &Attributes| if rights.contains(&Attribute::ReadOnly) { "ro" } else { "rw" };
    let difference = match (access(present), access(wanted)) {
        (is, asked) if is != asked => Difference { field: "access", is: is.to_owned(), wanted: asked.to_owned() },
        _ => Difference { field: "flags", is: render(present), wanted: render(wanted) },
    };
    Err(Error::Incompatible { path: target.to_owned(), difference })
}

/// Refuses a target beside another one, before anything is made there. A mount is one target wherever else it is seen: a
/// container may have the host's root mounted below a directory.
fn refuse_second_target<'a>(
    request: &PublishRequest,
    target: &Path,
    table: &MountTable,
    mut others: impl Iterator<Item = &'a MountEntry>,
) -> Result<(), Error> {
    if request.targets == Targets::Many || table.top_at(target).is_some() {
        return Ok(());
    }
    let is_of_claim = |other: &Path| !request.is_shared || is_same_volume(target, other);
    let is_other = |path: &Path| !path.ends_with(relative(target)) && is_of_claim(path);
    match others.find(|entry| is_other(&entry.mount_point)) {
        Some(other) => Err(Error::SecondTarget { path: target.to_owned(), first: other.mount_point.clone() }),
        None => Ok(()),
    }
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
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
