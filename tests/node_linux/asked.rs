//! What a class, a mode or a pod asks for, on a real filesystem.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::MetadataExt,
};

use linflow::{
    node::{
        Access, Error, FsUse, PublishRequest, StageRequest, Targets, options::MountOptions, publish, stage, unpublish,
        unstage,
    },
    volume::filesystem::{FsType, FsWishes},
};

use super::machine::{Machine, machine, mount_access, mount_with, options_at, permit, run, soon};
use super::{EXT4, XFS, stage_on};

fn asking(on: &Machine, fs_type: FsType, mkfs: &str, mount: &str, post: Option<&str>) -> StageRequest {
    let wishes = FsWishes::parse(fs_type, Some(mkfs), Some(mount), post).unwrap();
    StageRequest { access: mount_with(wishes, &["noatime"]), ..on.stage_request(fs_type) }
}

async fn filesystem_options(on: &Machine) -> String {
    run("findmnt", &["-n", "-o", "FS-OPTIONS", "--mountpoint", on.staging().as_path().to_str().unwrap()]).await
}

#[tokio::test]
async fn an_ext4_is_made_and_mounted_as_its_class_asks() {
    let Some(on) = machine(EXT4).await else { return };
    let mkfs = "-b 1024 -I 512 -m 5 -E stride=4,num_backup_sb=1 -O ^orphan_file,large_dir -J size=4";
    let request = asking(&on, FsType::Ext4, mkfs, "nosuid,commit=7,errors=remount-ro", None);
    for _ in 0..2 {
        stage_on(&on, &request).await.unwrap();
    }
    let told = run("dumpe2fs", &["-h", on.device_text()]).await;
    let field = |name: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("{name}: {told}")).trim().to_owned()
    };
    assert_eq!(["Block size", "Inode size", "RAID stride"].map(field), ["1024", "512", "4"]);
    assert!(
        field("Reserved block count").parse::<u32>().unwrap() > 0 && field("Filesystem features").contains("large_dir")
    );
    let options = filesystem_options(&on).await;
    assert!(options.contains("commit=7") && options.contains("errors=remount-ro"), "{options}");
    let options = options_at(on.staging().as_path()).await;
    assert!(["nosuid", "noatime"].iter().all(|wanted| options.iter().any(|is| is == wanted)), "{options:?}");
}

#[tokio::test]
async fn an_xfs_is_made_mounted_and_told_as_its_class_asks() {
    let Some(on) = machine(XFS).await else { return };
    let mkfs = "-i size=1024 -m reflink=0,rmapbt=0 -n size=8192";
    let request = asking(&on, FsType::Xfs, mkfs, "logbsize=64k,allocsize=1m,noquota", Some("extsize 128k"));
    for _ in 0..2 {
        stage_on(&on, &request).await.unwrap();
    }
    let staging = on.staging();
    let staging = staging.as_path().to_str().unwrap();
    let told = run("xfs_info", &[staging]).await;
    assert!(["isize=1024", "reflink=0", "bsize=8192"].iter().all(|wanted| told.contains(wanted)), "{told}");
    let options = filesystem_options(&on).await;
    assert!(["logbsize=64k", "allocsize=1024k"].iter().all(|wanted| options.contains(wanted)), "{options}");
    assert!(run("xfs_io", &["-c", "extsize", staging]).await.contains("[131072]"));
}

/// A filesystem that was mounted when its machine lost its power: the journal holds what the rest has not yet. Answers
/// the device's bytes.
async fn lose_power(on: &Machine, fs_type: FsType) -> Vec<u8> {
    stage_on(on, &on.stage_request(fs_type)).await.unwrap();
    let mut file = File::create(on.staging().as_path().join("data")).unwrap();
    file.write_all(b"kept").unwrap();
    file.sync_all().unwrap();
    let mut bytes = Vec::new();
    File::open(&on.device).unwrap().read_to_end(&mut bytes).unwrap();
    drop(file);
    unstage(&on.host, &on.staging(), soon()).await.unwrap();
    let mut device = OpenOptions::new().write(true).open(&on.device).unwrap();
    device.write_all(&bytes).unwrap();
    device.sync_all().unwrap();
    bytes
}

async fn reads_without_writing(on: Machine, fs_type: FsType) {
    let before = lose_power(&on, fs_type).await;
    let reading = StageRequest { read_only: true, ..on.stage_request(fs_type) };
    for _ in 0..2 {
        stage_on(&on, &reading).await.unwrap();
    }
    let request = on.publish_request(mount_access(fs_type), false);
    let request = PublishRequest { is_volume_read_only: true, ..request };
    publish(&on.host, &request, &permit(), soon()).await.unwrap();
    let refused = fs::write(on.target().as_path().join("more"), b"x").unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(30));
    let writing = stage(&on.host, &on.stage_request(fs_type), &on.record, soon()).await;
    assert!(matches!(writing, Err(Error::Incompatible { .. })), "{writing:?}");
    unpublish(&on.host, &on.target(), soon()).await.unwrap();
    unstage(&on.host, &on.staging(), soon()).await.unwrap();
    // The file behind the device: the device's page cache may hold what a filesystem changed in memory alone.
    assert!(fs::read(on.path("image").as_path()).unwrap() == before);
}

#[tokio::test]
async fn an_ext4_that_is_only_read_is_not_written_to_even_where_its_journal_is_dirty() {
    let Some(on) = machine(EXT4).await else { return };
    reads_without_writing(on, FsType::Ext4).await;
}

#[tokio::test]
async fn an_xfs_that_is_only_read_is_not_written_to_even_where_its_journal_is_dirty() {
    let Some(on) = machine(XFS).await else { return };
    reads_without_writing(on, FsType::Xfs).await;
}

#[tokio::test]
async fn a_reader_beside_a_writer_has_its_rights_alone() {
    let Some(on) = machine(EXT4).await else { return };
    stage_on(&on, &on.stage_request(FsType::Ext4)).await.unwrap();
    let writer = on.publish_request(mount_access(FsType::Ext4), false);
    publish(&on.host, &writer, &permit(), soon()).await.unwrap();
    // Open for writing, as a database has it while another pod comes.
    let mut open = File::create(on.target().as_path().join("data")).unwrap();
    let reader = PublishRequest { target_path: on.path("pods/reader"), read_only: true, ..writer.clone() };
    publish(&on.host, &reader, &permit(), soon()).await.unwrap();
    open.write_all(b"rows").unwrap();
    assert_eq!(fs::read(on.path("pods/reader").as_path().join("data")).unwrap(), b"rows");
    let refused = fs::write(on.path("pods/reader").as_path().join("more"), b"x").unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(30));
    fs::write(on.staging().as_path().join("more"), b"x").unwrap();

    let third = PublishRequest { target_path: on.path("pods/third"), targets: Targets::One, ..writer };
    let refused = publish(&on.host, &third, &permit(), soon()).await;
    assert!(matches!(refused, Err(Error::SecondTarget { .. })), "{refused:?}");
    unpublish(&on.host, &on.path("pods/reader"), soon()).await.unwrap();
}

#[tokio::test]
async fn a_pods_group_may_write_what_is_there_and_what_comes() {
    let Some(on) = machine(EXT4).await else { return };
    stage_on(&on, &on.stage_request(FsType::Ext4)).await.unwrap();
    fs::create_dir(on.staging().as_path().join("old")).unwrap();
    let used = FsUse::new(FsWishes::none(FsType::Ext4), MountOptions::default(), Some(4321));
    publish(&on.host, &on.publish_request(Access::Mount(used), false), &permit(), soon()).await.unwrap();
    let root = on.target();
    fs::create_dir(root.as_path().join("old/new")).unwrap();
    for path in ["", "old", "old/new"] {
        let metadata = fs::metadata(root.as_path().join(path)).unwrap();
        assert_eq!((metadata.gid(), metadata.mode() & 0o2000), (4321, 0o2000), "{path}");
    }
}
