//! Giving a filesystem's files to a group, as kubelet does for fsGroup.
//!
//! Another pod may rename and link in the tree meanwhile, so each step goes from an open directory to a name in it, and
//! never through a link: `/proc/self/fd/N/name` with O_NOFOLLOW, then `/proc/self/fd/M`, which is the file itself.

use std::{
    fs::{self, DirEntry, File, Metadata, Permissions, ReadDir},
    io,
    os::{
        fd::AsRawFd,
        unix::fs::{MetadataExt, PermissionsExt, chown, lchown},
    },
    path::{Path, PathBuf},
    time::Instant,
};

use nix::{errno::Errno, fcntl::OFlag};

use crate::node::host::Handover;

/// The group may read and write files, and enter directories as well; what is made in those is the group's again.
const OF_FILE: u32 = 0o660;
const OF_DIRECTORY: u32 = 0o2770;

/// A directory that is being walked.
struct Level {
    directory: File,
    entries: ReadDir,
}

struct Walk {
    group: u32,
    device: u64,
    changed: u64,
}

/// Gives everything below a directory to a group, and the directory last, so that one that has the group says that all
/// below it was done. Stops at `until`.
pub fn hand_over(root: &Path, group: u32, until: Instant) -> io::Result<Handover> {
    let root = open(root)?;
    let metadata = root.metadata()?;
    if !metadata.is_dir() {
        return Err(Errno::ENOTDIR.into());
    }
    let mut walk = Walk { group, device: metadata.dev(), changed: 0 };
    if walk.has_it(&metadata) {
        return Ok(Handover::Done { changed: 0 });
    }
    let mut levels = vec![Level { entries: fs::read_dir(of(&root))?, directory: root }];
    while let Some(level) = levels.last_mut() {
        if Instant::now() >= until {
            return Ok(Handover::Unfinished { changed: walk.changed });
        }
        match level.entries.next() {
            Some(entry) => {
                let below = walk.enter(&level.directory, &entry?)?;
                levels.extend(below);
            }
            None => {
                walk.give(&level.directory)?;
                levels.pop();
            }
        }
    }
    Ok(Handover::Done { changed: walk.changed })
}

/// The file that is open, links aside, for a path argument.
fn of(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().read(true).custom_flags((OFlag::O_PATH | OFlag::O_NOFOLLOW).bits()).open(path)
}

impl Walk {
    /// Hands over a file, or opens a directory to be walked first. What was removed meanwhile needs nothing.
    fn enter(&mut self, parent: &File, entry: &DirEntry) -> io::Result<Option<Level>> {
        let path = of(parent).join(entry.file_name());
        let entered = open(&path).and_then(|file| {
            let metadata = file.metadata()?;
            if metadata.dev() != self.device {
                return Ok(None);
            }
            if metadata.is_dir() {
                return Ok(Some(Level { entries: fs::read_dir(of(&file))?, directory: file }));
            }
            if metadata.is_symlink() {
                self.give_link(&path, &metadata)?;
            } else {
                self.give(&file)?;
            }
            Ok(None)
        });
        match entered {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            entered => entered,
        }
    }

    fn has_it(&self, metadata: &Metadata) -> bool {
        let bits = if metadata.is_dir() { OF_DIRECTORY } else { OF_FILE };
        metadata.gid() == self.group && metadata.mode() & bits == bits
    }

    fn give(&mut self, file: &File) -> io::Result<()> {
        let metadata = file.metadata()?;
        if self.has_it(&metadata) {
            return Ok(());
        }
        let bits = if metadata.is_dir() { OF_DIRECTORY } else { OF_FILE };
        // In this order: chown(2) clears the bits that let programs run as another user or group.
        chown(of(file), None, Some(self.group))?;
        fs::set_permissions(of(file), Permissions::from_mode(metadata.mode() & 0o7777 | bits))?;
        self.changed += 1;
        Ok(())
    }

    fn give_link(&mut self, path: &Path, metadata: &Metadata) -> io::Result<()> {
        if metadata.gid() != self.group {
            lchown(path, None, Some(self.group))?;
            self.changed += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "group/tests.rs"]
mod tests;
