//! What a node sees of a volume's health.

use super::*;
use crate::node::{
    health::{HealthRequest, Reason, Seen, storage_health, volume_health},
    publish,
    scripted::{Fault, Reach},
};

const PRIMARY: &str = include_str!("../../../tests/fixtures/drbdsetup/primary.json");
const SYNC_TARGET: &str = include_str!("../../../tests/fixtures/drbdsetup/sync_target.json");

fn request() -> HealthRequest {
    let paths = vec![path(STAGING), path(TARGET)];
    HealthRequest { resource: ResourceName::parse("vol1").unwrap(), volume: 0, paths, device: None }
}

async fn look(host: &ScriptedHost) -> Vec<Reason> {
    match volume_health(host, &request(), soon()).await {
        Seen::Volume(conditions) => conditions.into_iter().map(|condition| condition.reason).collect(),
        Seen::Nothing => panic!("nothing was seen"),
    }
}

/// A volume in use, as DRBD tells it.
async fn in_use() -> (ScriptedHost, BlockDevice) {
    let (host, device) = machine();
    host.set_drbd(PRIMARY);
    stage(&host, &stage_request(FsType::Ext4, &[])).await.unwrap();
    publish(&host, &publish_request(mount_access(FsType::Ext4, &[])), &permit(), soon()).await.unwrap();
    (host, device)
}

#[tokio::test]
async fn a_volume_in_use_is_healthy_and_looked_at_without_a_write() {
    let (host, device) = in_use().await;
    let (before, mounts, calls) = (host.pages(&device), host.mounts(), host.log().len());
    assert_eq!(look(&host).await, []);
    assert_eq!((host.pages(&device), host.mounts()), (before, mounts));
    let is_a_look = |step: &Step| {
        use Operation::{AskDrbd, Inspect, MountTable, Read, Resolve};
        matches!(step, Step::Host(Inspect | MountTable | Resolve | Read | AskDrbd))
    };
    assert!(host.log()[calls..].iter().all(is_a_look), "{:?}", &host.log()[calls..]);
}

#[tokio::test]
async fn a_filesystem_that_met_an_error_is_inaccessible() {
    let (host, device) = in_use().await;
    host.fail(Step::Host(Operation::Inspect), Fault::Errno(5));
    assert_eq!(look(&host).await, [Reason::FilesystemShutDown]);
    host.turn_read_only(&device);
    assert_eq!(look(&host).await, [Reason::FilesystemReadOnly]);
}

#[tokio::test(start_paused = true)]
async fn what_hangs_is_told_within_a_bound() {
    use Operation::{AskDrbd, Inspect, Read};
    for (operation, reason) in
        [(Inspect, Reason::Unresponsive), (Read, Reason::Unresponsive), (AskDrbd, Reason::DrbdStateUnknown)]
    {
        let (host, _) = in_use().await;
        host.fail(Step::Host(operation), Fault::Hang);
        let start = Instant::now();
        assert_eq!(look(&host).await, [reason]);
        assert!(start.elapsed() <= Duration::from_secs(5), "{operation:?}");
    }
}

#[tokio::test]
async fn a_device_that_cannot_be_opened_or_read_says_why() {
    let (host, device) = in_use().await;
    host.fail(Step::Host(Operation::Read), Fault::Errno(5));
    assert_eq!(look(&host).await, [Reason::DeviceUnreadable]);
    for (reach, reason) in [(Reach::PrimaryElsewhere, Reason::InUseElsewhere), (Reach::NoQuorum, Reason::QuorumLost)] {
        host.set_reach(&device, reach);
        assert_eq!(look(&host).await, [reason]);
    }
}

#[tokio::test]
async fn drbds_own_state_is_told_and_where_it_cannot_be_asked_it_is_unknown() {
    let (host, _) = in_use().await;
    host.set_drbd(SYNC_TARGET);
    assert_eq!(look(&host).await, [Reason::LocalReplicaNotUpToDate]);
    host.set_drbd("[\n]\n");
    assert_eq!(look(&host).await, [Reason::DrbdResourceDown]);
    host.set_drbd("{\"vol1\"");
    assert_eq!(look(&host).await, [Reason::DrbdStateUnknown]);

    let (bare, _) = machine();
    stage(&bare, &stage_request(FsType::Ext4, &[])).await.unwrap();
    assert_eq!(look(&bare).await, [Reason::DrbdStateUnknown], "drbdsetup is missing");
}

#[tokio::test]
async fn a_volume_that_was_never_mounted_is_looked_at_by_its_link_or_its_device() {
    let (host, _) = machine();
    assert_eq!(volume_health(&host, &request(), soon()).await, Seen::Nothing);
    let told = HealthRequest { device: Some("/dev/plain".into()), ..request() };
    assert_eq!(volume_health(&host, &told, soon()).await, Seen::Nothing);
    host.add_device("/dev/plain", SIZE);
    assert_eq!(volume_health(&host, &told, soon()).await, Seen::Volume(Vec::new()));

    host.add_link("/dev/drbd/by-res/vol1/0", DEVICE);
    host.set_drbd(SYNC_TARGET);
    assert_eq!(look(&host).await, [Reason::LocalReplicaNotUpToDate]);
}

#[tokio::test]
async fn a_raw_block_volume_is_looked_at_where_it_is_published() {
    let (host, device) = machine();
    host.set_drbd(PRIMARY);
    publish(&host, &publish_request(Access::Block), &permit(), soon()).await.unwrap();
    assert_eq!(look(&host).await, []);
    host.set_reach(&device, Reach::NoQuorum);
    assert_eq!(look(&host).await, [Reason::QuorumLost]);
}

#[tokio::test]
async fn the_storage_is_healthy_without_drbd_and_unknown_where_drbd_cannot_be_asked() {
    let (host, _) = in_use().await;
    assert_eq!(storage_health(&host, soon()).await, []);
    assert_eq!(storage_health(&machine().0, soon()).await, []);
    host.fail(Step::Host(Operation::AskDrbd), Fault::Errno(1));
    let told = storage_health(&host, soon()).await;
    assert!(matches!(told.as_slice(), [one] if one.reason == Reason::DrbdStateUnknown), "{told:?}");
}
