use super::*;
use crate::{
    health::Severity,
    node::{drbd::status, health::storage_of},
};

macro_rules! recorded {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../../tests/fixtures/drbdsetup/", $name, ".json")))
    };
}

fn read(output: &str) -> Vec<DrbdResource> {
    status::parse(output).unwrap()
}

fn reasons(found: &[Condition]) -> Vec<Reason> {
    found.iter().map(|condition| condition.reason).collect()
}

/// A recording's name and text, and what is wrong with its volume and with the storage.
type Case = ((&'static str, &'static str), &'static [Reason], &'static [Reason]);

#[test]
fn what_real_drbd_said_is_judged_as_what_it_was() {
    use Reason::*;
    let cases: [Case; 10] = [
        (recorded!("primary"), &[], &[]),
        (recorded!("primary_diskless"), &[], &[]),
        (recorded!("secondary_uptodate_diskful"), &[], &[]),
        (recorded!("secondary_tiebreaker"), &[], &[]),
        (recorded!("peer_lost_connecting"), &[ReplicaUnreachable], &[PeersUnreachable]),
        (recorded!("sync_source"), &[ReplicaNotUpToDate], &[]),
        (recorded!("sync_target"), &[LocalReplicaNotUpToDate], &[]),
        (recorded!("primary_quorum_lost"), &[QuorumLost, ReplicaUnreachable], &[AllVolumesSuspended, PeersUnreachable]),
        (
            recorded!("primary_two_peers_dead"),
            &[QuorumLost, ReplicaUnreachable],
            &[AllVolumesSuspended, PeersUnreachable],
        ),
        (
            recorded!("primary_quorum_lost_suspended"),
            &[IoSuspended, QuorumLost, ReplicaUnreachable],
            &[AllVolumesSuspended, PeersUnreachable],
        ),
    ];
    for ((name, output), of_volume, of_storage) in cases {
        let resources = read(output);
        assert_eq!(reasons(&judge(&resources[0], 0)), of_volume, "{name}");
        assert_eq!(reasons(&storage_of(&resources)), of_storage, "{name}");
    }
}

#[test]
fn a_synchronisation_is_told_with_how_far_it_is() {
    let (_, output) = recorded!("sync_target");
    assert!(judge(&read(output)[0], 0)[0].message.starts_with("this node (Inconsistent, 9% in sync);"));
    let (_, output) = recorded!("sync_source");
    assert!(judge(&read(output)[0], 0)[0].message.starts_with("node-3 (Inconsistent, 9% in sync);"));
}

/// The state of a healthy resource with some of its disks changed: this node's, node-2's.
fn with_disks(local: &str, peer: &str) -> DrbdResource {
    let (_, output) = recorded!("primary");
    let mut resource = read(output).remove(0);
    resource.devices[0].disk_state = local.to_owned();
    resource.connections[0].peer_devices[0].peer_disk_state = peer.to_owned();
    resource
}

#[test]
fn failed_disks_are_degraded_while_one_is_up_to_date_and_data_loss_where_all_are() {
    for (local, peer, wanted) in [
        ("Failed", "UpToDate", Reason::LocalDiskFailed),
        ("Diskless", "UpToDate", Reason::LocalDiskFailed),
        ("UpToDate", "Failed", Reason::ReplicaFailed),
        ("UpToDate", "Outdated", Reason::ReplicaNotUpToDate),
        ("Outdated", "UpToDate", Reason::LocalReplicaNotUpToDate),
        ("Failed", "Inconsistent", Reason::NoReplicaUsable),
        ("Outdated", "DUnknown", Reason::NoReplicaUsable),
        ("Failed", "DUnknown", Reason::NoReplicaUsable),
        ("Failed", "Diskless", Reason::AllReplicasFailed),
    ] {
        let found = judge(&with_disks(local, peer), 0);
        assert_eq!(reasons(&found), [wanted], "{local} {peer}");
    }
    assert_eq!(Reason::LocalDiskFailed.severity(), Severity::Degraded);
    assert_eq!(Reason::NoReplicaUsable.severity(), Severity::Inaccessible);
    assert_eq!(Reason::AllReplicasFailed.severity(), Severity::DataLoss);
}

#[test]
fn a_client_without_a_disk_of_its_own_is_not_a_failed_replica() {
    let (_, output) = recorded!("secondary_tiebreaker");
    let mut resource = read(output).remove(0);
    assert_eq!(judge(&resource, 0), []);
    for peer in &mut resource.connections {
        peer.peer_devices[0].peer_disk_state = "DUnknown".to_owned();
    }
    assert_eq!(reasons(&judge(&resource, 0)), [Reason::NoReplicaUsable]);
}

#[test]
fn what_drbd_does_not_say_is_unknown() {
    let (_, output) = recorded!("primary");
    assert_eq!(reasons(&judge(&read(output)[0], 7)), [Reason::DrbdStateUnknown]);
    assert!(status::parse("no JSON").is_err());
    assert_eq!(read("[\n]\n"), []);
}

#[test]
fn one_stopped_volume_among_others_degrades_the_storage() {
    let (_, stopped) = recorded!("primary_quorum_lost_suspended");
    let (_, fine) = recorded!("primary");
    let both = [read(stopped), read(fine)].concat();
    let found = storage_of(&both);
    assert_eq!(reasons(&found), [Reason::VolumesSuspended]);
    assert!(found[0].message.starts_with("1 of 2 volumes take no I/O: qv;"), "{}", found[0].message);
}
