//! What is left after a removal, a close and a crash.

use super::*;
use crate::sandbox::backing::loop_device::Detached;

#[test]
fn removing_takes_device_and_file_away_and_a_missing_one_is_no_error() {
    if !is_root() {
        return;
    }
    let (folder, backing) = state();
    backing.create(&key("node-1"), SIZE_KIB).unwrap();
    backing.connect(&key("node-2"), &key("node-1")).unwrap();
    let file = backing.file(&key("node-1")).unwrap();
    backing.remove(&key("node-2")).unwrap();
    assert!(file.exists(), "a client has no bytes to remove");
    backing.remove(&key("node-1")).unwrap();
    backing.remove(&key("node-1")).unwrap();
    assert!(!file.exists());
    assert_eq!(devices_of(folder.path()), [""; 0]);
    assert_eq!(backing.copy(&key("node-1"), &key("node-2")).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_device_that_is_removed_while_mounted_goes_at_its_last_close() {
    if !is_root() {
        return;
    }
    let (folder, backing) = state();
    let device = backing.create(&key("node-1"), SIZE_KIB).unwrap();
    mkfs(&device);
    let mounted = Mounted::new(&device);
    backing.remove(&key("node-1")).unwrap();
    assert_eq!(devices_of(folder.path()), [device]);
    drop(mounted);
    await_condition(|| Ok(devices_of(folder.path()).is_empty())).unwrap();
}

#[test]
fn after_a_crash_devices_are_taken_over_and_orphans_detached() {
    if !is_root() {
        return;
    }
    let (folder, backing) = state();
    let own = backing.create(&key("node-1"), SIZE_KIB).unwrap();
    let client = backing.connect(&key("node-2"), &key("node-1")).unwrap();
    backing.create(&key("node-3"), SIZE_KIB).unwrap();
    fs::remove_file(backing.file(&key("node-3")).unwrap()).unwrap();
    let second = LoopBacking::open(folder.path()).err().map(|error| error.kind());
    assert_eq!(second, Some(ErrorKind::ResourceBusy));
    // What kill -9 leaves: devices, and a lock that nobody holds.
    drop(std::mem::take(&mut *backing.attached()));
    drop(backing);

    let backing = LoopBacking::open(folder.path()).unwrap();
    let mut left = devices_of(folder.path());
    left.sort();
    let mut kept = [own.clone(), client.clone()];
    kept.sort();
    assert_eq!(left, kept);
    assert_eq!(backing.create(&key("node-1"), SIZE_KIB).unwrap(), own);
    assert_eq!(backing.connect(&key("node-2"), &key("node-1")).unwrap(), client);
}

#[test]
fn a_device_that_was_mounted_over_a_restart_serves_after_its_unmount_and_goes_with_the_sandbox() {
    if !is_root() {
        return;
    }
    let (folder, backing) = state();
    let device = backing.create(&key("node-1"), SIZE_KIB).unwrap();
    mkfs(&device);
    let mounted = Mounted::new(&device);
    drop(backing);

    let backing = LoopBacking::open(folder.path()).unwrap();
    drop(mounted);
    assert_eq!(backing.create(&key("node-1"), SIZE_KIB).unwrap(), device);
    backing.set_writable(&key("node-1"), false).unwrap();
    backing.set_writable(&key("node-1"), true).unwrap();
    drop(Mounted::new(&device));
    drop(backing);
    assert_eq!(devices_of(folder.path()), [""; 0]);
}

#[test]
fn closing_detaches_ours_keeps_files_and_leaves_foreign_devices() {
    if !is_root() {
        return;
    }
    let (folder, backing) = state();
    let elsewhere = tempfile::NamedTempFile::new().unwrap();
    elsewhere.as_file().set_len(SIZE_KIB * 1024).unwrap();
    let foreign = LoopDevice::attach(elsewhere.path()).unwrap();
    backing.create(&key("node-1"), SIZE_KIB).unwrap();
    let file = backing.file(&key("node-1")).unwrap();
    drop(backing);
    let ours = devices_of(folder.path());
    let foreign_gone = foreign.detach().unwrap();
    assert_eq!(ours, [""; 0]);
    assert_eq!(fs::metadata(file).unwrap().len(), SIZE_KIB * 1024);
    assert_eq!(foreign_gone, Detached::Gone);
}
