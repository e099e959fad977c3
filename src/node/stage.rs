//! NodeStageVolume and NodeUnstageVolume: a volume's filesystem is mounted once per node.

use std::path::Path;

use tokio::time::Instant;

use super::{
    AbsolutePath, Access, DeviceHint, Difference, Error, FormatRecord, FsUse, Host,
    device::{await_device, await_lock},
    filesystem::{Locked, Probed},
    formatting::{Plan, Wanted, decide, decide_static},
    host::{BlockDevice, HostError, PathKind, Place},
    mounts::{MountEntry, MountTable, at, at_or_of},
    options::{Attribute, Attributes, MountOptions, SelinuxContext},
    probe::Found,
};
use crate::volume::filesystem::{FsType, FsUuid};

/// What NodeStageVolume asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageRequest {
    /// The volume's device.
    pub device: DeviceHint,
    /// `staging_target_path`.
    pub staging_path: AbsolutePath,
    /// How the volume is used.
    pub access: Access,
    /// Whether the volume itself is read-only: the device is not written to, not even to replay a journal.
    pub read_only: bool,
    /// The filesystem's identity. `None` for a volume that linflow did not create: it is mounted as it is.
    pub fs_uuid: Option<FsUuid>,
}

/// Stages a volume: finds and proves its device, formats it where that is allowed, mounts it. A raw block volume's
/// device is proven only. Asks the record once where a filesystem is there already, three times where it formats, never
/// where the volume is staged.
pub async fn stage<H: Host>(
    host: &H,
    request: &StageRequest,
    record: &impl FormatRecord,
    deadline: Instant,
) -> Result<(), Error> {
    let used = match &request.access {
        Access::Block => return await_device(host, &request.device, deadline).await.map(drop),
        Access::Mount(used) => used,
    };
    if request.fs_uuid.is_some() {
        used.wishes.mount.fit(used.fs_type())?;
    }
    let device = await_device(host, &request.device, deadline).await?;
    let options = used.wishes.mount.clone().for_staging(request.read_only);
    let staging = Staging { host, request, used, device: &device, options, deadline };
    let lock = await_lock(host, &device, deadline).await?;
    let on = Locked { host, device: &device, lock: &lock, uses_drbd: request.device.uses_drbd, deadline };
    let target = staging.ensure_directory().await?;
    let table = host.mounts(at_or_of(&target.path, device.number), deadline).await?;
    let fs_type = match table.top_at(&target.path) {
        Some(entry) => staging.complete(entry, &target.path).await?,
        None => staging.mount(&on, record, &table, &target.path).await?,
    };
    staging.after_mount(&on, fs_type, &target.path).await
}

struct Staging<'a, H> {
    host: &'a H,
    request: &'a StageRequest,
    used: &'a FsUse,
    device: &'a BlockDevice,
    options: MountOptions,
    deadline: Instant,
}

impl<H: Host> Staging<'_, H> {
    /// The staging path with a directory at it. CSI has the orchestrator make it; one that is missing is made.
    async fn ensure_directory(&self) -> Result<Place, Error> {
        ensure_directory(self.host, self.request.staging_path.as_path(), self.deadline).await
    }

    /// Prepares the filesystem and mounts it.
    async fn mount(
        &self,
        on: &Locked<'_, H>,
        record: &impl FormatRecord,
        table: &MountTable,
        target: &Path,
    ) -> Result<FsType, Error> {
        self.refuse_other_context(table)?;
        self.refuse_other_access(table)?;
        let is_mounted = table.of_device(self.device.number).next().is_some();
        let fs_type = self.prepare(on, record, is_mounted).await?;
        self.options.fit(fs_type)?;
        let mounted = self.host.mount(self.device, fs_type, target, &self.options, self.deadline).await;
        mounted.map_err(|error| Error::of_device(error, self.device, on.uses_drbd))?;
        Ok(fs_type)
    }

    /// Sees that what is mounted at the staging path is this volume, as it was asked for, and tells its filesystem. A
    /// publish that was cut may have left the mount without the right to write.
    async fn complete(&self, entry: &MountEntry, path: &Path) -> Result<FsType, Error> {
        let device = self.device.number;
        if entry.device != device {
            return Err(Error::WrongDevice { path: path.to_owned(), is: entry.device, wanted: device });
        }
        let (is, wanted) = (Attribute::among(&entry.options), &self.options.attributes);
        let is_cut = entry.takes_writes_elsewhere() && !wanted.contains(&Attribute::ReadOnly);
        let is_lasting = is.iter().copied().filter(|one| !is_cut || *one != Attribute::ReadOnly).collect();
        if let Some(difference) = self.difference(entry, &is_lasting) {
            return Err(Error::Incompatible { path: path.to_owned(), difference });
        }
        if entry.went_read_only() {
            return Err(Error::WentReadOnly(path.to_owned()));
        }
        if is_cut {
            self.host.remount_bind(path, wanted, self.deadline).await?;
        }
        Ok(entry.fs_type.parse().unwrap_or(self.used.fs_type()))
    }

    /// Runs the class's command on an xfs, at every stage: an earlier one may have been cut before it.
    async fn after_mount(&self, on: &Locked<'_, H>, fs_type: FsType, target: &Path) -> Result<(), Error> {
        match &self.used.wishes.post_mount {
            Some(command) if fs_type == FsType::Xfs && !self.request.read_only => on.run_xfs_io(command, target).await,
            _ => Ok(()),
        }
    }

    fn difference(&self, entry: &MountEntry, is: &Attributes) -> Option<Difference> {
        let is_static = self.request.fs_uuid.is_none();
        let pairs = [
            (
                "filesystem",
                entry.fs_type.clone(),
                if is_static { entry.fs_type.clone() } else { self.used.fs_type().to_string() },
            ),
            ("flags", render(is), render(&self.options.attributes)),
            ("SELinux context", context_of(entry), render_context(self.options.context.as_ref())),
        ];
        let differing = pairs.into_iter().find(|(_, is, wanted)| is != wanted);
        differing.map(|(field, is, wanted)| Difference { field, is, wanted })
    }

    /// Linux knows one SELinux context per filesystem and answers a bare EINVAL to a second.
    fn refuse_other_context(&self, table: &MountTable) -> Result<(), Error> {
        let wanted = render_context(self.options.context.as_ref());
        match table.of_device(self.device.number).find(|entry| context_of(entry) != wanted) {
            None => Ok(()),
            Some(entry) => Err(Error::Incompatible {
                path: entry.mount_point.clone(),
                difference: Difference { field: "SELinux context", is: context_of(entry), wanted },
            }),
        }
    }

    /// One superblock is for writing or not, for all that mount it; Linux answers a bare EBUSY to another wish.
    fn refuse_other_access(&self, table: &MountTable) -> Result<(), Error> {
        let access = |is_read_only| if is_read_only { "ro" } else { "rw" };
        let wanted = access(self.options.attributes.contains(&Attribute::ReadOnly));
        let superblock = |entry: &MountEntry| access(entry.has_read_only_superblock());
        match table.of_device(self.device.number).find(|entry| superblock(entry) != wanted) {
            None => Ok(()),
            Some(entry) if entry.went_read_only() => Err(Error::WentReadOnly(entry.mount_point.clone())),
            Some(entry) => Err(Error::Incompatible {
                path: entry.mount_point.clone(),
                difference: Difference { field: "access", is: superblock(entry).to_owned(), wanted: wanted.to_owned() },
            }),
        }
    }

    /// Brings the filesystem into the state in which it may be mounted, and tells its type.
    async fn prepare(&self, on: &Locked<'_, H>, record: &impl FormatRecord, is_mounted: bool) -> Result<FsType, Error> {
        match &self.request.fs_uuid {
            Some(uuid) => self.prepare_ours(on, record, uuid, is_mounted).await.map(|()| self.used.fs_type()),
            None => self.prepare_static(on, is_mounted).await,
        }
    }

    async fn prepare_ours(
        &self,
        on: &Locked<'_, H>,
        record: &impl FormatRecord,
        uuid: &FsUuid,
        is_mounted: bool,
    ) -> Result<(), Error> {
        let device = &self.device.path;
        // The record first: a filesystem that is made in between is then seen on the device.
        let recorded = record.read().await?;
        let probed = on.probe().await?;
        let wanted = Wanted { device, fs_type: self.used.fs_type(), uuid, is_read_only: self.request.read_only };
        match decide(&probed.found, recorded.as_ref(), &wanted)? {
            Plan::Mount { needs_check } => self.mend(on, &probed, needs_check, is_mounted).await,
            Plan::RecordThenMount { needs_check } => {
                self.mend(on, &probed, needs_check, is_mounted).await?;
                if !is_mounted && !self.request.read_only {
                    on.flush_leftovers().await?;
                }
                confirm_record(record, uuid).await
            }
            Plan::Format if is_mounted => Err(Error::InUse { path: device.clone(), source: None }),
            Plan::Format => {
                on.format(&probed, &self.used.wishes.mkfs, uuid).await?;
                confirm_record(record, uuid).await
            }
        }
    }

    async fn prepare_static(&self, on: &Locked<'_, H>, is_mounted: bool) -> Result<FsType, Error> {
        let found = on.probe().await?.found;
        let superblock = decide_static(&found, &self.device.path)?;
        self.check(on, superblock.needs_check && !is_mounted && !self.request.read_only).await?;
        Ok(superblock.fs_type)
    }

    /// Before the mount: checks what was not left clean, and grows an ext4 that is smaller than its device, which a
    /// mounted one may not. What is mounted on this node already, or may not be written to, is left alone.
    async fn mend(
        &self,
        on: &Locked<'_, H>,
        probed: &Probed,
        needs_check: bool,
        is_mounted: bool,
    ) -> Result<(), Error> {
        if is_mounted || self.request.read_only {
            return Ok(());
        }
        self.check(on, needs_check).await?;
        match &probed.found {
            Found::Filesystem(ext4) if ext4.fs_type == FsType::Ext4 && ext4.can_grow_to(probed.size) => {
                on.grow_unmounted_ext4().await
            }
            _ => Ok(()),
        }
    }

    async fn check(&self, on: &Locked<'_, H>, is_needed: bool) -> Result<(), Error> {
        if is_needed { on.check_ext4().await } else { Ok(()) }
    }
}

/// Writes the record and reads it back: a mount without it could be taken for a blank device later.
async fn confirm_record(record: &impl FormatRecord, uuid: &FsUuid) -> Result<(), Error> {
    record.write(uuid).await?;
    let read = record.read().await?;
    if read.as_ref() == Some(uuid) { Ok(()) } else { Err(Error::RecordUnconfirmed { written: uuid.clone(), read }) }
}

pub(super) fn render(attributes: &Attributes) -> String {
    attributes.iter().map(|attribute| attribute.as_str()).collect::<Vec<_>>().join(",")
}

fn render_context(context: Option<&SelinuxContext>) -> String {
    context.map(ToString::to_string).unwrap_or_default()
}

fn context_of(entry: &MountEntry) -> String {
    render_context(SelinuxContext::among(&entry.super_options).as_ref())
}

/// The place of a path, with a real directory there.
pub(super) async fn ensure_directory<H: Host>(host: &H, path: &Path, deadline: Instant) -> Result<Place, Error> {
    let place = host.inspect(path, deadline).await?.ok_or_else(|| Error::ParentMissing(path.to_owned()))?;
    match place.kind {
        Some(PathKind::Directory) => {}
        None => host.create_directory(&place.path, deadline).await?,
        Some(PathKind::Symlink) => return Err(HostError::Symlink(place.path).into()),
        Some(_) => return Err(Error::WrongKind { path: place.path, expected: "a directory" }),
    }
    Ok(place)
}

/// Unstages a volume: takes every mount of ours away from the staging path. The directory is the orchestrator's and
/// stays.
pub async fn unstage<H: Host>(host: &H, staging_path: &AbsolutePath, deadline: Instant) -> Result<(), Error> {
    match host.inspect(staging_path.as_path(), deadline).await? {
        Some(place) => unmount_all(host, &place, deadline).await,
        None => Ok(()),
    }
}

/// Takes away whatever linflow mounted at a place, however many are stacked; nothing mounted is fine.
pub(super) async fn unmount_all<H: Host>(host: &H, place: &Place, deadline: Instant) -> Result<(), Error> {
    loop {
        let table = host.mounts(at(&place.path), deadline).await?;
        let Some(entry) = table.top_at(&place.path) else { return Ok(()) };
        let is_filesystem = entry.fs_type.parse::<FsType>().is_ok();
        if !is_filesystem && !matches!(place.kind, Some(PathKind::BlockDevice(_))) {
            return Err(Error::ForeignMount { path: place.path.clone(), fs_type: entry.fs_type.clone() });
        }
        host.unmount(&place.path, deadline).await?;
    }
}
