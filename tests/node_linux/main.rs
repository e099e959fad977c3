//! The node side on this machine: loop devices, real mkfs, fsck and mount(2). Each test says so and ends where it is
//! not root.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod asked;
mod growing;
mod machine;

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, symlink},
    time::Duration,
};

use linflow::{
    node::{
        Access, Error, Host, StageRequest, Stats, host::ByteRange, imprint::Imprint, publish, stage, stats, unpublish,
        unstage,
    },
    volume::filesystem::FsType,
};
use machine::{Machine, machine, mount_access, options_at, ours, permit, run, soon};
use nix::fcntl::OFlag;

const EXT4: u64 = 32 << 20;
const XFS: u64 = 320 << 20;

async fn stage_on(on: &Machine, request: &StageRequest) -> Result<(), Error> {
    stage(&on.host, request, &on.record, soon()).await
}

fn first_mebibyte(on: &Machine) -> Vec<u8> {
    let mut bytes = vec![0; 1 << 20];
    File::open(&on.device).unwrap().read_exact(&mut bytes).unwrap();
    bytes
}

async fn keeps_its_data_through_all_verbs(on: Machine, fs_type: FsType) {
    let request = on.stage_request(fs_type);
    let publish_request = on.publish_request(mount_access(fs_type), false);
    let (staging, target) = (on.staging(), on.target());
    stage_on(&on, &request).await.unwrap();
    stage_on(&on, &request).await.unwrap();
    assert_eq!(*on.record.0.lock().unwrap(), Some(ours()));
    publish(&on.host, &publish_request, &permit(), soon()).await.unwrap();
    publish(&on.host, &publish_request, &permit(), soon()).await.unwrap();
    fs::write(target.as_path().join("data"), b"kept").unwrap();
    let measured = stats(&on.host, &target, soon()).await.unwrap();
    assert!(matches!(measured, Stats::Filesystem(usage) if usage.total_bytes > 0 && usage.used_inodes > 0));

    for _ in 0..2 {
        unpublish(&on.host, &target, soon()).await.unwrap();
        assert!(!target.as_path().exists());
    }
    for _ in 0..2 {
        unstage(&on.host, &staging, soon()).await.unwrap();
    }
    assert_eq!(run("blkid", &["-p", "-s", "LABEL", "-o", "value", on.device_text()]).await, "linflow");
    assert_eq!(run("blkid", &["-p", "-s", "UUID", "-o", "value", on.device_text()]).await, ours().as_str());

    stage_on(&on, &request).await.unwrap();
    assert_eq!(fs::read(staging.as_path().join("data")).unwrap(), b"kept");
    unstage(&on.host, &staging, soon()).await.unwrap();
}

#[tokio::test]
async fn an_ext4_volume_keeps_its_data_through_all_verbs() {
    let Some(on) = machine(EXT4).await else { return };
    keeps_its_data_through_all_verbs(on, FsType::Ext4).await;
}

#[tokio::test]
async fn an_xfs_volume_keeps_its_data_through_all_verbs() {
    let Some(on) = machine(XFS).await else { return };
    keeps_its_data_through_all_verbs(on, FsType::Xfs).await;
}

#[tokio::test]
async fn a_read_only_publish_refuses_writes_and_the_stage_takes_them() {
    let Some(on) = machine(EXT4).await else { return };
    stage_on(&on, &on.stage_request(FsType::Ext4)).await.unwrap();
    publish(&on.host, &on.publish_request(mount_access(FsType::Ext4), true), &permit(), soon()).await.unwrap();
    let refused = fs::write(on.target().as_path().join("data"), b"x").unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(30));
    fs::write(on.staging().as_path().join("data"), b"x").unwrap();
    let options = options_at(on.target().as_path()).await;
    assert!(["ro", "noatime"].iter().all(|option| options.iter().any(|is| is == option)), "{options:?}");

    let writable = publish(&on.host, &on.publish_request(mount_access(FsType::Ext4), false), &permit(), soon()).await;
    assert!(matches!(writable, Err(Error::Incompatible { .. })));
}

#[tokio::test]
async fn a_raw_block_volume_is_the_device_itself() {
    let Some(on) = machine(1 << 20).await else { return };
    stage_on(&on, &StageRequest { access: Access::Block, ..on.stage_request(FsType::Ext4) }).await.unwrap();
    assert!(first_mebibyte(&on).iter().all(|byte| *byte == 0));
    let target = on.target();
    for _ in 0..2 {
        publish(&on.host, &on.publish_request(Access::Block, false), &permit(), soon()).await.unwrap();
    }
    let published = fs::metadata(target.as_path()).unwrap();
    assert!(published.file_type().is_block_device());
    assert_eq!(published.rdev(), fs::metadata(&on.device).unwrap().rdev());
    assert_eq!(stats(&on.host, &target, soon()).await.unwrap(), Stats::Block { total_bytes: on.size });
    let mut device = OpenOptions::new().write(true).open(target.as_path()).unwrap();
    device.write_all(b"rows").unwrap();
    device.sync_all().unwrap();
    drop(device);
    assert!(first_mebibyte(&on).starts_with(b"rows"));

    for _ in 0..2 {
        unpublish(&on.host, &target, soon()).await.unwrap();
        assert!(!target.as_path().exists());
    }
}

#[tokio::test]
async fn a_filesystem_without_the_mark_is_made_anew_only_while_nothing_is_recorded() {
    let Some(on) = machine(EXT4).await else { return };
    run("mkfs.ext4", &["-q", "-F", "-U", ours().as_str(), on.device_text()]).await;
    *on.record.0.lock().unwrap() = Some(ours());
    let before = first_mebibyte(&on);
    let refused = stage_on(&on, &on.stage_request(FsType::Ext4)).await;
    assert!(matches!(refused, Err(Error::DataMissing { .. })), "{refused:?}");
    assert!(first_mebibyte(&on) == before);

    *on.record.0.lock().unwrap() = None;
    stage_on(&on, &on.stage_request(FsType::Ext4)).await.unwrap();
    unstage(&on.host, &on.staging(), soon()).await.unwrap();
    assert_eq!(run("blkid", &["-p", "-s", "LABEL", "-o", "value", on.device_text()]).await, "linflow");
}

#[tokio::test]
async fn an_old_filesystem_of_another_kind_leaves_no_trace() {
    let Some(on) = machine(XFS).await else { return };
    run("mkfs.ext4", &["-q", "-F", on.device_text()]).await;
    let mut device = OpenOptions::new().write(true).open(&on.device).unwrap();
    device.seek(SeekFrom::End(-4096)).unwrap();
    device.write_all(b"left by someone").unwrap();
    device.sync_all().unwrap();
    drop(device);
    stage_on(&on, &on.stage_request(FsType::Xfs)).await.unwrap();
    unstage(&on.host, &on.staging(), soon()).await.unwrap();
    assert_eq!(run("wipefs", &["--noheadings", "--output", "TYPE", on.device_text()]).await, "xfs");
}

#[tokio::test]
async fn an_unclean_ext4_is_repaired_before_it_is_mounted() {
    let Some(on) = machine(EXT4).await else { return };
    let request = on.stage_request(FsType::Ext4);
    stage_on(&on, &request).await.unwrap();
    unstage(&on.host, &on.staging(), soon()).await.unwrap();
    run("debugfs", &["-w", "-R", "set_super_value state 2", on.device_text()]).await;
    let state = async || run("dumpe2fs", &["-h", on.device_text()]).await;
    assert!(state().await.contains("with errors"));
    stage_on(&on, &request).await.unwrap();
    unstage(&on.host, &on.staging(), soon()).await.unwrap();
    let repaired = state().await;
    assert!(repaired.contains("clean") && !repaired.contains("with errors"), "{repaired}");
}

#[tokio::test]
async fn a_static_volume_is_mounted_as_it_is() {
    let Some(on) = machine(XFS).await else { return };
    let request = StageRequest { fs_uuid: None, ..on.stage_request(FsType::Ext4) };
    assert!(matches!(stage_on(&on, &request).await, Err(Error::NothingToMount { .. })));
    assert!(first_mebibyte(&on).iter().all(|byte| *byte == 0));
    run("mkfs.xfs", &["-q", on.device_text()]).await;
    stage_on(&on, &request).await.unwrap();
    stage_on(&on, &request).await.unwrap();
}

#[tokio::test]
async fn a_mounted_device_can_be_neither_wiped_nor_locked_twice_nor_unmounted_while_in_use() {
    let Some(on) = machine(EXT4).await else { return };
    stage_on(&on, &on.stage_request(FsType::Ext4)).await.unwrap();
    let device = on.host.resolve(&on.device, soon()).await.unwrap().unwrap();
    let lock = on.host.try_lock(&device, soon()).await.unwrap().unwrap();
    assert!(on.host.try_lock(&device, soon()).await.unwrap().is_none());
    assert_eq!(on.host.wipe(&device, &[], &[], &lock, soon()).await.unwrap_err().errno(), Some(16));

    let file = File::create(on.staging().as_path().join("open")).unwrap();
    assert!(matches!(unstage(&on.host, &on.staging(), soon()).await, Err(Error::InUse { .. })));
    drop(file);
    unstage(&on.host, &on.staging(), soon()).await.unwrap();
}

#[tokio::test]
async fn a_device_that_does_not_hold_what_it_was_judged_by_is_not_wiped() {
    let Some(on) = machine(EXT4).await else { return };
    let mut open = OpenOptions::new().write(true).open(&on.device).unwrap();
    open.write_all(b"rows").unwrap();
    open.sync_all().unwrap();
    drop(open);
    let device = on.host.resolve(&on.device, soon()).await.unwrap().unwrap();
    let lock = on.host.try_lock(&device, soon()).await.unwrap().unwrap();
    let ranges = [ByteRange { offset: 0, length: 4096 }];
    let zeros = Imprint::read(std::io::repeat(0), 4096).unwrap();
    let claim = on.host.wipe(&device, &ranges, &[zeros], &lock, soon()).await.unwrap();
    assert!(claim.is_none() && first_mebibyte(&on).starts_with(b"rows"));

    let judged = on.host.read(&device, &ranges, soon()).await.unwrap();
    assert!(on.host.wipe(&device, &ranges, &judged, &lock, soon()).await.unwrap().is_some());
    assert!(first_mebibyte(&on).iter().all(|byte| *byte == 0));
}

#[tokio::test]
async fn a_target_that_is_a_link_is_refused_by_the_verb_and_by_the_mount_itself() {
    let Some(on) = machine(EXT4).await else { return };
    stage_on(&on, &on.stage_request(FsType::Ext4)).await.unwrap();
    let elsewhere = on.path("pods");
    symlink(elsewhere.as_path(), on.target().as_path()).unwrap();
    let refused = publish(&on.host, &on.publish_request(mount_access(FsType::Ext4), false), &permit(), soon()).await;
    assert!(matches!(refused, Err(Error::Symlink(_))), "{refused:?}");
    let refused = on.host.bind(on.staging().as_path(), on.target().as_path(), soon()).await;
    assert!(matches!(refused, Err(linflow::node::host::HostError::Symlink(_))), "{refused:?}");
    assert!(matches!(unpublish(&on.host, &on.target(), soon()).await, Err(Error::Symlink(_))));
}

#[tokio::test]
async fn a_plugin_path_below_a_link_is_found_in_the_mount_table() {
    let Some(on) = machine(EXT4).await else { return };
    symlink(on.path("pods").as_path(), on.path("kubelet").as_path()).unwrap();
    let through_link = on.path("kubelet/target path");
    stage_on(&on, &on.stage_request(FsType::Ext4)).await.unwrap();
    let mut request = on.publish_request(mount_access(FsType::Ext4), false);
    request.target_path = through_link.clone();
    publish(&on.host, &request, &permit(), soon()).await.unwrap();
    publish(&on.host, &request, &permit(), soon()).await.unwrap();
    unpublish(&on.host, &through_link, soon()).await.unwrap();
    assert!(!on.target().as_path().exists());
}

/// A child that is just being started, or another program that looks at the device, has it for a moment.
#[tokio::test]
async fn a_device_and_a_mount_that_are_busy_for_a_moment_are_waited_for() {
    let Some(on) = machine(EXT4).await else { return };
    let for_a_moment = |busy: File| {
        std::thread::spawn(move || {
            std::thread::park_timeout(Duration::from_millis(100));
            drop(busy);
        })
    };
    let exclusively = OpenOptions::new().read(true).custom_flags(OFlag::O_EXCL.bits()).open(&on.device);
    let looked = for_a_moment(exclusively.unwrap());
    stage_on(&on, &on.stage_request(FsType::Ext4)).await.unwrap();
    let read = for_a_moment(File::open(on.staging().as_path()).unwrap());
    unstage(&on.host, &on.staging(), soon()).await.unwrap();
    looked.join().unwrap();
    read.join().unwrap();
}
