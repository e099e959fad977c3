//! The demo's folder, and what this machine shows of it: mounts below it, loop devices on its files.
//!
//! Whatever happens, all of it goes at the end ([`Work::clear`]).

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;

use super::error::Error;
use crate::node::{Host, host::DeviceNumber, linux::LinuxHost, mounts::MountEntry};

/// How long the machine may take for one thing.
const PATIENCE: Duration = Duration::from_secs(10);

/// The folder of one run: sockets, pods' manifests, a folder for each node's mounts, and the cluster's state.
#[derive(Debug)]
pub struct Work {
    root: PathBuf,
    state: PathBuf,
    is_state_kept: bool,
    host: LinuxHost,
}

impl Work {
    /// Makes the folder below the system's temporary one. `keep`: where the cluster's state goes instead, and stays.
    pub fn make(keep: Option<&Path>) -> Result<Self, Error> {
        let root = std::env::temp_dir().join(format!("linflow-demo-{}", std::process::id()));
        // A folder of that name is another's, or was planted there: it is not used.
        fs::DirBuilder::new().mode(0o700).create(&root).map_err(Error::file("create", &root))?;
        // The mount table and the loop devices tell real paths.
        let root = root.canonicalize().map_err(Error::file("look up", &root))?;
        let own = root.join("state");
        let state = keep.unwrap_or(&own).to_owned();
        for folder in [&state, &root.join("pods")] {
            fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        }
        let state = state.canonicalize().map_err(Error::file("look up", &state))?;
        Ok(Self { host: LinuxHost::new(root.join("locks")), root, state, is_state_kept: keep.is_some() })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The cluster's state: the replicas' files, in a folder for each node.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Whether the state stays.
    pub fn is_state_kept(&self) -> bool {
        self.is_state_kept
    }

    /// The pods' manifests, for `--pods`.
    pub fn pods(&self) -> PathBuf {
        self.root.join("pods")
    }

    /// The locks of devices.
    pub fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// The socket of a service.
    pub fn socket(&self, service: &str) -> PathBuf {
        self.root.join(format!("{service}.sock"))
    }

    /// The folder of a node: all that is mounted there is below it.
    pub fn node(&self, node: &str) -> PathBuf {
        self.root.join(node)
    }

    /// What is mounted below a folder, the uppermost first.
    pub async fn mounts_below(&self, folder: &Path) -> Result<Vec<MountEntry>, Error> {
        let folder = folder.to_owned();
        let is_below = move |entry: &MountEntry| entry.mount_point.starts_with(&folder);
        let table = self.host.mounts(is_below, Instant::now() + PATIENCE).await?;
        Ok(table.0.into_iter().rev().collect())
    }

    /// Takes away all that is mounted below a folder, in use or not, as a power cut would. Answers how many mounts that
    /// were.
    pub async fn detach_below(&self, folder: &Path) -> Result<usize, Error> {
        let mounts = self.mounts_below(folder).await?;
        for entry in &mounts {
            self.host.unmount_lazily(&entry.mount_point, Instant::now() + PATIENCE).await?;
        }
        Ok(mounts.len())
    }

    /// The file behind the loop device that is mounted at a path: whose replica one reads there.
    pub async fn file_under(&self, mount_point: &Path) -> Result<PathBuf, Error> {
        let mounts = self.mounts_below(mount_point).await?;
        let device = mounts.first().map(|entry| entry.device);
        let DeviceNumber { major, minor } = device.ok_or_else(|| Error::Unexpected {
            expected: "a mount",
            seen: format!("none at {}", mount_point.display()),
        })?;
        let path = PathBuf::from(format!("/sys/dev/block/{major}:{minor}/loop/backing_file"));
        let file = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        Ok(PathBuf::from(file.trim_end()))
    }

    /// Our mounts and loop devices, in words. A loop device goes at its last close, which may lag behind.
    pub async fn leftovers(&self) -> Result<Vec<String>, Error> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mounts = self.mounts_below(&self.root).await?;
            let mounts = mounts.iter().map(|entry| format!("mount {}", entry.mount_point.display()));
            let loops = loops_below(&self.state)?.into_iter().map(|device| format!("loop device {device}"));
            let left: Vec<String> = mounts.chain(loops).collect();
            if left.is_empty() || Instant::now() >= deadline {
                return Ok(left);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Removes the folder once nothing of it is mounted; says what could not be taken away.
    pub async fn clear(&self) -> Result<(), Error> {
        self.detach_below(&self.root).await?;
        let left = self.leftovers().await?;
        if left.is_empty() {
            fs::remove_dir_all(&self.root).map_err(Error::file("remove", &self.root))
        } else {
            Err(Error::LeftOver(left))
        }
    }
}

/// The loop devices on files below a folder.
fn loops_below(folder: &Path) -> Result<Vec<String>, Error> {
    let blocks = Path::new("/sys/block");
    let mut devices = Vec::new();
    for entry in fs::read_dir(blocks).map_err(Error::file("list", blocks))? {
        let entry = entry.map_err(Error::file("list", blocks))?;
        let path = entry.path().join("loop/backing_file");
        match fs::read_to_string(&path) {
            Ok(file) if Path::new(file.trim_end()).starts_with(folder) => {
                devices.push(entry.file_name().to_string_lossy().into_owned());
            }
            Ok(_) => {}
            // Not a loop device, or one without a file, or one that goes away this moment.
            Err(error) if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(ENODEV) => {}
            Err(error) => return Err(Error::file("read", &path)(error)),
        }
    }
    Ok(devices)
}

/// What sysfs answers of a device that is being taken away.
const ENODEV: i32 = 19;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_folder_goes_and_a_kept_state_stays() {
        let keep = tempfile::tempdir().unwrap();
        let work = Work::make(Some(keep.path())).unwrap();
        assert!(work.pods().is_dir());
        assert_eq!(work.leftovers().await.unwrap(), Vec::<String>::new());
        work.clear().await.unwrap();
        assert!(!work.pods().exists() && keep.path().is_dir());
    }
}
