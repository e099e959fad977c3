//! Publishing, releasing and measuring.

use super::*;
use crate::node::{Difference, Stats, publish, scripted::Fault, stats, unpublish, unstage};

async fn staged(flags: &[&str]) -> ScriptedHost {
    let (host, _) = machine();
    stage(&host, &stage_request(FsType::Ext4, flags)).await.unwrap();
    host
}

fn options_at(host: &ScriptedHost, place: &str) -> Vec<String> {
    let mounts = host.mounts();
    mounts.into_iter().rfind(|(path, _)| path.to_str() == Some(place)).map(|(_, options)| options).unwrap_or_default()
}

#[tokio::test]
async fn read_only_is_a_matter_of_the_publish_and_the_stage_stays_read_write() {
    for (flags, read_only) in [(&[][..], true), (&["ro"][..], false)] {
        let host = staged(flags).await;
        let access = mount_access(FsType::Ext4, flags);
        publish(&host, &PublishRequest { read_only, ..publish_request(access) }, &permit(), soon()).await.unwrap();
        assert_eq!((options_at(&host, STAGING), options_at(&host, TARGET)), (vec!["rw".into()], vec!["ro".into()]));
    }
}

#[tokio::test]
async fn a_read_only_remount_keeps_what_the_stage_set() {
    let host = staged(&["noatime", "nosuid"]).await;
    let access = mount_access(FsType::Ext4, &["noatime", "nosuid"]);
    publish(&host, &PublishRequest { read_only: true, ..publish_request(access) }, &permit(), soon()).await.unwrap();
    assert_eq!(options_at(&host, TARGET), ["ro", "noatime", "nosuid"]);
}

#[tokio::test]
async fn publishing_asks_no_record_and_repeats_without_a_second_mount() {
    let staged = [(staged(&[]).await, mount_access(FsType::Ext4, &[])), (machine().0, Access::Block)];
    for (host, access) in staged {
        let (mounts, asked) = (host.mounts().len(), count(&host, Step::ReadRecord));
        publish(&host, &publish_request(access.clone()), &permit(), soon()).await.unwrap();
        publish(&host, &publish_request(access), &permit(), soon()).await.unwrap();
        assert_eq!((host.mounts().len(), count(&host, Step::ReadRecord)), (mounts + 1, asked));
    }
}

#[tokio::test]
async fn a_read_only_target_is_not_made_writable() {
    let host = staged(&[]).await;
    let request = publish_request(mount_access(FsType::Ext4, &[]));
    publish(&host, &PublishRequest { read_only: true, ..request.clone() }, &permit(), soon()).await.unwrap();
    let refused = publish(&host, &request, &permit(), soon()).await.unwrap_err();
    assert!(matches!(refused, Error::Incompatible { difference: Difference { field: "access", .. }, .. }), "{refused}");
}

#[tokio::test]
async fn a_volume_that_is_not_staged_or_staged_from_another_device_is_not_published() {
    let (host, _) = machine();
    let request = publish_request(mount_access(FsType::Ext4, &[]));
    assert!(matches!(publish(&host, &request, &permit(), soon()).await, Err(Error::NotStaged(_))));

    let host = staged(&[]).await;
    host.add_device("/dev/drbd1001", SIZE);
    let mut other = request;
    other.device.path = "/dev/drbd1001".into();
    assert!(matches!(publish(&host, &other, &permit(), soon()).await, Err(Error::WrongDevice { .. })));
    assert_eq!(host.mounts().len(), 1);
}

#[tokio::test]
async fn a_target_that_is_a_link_or_of_another_kind_or_without_parent_is_refused() {
    for (access, kind) in [
        (mount_access(FsType::Ext4, &[]), PathKind::Symlink),
        (Access::Block, PathKind::Symlink),
        (mount_access(FsType::Ext4, &[]), PathKind::File(0)),
        (Access::Block, PathKind::Directory),
        (Access::Block, PathKind::File(1)),
    ] {
        let host = staged(&[]).await;
        host.add_path(TARGET, kind);
        let refused = publish(&host, &publish_request(access.clone()), &permit(), soon()).await.unwrap_err();
        assert_eq!(matches!(refused, Error::Symlink(_)), kind == PathKind::Symlink, "{refused}");
        assert_eq!(matches!(refused, Error::WrongKind { .. }), kind != PathKind::Symlink, "{refused}");
        assert_eq!(host.mounts().len(), 1);

        let orphan = PublishRequest { target_path: path("/none/target"), ..publish_request(access) };
        assert!(matches!(publish(&host, &orphan, &permit(), soon()).await, Err(Error::ParentMissing(_))));
    }
}

#[tokio::test]
async fn a_staged_volume_that_differs_is_refused_by_name() {
    let cases: [(FsType, &[&str], &str); 3] = [
        (FsType::Xfs, &["context=a:b:c"], "filesystem"),
        (FsType::Ext4, &["noexec", "context=a:b:c"], "flags"),
        (FsType::Ext4, &["context=x:y:z"], "SELinux context"),
    ];
    for (fs_type, flags, field) in cases {
        let host = staged(&["context=\"a:b:c\""]).await;
        let refused = stage(&host, &stage_request(fs_type, flags)).await.unwrap_err();
        assert!(matches!(&refused, Error::Incompatible { difference, .. } if difference.field == field), "{refused}");
        stage(&host, &stage_request(FsType::Ext4, &["context=a:b:c"])).await.unwrap();
    }
}

#[tokio::test]
async fn a_second_selinux_context_on_one_device_is_refused_by_name() {
    let host = staged(&["context=a:b:c"]).await;
    host.add_path("/staging/second", PathKind::Directory);
    let second =
        StageRequest { staging_path: path("/staging/second"), ..stage_request(FsType::Ext4, &["context=x:y:z"]) };
    let refused = stage(&host, &second).await.unwrap_err();
    assert!(refused.to_string().contains("SELinux context is \"a:b:c\", asked for was \"x:y:z\""), "{refused}");
}

#[tokio::test]
async fn letting_go_takes_every_stacked_mount_of_ours_and_no_other() {
    let host = staged(&[]).await;
    let request = publish_request(mount_access(FsType::Ext4, &[]));
    publish(&host, &request, &permit(), soon()).await.unwrap();
    super::super::Host::bind(&host, std::path::Path::new(STAGING), std::path::Path::new(TARGET), soon()).await.unwrap();
    unpublish(&host, &path(TARGET), soon()).await.unwrap();
    assert_eq!((host.mounts().len(), host.path(TARGET)), (1, None));
    unpublish(&host, &path(TARGET), soon()).await.unwrap();
    unpublish(&host, &path("/none/target"), soon()).await.unwrap();
    unstage(&host, &path(STAGING), soon()).await.unwrap();
    unstage(&host, &path(STAGING), soon()).await.unwrap();
    assert_eq!((host.mounts().len(), host.path(STAGING)), (0, Some(PathKind::Directory)));
}

#[tokio::test]
async fn data_that_lies_at_an_unmounted_target_is_never_removed() {
    for (kind, is_link) in [(PathKind::File(1), false), (PathKind::Symlink, true), (PathKind::Other, false)] {
        let (host, _) = machine();
        host.add_path(TARGET, kind);
        let refused = unpublish(&host, &path(TARGET), soon()).await.unwrap_err();
        assert_eq!(matches!(refused, Error::Symlink(_)), is_link, "{refused}");
        assert_eq!(host.path(TARGET), Some(kind));
    }
}

#[tokio::test]
async fn a_mount_in_use_is_said_to_be() {
    let host = staged(&[]).await;
    host.fail(Step::Host(Operation::Unmount), Fault::Errno(16));
    assert!(matches!(unstage(&host, &path(STAGING), soon()).await, Err(Error::InUse { .. })));
    unstage(&host, &path(STAGING), soon()).await.unwrap();
}

#[tokio::test]
async fn stats_tell_usage_of_a_filesystem_and_size_of_a_block_volume() {
    let host = staged(&[]).await;
    assert!(matches!(stats(&host, &path(TARGET), soon()).await, Err(Error::NotFound(_))));
    publish(&host, &publish_request(mount_access(FsType::Ext4, &[])), &permit(), soon()).await.unwrap();
    let measured = stats(&host, &path(TARGET), soon()).await.unwrap();
    assert!(matches!(measured, Stats::Filesystem(usage) if usage.total_bytes == SIZE));

    unpublish(&host, &path(TARGET), soon()).await.unwrap();
    let beside_a_mount = publish(&host, &publish_request(Access::Block), &permit(), soon()).await;
    assert!(matches!(beside_a_mount, Err(Error::InUse { .. })), "{beside_a_mount:?}");
    unstage(&host, &path(STAGING), soon()).await.unwrap();
    publish(&host, &publish_request(Access::Block), &permit(), soon()).await.unwrap();
    assert_eq!(stats(&host, &path(TARGET), soon()).await.unwrap(), Stats::Block { total_bytes: SIZE });
}

/// The gRPC services run each verb in a task of its own, on whatever host: this compiles only if that is possible.
#[tokio::test]
async fn every_verb_can_run_in_a_task_of_its_own() {
    async fn all<H: super::super::Host + 'static>(host: std::sync::Arc<H>) -> Result<(), Error> {
        let task = tokio::spawn(async move {
            unpublish(&*host, &path(TARGET), soon()).await?;
            unstage(&*host, &path(STAGING), soon()).await?;
            publish(&*host, &publish_request(Access::Block), &permit(), soon()).await?;
            stats(&*host, &path(TARGET), soon()).await.map(drop)
        });
        task.await.unwrap()
    }
    all(std::sync::Arc::new(machine().0)).await.unwrap();
    let (host, _) = machine();
    tokio::spawn(async move { stage(&host, &stage_request(FsType::Ext4, &[])).await }).await.unwrap().unwrap();
}
