//! Pods from a folder of manifests (`--pods DIR`): for demonstrations, tests, and clusters that export what runs.
//!
//! Every `*.yaml`, `*.yml` and `*.json` directly in the folder is read, and read again when its size, time or file
//! identity changes. The folder is the operator's own statement: a manifest without a UID stands for any pod of its
//! name, unfenced.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use super::{
    directory::{Directory, DirectoryError, Pod, PodRef},
    manifest::{ManifestError, read_pods},
};

/// A file as old as this when read can't have changed afterwards without its time showing it: file times are coarse.
const SETTLED: Duration = Duration::from_secs(1);

/// A folder of manifests.
#[derive(Debug, Clone)]
pub struct FolderDirectory {
    dir: PathBuf,
    files: Arc<Mutex<BTreeMap<PathBuf, File>>>,
}

/// What a file was like when it was read, and what it held.
#[derive(Debug)]
struct File {
    stamp: Stamp,
    is_settled: bool,
    pods: Result<Vec<Pod>, FileError>,
}

#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    modified: Option<SystemTime>,
}

#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl FolderDirectory {
    /// The folder; it need not be there yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), files: Arc::default() }
    }

    /// Looks the pod up, reading what changed; blocks on the file system.
    fn find(&self, wanted: &PodRef) -> Result<Pod, DirectoryError> {
        let unavailable = |reason| DirectoryError::Unavailable { pod: wanted.clone(), reason };
        // A panic in another look-up leaves whole entries only: each is inserted at once.
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = self.dir.display();
        refresh(&self.dir, &mut files).map_err(|error| {
            unavailable(format!("folder {dir} can't be read ({error}); make it readable or correct --pods"))
        })?;
        match choose(&files, wanted) {
            Choice::One(pod) => Ok(pod.clone()),
            Choice::Several(a, b) => Err(unavailable(format!(
                "{} and {} describe it differently; leave one of them",
                a.display(),
                b.display()
            ))),
            Choice::Nobody { namesake } => Err(match (broken(&files), namesake) {
                (Some((path, error)), _) => unavailable(format!(
                    "it may be in {}, which can't be read ({error}); correct or remove it",
                    path.display()
                )),
                (None, Some(found)) => DirectoryError::WrongUid { pod: wanted.clone(), found },
                (None, None) => DirectoryError::NotFound { pod: wanted.clone(), place: format!("in {dir}") },
            }),
        }
    }
}

impl Directory for FolderDirectory {
    async fn pod(&self, pod: &PodRef) -> Result<Pod, DirectoryError> {
        let (folder, wanted) = (self.clone(), pod.clone());
        let found = tokio::task::spawn_blocking(move || folder.find(&wanted)).await;
        let cut_short = |error| DirectoryError::Unavailable { pod: pod.clone(), reason: format!("{error}; try again") };
        found.unwrap_or_else(|error| Err(cut_short(error)))
    }
}

enum Choice<'a> {
    One(&'a Pod),
    Several(&'a Path, &'a Path),
    Nobody { namesake: Option<String> },
}

/// The one pod that is meant: a manifest with the wanted UID before manifests without any.
fn choose<'a>(files: &'a BTreeMap<PathBuf, File>, wanted: &PodRef) -> Choice<'a> {
    let pods = files.iter().flat_map(|(path, file)| file.pods.iter().flatten().map(move |pod| (path.as_path(), pod)));
    let named = |pod: &Pod| pod.reference.name == wanted.name && pod.reference.namespace == wanted.namespace;
    let named: Vec<_> = pods.filter(|(_, pod)| named(pod)).collect();
    let exact = named.iter().filter(|(_, pod)| wanted.uid.is_some() && pod.reference.uid == wanted.uid);
    let possible = named.iter().filter(|(_, pod)| pod.reference.could_be(wanted));
    let mut best = exact.collect::<Vec<_>>();
    if best.is_empty() {
        best = possible.collect();
    }
    let Some(&&(path, pod)) = best.first() else {
        return Choice::Nobody { namesake: named.iter().find_map(|(_, pod)| pod.reference.uid.clone()) };
    };
    match best.iter().find(|(_, other)| other != &pod) {
        Some((other, _)) => Choice::Several(path, other),
        None => Choice::One(pod),
    }
}

fn broken(files: &BTreeMap<PathBuf, File>) -> Option<(&Path, &FileError)> {
    files.iter().find_map(|(path, file)| file.pods.as_ref().err().map(|error| (path.as_path(), error)))
}

/// Forgets the files that are gone and reads those that are new or changed.
fn refresh(dir: &Path, files: &mut BTreeMap<PathBuf, File>) -> io::Result<()> {
    let entries = fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path()));
    let paths: Vec<PathBuf> = entries.collect::<io::Result<_>>()?;
    let paths: Vec<PathBuf> = paths.into_iter().filter(|path| is_manifest(path)).collect();
    files.retain(|path, _| paths.contains(path));
    for path in paths {
        if !files.get(&path).is_some_and(|file| file.is_current(&path)) {
            let file = File::read(&path);
            if let Err(error) = &file.pods {
                tracing::warn!(file = %path.display(), %error, "a manifest is passed over");
            }
            files.insert(path, file);
        }
    }
    Ok(())
}

fn is_manifest(path: &Path) -> bool {
    let is_hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    !is_hidden
        && path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
}

impl File {
    fn read(path: &Path) -> Self {
        let stamp = Stamp::of(path).unwrap_or(Stamp { inode: 0, bytes: 0, modified: None });
        let is_settled = stamp.modified.and_then(|time| time.elapsed().ok()).is_some_and(|age| age >= SETTLED);
        let pods = fs::read_to_string(path).map_err(FileError::from).and_then(|text| Ok(read_pods(&text)?));
        Self { stamp, is_settled, pods }
    }

    fn is_current(&self, path: &Path) -> bool {
        self.is_settled && Stamp::of(path).is_ok_and(|stamp| stamp == self.stamp)
    }
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self { inode: metadata.ino(), bytes: metadata.len(), modified: Some(metadata.modified()?) })
    }
}

#[cfg(test)]
mod tests;
