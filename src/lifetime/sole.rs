//! One reaper among the controllers that share a folder of manifests: whoever holds the lock of a file in it.

use std::{
    fs::{File, OpenOptions},
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use crate::workflow::Elected;

/// The file's name; no manifest has it.
const LOCK: &str = ".linflow-reaper.lock";

/// Elected while it holds the lock, which the operating system gives back when the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    path: PathBuf,
    held: Mutex<Option<File>>,
}

impl FolderLock {
    /// The lock of that folder, not held yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { path: dir.into().join(LOCK), held: Mutex::default() }
    }
}

impl Elected for FolderLock {
    /// Takes the lock where nobody has it.
    fn is_held(&self) -> bool {
        // A panic elsewhere leaves the file held, or not: either is true.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_some() {
            return true;
        }
        let taken =
            OpenOptions::new().create(true).append(true).open(&self.path).map(|file| (file.try_lock().is_ok(), file));
        match taken {
            Ok((true, file)) => *held = Some(file),
            Ok((false, _)) => {}
            Err(error) => {
                let path = self.path.display();
                tracing::warn!(%path, %error, "the reaper's lock can't be taken, so nothing is removed; make the folder of --pods writable");
            }
        }
        held.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_that_share_a_folder_one_is_elected_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (FolderLock::new(folder.path()), FolderLock::new(folder.path()));
        assert!(first.is_held() && first.is_held() && !second.is_held());
        drop(first);
        assert!(second.is_held());
    }

    #[test]
    fn where_the_file_cannot_be_made_nobody_is_elected() {
        assert!(!FolderLock::new("/proc/nowhere").is_held());
    }
}
