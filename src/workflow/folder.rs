//! Kubernetes as a folder of manifests shows it (`--pods DIR`): for demonstrations, tests, and clusters that export what runs.
//!
//! Every `*.yaml`, `*.yml` and `*.json` directly in the folder is read, and read again when its size, time or file
//! identity changes. The folder is the operator's own statement: a manifest without a UID stands for any pod of its
//! name, unfenced.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use super::{
    directory::{ClaimManifest, ClaimRef, Directory, DirectoryError, Notice, Object, Phase, Pod, PodRef, Presence},
    manifest::{ManifestError, Manifests},
};

/// A file as old as this when read can't have changed afterwards without its time showing it: file times are coarse.
const SETTLED: Duration = Duration::from_secs(1);

/// A folder of manifests.
#[derive(Debug, Clone)]
pub struct FolderDirectory {
    dir: PathBuf,
    seen: Arc<Mutex<Seen>>,
}

/// What is in the folder.
#[derive(Debug, Default)]
struct Seen {
    files: BTreeMap<PathBuf, File>,
    /// When the last look at all files began, if it came to its end.
    looked: Option<Instant>,
}

/// What a file was like when it was read, and what it held.
#[derive(Debug)]
struct File {
    stamp: Stamp,
    is_settled: bool,
    contents: Result<Manifests, FileError>,
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
        Self { dir: dir.into(), seen: Arc::default() }
    }

    /// Answers from the files, reading what changed; blocks on the file system.
    fn read<T>(
        &self,
        object: &Object,
        answer: impl FnOnce(&BTreeMap<PathBuf, File>) -> Result<T, DirectoryError>,
    ) -> Result<T, DirectoryError> {
        let asked = Instant::now();
        // A panic in another look-up leaves whole entries only: each is inserted at once.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Of many who ask at once, those who wait share a look that began after they had asked.
        if seen.looked.is_none_or(|looked| looked < asked) {
            let looked = Instant::now();
            seen.looked = None;
            refresh(&self.dir, &mut seen.files).map_err(|error| {
                let dir = self.dir.display();
                let reason = format!("folder {dir} can't be read ({error}); make it readable or correct --pods");
                DirectoryError::Unavailable { object: object.clone(), reason }
            })?;
            seen.looked = Some(looked);
        }
        answer(&seen.files)
    }

    /// Looks one object up; blocks on the file system.
    fn find<T: Manifest>(&self, wanted: &T::Ref) -> Result<T, DirectoryError> {
        let object = T::object(wanted);
        let unavailable = |reason| DirectoryError::Unavailable { object: object.clone(), reason };
        self.read(&object, |files| match choose::<T>(files, wanted) {
            Choice::One(found) => Ok(found.clone()),
            Choice::Several(a, b) => Err(unavailable(format!(
                "{} and {} describe it differently; leave one of them",
                a.display(),
                b.display()
            ))),
            Choice::Nobody { namesake } => Err(match (broken(files), namesake) {
                (Some((path, error)), _) => unavailable(format!(
                    "it may be in {}, which can't be read ({error}); correct or remove it",
                    path.display()
                )),
                (None, Some(found)) => DirectoryError::WrongUid { object: object.clone(), found },
                (None, None) => {
                    DirectoryError::NotFound { object: object.clone(), place: format!("in {}", self.dir.display()) }
                }
            }),
        })
    }

    /// Runs a look-up where it may block.
    async fn apart<T: Send + 'static>(
        &self,
        object: Object,
        look: impl FnOnce(&Self) -> Result<T, DirectoryError> + Send + 'static,
    ) -> Result<T, DirectoryError> {
        let folder = self.clone();
        let found = tokio::task::spawn_blocking(move || look(&folder)).await;
        found.unwrap_or_else(|error| Err(DirectoryError::Unavailable { object, reason: format!("{error}; try again") }))
    }
}

impl Directory for FolderDirectory {
    async fn pod(&self, pod: &PodRef) -> Result<Pod, DirectoryError> {
        let wanted = pod.clone();
        self.apart(Object::Pod(pod.clone()), move |folder| folder.find(&wanted)).await
    }

    async fn claim(&self, namespace: &str, name: &str) -> Result<ClaimManifest, DirectoryError> {
        let wanted = ClaimRef { namespace: namespace.to_owned(), name: name.to_owned(), uid: None };
        self.apart(Object::Claim(wanted.clone()), move |folder| folder.find(&wanted)).await
    }

    async fn presence(&self, pod: &PodRef) -> Result<Presence, DirectoryError> {
        match self.pod(pod).await {
            Ok(Pod { phase: Some(Phase::Succeeded | Phase::Failed), .. }) => Ok(Presence::Ended),
            Ok(_) => Ok(Presence::Alive),
            Err(DirectoryError::NotFound { .. } | DirectoryError::WrongUid { .. }) => Ok(Presence::Absent),
            Err(error @ DirectoryError::Unavailable { .. }) => Err(error),
        }
    }

    async fn handles(&self, driver: &str) -> Result<BTreeSet<String>, DirectoryError> {
        let driver = driver.to_owned();
        let look = move |folder: &Self| {
            folder.read(&Object::Volumes, |files| match broken(files) {
                // The volume that matters may be in it.
                Some((path, error)) => Err(DirectoryError::Unavailable {
                    object: Object::Volumes,
                    reason: format!("{} can't be read ({error}); correct or remove it", path.display()),
                }),
                None => {
                    let volumes = contents(files).flat_map(|(_, contents)| &contents.volumes);
                    Ok(volumes.filter(|one| one.driver == driver).map(|one| one.handle.clone()).collect())
                }
            })
        };
        self.apart(Object::Volumes, look).await
    }

    async fn tell(&self, notice: &Notice) {
        tracing::info!(about = %notice.about, reason = notice.reason, "{}", notice.message);
    }
}

/// An object that a manifest describes.
trait Manifest: Clone + PartialEq + Send + Sync + 'static {
    /// Its name, as it is asked for.
    type Ref: Send + Sync;
    fn all(contents: &Manifests) -> &[Self];
    fn object(wanted: &Self::Ref) -> Object;
    /// Namespace, name and UID.
    fn id(&self) -> Id<'_>;
    fn wanted(wanted: &Self::Ref) -> Id<'_>;
}

/// Namespace, name and UID of an object.
#[derive(Clone, Copy, PartialEq)]
struct Id<'a>(&'a str, &'a str, Option<&'a str>);

impl Manifest for Pod {
    type Ref = PodRef;
    fn all(contents: &Manifests) -> &[Self] {
        &contents.pods
    }
    fn object(wanted: &PodRef) -> Object {
        Object::Pod(wanted.clone())
    }
    fn id(&self) -> Id<'_> {
        Self::wanted(&self.reference)
    }
    fn wanted(wanted: &PodRef) -> Id<'_> {
        Id(&wanted.namespace, &wanted.name, wanted.uid.as_deref())
    }
}

impl Manifest for ClaimManifest {
    type Ref = ClaimRef;
    fn all(contents: &Manifests) -> &[Self] {
        &contents.claims
    }
    fn object(wanted: &ClaimRef) -> Object {
        Object::Claim(wanted.clone())
    }
    fn id(&self) -> Id<'_> {
        Self::wanted(&self.reference)
    }
    fn wanted(wanted: &ClaimRef) -> Id<'_> {
        Id(&wanted.namespace, &wanted.name, wanted.uid.as_deref())
    }
}

enum Choice<'a, T> {
    One(&'a T),
    Several(&'a Path, &'a Path),
    Nobody { namesake: Option<String> },
}

/// The one object that is meant: a manifest with the wanted UID before manifests without any.
fn choose<'a, T: Manifest>(files: &'a BTreeMap<PathBuf, File>, wanted: &T::Ref) -> Choice<'a, T> {
    let Id(namespace, name, uid) = T::wanted(wanted);
    let all = contents(files).flat_map(|(path, contents)| T::all(contents).iter().map(move |one| (path, one)));
    let named: Vec<_> = all.filter(|(_, one)| one.id().0 == namespace && one.id().1 == name).collect();
    let exact = named.iter().filter(|(_, one)| uid.is_some() && one.id().2 == uid);
    let possible = named.iter().filter(|(_, one)| uid.is_none() || one.id().2.is_none_or(|its| Some(its) == uid));
    let mut best = exact.collect::<Vec<_>>();
    if best.is_empty() {
        best = possible.collect();
    }
    let Some(&&(path, one)) = best.first() else {
        return Choice::Nobody { namesake: named.iter().find_map(|(_, one)| one.id().2.map(str::to_owned)) };
    };
    match best.iter().find(|(_, other)| *other != one) {
        Some((other, _)) => Choice::Several(path, other),
        None => Choice::One(one),
    }
}

fn contents(files: &BTreeMap<PathBuf, File>) -> impl Iterator<Item = (&Path, &Manifests)> {
    files.iter().filter_map(|(path, file)| Some((path.as_path(), file.contents.as_ref().ok()?)))
}

fn broken(files: &BTreeMap<PathBuf, File>) -> Option<(&Path, &FileError)> {
    files.iter().find_map(|(path, file)| file.contents.as_ref().err().map(|error| (path.as_path(), error)))
}

/// Forgets the files that are gone and reads those that are new or changed.
fn refresh(dir: &Path, files: &mut BTreeMap<PathBuf, File>) -> io::Result<()> {
    let entries = fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: BTreeSet<PathBuf> = entries.collect::<io::Result<_>>()?;
    paths.retain(|path| is_manifest(path));
    files.retain(|path, _| paths.contains(path));
    for path in paths {
        if !files.get(&path).is_some_and(|file| file.is_current(&path)) {
            let file = File::read(&path);
            if let Err(error) = &file.contents {
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
        let contents = fs::read_to_string(path).map_err(FileError::from).and_then(|text| Ok(Manifests::read(&text)?));
        Self { stamp, is_settled, contents }
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
