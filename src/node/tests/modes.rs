//! Access modes, rights and groups: who may publish a volume where, and with which rights.

use super::*;
use crate::node::{
    Host, publish,
    scripted::{Fault, Reach},
    unpublish, unstage,
};

const SECOND: &str = "/pods/second";

async fn staged() -> ScriptedHost {
    let (host, _) = machine();
    stage(&host, &stage_request(FsType::Ext4, &[])).await.unwrap();
    host
}

fn one(access: Access) -> PublishRequest {
    PublishRequest { targets: Targets::One, ..publish_request(access) }
}

fn second(request: &PublishRequest) -> PublishRequest {
    PublishRequest { target_path: path(SECOND), ..request.clone() }
}

async fn call(host: &ScriptedHost, request: &PublishRequest) -> Result<(), Error> {
    publish(host, request, &permit(), soon()).await
}

fn options_at(host: &ScriptedHost, place: &str) -> Vec<String> {
    host.mounts().into_iter().rfind(|(path, _)| path.to_str() == Some(place)).unwrap().1
}

#[tokio::test]
async fn a_second_target_is_refused_where_the_mode_allows_one_and_free_again_after_the_first() {
    for (host, access) in [(staged().await, mount_access(FsType::Ext4, &[])), (machine().0, Access::Block)] {
        let request = one(access);
        call(&host, &request).await.unwrap();
        call(&host, &request).await.unwrap();
        let before = host.mounts();
        let refused = call(&host, &second(&request)).await.unwrap_err();
        assert!(matches!(&refused, Error::SecondTarget { first, .. } if first.to_str() == Some(TARGET)), "{refused}");
        assert_eq!((host.mounts(), host.path(SECOND)), (before, None));
        call(&host, &PublishRequest { targets: Targets::Many, ..second(&request) }).await.unwrap();
        for target in [TARGET, SECOND] {
            unpublish(&host, &path(target), soon()).await.unwrap();
        }
        call(&host, &second(&request)).await.unwrap();
    }
}

#[tokio::test]
async fn the_machine_seen_below_a_directory_of_the_container_is_no_second_target() {
    let host = staged().await;
    let mirrors = ["/host/staging/volume", "/host/pods/target"];
    for mirror in mirrors {
        host.add_path(mirror, PathKind::Directory);
        host.bind(STAGING.as_ref(), mirror.as_ref(), soon()).await.unwrap();
    }
    let request = one(mount_access(FsType::Ext4, &[]));
    call(&host, &request).await.unwrap();
    assert!(matches!(call(&host, &second(&request)).await, Err(Error::SecondTarget { .. })));
}

#[tokio::test]
async fn a_pod_that_only_reads_stands_beside_one_that_writes() {
    let host = staged().await;
    let writer = publish_request(mount_access(FsType::Ext4, &[]));
    let reader = PublishRequest { read_only: true, ..second(&writer) };
    call(&host, &writer).await.unwrap();
    call(&host, &reader).await.unwrap();
    let rights = [STAGING, TARGET, SECOND].map(|place| options_at(&host, place).remove(0));
    assert_eq!(rights, ["rw", "rw", "ro"]);
}

#[tokio::test]
async fn a_target_keeps_its_rights_whatever_a_repeat_asks_for() {
    for (host, access) in [(staged().await, mount_access(FsType::Ext4, &[])), (machine().0, Access::Block)] {
        for read_only in [false, true] {
            let request = PublishRequest { read_only, ..publish_request(access.clone()) };
            call(&host, &request).await.unwrap();
            let before = host.mounts();
            let other = PublishRequest { read_only: !read_only, ..request.clone() };
            let refused = call(&host, &other).await.unwrap_err();
            assert!(matches!(&refused, Error::Incompatible { difference, .. } if difference.field == "access"));
            call(&host, &request).await.unwrap();
            assert_eq!(host.mounts(), before);
            unpublish(&host, &path(TARGET), soon()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_blank_volume_that_may_only_be_read_is_refused_and_never_formatted() {
    let (host, device) = machine();
    let reading = StageRequest { read_only: true, ..stage_request(FsType::Ext4, &[]) };
    let refused = stage(&host, &reading).await.unwrap_err();
    assert!(refused.to_string().contains("it is read-only and was never written"), "{refused}");
    assert!(!has_written(&host) && host.pages(&device).is_empty());
}

#[tokio::test]
async fn a_volume_that_may_only_be_read_is_staged_and_published_so() {
    let host = staged().await;
    unstage(&host, &path(STAGING), soon()).await.unwrap();
    let reading = StageRequest { read_only: true, ..stage_request(FsType::Ext4, &[]) };
    let request = PublishRequest { is_volume_read_only: true, ..publish_request(mount_access(FsType::Ext4, &[])) };
    for _ in 0..2 {
        stage(&host, &reading).await.unwrap();
        call(&host, &request).await.unwrap();
    }
    assert_eq!([STAGING, TARGET].map(|place| options_at(&host, place)), [["ro"], ["ro"]]);
    let writing = stage(&host, &stage_request(FsType::Ext4, &[])).await;
    assert!(matches!(writing, Err(Error::Incompatible { .. })), "{writing:?}");
}

#[tokio::test]
async fn a_reader_of_a_device_that_another_node_writes_is_told_so() {
    let (host, device) = machine();
    host.set_reach(&device, Reach::PrimaryElsewhere);
    for access in [mount_access(FsType::Ext4, &[]), Access::Block] {
        let reading = StageRequest { read_only: true, access, ..stage_request(FsType::Ext4, &[]) };
        assert!(matches!(stage(&host, &reading).await, Err(Error::PrimaryElsewhere { .. })));
    }
}

fn grouped(group: u32) -> PublishRequest {
    let wishes = FsWishes::none(FsType::Ext4);
    publish_request(Access::Mount(FsUse::new(wishes, MountOptions::default(), Some(group))))
}

#[tokio::test]
async fn the_pods_group_gets_the_files_before_the_pod_sees_them_and_a_reader_changes_nothing() {
    let host = staged().await;
    call(&host, &PublishRequest { read_only: true, ..second(&grouped(1000)) }).await.unwrap();
    assert_eq!(host.group_of(STAGING), None);
    call(&host, &grouped(1000)).await.unwrap();
    assert_eq!(host.group_of(STAGING), Some(1000));
    let steps = host.log();
    let at = |step| steps.iter().rposition(|logged| *logged == Step::Host(step)).unwrap();
    assert!(at(Operation::HandOver) < at(Operation::Bind));
}

#[tokio::test]
async fn a_group_that_is_not_done_in_time_is_told_with_how_far_it_got_and_nothing_is_published() {
    let host = staged().await;
    host.set_little_time(true);
    let unfinished = call(&host, &grouped(1000)).await.unwrap_err();
    assert!(matches!(unfinished, Error::GroupUnfinished { group: 1000, changed: 7, .. }), "{unfinished}");
    assert_eq!(host.mounts().len(), 1);
    host.set_little_time(false);
    call(&host, &grouped(1000)).await.unwrap();
}

#[tokio::test]
async fn a_class_command_runs_at_every_stage_of_an_xfs_that_may_be_written() {
    let wishes = FsWishes::parse(FsType::Xfs, Some("-i size=512"), None, Some("extsize 2m")).unwrap();
    let access = Access::Mount(FsUse::new(wishes, MountOptions::default(), None));
    let request = StageRequest { access, ..stage_request(FsType::Xfs, &[]) };
    let (host, _) = machine();
    let end = crate::node::host::ProgramEnd { exit: Some(1), stderr: "no".to_owned() };
    host.fail(run(Program::XfsIo), Fault::Program(end));
    assert!(matches!(stage(&host, &request).await, Err(Error::Program { program: Program::XfsIo, .. })));
    stage(&host, &request).await.unwrap();
    assert_eq!(count(&host, run(Program::XfsIo)), 2);
    unstage(&host, &path(STAGING), soon()).await.unwrap();
    stage(&host, &StageRequest { read_only: true, ..request }).await.unwrap();
    assert_eq!(count(&host, run(Program::XfsIo)), 2);
}
