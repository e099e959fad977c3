//! Files over a restart: what was removed is put aside until the change is on record, and what nobody was told of is
//! taken away at the next start.

use super::{LoopBacking, layout, remove_file};
use crate::sandbox::bytes::Held;
use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Behind the name of a file that was put aside. `~` is in no LINSTOR name.
const ASIDE: &str = "~";

fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ASIDE);
    name.into()
}

/// The file that was put aside under this path.
fn original(path: &Path) -> Option<PathBuf> {
    path.to_str()?.strip_suffix(ASIDE).map(PathBuf::from)
}

impl LoopBacking {
    /// Takes a file away; it comes back if the change is never put on record.
    pub(super) fn discard(&self, path: &Path) -> io::Result<()> {
        match fs::rename(path, aside(path)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                self.discarded().push(aside(path));
                Ok(())
            }
        }
    }

    /// Takes away for good what was put aside.
    pub(super) fn settle_files(&self) -> io::Result<()> {
        let gone = std::mem::take(&mut *self.discarded());
        gone.iter().try_for_each(|path| remove_file(path))
    }

    /// Makes the folder what a cluster expects: files that were put aside by a change that nobody was told of come
    /// back, those that such a change made go.
    pub(super) fn reconcile(&self, held: &Held) -> io::Result<()> {
        let wanted = self.paths(held)?;
        for path in self.files()? {
            match original(&path) {
                Some(own) if wanted.contains(&own) && !own.exists() => fs::rename(&path, &own)?,
                Some(_) => remove_file(&path)?,
                None if !wanted.contains(&path) => self.forget(&path)?,
                None => {}
            }
        }
        let clients = self.paths(&Held { clients: held.clients.clone(), ..Held::default() })?;
        match wanted.iter().find(|path| !clients.contains(*path) && !path.exists()) {
            Some(missing) => {
                let text = format!("{} is missing; restore it, or begin anew in another folder", missing.display());
                Err(io::Error::new(ErrorKind::NotFound, text))
            }
            None => Ok(()),
        }
    }

    /// Takes a file away that no definition knows of, and its device.
    fn forget(&self, path: &Path) -> io::Result<()> {
        if let Some((key, _)) = layout::parse(&self.state, path) {
            self.attached().detach(&key)?;
        }
        remove_file(path)
    }

    fn paths(&self, held: &Held) -> io::Result<HashSet<PathBuf>> {
        let replicas = held.replicas.iter().map(|key| layout::path(&self.state, key, layout::Role::Replica));
        let clients = held.clients.iter().map(|key| layout::path(&self.state, key, layout::Role::Client));
        let snapshots = held.snapshots.iter().map(|(key, name)| layout::snapshot_path(&self.state, key, name));
        replicas.chain(clients).chain(snapshots).collect()
    }

    /// All files in the nodes' folders.
    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for folder in fs::read_dir(&self.state)? {
            let folder = folder?.path();
            if folder.is_dir() {
                for file in fs::read_dir(folder)? {
                    files.push(file?.path());
                }
            }
        }
        Ok(files)
    }
}
