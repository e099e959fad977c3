//! mount(2), umount2(2), statvfs(3) and the mount table. mount(8) is not used: it hides the errno that tells DRBD's
//! reasons.

use std::{
    fs::File,
    io::{self, BufReader},
    os::fd::AsRawFd,
    path::Path,
};

use nix::{
    mount::{MntFlags, MsFlags, umount2},
    sys::statvfs::statvfs,
};

use super::{busy::await_free, paths::pin};
use crate::{
    node::{
        host::Usage,
        mounts::{MountEntry, MountTable},
        options::{Attribute, Attributes, MountOptions},
    },
    volume::filesystem::FsType,
};

pub fn select(table: &Path, is_wanted: impl Fn(&MountEntry) -> bool) -> io::Result<MountTable> {
    MountTable::select(BufReader::new(File::open(table)?), is_wanted)
}

fn flags(attributes: &Attributes) -> MsFlags {
    let flag = |attribute: &Attribute| match attribute {
        Attribute::ReadOnly => MsFlags::MS_RDONLY,
        Attribute::NoAtime => MsFlags::MS_NOATIME,
        Attribute::NoDirAtime => MsFlags::MS_NODIRATIME,
        Attribute::NoSuid => MsFlags::MS_NOSUID,
        Attribute::NoDev => MsFlags::MS_NODEV,
        Attribute::NoExec => MsFlags::MS_NOEXEC,
    };
    attributes.iter().map(flag).collect()
}

/// Calls mount(2) on what was pinned, so that a link put in its place meanwhile changes nothing.
fn mount_on(
    target: &Path,
    source: Option<&Path>,
    fs_type: Option<&str>,
    flags: MsFlags,
    data: Option<&str>,
) -> io::Result<()> {
    let pinned = pin(target)?;
    let target = format!("/proc/self/fd/{}", pinned.as_raw_fd());
    Ok(nix::mount::mount(source, target.as_str(), fs_type, flags, data)?)
}

pub fn mount(source: &Path, fs_type: FsType, target: &Path, options: &MountOptions) -> io::Result<()> {
    let data = options.data(fs_type);
    await_free(|| mount_on(target, Some(source), Some(fs_type.as_str()), flags(&options.attributes), Some(&data)))
}

pub fn bind(source: &Path, target: &Path) -> io::Result<()> {
    let pinned = pin(source)?;
    let source = format!("/proc/self/fd/{}", pinned.as_raw_fd());
    mount_on(target, Some(Path::new(&source)), None, MsFlags::MS_BIND, None)
}

pub fn remount_bind(target: &Path, attributes: &Attributes) -> io::Result<()> {
    mount_on(target, None, None, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags(attributes), None)
}

pub fn unmount(target: &Path) -> io::Result<()> {
    await_free(|| Ok(umount2(target, MntFlags::UMOUNT_NOFOLLOW)?))
}

pub fn unmount_lazily(target: &Path) -> io::Result<()> {
    Ok(umount2(target, MntFlags::UMOUNT_NOFOLLOW | MntFlags::MNT_DETACH)?)
}

pub fn usage(path: &Path) -> io::Result<Usage> {
    let told = statvfs(path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(told.fragment_size());
    Ok(Usage {
        total_bytes: bytes(told.blocks()),
        available_bytes: bytes(told.blocks_available()),
        used_bytes: bytes(told.blocks().saturating_sub(told.blocks_free())),
        total_inodes: told.files(),
        available_inodes: told.files_free(),
        used_inodes: told.files().saturating_sub(told.files_free()),
    })
}
