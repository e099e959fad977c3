//! What can go wrong on a node.

use std::{fmt, io, path::PathBuf, time::Duration};

use super::{
    drbd::{self, Refusal, errno},
    formatting::FormatRecordError,
    host::{BlockDevice, DeviceNumber, HostError, Operation, Program},
    probe::Found,
};
use crate::linstor::name::ResourceName;
use crate::volume::filesystem::{FsType, FsUuid, OptionError};

/// What is there and what was asked for, in one respect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The respect, e.g. "filesystem".
    pub field: &'static str,
    /// What is there.
    pub is: String,
    /// What was asked for.
    pub wanted: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its {} is {:?}, asked for was {:?}", self.field, self.is, self.wanted)
    }
}

/// Why a volume is not staged, published, released or measured. Nothing was lost; every verb may be called again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A mount flag, or an option of the volume's class, outside the allow-list.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// A symbolic link stands where a mount was to go.
    #[error("{} is a symbolic link; linflow mounts on real directories and files only", .0.display())]
    Symlink(PathBuf),
    /// Something that can't be mounted on stands where a mount was to go.
    #[error("{} is not {expected}; remove it", path.display())]
    WrongKind {
        /// The path.
        path: PathBuf,
        /// What it was to be.
        expected: &'static str,
    },
    /// No volume is mounted at the path that is to be measured.
    #[error("no volume is mounted at {}", .0.display())]
    NotFound(PathBuf),
    /// LINSTOR has no such resource on this node.
    #[error("volume {0} is not on this node; attach it with ControllerPublishVolume first")]
    NotOnNode(ResourceName),
    /// The directory that a path is to be made in does not exist. CSI has the orchestrator make it.
    #[error("the directory above {} does not exist; the orchestrator must make it first", .0.display())]
    ParentMissing(PathBuf),
    /// The volume is to be published but nothing is mounted at its staging path.
    #[error("no filesystem is mounted at {}; call NodeStageVolume first", .0.display())]
    NotStaged(PathBuf),
    /// The device did not appear.
    #[error("device {} did not appear within {waited:?}; see whether LINSTOR has the resource on this node", path.display())]
    DeviceMissing {
        /// Where it was looked for.
        path: PathBuf,
        /// For how long.
        waited: Duration,
    },
    /// The device is smaller than the volume.
    #[error("device {} has {size} bytes, less than the {promised} of the volume", path.display())]
    DeviceTooSmall {
        /// The device.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The volume's size in bytes.
        promised: u64,
    },
    /// The device has not the size yet to which the volume was expanded.
    #[error("device {} has {size} bytes still and is to have {wanted}; expand the volume with ControllerExpandVolume first, or call again", path.display())]
    NotGrownYet {
        /// The device.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The size that was asked for, in bytes.
        wanted: u64,
    },
    /// The volume has its new size, but the machine does not let a mounted ext4 grow. CSI's code for it is
    /// FAILED_PRECONDITION: "the underlying filesystem does not support expansion of published or staged volumes"
    /// (NodeExpandVolume Errors).
    #[error(
        "{} has grown, but its ext4 filesystem can't while it is mounted, for lack of CAP_SYS_RESOURCE; it will grow at the next stage: \
         stop the pods that use the volume on this node and start them again", .0.display()
    )]
    GrowsAtNextStage(PathBuf),
    /// The path leads to another device than the volume's.
    #[error("{} is device {is}, the volume's is {wanted}", path.display())]
    WrongDevice {
        /// The path.
        path: PathBuf,
        /// The device found there.
        is: DeviceNumber,
        /// The volume's.
        wanted: DeviceNumber,
    },
    /// The volume was formatted once and its filesystem is not there now. Nothing was written.
    #[error(
        "volume was formatted as {uuid}, but {} holds {found}; its data is missing, so a person must look at the \
         replicas before anything is written", device.display()
    )]
    DataMissing {
        /// The device.
        device: PathBuf,
        /// The filesystem that should be there.
        uuid: FsUuid,
        /// What is there.
        found: Found,
    },
    /// The record says that the volume was formatted with another identity than its own.
    #[error("volume's filesystem is {expected}, but its record says that {recorded} was made; a person must look")]
    RecordDiffers {
        /// The identity that the volume was given.
        expected: FsUuid,
        /// The one in the record.
        recorded: FsUuid,
    },
    /// A volume that linflow never formats, or may not write to, has no filesystem that can be mounted.
    #[error("{} holds {found}, and this volume is not formatted by linflow: {reason}", device.display())]
    NothingToMount {
        /// The device.
        device: PathBuf,
        /// What is there.
        found: Found,
        /// Why linflow does not make a filesystem.
        reason: &'static str,
    },
    /// Another filesystem than the one asked for is on the device.
    #[error("{} holds {is}, asked for was {wanted}; ask for {is}", device.display())]
    OtherFilesystem {
        /// The device.
        device: PathBuf,
        /// The filesystem there.
        is: FsType,
        /// The one asked for.
        wanted: FsType,
    },
    /// DRBD refuses this node: another one is primary.
    #[error("another node has {} open; wait until it has let go", device.display())]
    PrimaryElsewhere {
        /// The device.
        device: PathBuf,
        /// Linux's answer.
        #[source]
        source: io::Error,
    },
    /// DRBD refuses this node: it has no quorum, or no up-to-date data within reach.
    #[error("{} has no quorum or no up-to-date data here; see to the resource's connections", device.display())]
    NoQuorum {
        /// The device.
        device: PathBuf,
        /// Linux's answer.
        #[source]
        source: io::Error,
    },
    /// The device or the filesystem does not answer; the call may yet take effect.
    #[error("no answer in time on trying to {operation} {}; DRBD may have suspended it", path.display())]
    Suspended {
        /// What was tried.
        operation: Operation,
        /// On what.
        path: PathBuf,
    },
    /// Another process of this node, such as a mkfs that outlived its plugin, has the device's lock.
    #[error("another process works on {}; wait for its end", .0.display())]
    Busy(PathBuf),
    /// What is at the path is being used.
    #[error("{} is in use", path.display())]
    InUse {
        /// The path.
        path: PathBuf,
        /// Linux's answer, where Linux was asked.
        #[source]
        source: Option<io::Error>,
    },
    /// The `formatted` record could not be read or written.
    #[error("cannot tell from the volume's record whether it was formatted")]
    Record(#[from] FormatRecordError),
    /// The `formatted` record was written and does not read back.
    #[error(
        "the record that {written} was made reads back as {}; stage again, and see who else writes to LINSTOR's \
         key-value store of the volume",
        .read.as_ref().map_or("nothing", FsUuid::as_str)
    )]
    RecordUnconfirmed {
        /// What was written.
        written: FsUuid,
        /// What was read.
        read: Option<FsUuid>,
    },
    /// The device was to be formatted for what it held, and something else wrote to it meanwhile. It was not touched.
    #[error("{} changed while it was being judged; it was left as it is, try again", .0.display())]
    Changed(PathBuf),
    /// mkfs said that it succeeded, and the device does not show it.
    #[error("{} was formatted and holds {found} now; see whether its replicas are sound", device.display())]
    FormatUnconfirmed {
        /// The device.
        device: PathBuf,
        /// What is there.
        found: Found,
    },
    /// A program failed.
    #[error("{} on {} ended with {}: {stderr}", program.name(), device.display(), render_exit(*exit))]
    Program {
        /// The program.
        program: Program,
        /// The device that it worked on.
        device: PathBuf,
        /// Its exit status; `None` for a signal.
        exit: Option<i32>,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// Linux refused the mount for a reason that is none of DRBD's.
    #[error("cannot mount {} on {}", device.display(), target.display())]
    Mount {
        /// The device.
        device: PathBuf,
        /// Where it was to be mounted.
        target: PathBuf,
        /// Linux's answer.
        #[source]
        source: io::Error,
    },
    /// The volume is staged or published already, in another way.
    #[error("{} is mounted already and {difference}; unmount it first", path.display())]
    Incompatible {
        /// The staging or target path.
        path: PathBuf,
        /// The respect in which it differs.
        difference: Difference,
    },
    /// The volume is published at another target, and its access mode allows one. CSI's code for it is
    /// FAILED_PRECONDITION (NodePublishVolume).
    #[error(
        "the volume is published at {} already and its access mode allows one target on a node, so not {}; wait until \
         that pod has gone, or use ReadWriteOnce with a kubelet that knows SINGLE_NODE_MULTI_WRITER", first.display(), path.display()
    )]
    SecondTarget {
        /// The target asked for.
        path: PathBuf,
        /// The one there is.
        first: PathBuf,
    },
    /// Another pod has a volume that one pod has at a time.
    #[error(
        "the volume is held by the pod with uid {uid}, which has it at {}, and a task's volume has one pod at a time; wait until that pod has ended and kubelet has unmounted it",
        path.display()
    )]
    HeldByPod {
        /// That pod's UID.
        uid: String,
        /// Its target.
        path: PathBuf,
    },
    /// The files of the volume were not all given to the pod's group in time; a repeat goes on.
    #[error(
        "the files at {} are being given to group {group}: {changed} were in this call, then its time was up; call again",
        path.display()
    )]
    GroupUnfinished {
        /// Where the volume is staged.
        path: PathBuf,
        /// The group.
        group: u32,
        /// How many files this call changed.
        changed: u64,
    },
    /// The permit is for another volume.
    #[error("the permit is for volume {permitted}, not for {asked}")]
    OtherPermit {
        /// The volume that may be published.
        permitted: ResourceName,
        /// The volume that was asked for.
        asked: ResourceName,
    },
    /// The filesystem takes no more writes after an I/O error, such as a lost quorum.
    #[error("filesystem at {} became read-only after an error; unmount it and stage the volume again", .0.display())]
    WentReadOnly(PathBuf),
    /// Something is mounted at the path that linflow did not mount. It is left alone.
    #[error("{} carries a {fs_type} mount that is not linflow's", path.display())]
    ForeignMount {
        /// The path.
        path: PathBuf,
        /// The filesystem there.
        fs_type: String,
    },
    /// Any other answer of Linux.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: Operation,
        /// On what.
        path: PathBuf,
        /// Linux's answer.
        #[source]
        source: io::Error,
    },
}

fn render_exit(exit: Option<i32>) -> String {
    exit.map_or_else(|| "a signal".to_owned(), |code| format!("status {code}"))
}

impl From<HostError> for Error {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Refused { path, source, .. } if source.raw_os_error() == Some(errno::EBUSY) => {
                Self::InUse { path, source: Some(source) }
            }
            HostError::Refused { operation, path, source } => Self::Io { operation, path, source },
            HostError::Overdue { operation, path } => Self::Suspended { operation, path },
            HostError::Symlink(path) => Self::Symlink(path),
        }
    }
}

impl Error {
    /// The error of a call that opened a device; on DRBD some error numbers have a meaning of their own.
    pub(super) fn of_device(error: HostError, device: &BlockDevice, uses_drbd: bool) -> Self {
        let refusal = error.errno().filter(|_| uses_drbd).and_then(drbd::refusal);
        match (error, refusal) {
            (HostError::Refused { source, .. }, Some(Refusal::PrimaryElsewhere)) => {
                Self::PrimaryElsewhere { device: device.path.clone(), source }
            }
            (HostError::Refused { source, .. }, Some(Refusal::NoQuorum)) => {
                Self::NoQuorum { device: device.path.clone(), source }
            }
            (HostError::Refused { operation: Operation::Mount, path: target, source }, None) => {
                Self::Mount { device: device.path.clone(), target, source }
            }
            (error, _) => error.into(),
        }
    }
}
