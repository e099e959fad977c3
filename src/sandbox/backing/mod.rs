//! Real bytes: one sparse file and one loop device per replica.
//!
//! What is real: device paths, filesystems, mounts, write protection, sizes, and that replicas differ until they are
//! copied. What a loop device can't play: EMEDIUMTYPE at open, suspended I/O, and the role of an opener that neither
//! mounts nor asks for exclusive access. A device made read-only under a mounted filesystem goes on taking its writes
//! (the kernel only warns); the next mount is refused.
//!
//! A diskless client has a loop device of its own on the peer's file. The two have separate caches, so at most one of
//! the devices on one file is writable, and caches are written and dropped when that changes.

mod attachments;
mod command;
mod copy;
mod kept;
mod layout;
mod loop_device;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use self::{
    attachments::{Attachment, Attachments, refuse_open},
    layout::Role,
    loop_device::LoopDevice,
};
use crate::sandbox::bytes::{Backing, Held, ReplicaKey};

/// The file in the state directory whose lock says that a sandbox is using it.
const LOCK_FILE: &str = "backing.lock";

/// Replicas in sparse files under one state directory, each with a loop device. Needs root.
pub struct LoopBacking {
    state: PathBuf,
    attached: Mutex<Attachments>,
    /// Files that were put aside, where removals wait until they are on record.
    discarded: Mutex<Vec<PathBuf>>,
    is_kept: bool,
    /// Held as long as the backing lives; a killed one leaves it free.
    lock: File,
}

impl LoopBacking {
    /// Opens a state directory, making it where it is missing. Devices that an earlier run left on its files are taken
    /// over.
    ///
    /// # Errors
    /// PermissionDenied where the process is not root, ResourceBusy where another sandbox uses the directory, else what
    /// the filesystem or losetup says.
    pub fn open(state: &Path) -> io::Result<Self> {
        if !Self::is_allowed() {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "loop devices need root"));
        }
        fs::create_dir_all(state)?;
        // The kernel shows real paths of backing files; ours must compare equal to them.
        let state = state.canonicalize()?;
        let lock = File::create(state.join(LOCK_FILE))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => {
                io::Error::new(ErrorKind::ResourceBusy, format!("{} is used by another sandbox", state.display()))
            }
            fs::TryLockError::Error(error) => error,
        })?;
        let attached = Mutex::new(Attachments::adopt(&state)?);
        Ok(Self { state, attached, discarded: Mutex::default(), is_kept: false, lock })
    }

    /// May this process have loop devices?
    pub fn is_allowed() -> bool {
        nix::unistd::geteuid().is_root()
    }

    /// The same as [`Self::open`] for a folder that is kept over restarts: what is removed goes for good at [`Backing::settle`].
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_kept(state: &Path) -> io::Result<Self> {
        let mut opened = Self::open(state)?;
        opened.is_kept = true;
        Ok(opened)
    }

    fn discarded(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        // A list that is pushed to and taken whole is whole after a panic.
        self.discarded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes bytes away, at once or when that is on record.
    fn remove_bytes(&self, path: &Path) -> io::Result<()> {
        if self.is_kept { self.discard(path) } else { remove_file(path) }
    }

    /// Detaches every device of this state directory; the files stay. Devices that are still open go at their last
    /// close.
    ///
    /// # Errors
    /// The first that losetup gave; the other devices are detached all the same.
    pub fn close(&self) -> io::Result<()> {
        std::mem::take(&mut *self.attached()).detach_all()
    }

    fn attached(&self) -> MutexGuard<'_, Attachments> {
        // The map is changed by single inserts and removes only, so it is whole after a panic, too.
        self.attached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, key: &ReplicaKey, role: Role) -> io::Result<PathBuf> {
        layout::path(&self.state, key, role)
    }
}

impl Drop for LoopBacking {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(%error, state = %self.state.display(), "a loop device was left attached");
        }
        // Closing alone would not do: a child that is just being started holds a copy of the descriptor until its exec.
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, state = %self.state.display(), "the state directory was left locked");
        }
    }
}

impl Backing for LoopBacking {
    fn create(&self, key: &ReplicaKey, size_kib: u64) -> io::Result<String> {
        let path = self.path(key, Role::Replica)?;
        let mut attached = self.attached();
        attached.vacate(key, Role::Replica)?;
        let has_grown = grow_file(&path, size_kib)?;
        if let Some(attachment) = attached.get(key) {
            if has_grown {
                attached.devices_on(attachment.inode).try_for_each(LoopDevice::refresh_size)?;
            }
            return Ok(attachment.device.node());
        }
        attached.attach(key, &path, Role::Replica)
    }

    fn connect(&self, client: &ReplicaKey, peer: &ReplicaKey) -> io::Result<String> {
        let (path, peer_path) = (self.path(client, Role::Client)?, self.path(peer, Role::Replica)?);
        let mut attached = self.attached();
        let inode = fs::metadata(&peer_path)?.ino();
        // What the peer's device still has in its cache, the client is to see.
        attached.devices_on(inode).try_for_each(LoopDevice::flush)?;
        if let Some(connected) = attached.get(client).filter(|attachment| attachment.inode == inode) {
            connected.device.drop_cache()?;
            return Ok(connected.device.node());
        }
        attached.vacate(client, Role::Client)?;
        remove_file(&path)?;
        make_parent(&path)?;
        fs::hard_link(&peer_path, &path)?;
        let node = attached.attach(client, &path, Role::Client)?;
        attached.find(client)?.device.write_protect()?;
        Ok(node)
    }

    fn grow(&self, key: &ReplicaKey, size_kib: u64) -> io::Result<()> {
        let attached = self.attached();
        let attachment = attached.find(key)?;
        grow_file(attachment.device.file(), size_kib)?;
        attached.devices_on(attachment.inode).try_for_each(LoopDevice::refresh_size)
    }

    fn remove(&self, key: &ReplicaKey) -> io::Result<()> {
        let mut attached = self.attached();
        attached.detach(key)?;
        self.remove_bytes(&self.path(key, Role::Replica)?)?;
        remove_file(&self.path(key, Role::Client)?)
    }

    fn copy(&self, from: &ReplicaKey, to: &ReplicaKey) -> io::Result<()> {
        let attached = self.attached().clone();
        let (source, target) = (attached.find(from)?, attached.find(to)?);
        if source.inode == target.inode {
            return Err(io::Error::new(ErrorKind::InvalidInput, "both replicas stand on the same file"));
        }
        for device in attached.devices_on(target.inode) {
            refuse_open(device)?;
            // What is still in the cache must not land on the copy later.
            device.flush()?;
        }
        for device in attached.devices_on(source.inode) {
            device.flush()?;
        }
        let bytes = File::open(source.device.file())?;
        let copied = File::options().write(true).open(target.device.file())?;
        copy::copy_in_place(&bytes, &copied)?;
        attached.devices_on(target.inode).try_for_each(LoopDevice::refresh_size)?;
        for inode in [source.inode, target.inode] {
            attached.devices_on(inode).try_for_each(LoopDevice::drop_cache)?;
        }
        Ok(())
    }

    fn snapshot(&self, key: &ReplicaKey, name: &str) -> io::Result<()> {
        let attached = self.attached().clone();
        let source = attached.find(key)?;
        attached.devices_on(source.inode).try_for_each(LoopDevice::flush)?;
        copy::copy_anew(source.device.file(), &layout::snapshot_path(&self.state, key, name)?)
    }

    fn restore(&self, from: &ReplicaKey, name: &str, to: &ReplicaKey) -> io::Result<()> {
        let (snapshot, path) = (layout::snapshot_path(&self.state, from, name)?, self.path(to, Role::Replica)?);
        self.remove(to)?;
        make_parent(&path)?;
        copy::copy_anew(&snapshot, &path)
    }

    fn remove_snapshot(&self, key: &ReplicaKey, name: &str) -> io::Result<()> {
        self.remove_bytes(&layout::snapshot_path(&self.state, key, name)?)
    }

    fn is_open(&self, key: &ReplicaKey) -> io::Result<bool> {
        let device = self.attached().get(key).map(|attachment| attachment.device.clone());
        device.map_or(Ok(false), |device| device.is_open())
    }

    fn set_open(&self, _key: &ReplicaKey, _open: bool) -> io::Result<()> {
        Err(io::Error::new(ErrorKind::Unsupported, "a loop device is open when somebody opens it"))
    }

    /// True is for the one device on a file that is to be opened next, not for all that could be: making one writable
    /// takes that from the others on the same file, and is refused with ResourceBusy while one of those is open. That
    /// is the single primary of DRBD.
    fn set_writable(&self, key: &ReplicaKey, writable: bool) -> io::Result<()> {
        let attached = self.attached();
        let Attachment { device, inode, .. } = attached.find(key)?;
        if device.is_read_only()? != writable {
            return Ok(());
        }
        if !writable {
            return device.write_protect();
        }
        for other in attached.devices_on(*inode).filter(|other| other.node() != device.node()) {
            if !other.is_read_only()? {
                refuse_open(other)?;
                other.write_protect()?;
            }
        }
        device.drop_cache()?;
        device.unprotect()
    }

    fn file(&self, key: &ReplicaKey) -> Option<PathBuf> {
        let attached = self.attached();
        attached.get(key).filter(|attachment| attachment.role == Role::Replica).map(|own| own.device.file().to_owned())
    }

    fn snapshot_file(&self, key: &ReplicaKey, name: &str) -> Option<PathBuf> {
        layout::snapshot_path(&self.state, key, name).ok()
    }

    fn take_up(&self, held: &Held) -> io::Result<()> {
        self.reconcile(held)
    }

    fn settle(&self) -> io::Result<()> {
        self.settle_files()
    }

    fn close(&self) -> io::Result<()> {
        LoopBacking::close(self)
    }

    fn is_real(&self) -> bool {
        true
    }
}

/// Makes the file at least `size_kib` long; says whether that changed it.
fn grow_file(path: &Path, size_kib: u64) -> io::Result<bool> {
    make_parent(path)?;
    let size = size_kib.checked_mul(1024).ok_or_else(|| io::Error::from(ErrorKind::FileTooLarge))?;
    let file = File::options().write(true).create(true).truncate(false).open(path)?;
    let grows = file.metadata()?.len() < size;
    if grows {
        file.set_len(size)?;
    }
    Ok(grows)
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
