//! Which devices are attached, and for whom.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt,
    path::Path,
    sync::Arc,
};

use super::{
    layout::{self, Role},
    loop_device::{Detached, LoopDevice},
    remove_file,
};
use crate::sandbox::bytes::ReplicaKey;

/// The device of one replica or client.
#[derive(Debug, Clone)]
pub(super) struct Attachment {
    pub(super) device: LoopDevice,
    pub(super) role: Role,
    /// A client shares its peer's inode.
    pub(super) inode: u64,
    /// Keeps a device that was taken over. Its last user was told that it goes at its last close, which is not to come before ours.
    hold: Option<Arc<File>>,
}

/// The devices of one state directory.
#[derive(Debug, Clone, Default)]
pub(super) struct Attachments(HashMap<ReplicaKey, Attachment>);

impl Attachments {
    /// Takes over what an earlier run left: devices on files that are still there are ours again, others are detached.
    pub(super) fn adopt(state: &Path) -> io::Result<Self> {
        let mut adopted = HashMap::new();
        for device in LoopDevice::list()? {
            let whose = layout::parse(state, device.file()).filter(|(key, _)| !adopted.contains_key(key));
            if let Some((key, role)) = whose {
                // It may have been closed, and gone, since it was listed.
                let Some(hold) = device.hold()? else { continue };
                let inode = fs::metadata(device.file())?.ino();
                tracing::info!(device = device.node(), file = %device.file().display(), "took over a loop device");
                adopted.insert(key, Attachment { device, role, inode, hold: Some(Arc::new(hold)) });
            } else if device.file().starts_with(state) {
                detach(&device)?;
            }
        }
        Ok(Self(adopted))
    }

    pub(super) fn get(&self, key: &ReplicaKey) -> Option<&Attachment> {
        self.0.get(key)
    }

    pub(super) fn find(&self, key: &ReplicaKey) -> io::Result<&Attachment> {
        self.0.get(key).ok_or_else(|| {
            let ReplicaKey { node, resource, volume } = key;
            io::Error::new(ErrorKind::NotFound, format!("{node} has no device for volume {volume} of {resource}"))
        })
    }

    /// All devices on one file: the replica's own and its clients'.
    pub(super) fn devices_on(&self, inode: u64) -> impl Iterator<Item = &LoopDevice> {
        self.0.values().filter(move |attachment| attachment.inode == inode).map(|attachment| &attachment.device)
    }

    /// Attaches a device to the key's file; returns its path.
    pub(super) fn attach(&mut self, key: &ReplicaKey, file: &Path, role: Role) -> io::Result<String> {
        let (inode, device) = (fs::metadata(file)?.ino(), LoopDevice::attach(file)?);
        let node = device.node();
        self.0.insert(key.clone(), Attachment { device, role, inode, hold: None });
        Ok(node)
    }

    /// Detaches the key's device, where there is one.
    pub(super) fn detach(&mut self, key: &ReplicaKey) -> io::Result<()> {
        if let Some(attachment) = self.0.get_mut(key) {
            attachment.hold = None;
            detach(&attachment.device)?;
            self.0.remove(key);
        }
        Ok(())
    }

    /// Detaches every device; the error is the first that one gave.
    pub(super) fn detach_all(self) -> io::Result<()> {
        let devices = self.0.into_values().map(|attachment| attachment.device);
        let outcomes: Vec<_> = devices.map(|device| detach(&device)).collect();
        outcomes.into_iter().collect()
    }

    /// Makes room for a device of `role`: a client's way to a peer goes; bytes of its own are refused to a client.
    pub(super) fn vacate(&mut self, key: &ReplicaKey, role: Role) -> io::Result<()> {
        let Some(had) = self.0.get(key) else { return Ok(()) };
        match (had.role, role) {
            (Role::Replica, Role::Replica) => Ok(()),
            (Role::Replica, Role::Client) => {
                let what = format!("{} has bytes of its own of {}; remove them first", key.node, key.resource);
                Err(io::Error::new(ErrorKind::AlreadyExists, what))
            }
            (Role::Client, _) => {
                refuse_open(&had.device)?;
                let link = had.device.file().to_owned();
                self.detach(key)?;
                remove_file(&link)
            }
        }
    }
}

/// An error where somebody uses the device.
pub(super) fn refuse_open(device: &LoopDevice) -> io::Result<()> {
    if device.is_open()? {
        return Err(io::Error::new(ErrorKind::ResourceBusy, format!("{} is in use", device.node())));
    }
    Ok(())
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
