//! Every state of decisions.md, Formatting, through `stage`.

use super::*;
use crate::node::{probe::MARK, scripted::Fault};

const KINDS: [FsType; 2] = [FsType::Ext4, FsType::Xfs];

/// Puts something other than a finished filesystem of ours on a device.
type Leftover = (&'static str, fn(&ScriptedHost, &BlockDevice));

const LEFTOVERS: [Leftover; 6] = [
    ("blank", |_, _| {}),
    ("a foreign filesystem", |host, device| {
        host.put_filesystem(device, FsType::Ext4, &FsUuid::from_random([9; 16]), MARK);
    }),
    ("half-made ext4", |host, device| host.put_filesystem(device, FsType::Ext4, &ours(), "")),
    ("half-made xfs", |host, device| host.put_filesystem(device, FsType::Xfs, &ours(), "other")),
    ("swap", |host, device| host.write(device, 4086, b"SWAPSPACE2")),
    ("metadata at the end", |host, device| host.write(device, SIZE - 4096, b"drbd")),
];

#[tokio::test]
async fn what_is_not_finished_is_formatted_recorded_and_mounted_while_nothing_is_recorded() {
    for fs_type in KINDS {
        for (name, leave) in LEFTOVERS {
            let (host, device) = machine();
            leave(&host, &device);
            stage(&host, &stage_request(fs_type, &[])).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(host.recorded(), Some(ours()), "{name}");
            assert_eq!(host.mounts().len(), 1, "{name}");
            assert_eq!((count(&host, Step::ReadRecord), count(&host, Step::WriteRecord)), (2, 1), "{name}");
        }
    }
}

#[tokio::test]
async fn a_formatted_volume_whose_filesystem_is_gone_is_refused_and_not_touched() {
    for (name, leave) in LEFTOVERS {
        let (host, device) = machine();
        leave(&host, &device);
        host.set_recorded(Some(ours()));
        let before = host.pages(&device);
        let staged = stage(&host, &stage_request(FsType::Ext4, &[])).await;
        assert!(matches!(staged, Err(Error::DataMissing { .. })), "{name}: {staged:?}");
        assert_eq!((host.pages(&device), host.mounts().len()), (before, 0), "{name}");
        assert!(!has_written(&host), "{name}");
    }
}

#[tokio::test]
async fn a_finished_filesystem_of_ours_is_mounted_as_it_is() {
    for fs_type in KINDS {
        for (recorded, calls) in [(Some(ours()), (1, 0)), (None, (2, 1))] {
            let (host, device) = machine();
            host.put_filesystem(&device, fs_type, &ours(), MARK);
            let was_unrecorded = recorded.is_none();
            host.set_recorded(recorded);
            let before = host.pages(&device);
            stage(&host, &stage_request(fs_type, &[])).await.unwrap();
            assert_eq!((host.pages(&device), host.mounts().len()), (before, 1));
            assert_eq!(host.recorded(), Some(ours()));
            assert_eq!((count(&host, Step::ReadRecord), count(&host, Step::WriteRecord)), calls);
            // What is flushed before the first record is opened for that and not written to.
            assert_eq!(has_written(&host), was_unrecorded);
            assert!(!host.log().iter().any(|step| matches!(step, Step::Host(Operation::Run(_)))));
        }
    }
}

#[tokio::test]
async fn the_record_is_written_after_the_mark_and_confirmed_before_the_mount() {
    let (host, _) = machine();
    stage(&host, &stage_request(FsType::Ext4, &[])).await.unwrap();
    let order = [
        Step::Host(Operation::Lock),
        Step::ReadRecord,
        Step::Host(Operation::Wipe),
        run(Program::MkfsExt4),
        Step::Host(Operation::Sync),
        run(Program::Tune2fs),
        Step::Host(Operation::Sync),
        Step::Host(Operation::Read),
        Step::WriteRecord,
        Step::ReadRecord,
        Step::Host(Operation::Mount),
    ];
    let log = host.log();
    let mut rest = log.iter();
    assert!(order.iter().all(|step| rest.any(|logged| logged == step)), "{log:?}");
}

#[tokio::test]
async fn a_record_that_is_out_of_reach_or_does_not_read_back_stops_the_stage() {
    let (host, device) = machine();
    host.fail(Step::ReadRecord, Fault::Errno(5));
    assert!(matches!(stage(&host, &stage_request(FsType::Ext4, &[])).await, Err(Error::Record(_))));
    assert!(host.pages(&device).is_empty());

    host.fail(Step::WriteRecord, Fault::Errno(5));
    assert!(matches!(stage(&host, &stage_request(FsType::Ext4, &[])).await, Err(Error::Record(_))));
    assert!(host.mounts().is_empty());

    struct Forgetful;
    impl crate::node::FormatRecord for Forgetful {
        async fn read(&self) -> Result<Option<FsUuid>, crate::node::FormatRecordError> {
            Ok(None)
        }
        async fn write(&self, _: &FsUuid) -> Result<(), crate::node::FormatRecordError> {
            Ok(())
        }
    }
    let staged = crate::node::stage(&host, &stage_request(FsType::Ext4, &[]), &Forgetful, soon()).await;
    assert!(matches!(staged, Err(Error::RecordUnconfirmed { read: None, .. })));
    assert!(host.mounts().is_empty());
}

#[tokio::test]
async fn a_static_volume_is_mounted_as_what_it_is_and_never_formatted() {
    let mut request = stage_request(FsType::Ext4, &[]);
    request.fs_uuid = None;
    let (host, device) = machine();
    host.put_filesystem(&device, FsType::Xfs, &FsUuid::from_random([7; 16]), "theirs");
    stage(&host, &request).await.unwrap();
    stage(&host, &request).await.unwrap();
    assert_eq!((host.mounts().len(), count(&host, Step::ReadRecord)), (1, 0));

    for (name, leave) in [LEFTOVERS[0], LEFTOVERS[4]] {
        let (host, device) = machine();
        leave(&host, &device);
        assert!(matches!(stage(&host, &request).await, Err(Error::NothingToMount { .. })), "{name}");
        assert!(!has_written(&host), "{name}");
    }
}

#[tokio::test]
async fn an_unclean_ext4_is_checked_before_the_mount_and_only_then() {
    for fs_uuid in [Some(ours()), None] {
        let (host, device) = machine();
        host.put_filesystem(&device, FsType::Ext4, &ours(), MARK);
        host.set_recorded(Some(ours()));
        host.dirty_ext4(&device);
        let request = StageRequest { fs_uuid, ..stage_request(FsType::Ext4, &[]) };
        stage(&host, &request).await.unwrap();
        stage(&host, &request).await.unwrap();
        assert_eq!(count(&host, run(Program::E2fsck)), 1);
    }
}

#[tokio::test]
async fn a_read_only_volume_is_mounted_read_only_and_neither_checked_nor_formatted() {
    let request = StageRequest { read_only: true, ..stage_request(FsType::Ext4, &[]) };
    let (host, device) = machine();
    assert!(matches!(stage(&host, &request).await, Err(Error::NothingToMount { .. })));

    host.put_filesystem(&device, FsType::Ext4, &ours(), MARK);
    host.dirty_ext4(&device);
    stage(&host, &request).await.unwrap();
    assert_eq!(host.mounts()[0].1, ["ro"]);
    assert!(!has_written(&host));
}

#[tokio::test]
async fn what_is_mounted_on_this_node_is_neither_formatted_nor_checked() {
    let (host, device) = machine();
    stage(&host, &stage_request(FsType::Ext4, &[])).await.unwrap();
    host.dirty_ext4(&device);
    host.add_path("/staging/second", PathKind::Directory);
    let second = StageRequest { staging_path: path("/staging/second"), ..stage_request(FsType::Ext4, &[]) };
    stage(&host, &second).await.unwrap();
    assert_eq!((host.mounts().len(), count(&host, run(Program::E2fsck))), (2, 0));

    host.set_recorded(None);
    host.add_path("/staging/third", PathKind::Directory);
    let other = FsUuid::from_random([8; 16]);
    let third = StageRequest { staging_path: path("/staging/third"), fs_uuid: Some(other), ..second };
    let before = host.pages(&device);
    assert!(matches!(stage(&host, &third).await, Err(Error::InUse { .. })));
    assert_eq!(host.pages(&device), before);
}

#[tokio::test]
async fn a_raw_block_volume_is_proven_and_never_written_or_recorded() {
    let (host, device) = machine();
    host.write(&device, 0, b"rows of a database");
    let before = host.pages(&device);
    stage(&host, &StageRequest { access: Access::Block, ..stage_request(FsType::Ext4, &[]) }).await.unwrap();
    assert_eq!((host.pages(&device), host.mounts().len()), (before, 0));
    assert!(!has_written(&host));
    assert_eq!(count(&host, Step::ReadRecord) + count(&host, Step::WriteRecord), 0);
}

#[tokio::test]
async fn a_device_that_another_node_wrote_to_since_it_was_judged_is_not_wiped() {
    let (host, device) = machine();
    host.write_before(Step::Host(Operation::Wipe), &device, SIZE - 100, b"rows");
    let refused = stage(&host, &stage_request(FsType::Ext4, &[])).await.unwrap_err();
    assert!(matches!(refused, Error::Changed(_)), "{refused}");
    assert_eq!((host.pages(&device).len(), host.recorded()), (1, None));
}

#[tokio::test]
async fn no_other_node_can_write_from_the_wipe_to_the_mark() {
    for step in [run(Program::MkfsExt4), run(Program::Tune2fs), Step::Host(Operation::Sync)] {
        let (host, device) = machine();
        host.write_before(step, &device, 300 << 10, b"rows");
        stage(&host, &stage_request(FsType::Ext4, &[])).await.unwrap();
        assert!(!host.pages(&device).contains_key(&((300 << 10) / 4096)), "{step:?}");
    }
}
