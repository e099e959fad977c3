//! Errors of the node's verbs.

use std::{io, path::PathBuf, time::Duration};

use linflow::node::{
    Difference, Error, FormatRecordError,
    host::{DeviceNumber, Operation, Program},
    probe::Found,
};
use linflow::volume::filesystem::{FsType, FsUuid, OptionError};

use super::resource;

const EBUSY: i32 = 16;
const EROFS: i32 = 30;
const EIO: i32 = 5;
const ENODATA: i32 = 61;

/// One of every variant.
pub fn all() -> Vec<Error> {
    let mut samples = paths();
    samples.extend(devices());
    samples.extend(formatting());
    samples.extend(linux());
    samples
}

fn device() -> PathBuf {
    "/dev/drbd1000".into()
}

fn target() -> PathBuf {
    "/var/lib/kubelet/pods/1/mount".into()
}

fn uuid(byte: u8) -> FsUuid {
    FsUuid::from_random([byte; 16])
}

fn paths() -> Vec<Error> {
    let difference = Difference { field: "filesystem", is: "ext4".to_owned(), wanted: "xfs".to_owned() };
    let (option, allowed) = ("suid".to_owned(), "ro, noatime, nosuid".to_owned());
    let option = OptionError::NotAllowed { kind: "mount option", option, allowed };
    vec![
        option.into(),
        Error::Symlink(target()),
        Error::WrongKind { path: target(), expected: "a directory" },
        Error::NotFound(target()),
        Error::NotOnNode(resource()),
        Error::ParentMissing(target()),
        Error::NotStaged(target()),
        Error::Incompatible { path: target(), difference },
        Error::SecondTarget { path: target(), first: "/var/lib/kubelet/pods/0/mount".into() },
        Error::HeldByPod { uid: "0b1c".to_owned(), path: "/var/lib/kubelet/pods/0b1c/mount".into() },
        Error::GroupUnfinished { path: target(), group: 1000, changed: 250_000 },
        Error::ForeignMount { path: target(), fs_type: "tmpfs".to_owned() },
        Error::WentReadOnly(target()),
        Error::OtherPermit { permitted: resource(), asked: "pvc-2".parse().expect("a resource name") },
    ]
}

fn devices() -> Vec<Error> {
    let number = |minor| DeviceNumber { major: 147, minor };
    vec![
        Error::DeviceMissing { path: device(), waited: Duration::from_secs(30) },
        Error::DeviceTooSmall { path: device(), size: 1 << 20, promised: 2 << 20 },
        Error::NotGrownYet { path: device(), size: 1 << 20, wanted: 2 << 20 },
        Error::GrowsAtNextStage(device()),
        Error::WrongDevice { path: target(), is: number(1001), wanted: number(1000) },
        Error::PrimaryElsewhere { device: device(), source: io::Error::from_raw_os_error(EROFS) },
        Error::NoQuorum { device: device(), source: io::Error::from_raw_os_error(ENODATA) },
        Error::Suspended { operation: Operation::Unmount, path: target() },
        Error::Busy(device()),
        Error::InUse { path: target(), source: Some(io::Error::from_raw_os_error(EBUSY)) },
    ]
}

fn formatting() -> Vec<Error> {
    vec![
        Error::DataMissing { device: device(), uuid: uuid(1), found: Found::Blank },
        Error::RecordDiffers { expected: uuid(1), recorded: uuid(2) },
        Error::NothingToMount { device: device(), found: Found::Blank, reason: "it has no fs-uuid" },
        Error::OtherFilesystem { device: device(), is: FsType::Ext4, wanted: FsType::Xfs },
        FormatRecordError { source: "linstor does not answer".into() }.into(),
        Error::RecordUnconfirmed { written: uuid(1), read: None },
        Error::Changed(device()),
        Error::FormatUnconfirmed { device: device(), found: Found::Blank },
        Error::Program {
            program: Program::MkfsExt4,
            device: device(),
            exit: Some(1),
            stderr: "no space left on device".to_owned(),
        },
    ]
}

fn linux() -> Vec<Error> {
    let source = || io::Error::from_raw_os_error(EIO);
    vec![
        Error::Mount { device: device(), target: target(), source: source() },
        Error::Io { operation: Operation::Read, path: device(), source: source() },
    ]
}

/// May the machine still do what it was asked? Every variant has to be judged here.
pub fn may_take_effect(error: &Error) -> bool {
    match error {
        Error::Suspended { .. } | Error::Busy(_) => true,
        Error::Option(_)
        | Error::Symlink(_)
        | Error::WrongKind { .. }
        | Error::NotFound(_)
        | Error::NotOnNode(_)
        | Error::ParentMissing(_)
        | Error::NotStaged(_)
        | Error::DeviceMissing { .. }
        | Error::DeviceTooSmall { .. }
        | Error::NotGrownYet { .. }
        | Error::GrowsAtNextStage(_)
        | Error::WrongDevice { .. }
        | Error::DataMissing { .. }
        | Error::RecordDiffers { .. }
        | Error::NothingToMount { .. }
        | Error::OtherFilesystem { .. }
        | Error::PrimaryElsewhere { .. }
        | Error::NoQuorum { .. }
        | Error::InUse { .. }
        | Error::Record(_)
        | Error::RecordUnconfirmed { .. }
        | Error::Changed(_)
        | Error::FormatUnconfirmed { .. }
        | Error::Program { .. }
        | Error::Mount { .. }
        | Error::Incompatible { .. }
        | Error::SecondTarget { .. }
        | Error::HeldByPod { .. }
        | Error::GroupUnfinished { .. }
        | Error::OtherPermit { .. }
        | Error::WentReadOnly(_)
        | Error::ForeignMount { .. }
        | Error::Io { .. } => false,
    }
}
