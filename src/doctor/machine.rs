//! Looking at this machine: its files, and nothing that a suspended device could hold up for ever.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::facts::{MachineFacts, Told, Untold};
use crate::node::mounts::MountTable;
use crate::node::operation::Program;

/// Where programs are looked for where PATH is not set, and on another root.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What linflow asks of DRBD beyond LINSTOR.
const DRBDSETUP: &str = "drbdsetup";
/// kubelet passes over names that begin with a dot.
const TRIAL_FILE: &str = ".linflow-doctor";

/// A directory that kubelet and linflow share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Where it is.
    pub path: PathBuf,
    /// What stands there.
    pub state: DirectoryState,
}

/// What stands at a directory's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryState {
    /// A directory; nobody tried to write into it.
    There,
    /// A directory that a file could be made in.
    Writable,
    /// A directory that no file can be made in, and why.
    ReadOnly(String),
    /// Nothing.
    Missing,
    /// Not a directory, or not to be looked at, and why.
    Unusable(String),
}

/// Which control groups there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cgroups {
    /// Those with `blkio`, alone or beside version 2.
    Version1,
    /// Version 2 alone.
    Version2,
    /// None that can be seen.
    None,
}

/// A machine to look at.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Where its root directory is.
    pub root: Option<PathBuf>,
    /// kubelet's directory, as it is called on the machine.
    pub kubelet_dir: PathBuf,
    /// May files be made, for a moment?
    pub may_write: bool,
    /// How long each look may take.
    pub limit: Duration,
}

impl Machine {
    /// Looks at everything, side by side, so that one look that hangs keeps nothing else from being seen.
    pub async fn look(&self) -> MachineFacts {
        let (drbd, missing_programs, kubelet, mounts, cgroups) = tokio::join!(
            self.aside(Self::drbd),
            self.aside(Self::missing_programs),
            self.aside(Self::kubelet),
            self.aside(Self::mounts),
            self.aside(Self::cgroups),
        );
        MachineFacts { drbd, missing_programs, kubelet, mounts, cgroups }
    }

    async fn aside<T: Send + 'static>(&self, look: fn(&Self) -> Result<T, String>) -> Told<T> {
        let (machine, limit) = (self.clone(), self.limit);
        let looked = tokio::task::spawn_blocking(move || look(&machine));
        match tokio::time::timeout(limit, looked).await {
            Ok(Ok(told)) => told.map_err(Untold::NoAnswer),
            Ok(Err(broken)) => Err(Untold::NoAnswer(format!("the look broke off: {broken}"))),
            Err(_) => Err(Untold::NoAnswer(format!("this machine's files did not answer within {limit:?}"))),
        }
    }

    /// A path of the machine, below its root.
    fn path(&self, path: &Path) -> PathBuf {
        match (&self.root, path.strip_prefix("/")) {
            (Some(root), Ok(relative)) => root.join(relative),
            _ => path.to_owned(),
        }
    }

    fn read(&self, path: &str) -> Result<Option<String>, String> {
        let path = self.path(Path::new(path));
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{} can't be read: {error}", path.display())),
        }
    }

    /// DRBD 9 tells its version to both; an older one to the second alone.
    fn drbd(&self) -> Result<Option<String>, String> {
        if let Some(version) = self.read("/sys/module/drbd/version")? {
            return Ok(Some(version.trim().to_owned()));
        }
        let text = self.read("/proc/drbd")?.unwrap_or_default();
        let version = text.lines().find_map(|line| line.strip_prefix("version: "));
        Ok(version.and_then(|rest| rest.split_whitespace().next()).map(str::to_owned))
    }

    fn missing_programs(&self) -> Result<Vec<String>, String> {
        let path = match &self.root {
            // The other machine's, which is not known.
            Some(_) => DEFAULT_PATH.into(),
            None => std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into()),
        };
        let folders: Vec<PathBuf> = std::env::split_paths(&path).map(|folder| self.path(&folder)).collect();
        let names = Program::ALL.iter().map(|program| program.name()).chain([DRBDSETUP]);
        Ok(names
            .filter(|name| !folders.iter().any(|folder| is_program(&folder.join(name))))
            .map(str::to_owned)
            .collect())
    }

    fn kubelet(&self) -> Result<Vec<Directory>, String> {
        let folder = |below: &str| self.kubelet_dir.join(below);
        let look = |path: PathBuf, is_ours: bool| {
            let state = state_of(&self.path(&path), is_ours && self.may_write);
            Directory { path, state }
        };
        Ok(vec![
            look(self.kubelet_dir.clone(), false),
            look(folder("plugins_registry"), true),
            look(folder("plugins"), true),
            look(folder("pods"), false),
        ])
    }

    /// The mounts of this process; of another root those of its first process.
    fn mounts(&self) -> Result<MountTable, String> {
        let path = if self.root.is_some() { "/proc/1/mountinfo" } else { "/proc/self/mountinfo" };
        let path = self.path(Path::new(path));
        let text = std::fs::read(&path).map_err(|error| format!("{} can't be read: {error}", path.display()))?;
        MountTable::parse(&text).map_err(|error| error.to_string())
    }

    fn cgroups(&self) -> Result<Cgroups, String> {
        let exists = |path: &str| self.path(Path::new(path)).exists();
        Ok(if exists("/sys/fs/cgroup/blkio") {
            Cgroups::Version1
        } else if exists("/sys/fs/cgroup/cgroup.controllers") {
            Cgroups::Version2
        } else {
            Cgroups::None
        })
    }
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn state_of(path: &Path, try_to_write: bool) -> DirectoryState {
    match std::fs::metadata(path) {
        Ok(found) if !found.is_dir() => DirectoryState::Unusable("it is not a directory".to_owned()),
        Ok(_) if !try_to_write => DirectoryState::There,
        Ok(_) => match write_and_remove(path) {
            Ok(()) => DirectoryState::Writable,
            Err(error) => DirectoryState::ReadOnly(error.to_string()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => DirectoryState::Missing,
        Err(error) => DirectoryState::Unusable(error.to_string()),
    }
}

/// Permissions alone do not tell: the filesystem may be read-only, or full.
fn write_and_remove(folder: &Path) -> io::Result<()> {
    let file = folder.join(format!("{TRIAL_FILE}-{}", std::process::id()));
    let made: io::Result<File> = OpenOptions::new().write(true).create_new(true).open(&file);
    match made {
        Ok(_) => std::fs::remove_file(&file),
        // One that was cut off had this number before.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => std::fs::remove_file(&file),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
