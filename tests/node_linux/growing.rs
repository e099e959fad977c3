//! Growth on loop devices: real resize2fs, e2fsck and xfs_growfs.

use std::fs;

use linflow::{
    node::{Access, Error, ExpandRequest, expand, publish, stage, stats, unpublish, unstage},
    volume::filesystem::FsType,
};

use crate::machine::{Machine, machine, mount_access, permit, run, soon};

const MIB: u64 = 1 << 20;

fn expand_request(on: &Machine, min_bytes: u64) -> ExpandRequest {
    let (resource, volume_path) = (on.hint().resource, on.target());
    ExpandRequest { resource, volume: 0, volume_path, staging_path: Some(on.staging()), min_bytes }
}

/// The bytes of the filesystem that is mounted at the staging path.
async fn filesystem_bytes(on: &Machine) -> u64 {
    match stats(&on.host, &on.staging(), soon()).await.unwrap() {
        linflow::node::Stats::Filesystem(usage) => usage.total_bytes,
        linflow::node::Stats::Block { .. } => panic!("a filesystem is mounted there"),
    }
}

#[tokio::test]
async fn an_xfs_grows_while_it_is_mounted_and_keeps_its_data() {
    let Some(on) = machine(320 * MIB).await else { return };
    stage(&on.host, &on.stage_request(FsType::Xfs), &on.record, soon()).await.unwrap();
    publish(&on.host, &on.publish_request(mount_access(FsType::Xfs), false), &permit(), soon()).await.unwrap();
    fs::write(on.target().as_path().join("data"), b"kept").unwrap();
    let before = filesystem_bytes(&on).await;
    on.grow(640 * MIB).await;
    for _ in 0..2 {
        assert_eq!(expand(&on.host, &expand_request(&on, 640 * MIB), soon()).await.unwrap(), 640 * MIB);
    }
    assert!(filesystem_bytes(&on).await > before + 300 * MIB);
    assert_eq!(fs::read(on.target().as_path().join("data")).unwrap(), b"kept");
}

/// Where CAP_SYS_RESOURCE is missing, NodeExpand says that the next stage does it, and it does.
#[tokio::test]
async fn an_ext4_has_grown_after_the_next_stage_at_the_latest_and_keeps_its_data() {
    let Some(on) = machine(32 * MIB).await else { return };
    let request = on.stage_request(FsType::Ext4);
    stage(&on.host, &request, &on.record, soon()).await.unwrap();
    fs::write(on.staging().as_path().join("data"), b"kept").unwrap();
    let before = filesystem_bytes(&on).await;
    on.grow(96 * MIB).await;
    match expand(&on.host, &expand_request(&on, 96 * MIB), soon()).await {
        Ok(bytes) => assert_eq!(bytes, 96 * MIB),
        Err(Error::GrowsAtNextStage(_)) => assert_eq!(filesystem_bytes(&on).await, before),
        Err(other) => panic!("{other}"),
    }
    unstage(&on.host, &on.staging(), soon()).await.unwrap();
    // The context of the stage still names the size from before the growth.
    stage(&on.host, &request, &on.record, soon()).await.unwrap();
    assert!(filesystem_bytes(&on).await > before + 48 * MIB);
    assert_eq!(expand(&on.host, &expand_request(&on, 96 * MIB), soon()).await.unwrap(), 96 * MIB);
    assert_eq!(fs::read(on.staging().as_path().join("data")).unwrap(), b"kept");
    unstage(&on.host, &on.staging(), soon()).await.unwrap();
    run("e2fsck", &["-f", "-n", on.device_text()]).await;
}

/// Of this size mkfs leaves the last megabyte out, and resize2fs would too: nothing to check or to grow at each stage.
#[tokio::test]
async fn an_ext4_that_leaves_a_rest_of_its_device_unused_is_not_checked_for_it() {
    let Some(on) = machine(129 * MIB).await else { return };
    let request = on.stage_request(FsType::Ext4);
    let checks = async || {
        let header = run("dumpe2fs", &["-h", on.device_text()]).await;
        header.lines().find(|line| line.starts_with("Last checked")).unwrap().to_owned()
    };
    stage(&on.host, &request, &on.record, soon()).await.unwrap();
    unstage(&on.host, &on.staging(), soon()).await.unwrap();
    run("tune2fs", &["-T", "20200101", on.device_text()]).await;
    let before = checks().await;
    stage(&on.host, &request, &on.record, soon()).await.unwrap();
    unstage(&on.host, &on.staging(), soon()).await.unwrap();
    assert_eq!(checks().await, before);
}

#[tokio::test]
async fn a_raw_block_volume_answers_the_size_that_its_device_has_grown_to() {
    let Some(on) = machine(MIB).await else { return };
    publish(&on.host, &on.publish_request(Access::Block, false), &permit(), soon()).await.unwrap();
    on.grow(3 * MIB).await;
    assert_eq!(expand(&on.host, &expand_request(&on, 2 * MIB), soon()).await.unwrap(), 3 * MIB);
    unpublish(&on.host, &on.target(), soon()).await.unwrap();
}
