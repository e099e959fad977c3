//! Real bytes: one sparse file and one loop device per replica.
//!
//! What is real: device paths, filesystems, mounts, write protection, sizes, and that replicas differ until they are copied.
//! What a loop device can't play: EMEDIUMTYPE at open, suspended I/O, and the role of an opener that neither mounts nor
//! asks for exclusive access. A device made read-only under a mounted filesystem goes on taking its writes (the kernel
//! only warns); the next mount is refused.
//!
//! A diskless client has a loop device of its own on the peer's file. The two have separate caches, so at most one of the
//! devices on one file is writable, and caches are written and dropped when that changes.

mod command;
mod copy;
mod layout;
mod loop_device;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use self::{
    layout::Role,
    loop_device::{Detached, LoopDevice},
};
use crate::sandbox::bytes::{Backing, ReplicaKey};

/// The file in the state directory whose lock says that a sandbox is using it.
const LOCK_FILE: &str = "backing.lock";

/// Replicas in sparse files under one state directory, each with a loop device. Needs root.
pub struct LoopBacking {
    state: PathBuf,
    attached: Mutex<HashMap<ReplicaKey, Attachment>>,
    /// Held as long as the backing lives; a killed one leaves it free.
    _lock: File,
}

#[derive(Debug, Clone)]
struct Attachment {
    device: LoopDevice,
    role: Role,
    /// A client shares its peer's inode.
    inode: u64,
}

impl LoopBacking {
    /// Opens a state directory, making it where it is missing. Devices that an earlier run left on its files are taken over.
    ///
    /// # Errors
    /// PermissionDenied where the process is not root, ResourceBusy where another sandbox uses the directory, else what the
    /// filesystem or losetup says.
    pub fn open(state: &Path) -> io::Result<Self> {
        if !nix::unistd::geteuid().is_root() {
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
        let attached = Mutex::new(adopt(&state)?);
        Ok(Self { state, attached, _lock: lock })
    }

    /// Detaches every device of this state directory; the files stay. Devices that are still open go at their last close.
    ///
    /// # Errors
    /// The first that losetup gave; the other devices are detached all the same.
    pub fn close(&self) -> io::Result<()> {
        let attached = std::mem::take(&mut *self.attached());
        let outcomes: Vec<_> = attached.values().map(|attachment| detach(&attachment.device)).collect();
        outcomes.into_iter().collect()
    }

    fn attached(&self) -> MutexGuard<'_, HashMap<ReplicaKey, Attachment>> {
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
    }
}

impl Backing for LoopBacking {
    fn create(&self, key: &ReplicaKey, size_kib: u64) -> io::Result<String> {
        let path = self.path(key, Role::Replica)?;
        let mut attached = self.attached();
        vacate(&mut attached, key, Role::Replica)?;
        let has_grown = grow_file(&path, size_kib)?;
        if let Some(attachment) = attached.get(key) {
            if has_grown {
                refresh_devices(&attached, attachment.inode)?;
            }
            return Ok(attachment.device.node());
        }
        attach(&mut attached, key, &path, Role::Replica)
    }

    fn connect(&self, client: &ReplicaKey, peer: &ReplicaKey) -> io::Result<String> {
        let (path, peer_path) = (self.path(client, Role::Client)?, self.path(peer, Role::Replica)?);
        let mut attached = self.attached();
        let inode = fs::metadata(&peer_path)?.ino();
        if let Some(attachment) = attached.get(client).filter(|attachment| attachment.inode == inode) {
            return Ok(attachment.device.node());
        }
        vacate(&mut attached, client, Role::Client)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        remove_file(&path)?;
        fs::hard_link(&peer_path, &path)?;
        let node = attach(&mut attached, client, &path, Role::Client)?;
        find(&attached, client)?.device.set_read_only(true)?;
        Ok(node)
    }

    fn grow(&self, key: &ReplicaKey, size_kib: u64) -> io::Result<()> {
        let attached = self.attached();
        let attachment = find(&attached, key)?;
        grow_file(attachment.device.file(), size_kib)?;
        refresh_devices(&attached, attachment.inode)
    }

    fn remove(&self, key: &ReplicaKey) -> io::Result<()> {
        let mut attached = self.attached();
        if let Some(attachment) = attached.get(key) {
            detach(&attachment.device)?;
            attached.remove(key);
        }
        remove_file(&self.path(key, Role::Replica)?)?;
        remove_file(&self.path(key, Role::Client)?)
    }

    fn copy(&self, from: &ReplicaKey, to: &ReplicaKey) -> io::Result<()> {
        let attached = self.attached().clone();
        let (source, target) = (find(&attached, from)?, find(&attached, to)?);
        if source.inode == target.inode {
            return Err(io::Error::new(ErrorKind::InvalidInput, "both replicas stand on the same file"));
        }
        for device in devices_on(&attached, target.inode) {
            refuse_open(device)?;
            // What is still in the cache must not land on the copy later.
            device.flush()?;
        }
        for device in devices_on(&attached, source.inode) {
            device.flush()?;
        }
        let bytes = File::open(source.device.file())?;
        let copied = File::options().write(true).open(target.device.file())?;
        copy::copy_in_place(&bytes, &copied)?;
        refresh_devices(&attached, target.inode)?;
        for inode in [source.inode, target.inode] {
            devices_on(&attached, inode).try_for_each(LoopDevice::drop_cache)?;
        }
        Ok(())
    }

    fn is_open(&self, key: &ReplicaKey) -> io::Result<bool> {
        let device = self.attached().get(key).map(|attachment| attachment.device.clone());
        device.map_or(Ok(false), |device| device.is_open())
    }

    fn set_open(&self, _key: &ReplicaKey, _open: bool) -> io::Result<()> {
        Err(io::Error::new(ErrorKind::Unsupported, "a loop device is open when somebody opens it"))
    }

    /// Making one device writable takes that from the others on the same file, and is refused with ResourceBusy while one
    /// of those is open: the single primary of DRBD.
    fn set_writable(&self, key: &ReplicaKey, writable: bool) -> io::Result<()> {
        let attached = self.attached();
        let Attachment { device, inode, .. } = find(&attached, key)?;
        if device.is_read_only()? != writable {
            return Ok(());
        }
        if !writable {
            device.flush()?;
            return device.set_read_only(true);
        }
        for other in devices_on(&attached, *inode).filter(|other| other.node() != device.node()) {
            if !other.is_read_only()? {
                refuse_open(other)?;
                other.set_read_only(true)?;
                other.flush()?;
            }
        }
        device.drop_cache()?;
        device.set_read_only(false)
    }

    fn file(&self, key: &ReplicaKey) -> Option<PathBuf> {
        let attached = self.attached();
        attached.get(key).filter(|attachment| attachment.role == Role::Replica).map(|own| own.device.file().to_owned())
    }

    fn is_real(&self) -> bool {
        true
    }
}

/// Takes over what an earlier run left: devices on files that are still there are ours again, others are detached.
fn adopt(state: &Path) -> io::Result<HashMap<ReplicaKey, Attachment>> {
    let mut adopted = HashMap::new();
    for device in LoopDevice::list()? {
        if let Some((key, role)) = layout::parse(state, device.file())
            && !adopted.contains_key(&key)
        {
            let inode = fs::metadata(device.file())?.ino();
            tracing::info!(device = device.node(), file = %device.file().display(), "took over a loop device");
            adopted.insert(key, Attachment { device, role, inode });
        } else if device.file().starts_with(state) {
            detach(&device)?;
        }
    }
    Ok(adopted)
}

fn attach(
    attached: &mut HashMap<ReplicaKey, Attachment>,
    key: &ReplicaKey,
    file: &Path,
    role: Role,
) -> io::Result<String> {
    let (inode, device) = (fs::metadata(file)?.ino(), LoopDevice::attach(file)?);
    let node = device.node();
    attached.insert(key.clone(), Attachment { device, role, inode });
    Ok(node)
}

fn detach(device: &LoopDevice) -> io::Result<()> {
    if device.detach()? == Detached::AtLastClose {
        tracing::warn!(
            device = device.node(),
            file = %device.file().display(),
            "a loop device is still open and goes when it is closed"
        );
    }
    Ok(())
}

/// Makes room for a device of `role`: what the node has of the resource in another role, or of another peer, goes.
fn vacate(attached: &mut HashMap<ReplicaKey, Attachment>, key: &ReplicaKey, role: Role) -> io::Result<()> {
    let Some(attachment) = attached.get(key).filter(|had| had.role != role || role == Role::Client) else {
        return Ok(());
    };
    if attachment.role == Role::Replica {
        let what = format!("{} has bytes of its own of {}; remove them first", key.node, key.resource);
        return Err(io::Error::new(ErrorKind::AlreadyExists, what));
    }
    refuse_open(&attachment.device)?;
    detach(&attachment.device)?;
    remove_file(attachment.device.file())?;
    attached.remove(key);
    Ok(())
}

fn find<'a>(attached: &'a HashMap<ReplicaKey, Attachment>, key: &ReplicaKey) -> io::Result<&'a Attachment> {
    attached.get(key).ok_or_else(|| {
        let ReplicaKey { node, resource, volume } = key;
        io::Error::new(ErrorKind::NotFound, format!("{node} has no device for volume {volume} of {resource}"))
    })
}

fn devices_on(attached: &HashMap<ReplicaKey, Attachment>, inode: u64) -> impl Iterator<Item = &LoopDevice> {
    attached.values().filter(move |attachment| attachment.inode == inode).map(|attachment| &attachment.device)
}

fn refresh_devices(attached: &HashMap<ReplicaKey, Attachment>, inode: u64) -> io::Result<()> {
    devices_on(attached, inode).try_for_each(LoopDevice::refresh_size)
}

fn refuse_open(device: &LoopDevice) -> io::Result<()> {
    if device.is_open()? {
        return Err(io::Error::new(ErrorKind::ResourceBusy, format!("{} is in use", device.node())));
    }
    Ok(())
}

/// Makes the file at least `size_kib` long; says whether that changed it.
fn grow_file(path: &Path, size_kib: u64) -> io::Result<bool> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let size = size_kib.checked_mul(1024).ok_or_else(|| io::Error::from(ErrorKind::FileTooLarge))?;
    let file = File::options().write(true).create(true).truncate(false).open(path)?;
    let grows = file.metadata()?.len() < size;
    if grows {
        file.set_len(size)?;
    }
    Ok(grows)
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
