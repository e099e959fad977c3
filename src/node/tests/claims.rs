//! Two claims of one volume on a node: kubelet stages each at a path of its own.

use super::*;
use crate::node::{ExpandRequest, expand, leave_to_others, publish, unpublish, unstage};

const OTHER: &str = "/staging/other";

fn other(request: &StageRequest) -> StageRequest {
    StageRequest { staging_path: path(OTHER), ..request.clone() }
}

/// A target as kubelet calls it.
fn target(uid: &str, volume: &str) -> String {
    format!("/pods/{uid}/volumes/kubernetes.io~csi/{volume}/mount")
}

/// A machine with the directories of these pods.
fn machine_of(pods: &[(&str, &str)]) -> ScriptedHost {
    let (host, _) = machine();
    host.add_path(OTHER, PathKind::Directory);
    for (uid, volume) in pods {
        let target = target(uid, volume);
        let parent = target.rsplit_once('/').unwrap().0;
        host.add_path(parent, PathKind::Directory);
    }
    host
}

fn publication(uid: &str, volume: &str, staging: &str) -> PublishRequest {
    PublishRequest {
        staging_path: path(staging),
        target_path: path(&target(uid, volume)),
        is_shared: true,
        ..publish_request(mount_access(FsType::Ext4, &[]))
    }
}

async fn call(host: &ScriptedHost, request: &PublishRequest) -> Result<(), Error> {
    publish(host, request, &permit(), soon()).await
}

#[tokio::test]
async fn a_second_claim_is_staged_beside_the_first_without_a_write_and_leaves_it_there() {
    for fs_type in [FsType::Ext4, FsType::Xfs] {
        let host = machine_of(&[]);
        let first = stage_request(fs_type, &[]);
        stage(&host, &first).await.unwrap();
        let programs = |host: &ScriptedHost| {
            host.log().iter().filter(|step| matches!(step, Step::Host(Operation::Run(_) | Operation::Wipe))).count()
        };
        let before = programs(&host);
        stage(&host, &other(&first)).await.unwrap();
        stage(&host, &other(&first)).await.unwrap();
        assert_eq!((host.mounts().len(), programs(&host)), (2, before), "{fs_type}");
        unstage(&host, &path(STAGING), soon()).await.unwrap();
        assert_eq!(host.mounts().into_iter().map(|(at, _)| at).collect::<Vec<_>>(), [std::path::Path::new(OTHER)]);
        stage(&host, &first).await.unwrap();
    }
}

#[tokio::test]
async fn a_filesystem_in_use_is_not_checked_however_it_was_left() {
    let host = machine_of(&[]);
    let first = stage_request(FsType::Ext4, &[]);
    stage(&host, &first).await.unwrap();
    let device = host.add_device(DEVICE, SIZE);
    host.dirty_ext4(&device);
    let before = count(&host, run(Program::E2fsck));
    stage(&host, &other(&first)).await.unwrap();
    assert_eq!(count(&host, run(Program::E2fsck)), before);
}

#[tokio::test]
async fn another_access_of_the_one_superblock_is_refused_by_name_and_not_by_a_bare_ebusy() {
    let host = machine_of(&[]);
    let writing = stage_request(FsType::Ext4, &[]);
    stage(&host, &writing).await.unwrap();
    let reading = StageRequest { read_only: true, ..other(&writing) };
    let refused = stage(&host, &reading).await.unwrap_err();
    assert!(matches!(&refused, Error::Incompatible { difference, .. } if difference.field == "access"), "{refused}");
    unstage(&host, &path(STAGING), soon()).await.unwrap();
    stage(&host, &reading).await.unwrap();
    let refused = stage(&host, &writing).await.unwrap_err();
    assert!(matches!(&refused, Error::Incompatible { path, .. } if path.to_str() == Some(OTHER)), "{refused}");
}

#[tokio::test]
async fn a_second_claim_of_a_filesystem_that_broke_is_told_so() {
    let (host, device) = machine();
    host.add_path(OTHER, PathKind::Directory);
    let first = stage_request(FsType::Ext4, &[]);
    stage(&host, &first).await.unwrap();
    host.turn_read_only(&device);
    assert!(matches!(stage(&host, &other(&first)).await, Err(Error::WentReadOnly(at)) if at.to_str() == Some(STAGING)));
}

#[tokio::test]
async fn another_selinux_context_of_a_second_claim_is_refused_by_name() {
    let host = machine_of(&[]);
    let label = |level: &str| {
        stage_request(FsType::Ext4, &[&format!("context=\"system_u:object_r:container_file_t:{level}\"")])
    };
    stage(&host, &label("s0:c1,c2")).await.unwrap();
    stage(&host, &other(&label("s0:c1,c2"))).await.unwrap();
    unstage(&host, &path(OTHER), soon()).await.unwrap();
    let refused = stage(&host, &other(&label("s0:c3"))).await.unwrap_err();
    assert!(
        matches!(&refused, Error::Incompatible { difference, .. } if difference.field == "SELinux context"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_volume_grows_through_either_claim() {
    let host = machine_of(&[]);
    let first = stage_request(FsType::Ext4, &[]);
    stage(&host, &first).await.unwrap();
    stage(&host, &other(&first)).await.unwrap();
    let device = host.add_device(DEVICE, SIZE);
    for (at, size) in [(STAGING, 2 * SIZE), (OTHER, 3 * SIZE)] {
        host.set_size(&device, size);
        let resource = hint().resource;
        let request = ExpandRequest { resource, volume: 0, volume_path: path(at), staging_path: None, min_bytes: size };
        assert_eq!(expand(&host, &request, soon()).await.unwrap(), size);
    }
}

#[tokio::test]
async fn a_claim_that_reads_stands_beside_one_that_writes_on_one_superblock() {
    let host = machine_of(&[("u1", "pvc-1"), ("u2", "pvc-2")]);
    let first = stage_request(FsType::Ext4, &[]);
    stage(&host, &other(&first)).await.unwrap();
    stage(&host, &first).await.unwrap();
    call(&host, &PublishRequest { read_only: true, ..publication("u2", "pvc-2", OTHER) }).await.unwrap();
    call(&host, &publication("u1", "pvc-1", STAGING)).await.unwrap();
    let options = |at: &str| host.mounts().into_iter().rfind(|(place, _)| place.to_str() == Some(at)).unwrap().1;
    assert_eq!(
        (options(&target("u1", "pvc-1")), options(&target("u2", "pvc-2"))),
        (vec!["rw".into()], vec!["ro".into()])
    );
    assert_eq!((options(STAGING), options(OTHER)), (vec!["rw".into()], vec!["rw".into()]));
}

/// One target is what a claim may have; another claim's staging path and targets are none of its.
#[tokio::test]
async fn a_claim_with_one_target_has_it_beside_another_claims_and_gets_no_second() {
    let host = machine_of(&[("u1", "pvc-1"), ("u2", "pvc-2"), ("u3", "pvc-1")]);
    let first = stage_request(FsType::Ext4, &[]);
    stage(&host, &first).await.unwrap();
    stage(&host, &other(&first)).await.unwrap();
    let one = |uid, volume, staging| PublishRequest { targets: Targets::One, ..publication(uid, volume, staging) };
    call(&host, &one("u1", "pvc-1", STAGING)).await.unwrap();
    call(&host, &one("u2", "pvc-2", OTHER)).await.unwrap();
    let refused = call(&host, &one("u3", "pvc-1", STAGING)).await.unwrap_err();
    assert!(matches!(&refused, Error::SecondTarget { .. }), "{refused}");
}

#[tokio::test]
async fn a_volume_of_one_pod_waits_until_nothing_of_another_is_on_the_device() {
    let host = machine_of(&[("u1", "pvc-1"), ("u2", "pvc-2")]);
    let first = stage_request(FsType::Ext4, &[]);
    stage(&host, &first).await.unwrap();
    stage(&host, &other(&first)).await.unwrap();
    let only = |uid: &str, volume, staging| PublishRequest {
        only_pod: Some(uid.to_owned()),
        ..publication(uid, volume, staging)
    };
    for _ in 0..2 {
        call(&host, &only("u1", "pvc-1", STAGING)).await.unwrap();
    }
    let refused = call(&host, &only("u2", "pvc-2", OTHER)).await.unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("uid u1") && text.contains(&target("u1", "pvc-1")), "{text}");
    assert_eq!(host.path(&target("u2", "pvc-2")), None);
    // The zombie's staging mount is nobody's hold: kubelet unmounts the pod's target first.
    unpublish(&host, &path(&target("u1", "pvc-1")), soon()).await.unwrap();
    call(&host, &only("u2", "pvc-2", OTHER)).await.unwrap();
}

#[tokio::test]
async fn a_raw_device_of_one_pod_waits_for_the_other_pod_too() {
    let (host, _) = machine();
    let target = |volume: &str, uid: &str| format!("/volumeDevices/publish/{volume}/{uid}");
    let request = |volume: &str, uid: &str| {
        host.add_path(&format!("/volumeDevices/publish/{volume}"), PathKind::Directory);
        let target_path = path(&target(volume, uid));
        PublishRequest {
            target_path,
            is_shared: true,
            only_pod: Some(uid.to_owned()),
            ..publish_request(Access::Block)
        }
    };
    call(&host, &request("pvc-1", "u1")).await.unwrap();
    assert!(matches!(call(&host, &request("pvc-2", "u2")).await, Err(Error::HeldByPod { uid, .. }) if uid == "u1"));
    unpublish(&host, &path(&target("pvc-1", "u1")), soon()).await.unwrap();
    call(&host, &request("pvc-2", "u2")).await.unwrap();
}

/// Where kubelet stages the volume with that id: the SHA-256 of `one` and `two`.
const ONE: &str = "/7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed/globalmount";
const TWO: &str = "/3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3/globalmount";

#[tokio::test]
async fn the_last_pod_of_a_claim_takes_its_staging_mount_along_where_another_claim_has_the_device() {
    let host = machine_of(&[("u1", "pvc-1"), ("u2", "pvc-2"), ("u3", "pvc-1")]);
    let first = stage_request(FsType::Ext4, &[]);
    for staging in [ONE, TWO] {
        host.add_path(staging.rsplit_once('/').unwrap().0, PathKind::Directory);
        host.add_path(staging, PathKind::Directory);
        stage(&host, &StageRequest { staging_path: path(staging), ..first.clone() }).await.unwrap();
    }
    for (uid, volume, staging) in [("u1", "pvc-1", ONE), ("u2", "pvc-2", TWO), ("u3", "pvc-1", ONE)] {
        call(&host, &publication(uid, volume, staging)).await.unwrap();
    }
    let is_staged = |staging: &str| host.mounts().iter().any(|(at, _)| at == std::path::Path::new(staging));
    let leave = async |uid: &str, volume: &str, id: &str| {
        let target = path(&target(uid, volume));
        unpublish(&host, &target, soon()).await.unwrap();
        leave_to_others(&host, id, &target, soon()).await.unwrap();
    };
    leave("u1", "pvc-1", "one").await;
    assert!(is_staged(ONE), "another pod has the claim");
    leave("u3", "pvc-1", "one").await;
    assert!(!is_staged(ONE) && is_staged(TWO));
    leave("u2", "pvc-2", "two").await;
    assert!(is_staged(TWO), "nobody else has the device: kubelet unstages it");
}
