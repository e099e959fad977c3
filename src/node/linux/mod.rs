//! The real host. Only here are system calls and child processes of the node side named.
//!
//! Calls on a device or filesystem that DRBD has suspended hang in the kernel, so each runs on a thread of its own
//! (`apart.rs`) and is given up at its deadline.

mod apart;
mod asking;
mod busy;
mod child;
mod device;
mod group;
mod mounting;
mod paths;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;

use self::apart::Apart;
use super::{
    Host,
    host::{BlockDevice, ByteRange, DrbdAnswer, Handover, HostError, Operation, Place, Program, ProgramEnd, Usage},
    imprint::Imprint,
    mounts::{MountEntry, MountTable},
    options::{Attributes, MountOptions},
};
use crate::{linstor::name::ResourceName, volume::filesystem::FsType};

/// What is left of the deadline for the answer of a walk that stops by itself.
const HAND_OVER_MARGIN: Duration = Duration::from_secs(1);

/// This machine.
#[derive(Debug)]
pub struct LinuxHost {
    lock_dir: PathBuf,
    apart: Apart,
}

/// An exclusive flock(2) on a file that stands for a device. It is never unlocked, only closed: Linux drops it with the
/// last descriptor, so a program that was given one keeps it even when this process is killed.
#[derive(Debug)]
pub struct DeviceLock(File);

/// A device node that is open for writing.
#[derive(Debug)]
pub struct DeviceClaim(File);

impl DeviceLock {
    fn share(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }
}

impl LinuxHost {
    /// The host, with its device locks in `lock_dir`, which is made when it is first needed. All plugins of a machine
    /// must use one directory that outlives them, such as `/run/linflow/locks` mounted from the host.
    pub fn new(lock_dir: impl Into<PathBuf>) -> Self {
        Self { lock_dir: lock_dir.into(), apart: Apart::default() }
    }

    /// Takes the topmost mount away from a path even while it is in use; whoever uses it keeps it to the end. No CSI
    /// call does that: it is for playing a node that lost its power.
    pub async fn unmount_lazily(&self, target: &Path, deadline: Instant) -> Result<(), HostError> {
        self.call(Operation::Unmount, target, deadline, mounting::unmount_lazily).await
    }

    async fn call<T: Send + 'static>(
        &self,
        operation: Operation,
        path: &Path,
        deadline: Instant,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, HostError> {
        self.apart.run(operation, path, deadline, work).await
    }
}

impl Host for LinuxHost {
    type Lock = DeviceLock;
    type Claim = DeviceClaim;

    async fn resolve(&self, path: &Path, deadline: Instant) -> Result<Option<BlockDevice>, HostError> {
        self.call(Operation::Resolve, path, deadline, device::resolve).await
    }

    async fn size(&self, device: &BlockDevice, deadline: Instant) -> Result<u64, HostError> {
        self.call(Operation::Size, &device.path, deadline, device::size).await
    }

    async fn read(
        &self,
        device: &BlockDevice,
        ranges: &[ByteRange],
        deadline: Instant,
    ) -> Result<Vec<Imprint>, HostError> {
        let ranges = ranges.to_vec();
        self.call(Operation::Read, &device.path, deadline, move |path| device::read(path, &ranges)).await
    }

    async fn wipe(
        &self,
        device: &BlockDevice,
        ranges: &[ByteRange],
        judged: &[Imprint],
        lock: &DeviceLock,
        deadline: Instant,
    ) -> Result<Option<DeviceClaim>, HostError> {
        let (ranges, judged, lock) = (ranges.to_vec(), judged.to_vec(), lock.share());
        self.call(Operation::Wipe, &device.path, deadline, move |path| {
            let _held = lock?;
            Ok(device::wipe(path, &ranges, &judged)?.map(DeviceClaim))
        })
        .await
    }

    async fn sync(&self, device: &BlockDevice, claim: &DeviceClaim, deadline: Instant) -> Result<(), HostError> {
        let claimed = claim.0.try_clone();
        self.call(Operation::Sync, &device.path, deadline, move |_| claimed?.sync_all()).await
    }

    async fn try_lock(&self, device: &BlockDevice, deadline: Instant) -> Result<Option<DeviceLock>, HostError> {
        let path = self.lock_dir.join(format!("{}-{}.lock", device.number.major, device.number.minor));
        let lock = self.call(Operation::Lock, &path, deadline, device::try_lock).await?;
        Ok(lock.map(DeviceLock))
    }

    async fn run(
        &self,
        program: Program,
        options: &[&str],
        device: &BlockDevice,
        lock: &DeviceLock,
        deadline: Instant,
    ) -> Result<ProgramEnd, HostError> {
        let (operation, path) = (Operation::Run(program), device.path.clone());
        let lock = match lock.share() {
            Ok(lock) => lock,
            Err(source) => return Err(HostError::Refused { operation, path, source }),
        };
        match child::run(program.name(), options, &device.path, lock.0, deadline).await {
            Ok(Some(end)) => Ok(end),
            Ok(None) => Err(HostError::Overdue { operation, path }),
            Err(source) => Err(HostError::Refused { operation, path, source }),
        }
    }

    async fn mounts(
        &self,
        is_wanted: impl Fn(&MountEntry) -> bool + Send + 'static,
        deadline: Instant,
    ) -> Result<MountTable, HostError> {
        let select = move |table: &Path| mounting::select(table, is_wanted);
        self.call(Operation::MountTable, Path::new("/proc/self/mountinfo"), deadline, select).await
    }

    async fn mount(
        &self,
        device: &BlockDevice,
        fs_type: FsType,
        target: &Path,
        options: &MountOptions,
        deadline: Instant,
    ) -> Result<(), HostError> {
        let (source, options) = (device.path.clone(), options.clone());
        let mounted = self.call(Operation::Mount, target, deadline, move |target| {
            mounting::mount(&source, fs_type, target, &options)
        });
        paths::name_symlink(mounted.await)
    }

    async fn bind(&self, source: &Path, target: &Path, deadline: Instant) -> Result<(), HostError> {
        let source = source.to_owned();
        let bound = self.call(Operation::Bind, target, deadline, move |target| mounting::bind(&source, target));
        paths::name_symlink(bound.await)
    }

    async fn remount_bind(&self, target: &Path, attributes: &Attributes, deadline: Instant) -> Result<(), HostError> {
        let attributes = attributes.clone();
        let remounted = self
            .call(Operation::RemountBind, target, deadline, move |target| mounting::remount_bind(target, &attributes));
        paths::name_symlink(remounted.await)
    }

    async fn unmount(&self, target: &Path, deadline: Instant) -> Result<(), HostError> {
        self.call(Operation::Unmount, target, deadline, mounting::unmount).await
    }

    async fn usage(&self, path: &Path, deadline: Instant) -> Result<Usage, HostError> {
        self.call(Operation::Usage, path, deadline, mounting::usage).await
    }

    async fn hand_over(&self, directory: &Path, group: u32, deadline: Instant) -> Result<Handover, HostError> {
        let until = deadline.checked_sub(HAND_OVER_MARGIN).unwrap_or(deadline).into_std();
        let work = move |path: &Path| group::hand_over(path, group, until);
        self.call(Operation::HandOver, directory, deadline, work).await
    }

    async fn drbd_status(&self, resource: Option<&ResourceName>, deadline: Instant) -> Result<DrbdAnswer, HostError> {
        let (operation, path) = (Operation::AskDrbd, PathBuf::from("drbdsetup"));
        let arguments: Vec<&str> = ["status", "--json"].into_iter().chain(resource.map(ResourceName::as_str)).collect();
        match asking::drbdsetup(&arguments, deadline).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(HostError::Overdue { operation, path }),
            Err(source) => Err(HostError::Refused { operation, path, source }),
        }
    }

    async fn inspect(&self, path: &Path, deadline: Instant) -> Result<Option<Place>, HostError> {
        self.call(Operation::Inspect, path, deadline, paths::inspect).await
    }

    async fn create_directory(&self, path: &Path, deadline: Instant) -> Result<(), HostError> {
        self.call(Operation::CreateDirectory, path, deadline, paths::create_directory).await
    }

    async fn create_file(&self, path: &Path, deadline: Instant) -> Result<(), HostError> {
        self.call(Operation::CreateFile, path, deadline, paths::create_file).await
    }

    async fn remove_directory(&self, path: &Path, deadline: Instant) -> Result<(), HostError> {
        self.call(Operation::RemoveDirectory, path, deadline, |path| paths::absent_is_fine(std::fs::remove_dir(path)))
            .await
    }

    async fn remove_file(&self, path: &Path, deadline: Instant) -> Result<(), HostError> {
        self.call(Operation::RemoveFile, path, deadline, |path| paths::absent_is_fine(std::fs::remove_file(path))).await
    }
}
