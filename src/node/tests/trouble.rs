//! What DRBD, Linux and programs answer when something is wrong.

use super::*;
use crate::node::{
    host::ProgramEnd,
    probe::MARK,
    publish,
    scripted::{Fault, Reach},
    stats, unstage,
};

#[tokio::test]
async fn a_device_that_another_node_has_open_is_never_taken_for_blank() {
    for (reach, is_primary_elsewhere) in [(Reach::PrimaryElsewhere, true), (Reach::NoQuorum, false)] {
        for access in [mount_access(FsType::Ext4, &[]), Access::Block] {
            let (host, device) = machine();
            host.set_reach(&device, reach);
            let request = StageRequest { access, ..stage_request(FsType::Ext4, &[]) };
            let refused = stage(&host, &request).await.unwrap_err();
            assert_eq!(matches!(refused, Error::PrimaryElsewhere { .. }), is_primary_elsewhere, "{refused}");
            assert_eq!(matches!(refused, Error::NoQuorum { .. }), !is_primary_elsewhere, "{refused}");
            assert!(!has_written(&host));

            host.set_reach(&device, Reach::Open);
            stage(&host, &request).await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_recorded_errnos_of_mount_are_told_apart_on_drbd_only() {
    for (errno, uses_drbd, wanted) in [
        (30, true, "primary elsewhere"),
        (124, true, "primary elsewhere"),
        (13, true, "primary elsewhere"),
        (61, true, "no quorum"),
        (5, true, "mount"),
        (30, false, "mount"),
    ] {
        let (host, device) = machine();
        host.put_filesystem(&device, FsType::Ext4, &ours(), MARK);
        host.fail(Step::Host(Operation::Mount), Fault::Errno(errno));
        let mut request = stage_request(FsType::Ext4, &[]);
        request.device.uses_drbd = uses_drbd;
        let name = match stage(&host, &request).await.unwrap_err() {
            Error::PrimaryElsewhere { source, .. } if source.raw_os_error() == Some(errno) => "primary elsewhere",
            Error::NoQuorum { source, .. } if source.raw_os_error() == Some(errno) => "no quorum",
            Error::Mount { source, .. } if source.raw_os_error() == Some(errno) => "mount",
            _ => "something else",
        };
        assert_eq!(name, wanted, "{errno} {uses_drbd}");
    }
}

#[tokio::test]
async fn a_read_error_is_an_error_and_not_a_blank_device() {
    let (host, _) = machine();
    host.fail(Step::Host(Operation::Read), Fault::Errno(5));
    let refused = stage(&host, &stage_request(FsType::Ext4, &[])).await.unwrap_err();
    assert!(matches!(refused, Error::Io { operation: Operation::Read, .. }), "{refused}");
    assert!(!has_written(&host));
}

#[tokio::test(start_paused = true)]
async fn whatever_hangs_is_given_up_at_the_deadline_and_said_to_be_suspended() {
    use Operation::{Bind, Mount, MountTable, Read, Run, Size, Sync, Unmount, Usage, Wipe};
    for operation in [Size, Read, Wipe, Run(Program::MkfsExt4), Sync, Run(Program::Tune2fs), Mount, MountTable] {
        let (host, _) = machine();
        host.fail(Step::Host(operation), Fault::Hang);
        let deadline = soon();
        let hung = super::super::stage(&host, &stage_request(FsType::Ext4, &[]), &host.record(), deadline).await;
        assert!(matches!(hung, Err(Error::Suspended { operation: of, .. }) if of == operation), "{operation:?}");
        assert_eq!(Instant::now(), deadline);
        stage(&host, &stage_request(FsType::Ext4, &[])).await.unwrap();
    }

    let (host, _) = machine();
    stage(&host, &stage_request(FsType::Ext4, &[])).await.unwrap();
    for operation in [Bind, Usage, Unmount] {
        host.fail(Step::Host(operation), Fault::Hang);
        let hung = match operation {
            Bind => publish(&host, &publish_request(mount_access(FsType::Ext4, &[])), &permit(), soon()).await,
            Usage => stats(&host, &path(STAGING), soon()).await.map(drop),
            _ => unstage(&host, &path(STAGING), soon()).await,
        };
        assert!(matches!(hung, Err(Error::Suspended { operation: of, .. }) if of == operation), "{hung:?}");
    }
}

#[tokio::test]
async fn a_failed_program_is_named_with_its_status_and_last_words() {
    let (host, device) = machine();
    let end = ProgramEnd { exit: Some(4), stderr: "UNEXPECTED INCONSISTENCY".to_owned() };
    host.put_filesystem(&device, FsType::Ext4, &ours(), MARK);
    host.dirty_ext4(&device);
    host.fail(run(Program::E2fsck), Fault::Program(end));
    let failed = stage(&host, &stage_request(FsType::Ext4, &[])).await.unwrap_err();
    assert_eq!(failed.to_string(), "e2fsck on /dev/drbd1000 ended with status 4: UNEXPECTED INCONSISTENCY");
    assert!(host.mounts().is_empty());

    for exit in [0, 1, 2, 3] {
        host.dirty_ext4(&device);
        host.fail(run(Program::E2fsck), Fault::Program(ProgramEnd { exit: Some(exit), stderr: String::new() }));
        stage(&host, &stage_request(FsType::Ext4, &[])).await.unwrap();
        unstage(&host, &path(STAGING), soon()).await.unwrap();
    }
}

#[tokio::test]
async fn a_mkfs_that_fails_or_lies_leads_to_no_record_and_no_mount() {
    for (exit, is_caught_by_reading_back) in [(Some(1), false), (None, false), (Some(0), true)] {
        let (host, _) = machine();
        host.fail(run(Program::MkfsXfs), Fault::Program(ProgramEnd { exit, stderr: String::new() }));
        host.fail(run(Program::XfsAdmin), Fault::Program(ProgramEnd { exit: Some(0), stderr: String::new() }));
        let failed = stage(&host, &stage_request(FsType::Xfs, &[])).await.unwrap_err();
        assert_eq!(matches!(failed, Error::FormatUnconfirmed { .. }), is_caught_by_reading_back, "{failed}");
        assert_eq!(matches!(failed, Error::Program { .. }), !is_caught_by_reading_back, "{failed}");
        assert_eq!((host.recorded(), host.mounts().len()), (None, 0));
    }
}

#[tokio::test]
async fn a_mount_flag_of_the_other_filesystem_is_refused_before_anything_is_written() {
    let (host, _) = machine();
    let refused = stage(&host, &stage_request(FsType::Ext4, &["logbufs=8"])).await.unwrap_err();
    assert!(matches!(refused, Error::Option(_)), "{refused}");
    assert!(!has_written(&host));
}

#[tokio::test]
async fn a_filesystem_that_went_read_only_is_neither_called_staged_nor_published() {
    let (host, device) = machine();
    let request = stage_request(FsType::Ext4, &[]);
    stage(&host, &request).await.unwrap();
    host.turn_read_only(&device);
    assert!(matches!(stage(&host, &request).await, Err(Error::WentReadOnly(_))));
    let published = publish(&host, &publish_request(mount_access(FsType::Ext4, &[])), &permit(), soon()).await;
    assert!(matches!(published, Err(Error::WentReadOnly(_))));
    assert_eq!(host.mounts().len(), 1);
    let reader = PublishRequest { read_only: true, ..publish_request(mount_access(FsType::Ext4, &[])) };
    publish(&host, &reader, &permit(), soon()).await.unwrap();
}
