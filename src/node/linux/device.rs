//! Block devices.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, PosixFadviseAdvice, posix_fadvise},
    sys::stat::{major, minor},
};

use super::busy::await_free;
use crate::node::{
    host::{BlockDevice, ByteRange, DeviceNumber},
    imprint::Imprint,
};

pub fn resolve(path: &Path) -> io::Result<Option<BlockDevice>> {
    let found = fs::canonicalize(path).and_then(|path| Ok((fs::metadata(&path)?, path)));
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok((metadata, _)) if !metadata.file_type().is_block_device() => Err(Errno::ENOTBLK.into()),
        Ok((metadata, path)) => Ok(Some(BlockDevice { path, number: number(metadata.rdev())? })),
    }
}

pub fn number(device: u64) -> io::Result<DeviceNumber> {
    let part = |number: u64| u32::try_from(number).map_err(io::Error::other);
    Ok(DeviceNumber { major: part(major(device))?, minor: part(minor(device))? })
}

pub fn size(path: &Path) -> io::Result<u64> {
    File::open(path)?.seek(SeekFrom::End(0))
}

pub fn read(path: &Path, ranges: &[ByteRange]) -> io::Result<Vec<Imprint>> {
    read_ranges(&mut File::open(path)?, ranges)
}

fn read_ranges(device: &mut File, ranges: &[ByteRange]) -> io::Result<Vec<Imprint>> {
    // Another node may have written since these pages were read. Where someone else holds the device open, Linux has
    // not dropped them by itself.
    posix_fadvise(&*device, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
    let read_range = |range: &ByteRange| {
        device.seek(SeekFrom::Start(range.offset))?;
        Imprint::read(&mut *device, range.length)
    };
    ranges.iter().map(read_range).collect()
}

pub fn wipe(path: &Path, ranges: &[ByteRange], judged: &[Imprint]) -> io::Result<Option<File>> {
    let for_writing = || OpenOptions::new().read(true).write(true).clone();
    // On a block device O_EXCL without O_CREAT fails with EBUSY where a filesystem, in whatever mount namespace, has
    // it.
    let exclusively = |options: &mut OpenOptions| await_free(|| options.custom_flags(OFlag::O_EXCL.bits()).open(path));
    let mut device = exclusively(&mut for_writing())?;
    if read_ranges(&mut device, ranges)? != judged {
        return Ok(None);
    }
    for range in ranges {
        device.seek(SeekFrom::Start(range.offset))?;
        io::copy(&mut io::repeat(0).take(range.length), &mut device)?;
    }
    device.sync_all()?;
    // Opened before the other is closed, so that DRBD stays primary; without O_EXCL, which mkfs needs for itself.
    let kept = for_writing().open(path)?;
    drop(device);
    // A child that was being started meanwhile has a copy of what was closed, and mkfs would be refused.
    exclusively(OpenOptions::new().read(true))?;
    Ok(Some(kept))
}

pub fn try_lock(path: &Path) -> io::Result<Option<File>> {
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
