//! The seam to the machine: everything that the node side asks of Linux.

use std::{
    fmt,
    future::Future,
    io,
    path::{Path, PathBuf},
};

use tokio::time::Instant;

pub use super::operation::{Operation, Program};
use super::{
    imprint::Imprint,
    mounts::{MountEntry, MountTable},
    options::{Attributes, MountOptions},
};
use crate::{linstor::name::ResourceName, volume::filesystem::FsType};

/// The number of a block device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceNumber {
    /// The driver.
    pub major: u32,
    /// The device of the driver.
    pub minor: u32,
}

impl fmt::Display for DeviceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

/// A block device that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockDevice {
    /// The device node, links resolved.
    pub path: PathBuf,
    /// Its number.
    pub number: DeviceNumber,
}

/// Bytes of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteRange {
    /// The first byte.
    pub offset: u64,
    /// How many bytes; at least 1.
    pub length: u64,
}

/// What stands at a path itself; links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// A directory.
    Directory,
    /// A regular file of this many bytes.
    File(u64),
    /// A symbolic link.
    Symlink,
    /// A block device node.
    BlockDevice(DeviceNumber),
    /// Anything else: a socket, a pipe, a character device.
    Other,
}

/// A path whose parent is resolved, and what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The path as the mount table would write it: no link but perhaps the last component.
    pub path: PathBuf,
    /// What is there; `None` for nothing.
    pub kind: Option<PathKind>,
}

/// Why the machine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Linux refused; the source carries its errno.
    #[error("cannot {operation} {}", path.display())]
    Refused {
        /// What was asked.
        operation: Operation,
        /// The path that it was asked of.
        path: PathBuf,
        /// Linux's answer.
        #[source]
        source: io::Error,
    },
    /// There was no answer within the deadline, or an earlier call on the path still has none. It may yet take effect.
    #[error("no answer within the deadline on trying to {operation} {}", path.display())]
    Overdue {
        /// What was asked.
        operation: Operation,
        /// The path that it was asked of.
        path: PathBuf,
    },
    /// A symbolic link stands where a mount was to go.
    #[error("{} is a symbolic link", .0.display())]
    Symlink(PathBuf),
}

impl HostError {
    /// Linux's error number, where it gave one.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Refused { source, .. } => source.raw_os_error(),
            Self::Overdue { .. } | Self::Symlink(_) => None,
        }
    }
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramEnd {
    /// Its exit status; `None` where a signal ended it.
    pub exit: Option<i32>,
    /// The last 2 KiB of its standard error.
    pub stderr: String,
}

/// What drbdsetup answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrbdAnswer {
    /// It is not installed.
    NoProgram,
    /// This.
    Ended {
        /// Its exit status; `None` where a signal ended it.
        exit: Option<i32>,
        /// What it wrote to standard output.
        stdout: String,
        /// The last 2 KiB of its standard error.
        stderr: String,
    },
}

/// How far files were given to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handover {
    /// All of them are the group's.
    Done {
        /// How many were not before.
        changed: u64,
    },
    /// Time was up.
    Unfinished {
        /// How many were given to it.
        changed: u64,
    },
}

/// How full a filesystem is, as statvfs(3) tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes that data may take up in all.
    pub total_bytes: u64,
    /// Bytes that an unprivileged process may still write.
    pub available_bytes: u64,
    /// Bytes taken up.
    pub used_bytes: u64,
    /// Inodes in all.
    pub total_inodes: u64,
    /// Inodes that are free.
    pub available_inodes: u64,
    /// Inodes taken up.
    pub used_inodes: u64,
}

/// The machine. Each call answers by `deadline`, with [`HostError::Overdue`] if the machine does not.
pub trait Host: Send + Sync {
    /// The right to write to a device. It is held as long as this value, or a program that was given it, lives.
    type Lock: Send + Sync;

    /// A device that is open for writing: while this value lives, DRBD lets no other node write to it.
    type Claim: Send + Sync;

    /// The block device at a path, links followed; `None` where nothing is there.
    fn resolve(
        &self,
        p: &Path,
        deadline: Instant,
    ) -> impl Future<Output = Result<Option<BlockDevice>, HostError>> + Send;

    /// The size of a device in bytes. Opens it read-only, which promotes no DRBD device.
    fn size(&self, device: &BlockDevice, deadline: Instant) -> impl Future<Output = Result<u64, HostError>> + Send;

    /// What each range holds. Opens the device read-only, which promotes no DRBD device.
    fn read(
        &self,
        device: &BlockDevice,
        ranges: &[ByteRange],
        deadline: Instant,
    ) -> impl Future<Output = Result<Vec<Imprint>, HostError>> + Send;

    /// Writes zeros to each range and flushes them, if the ranges still hold the bytes that they were `judged` by;
    /// `None` where they don't. They are read again after the device was opened for writing, and it stays open. EBUSY
    /// where anything on this machine has the device mounted.
    fn wipe(
        &self,
        device: &BlockDevice,
        ranges: &[ByteRange],
        judged: &[Imprint],
        lock: &Self::Lock,
        deadline: Instant,
    ) -> impl Future<Output = Result<Option<Self::Claim>, HostError>> + Send;

    /// Flushes what was written to the device.
    fn sync(
        &self,
        device: &BlockDevice,
        claim: &Self::Claim,
        deadline: Instant,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Takes the lock of a device; `None` while another process of this machine has it.
    fn try_lock(
        &self,
        device: &BlockDevice,
        deadline: Instant,
    ) -> impl Future<Output = Result<Option<Self::Lock>, HostError>> + Send;

    /// Runs a program on a device, the lock in its hands, and waits for its end. Past the deadline it is killed with
    /// all its children.
    fn run(
        &self,
        program: Program,
        options: &[&str],
        device: &BlockDevice,
        lock: &Self::Lock,
        deadline: Instant,
    ) -> impl Future<Output = Result<ProgramEnd, HostError>> + Send;

    /// Those mounts of this process's view of the machine that are asked for.
    fn mounts(
        &self,
        is_wanted: impl Fn(&MountEntry) -> bool + Send + 'static,
        deadline: Instant,
    ) -> impl Future<Output = Result<MountTable, HostError>> + Send;

    /// Mounts the filesystem of a device on a directory.
    fn mount(
        &self,
        device: &BlockDevice,
        fs_type: FsType,
        target: &Path,
        options: &MountOptions,
        deadline: Instant,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Makes `source`, a directory or a device node, visible at `target`.
    fn bind(
        &self,
        source: &Path,
        target: &Path,
        deadline: Instant,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Sets the attributes of one mount; those not named are cleared. EBUSY where it is being written to.
    fn remount_bind(
        &self,
        target: &Path,
        attributes: &Attributes,
        deadline: Instant,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Takes the topmost mount away from a path.
    fn unmount(&self, target: &Path, deadline: Instant) -> impl Future<Output = Result<(), HostError>> + Send;

    /// How full the filesystem at a path is.
    fn usage(&self, path: &Path, deadline: Instant) -> impl Future<Output = Result<Usage, HostError>> + Send;

    /// Gives a directory of a mounted filesystem, and all below it, to a group that may read and write there: nothing
    /// where the directory has it, which is given last. No link is followed. Stops shortly before the deadline.
    fn hand_over(
        &self,
        directory: &Path,
        group: u32,
        deadline: Instant,
    ) -> impl Future<Output = Result<Handover, HostError>> + Send;

    /// What DRBD says of a resource of this node, or of all: `drbdsetup status --json`.
    fn drbd_status(
        &self,
        resource: Option<&ResourceName>,
        deadline: Instant,
    ) -> impl Future<Output = Result<DrbdAnswer, HostError>> + Send;

    /// What stands at a path; `None` where its parent does not exist.
    fn inspect(&self, path: &Path, deadline: Instant) -> impl Future<Output = Result<Option<Place>, HostError>> + Send;

    /// Makes a directory of mode 0750 in an existing one; an existing directory is fine.
    fn create_directory(&self, p: &Path, deadline: Instant) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Makes an empty file of mode 0640; an existing regular file is fine.
    fn create_file(&self, path: &Path, deadline: Instant) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Removes an empty directory; its absence is fine.
    fn remove_directory(&self, p: &Path, deadline: Instant) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Removes a file; its absence is fine.
    fn remove_file(&self, path: &Path, deadline: Instant) -> impl Future<Output = Result<(), HostError>> + Send;
}
