//! Snapshots and what is restored from them.

use super::*;

#[test]
fn a_restored_replica_has_what_was_synced_before_the_snapshot_and_nothing_later() {
    if !is_root() {
        return;
    }
    let (_folder, backing) = state();
    let device = backing.create(&key("node-1"), SIZE_KIB).unwrap();
    mkfs(&device);
    let mounted = Mounted::new(&device);
    let mut file = File::create(mounted.file()).unwrap();
    file.write_all(b"before").unwrap();
    file.sync_all().unwrap();
    backing.snapshot(&key("node-1"), "s1").unwrap();
    file.write_all(b" and after").unwrap();
    drop(file);
    drop(mounted);

    let restored = ReplicaKey { resource: "Copy".to_owned(), ..key("node-1") };
    backing.restore(&key("node-1"), "s1", &restored).unwrap();
    let copy = backing.create(&restored, 2 * SIZE_KIB).unwrap();

    assert_eq!(size_of(&copy), 2 * SIZE_KIB * 1024);
    assert_eq!(fs::read_to_string(Mounted::new(&copy).file()).unwrap(), "before");
    assert_eq!(fs::read_to_string(Mounted::new(&device).file()).unwrap(), "before and after");
}

#[test]
fn a_snapshot_takes_no_more_room_than_its_data_and_none_once_it_is_removed() {
    if !is_root() {
        return;
    }
    let (folder, backing) = state();
    backing.create(&key("node-1"), SIZE_KIB).unwrap();
    backing.snapshot(&key("node-1"), "s1").unwrap();
    let file = folder.path().join("node-1/Pvc-1_00000.img@s1");
    let meta = fs::metadata(&file).unwrap();
    assert_eq!(meta.len(), SIZE_KIB * 1024);
    assert!(std::os::unix::fs::MetadataExt::blocks(&meta) * 512 < 64 << 10);
    backing.remove_snapshot(&key("node-1"), "s1").unwrap();
    backing.remove_snapshot(&key("node-1"), "s1").unwrap();
    assert!(!file.exists());
    assert_eq!(backing.restore(&key("node-1"), "s1", &key("node-2")).unwrap_err().kind(), ErrorKind::NotFound);
}
