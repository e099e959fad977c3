//! Replicas without bytes: device paths are invented and "open" is what a test says. What runs where there is no root.

use super::bytes::{Backing, Held, ReplicaKey};
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Remembers what was asked of each device and holds no data.
#[derive(Debug, Default)]
pub struct Bookkeeping {
    devices: Mutex<HashMap<ReplicaKey, Device>>,
    snapshots: Mutex<HashSet<(ReplicaKey, String)>>,
    /// How many devices were ever made.
    made: AtomicU64,
}

#[derive(Debug, Clone)]
struct Device {
    path: String,
    open: bool,
    writable: bool,
}

impl Bookkeeping {
    fn devices(&self) -> MutexGuard<'_, HashMap<ReplicaKey, Device>> {
        // A panic elsewhere leaves the map whole: every change to it is one assignment.
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshots(&self) -> MutexGuard<'_, HashSet<(ReplicaKey, String)>> {
        // As for the devices: a set that is changed by single inserts and removes is whole after a panic.
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, key: &ReplicaKey, change: impl FnOnce(&mut Device) -> io::Result<()>) -> io::Result<()> {
        match self.devices().get_mut(key) {
            Some(device) => change(device),
            None => Err(io::Error::new(io::ErrorKind::NotFound, format!("no device for {key:?}"))),
        }
    }

    fn add(&self, key: &ReplicaKey) -> String {
        let mut devices = self.devices();
        if let Some(device) = devices.get(key) {
            return device.path.clone();
        }
        let path = format!("/dev/loop{}", self.made.fetch_add(1, Ordering::Relaxed));
        devices.insert(key.clone(), Device { path: path.clone(), open: false, writable: true });
        path
    }
}

impl Backing for Bookkeeping {
    fn create(&self, key: &ReplicaKey, _size_kib: u64) -> io::Result<String> {
        Ok(self.add(key))
    }

    fn connect(&self, client: &ReplicaKey, _peer: &ReplicaKey) -> io::Result<String> {
        Ok(self.add(client))
    }

    fn grow(&self, key: &ReplicaKey, _size_kib: u64) -> io::Result<()> {
        self.change(key, |_| Ok(()))
    }

    fn remove(&self, key: &ReplicaKey) -> io::Result<()> {
        self.devices().remove(key);
        Ok(())
    }

    fn copy(&self, _from: &ReplicaKey, _to: &ReplicaKey) -> io::Result<()> {
        Ok(())
    }

    fn snapshot(&self, key: &ReplicaKey, name: &str) -> io::Result<()> {
        self.change(key, |_| Ok(()))?;
        self.snapshots().insert((key.clone(), name.to_owned()));
        Ok(())
    }

    fn restore(&self, from: &ReplicaKey, name: &str, to: &ReplicaKey) -> io::Result<()> {
        if !self.snapshots().contains(&(from.clone(), name.to_owned())) {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("no snapshot {name} of {from:?}")));
        }
        self.remove(to)
    }

    fn remove_snapshot(&self, key: &ReplicaKey, name: &str) -> io::Result<()> {
        self.snapshots().remove(&(key.clone(), name.to_owned()));
        Ok(())
    }

    fn is_open(&self, key: &ReplicaKey) -> io::Result<bool> {
        Ok(self.devices().get(key).is_some_and(|device| device.open))
    }

    /// Like the kernel, refuses to open a read-only device for writing.
    fn set_open(&self, key: &ReplicaKey, open: bool) -> io::Result<()> {
        self.change(key, |device| {
            if open && !device.writable {
                return Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem));
            }
            device.open = open;
            Ok(())
        })
    }

    fn set_writable(&self, key: &ReplicaKey, writable: bool) -> io::Result<()> {
        self.change(key, |device| {
            device.writable = writable;
            Ok(())
        })
    }

    fn file(&self, _key: &ReplicaKey) -> Option<PathBuf> {
        None
    }

    fn snapshot_file(&self, _key: &ReplicaKey, _name: &str) -> Option<PathBuf> {
        None
    }

    fn take_up(&self, held: &Held) -> io::Result<()> {
        self.snapshots().extend(held.snapshots.iter().cloned());
        Ok(())
    }

    fn is_real(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(node: &str) -> ReplicaKey {
        ReplicaKey { node: node.into(), resource: "vol".into(), volume: 0 }
    }

    #[test]
    fn devices_get_distinct_paths_and_creating_again_keeps_the_path() {
        let backing = Bookkeeping::default();
        let first = backing.create(&key("a"), 4).unwrap();
        assert_ne!(first, backing.connect(&key("b"), &key("a")).unwrap());
        assert_eq!(first, backing.create(&key("a"), 8).unwrap());
    }

    #[test]
    fn a_read_only_device_refuses_an_opener() {
        let backing = Bookkeeping::default();
        backing.create(&key("a"), 4).unwrap();
        backing.set_writable(&key("a"), false).unwrap();
        assert_eq!(backing.set_open(&key("a"), true).unwrap_err().kind(), io::ErrorKind::ReadOnlyFilesystem);
        backing.set_writable(&key("a"), true).unwrap();
        backing.set_open(&key("a"), true).unwrap();
        assert!(backing.is_open(&key("a")).unwrap());
    }

    #[test]
    fn only_a_snapshot_that_was_taken_can_be_restored() {
        let backing = Bookkeeping::default();
        assert!(backing.snapshot(&key("a"), "s1").is_err());
        backing.create(&key("a"), 4).unwrap();
        backing.snapshot(&key("a"), "s1").unwrap();
        backing.restore(&key("a"), "s1", &key("b")).unwrap();
        assert!(backing.restore(&key("b"), "s1", &key("c")).is_err());
        backing.remove_snapshot(&key("a"), "s1").unwrap();
        assert!(backing.restore(&key("a"), "s1", &key("b")).is_err());
        backing.remove_snapshot(&key("a"), "s1").unwrap();
    }

    #[test]
    fn removing_what_is_missing_is_no_error_but_growing_it_is() {
        let backing = Bookkeeping::default();
        backing.remove(&key("a")).unwrap();
        assert!(backing.grow(&key("a"), 4).is_err());
    }
}
