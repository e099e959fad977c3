//! A volume whose device has grown.

use super::*;
use crate::node::{ExpandRequest, expand, host::ProgramEnd, probe::MARK, publish, scripted::Fault};

const GROWN: u64 = 2 * SIZE;

fn expand_request(min_bytes: u64) -> ExpandRequest {
    ExpandRequest {
        resource: ResourceName::parse("vol1").unwrap(),
        volume: 0,
        volume_path: path(TARGET),
        staging_path: Some(path(STAGING)),
        min_bytes,
    }
}

fn refuse_ext4_online(host: &ScriptedHost) {
    let stderr = "resize2fs: Permission denied to resize filesystem".to_owned();
    host.fail(run(Program::Resize2fs), Fault::Program(ProgramEnd { exit: Some(1), stderr }));
}

#[tokio::test]
async fn a_mounted_filesystem_grows_to_its_device_staged_or_published_and_again() {
    for (fs_type, program) in [(FsType::Ext4, Program::Resize2fs), (FsType::Xfs, Program::XfsGrowfs)] {
        let (host, device) = machine();
        stage(&host, &stage_request(fs_type, &[])).await.unwrap();
        host.set_size(&device, GROWN);
        assert_eq!(expand(&host, &expand_request(GROWN), soon()).await.unwrap(), GROWN);
        assert_eq!(host.filesystem_bytes(&device, fs_type), GROWN);
        publish(&host, &publish_request(mount_access(fs_type, &[])), &permit(), soon()).await.unwrap();
        let unnamed = ExpandRequest { staging_path: None, ..expand_request(0) };
        assert_eq!(expand(&host, &unnamed, soon()).await.unwrap(), GROWN);
        assert_eq!(count(&host, run(program)), 2);
        assert_eq!(count(&host, run(Program::E2fsck)), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_device_is_waited_for_and_a_small_one_is_no_success() {
    let (host, device) = machine();
    stage(&host, &stage_request(FsType::Ext4, &[])).await.unwrap();
    let waiting = expand_request(GROWN);
    let refused = expand(&host, &waiting, soon()).await;
    assert!(matches!(refused, Err(Error::NotGrownYet { size: SIZE, wanted: GROWN, .. })), "{refused:?}");
    assert_eq!(count(&host, run(Program::Resize2fs)), 0);

    let grow = async {
        tokio::task::yield_now().await;
        host.set_size(&device, GROWN);
    };
    let (expanded, ()) = tokio::join!(expand(&host, &waiting, soon()), grow);
    assert_eq!(expanded.unwrap(), GROWN);
}

#[tokio::test]
async fn an_ext4_that_may_not_grow_online_says_so_and_grows_at_the_next_stage() {
    let (host, device) = machine();
    let request = stage_request(FsType::Ext4, &[]);
    stage(&host, &request).await.unwrap();
    host.set_size(&device, GROWN);
    refuse_ext4_online(&host);
    let refused = expand(&host, &expand_request(GROWN), soon()).await;
    assert!(matches!(refused, Err(Error::GrowsAtNextStage(_))), "{refused:?}");
    assert_eq!(host.filesystem_bytes(&device, FsType::Ext4), SIZE);

    // A repeat of the stage finds it mounted and leaves it.
    stage(&host, &request).await.unwrap();
    assert_eq!(host.filesystem_bytes(&device, FsType::Ext4), SIZE);
    crate::node::unstage(&host, &path(STAGING), soon()).await.unwrap();
    stage(&host, &request).await.unwrap();
    assert_eq!(host.filesystem_bytes(&device, FsType::Ext4), GROWN);
    assert_eq!((count(&host, run(Program::E2fsck)), count(&host, run(Program::MkfsExt4))), (1, 1));
    crate::node::unstage(&host, &path(STAGING), soon()).await.unwrap();
    stage(&host, &request).await.unwrap();
    assert_eq!(count(&host, run(Program::E2fsck)), 1, "what fills its device is not checked again");
}

#[tokio::test]
async fn a_filesystem_that_is_not_ours_or_read_only_does_not_grow_at_the_stage() {
    let static_volume = StageRequest { fs_uuid: None, ..stage_request(FsType::Ext4, &[]) };
    let read_only = StageRequest { read_only: true, ..stage_request(FsType::Ext4, &[]) };
    for request in [static_volume, read_only] {
        let (host, device) = machine();
        host.put_filesystem(&device, FsType::Ext4, &ours(), MARK);
        host.set_recorded(Some(ours()));
        host.set_size(&device, GROWN);
        stage(&host, &request).await.unwrap();
        assert_eq!(host.filesystem_bytes(&device, FsType::Ext4), SIZE);
        assert!(!has_written(&host));
    }
}

#[tokio::test]
async fn a_growth_at_the_stage_that_is_killed_anywhere_is_completed_by_the_next() {
    use crate::node::scripted::Cut;
    for cut in [Cut::Before, Cut::Within, Cut::After] {
        let mut calls = 0;
        loop {
            let (host, device) = machine();
            host.put_filesystem(&device, FsType::Ext4, &ours(), MARK);
            host.set_recorded(Some(ours()));
            host.set_size(&device, GROWN);
            host.kill_at(calls, cut);
            let first = stage(&host, &stage_request(FsType::Ext4, &[])).await;
            if !host.is_killed() {
                first.unwrap();
                break;
            }
            host.restart();
            stage(&host, &stage_request(FsType::Ext4, &[])).await.unwrap();
            // A cut mount leaves it mounted and grown before; any other one is grown by the second stage.
            assert_eq!(host.filesystem_bytes(&device, FsType::Ext4), GROWN, "{cut:?} at call {calls}");
            calls += 1;
        }
        assert!(calls >= 8, "{cut:?} was played {calls} times only");
    }
}

#[tokio::test]
async fn another_failure_of_the_program_is_told_as_it_is() {
    let (host, device) = machine();
    stage(&host, &stage_request(FsType::Xfs, &[])).await.unwrap();
    host.set_size(&device, GROWN);
    let end = ProgramEnd { exit: Some(1), stderr: "no space".to_owned() };
    host.fail(run(Program::XfsGrowfs), Fault::Program(end));
    let refused = expand(&host, &expand_request(GROWN), soon()).await;
    assert!(matches!(refused, Err(Error::Program { program: Program::XfsGrowfs, .. })), "{refused:?}");
    expand(&host, &expand_request(GROWN), soon()).await.unwrap();
}

#[tokio::test]
async fn a_raw_block_volume_answers_its_size_and_is_not_touched() {
    let (host, device) = machine();
    publish(&host, &publish_request(Access::Block), &permit(), soon()).await.unwrap();
    host.set_size(&device, GROWN);
    assert_eq!(expand(&host, &expand_request(GROWN), soon()).await.unwrap(), GROWN);
    assert!(!has_written(&host));
}

#[tokio::test]
async fn nothing_mounted_is_not_found_and_another_volume_is_refused() {
    let (host, _) = machine();
    assert!(matches!(expand(&host, &expand_request(0), soon()).await, Err(Error::NotFound(_))));
    stage(&host, &stage_request(FsType::Ext4, &[])).await.unwrap();
    host.add_device("/dev/drbd1001", SIZE);
    host.add_link("/dev/drbd/by-res/vol1/0", "/dev/drbd1001");
    assert!(matches!(expand(&host, &expand_request(0), soon()).await, Err(Error::WrongDevice { .. })));
    assert_eq!(count(&host, run(Program::Resize2fs)), 0);
}
