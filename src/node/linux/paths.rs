//! Directories and files to mount on.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

use nix::{errno::Errno, fcntl::OFlag};

use super::device::number;
use crate::node::host::{HostError, PathKind, Place};

pub fn inspect(path: &Path) -> io::Result<Option<Place>> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::EINVAL.into()) };
    let Some(parent) = present(fs::canonicalize(parent))? else { return Ok(None) };
    let path = parent.join(name);
    let kind = present(fs::symlink_metadata(&path))?.map(|metadata| kind(&metadata)).transpose()?;
    Ok(Some(Place { path, kind }))
}

fn present<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

fn kind(metadata: &fs::Metadata) -> io::Result<PathKind> {
    let file_type = metadata.file_type();
    Ok(if file_type.is_dir() {
        PathKind::Directory
    } else if file_type.is_file() {
        PathKind::File(metadata.len())
    } else if file_type.is_symlink() {
        PathKind::Symlink
    } else if file_type.is_block_device() {
        PathKind::BlockDevice(number(metadata.rdev())?)
    } else {
        PathKind::Other
    })
}

pub fn create_directory(path: &Path) -> io::Result<()> {
    let made = DirBuilder::new().mode(0o750).create(path);
    present_is_fine(made, path, fs::FileType::is_dir)
}

pub fn create_file(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o640).open(path).map(drop);
    present_is_fine(made, path, fs::FileType::is_file)
}

fn present_is_fine(made: io::Result<()>, path: &Path, is_fine: fn(&fs::FileType) -> bool) -> io::Result<()> {
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if is_fine(&fs::symlink_metadata(path)?.file_type()) { Ok(()) } else { Err(error) }
        }
        made => made,
    }
}

pub fn absent_is_fine(removed: io::Result<()>) -> io::Result<()> {
    present(removed).map(|_| ())
}

/// Opens what stands at a path itself, to mount on it whatever the path leads to later. ELOOP for a symbolic link.
pub fn pin(path: &Path) -> io::Result<File> {
    let flags = (OFlag::O_PATH | OFlag::O_NOFOLLOW).bits();
    let pinned = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if pinned.metadata()?.is_symlink() { Err(Errno::ELOOP.into()) } else { Ok(pinned) }
}

/// Gives the refusal of [`pin`] its name.
pub fn name_symlink<T>(result: Result<T, HostError>) -> Result<T, HostError> {
    match result {
        Err(HostError::Refused { path, source, .. }) if source.raw_os_error() == Some(Errno::ELOOP as i32) => {
            Err(HostError::Symlink(path))
        }
        result => result,
    }
}

#[cfg(test)]
#[path = "paths/tests.rs"]
mod tests;
