//! Errors of the controller's verbs.

use std::collections::BTreeMap;

use linflow::linstor::name::ResourceName;
use linflow::linstor::{name::GroupName, rc::code};
use linflow::volume::{
    Error, VolumeId,
    copy::{Origin, Source},
    holders::Held,
    record::{AccessMode, Ledger},
    reserve::Reservations,
    size::CapacityRange,
    spread::Impossible,
    validate::Objection,
};
use linflow::workflow::{Incarnation, TagError};

use super::{a_node, linstor, resource, volume};

/// One of every variant.
pub fn all() -> Vec<Error> {
    let mut samples = existing();
    samples.extend(elsewhere());
    samples.extend(unfinished());
    samples.extend(copies());
    samples.extend(super::owned::all().into_iter().map(Error::from));
    samples.push(held().remove(0).into());
    samples.push(super::access::lookups().remove(2).into());
    samples
}

fn claim() -> VolumeId {
    VolumeId::parse(&format!("lf-{}-0@{}", "5f0c".repeat(8), "0b1c".repeat(8))).expect("a claim's id")
}

/// One of every variant.
pub fn held() -> Vec<Held> {
    let (volume, node, since) = (claim(), a_node("node-1"), "2026-01-01T00:00:00Z".to_owned());
    let pod = "pod airflow/sales-load-x1 (uid 5f0c)".to_owned();
    let of_run = format!("{pod} of run manual__1");
    vec![
        Held::ByPod { volume: volume.clone(), holder: pod.clone(), node: node.clone(), since: since.clone() },
        Held::ByRun { volume: volume.clone(), holder: of_run, node: node.clone(), since },
        Held::ByReaders { volume, holder: pod, node },
    ]
}

/// The name, the size, or what is there already.
fn existing() -> Vec<Error> {
    let mismatch = |field, existing: &str, asked: &str| Error::Mismatch {
        name: "pvc-1".to_owned(),
        field,
        existing: existing.to_owned(),
        asked: asked.to_owned(),
    };
    vec![
        Error::NotFound(volume()),
        Error::Released(claim()),
        Error::NodeNotFound(a_node("node-9")),
        Error::Foreign(resource()),
        mismatch("size", "1048576 bytes", "at least 2097152 bytes"),
        Error::AttachedDifferently { volume: volume(), node: a_node("node-1"), field: "readonly flag" },
        Error::NotAsMade {
            volume: volume(),
            objection: Objection::Use { made_as: "a raw block device", asked: "a filesystem" },
        },
        CapacityRange::parse(-1, 0).expect_err("negative").into(),
        CapacityRange::parse(1025, 1030).expect("a range").choose_kib(None).expect_err("no whole KiB").into(),
        Error::NoSuchGroup(GroupName::parse("gold").expect("a group name")),
        Error::NoRoom {
            size_kib: 1 << 20,
            placement: "linflow: placementCount=2 storagePool=fast layerList=DRBD,STORAGE".to_owned(),
            largest_kib: Some(524_288),
            source: linstor::refusal(500, code::FAIL_NOT_ENOUGH_NODES, "not enough available nodes"),
        },
        Error::NoSuchPlace("topology.kubernetes.io/zone=north".to_owned()),
        Impossible::TooFewNodes { replicas: 2, nodes: "node-1".to_owned() }.into(),
        Error::NoPassphrase {
            resource: resource(),
            source: linstor::refusal(500, code::FAIL_NOT_FOUND_CRYPT_KEY, "no master key"),
        },
        Error::NoRoomToGrow {
            volume: volume(),
            more_kib: 1 << 20,
            largest_kib: 1 << 18,
            pool: "fast".to_owned(),
            nodes: "node-1, node-2".to_owned(),
        },
        Error::HasSnapshots { volume: volume(), snapshots: "before-upgrade, nightly".to_owned() },
        Error::PageToken("page 2".to_owned()),
        record(),
        ResourceName::parse("-").expect_err("a name begins with a letter").into(),
        TagError::Missing("Aux/linflow/incarnation").into(),
        Error::Random("entropy source not found".to_owned()),
    ]
}

fn elsewhere() -> Vec<Error> {
    let node = || a_node("node-1");
    vec![
        Error::AttachedElsewhere {
            volume: volume(),
            node: node(),
            mode: AccessMode::SingleNodeWriter,
            status: "ONLINE".to_owned(),
        },
        Error::NodeFull { node: node(), limit: 2, attached: "pvc-2, pvc-3".to_owned() },
        Error::Contended { volume: volume(), rival: a_node("node-2") },
        Error::NotProven { volume: volume(), node: node(), seen: "quorum is off".to_owned() },
        Error::StillAttached { volume: volume(), nodes: "node-1".to_owned() },
        Error::InUse { volume: volume(), node: node() },
        Error::Unmodifiable { volume: "pvc-1".to_owned(), what: "placementCount 2".to_owned() },
        Error::Bound {
            volume: volume(),
            wanted: 1,
            because: "its PersistentVolume names node-1, node-2 for good, and allowRemoteVolumeAccess false forbids its use there without these replicas".to_owned(),
        },
        Error::NodeNotOnline { node: node(), status: "OFFLINE".to_owned() },
        Error::RemoteForbidden {
            volume: volume(),
            node: a_node("node-3"),
            allowed: "false".to_owned(),
            nodes: "node-1, node-2".to_owned(),
        },
        Error::NoReplicaHere { volume: volume(), node: a_node("node-2"), nodes: "node-1".to_owned() },
    ]
}

/// What has begun and isn't over.
fn unfinished() -> Vec<Error> {
    let reservations = Reservations::default();
    let _first = reservations.reserve(&resource()).expect("it is free");
    vec![
        reservations.reserve(&resource()).expect_err("it is taken").into(),
        Error::Deleting(resource()),
        Error::NotGrown { volume: volume(), node: "node-1".to_owned(), seen: "its disk is Inconsistent".to_owned() },
        Error::NotSpare { volume: volume(), seen: "node-2 would stay and its disk is Outdated".to_owned() },
        Error::NotReady { volume: volume(), node: a_node("node-1"), seen: "disk: Inconsistent".to_owned() },
        Error::Unfinished { resource: resource(), seen: "1 of 2 replicas have a device".to_owned() },
        linstor::all().into_iter().find(linstor::is_open).expect("an unknown outcome").into(),
    ]
}

/// What is made from a snapshot or another volume.
fn copies() -> Vec<Error> {
    let from = || Source::Volume(volume());
    let no_json = [(Origin::key(&resource()), String::new())].into();
    vec![
        Error::NoSource { from: from(), reason: "it is being deleted" },
        Error::SourceNotReady { from: from(), seen: "it is not complete itself".to_owned() },
        Error::Incompatible { from: from(), field: "filesystem", is: "xfs".to_owned(), asked: "ext4".to_owned() },
        Error::OtherAccessType {
            from: from(),
            is: "raw block".to_owned(),
            asked: "filesystem".to_owned(),
            volume_mode: "Block",
        },
        Error::OutOfReach { from: from(), nodes: "node-1".to_owned(), asked: "node-2, node-3".to_owned() },
        Error::CopyFailed { resource: resource(), from: from() },
        Error::NoRoomForCopy { from: from(), size_kib: 1 << 20, why: "pool fast on node-1 is full".to_owned() },
        Origin::read(&resource(), &no_json).expect_err("it is no JSON").into(),
    ]
}

/// A record that is no JSON.
fn record() -> Error {
    let incarnation = Incarnation::from_random([1; 16]);
    let store = BTreeMap::from([(format!("{incarnation}/attach/node-1"), "{".to_owned())]);
    Ledger::read("pvc-1", &store, &incarnation).expect_err("it is no JSON").into()
}

/// Is something made, pending or still running after it? Every variant has to be judged here.
pub fn leaves_something(error: &Error) -> bool {
    match error {
        Error::Busy(_)
        | Error::Deleting(_)
        | Error::NotReady { .. }
        | Error::NotGrown { .. }
        | Error::NotSpare { .. }
        | Error::Unfinished { .. } => true,
        Error::Linstor(error) => linstor::is_open(error),
        Error::NotFound(_)
        | Error::Released(_)
        | Error::Held(_)
        | Error::Directory(_)
        | Error::NodeNotFound(_)
        | Error::Foreign(_)
        | Error::Mismatch { .. }
        | Error::Owned(_)
        | Error::NoPassphrase { .. }
        | Error::AttachedDifferently { .. }
        | Error::NotAsMade { .. }
        | Error::NodeFull { .. }
        | Error::Size(_)
        | Error::NoSuchGroup(_)
        | Error::Unmodifiable { .. }
        | Error::Bound { .. }
        | Error::NoRoom { .. }
        | Error::NoRoomToGrow { .. }
        | Error::AttachedElsewhere { .. }
        | Error::Contended { .. }
        | Error::NotProven { .. }
        | Error::StillAttached { .. }
        | Error::InUse { .. }
        | Error::NodeNotOnline { .. }
        | Error::NoReplicaHere { .. }
        | Error::RemoteForbidden { .. }
        | Error::NoSuchPlace(_)
        | Error::Impossible(_)
        | Error::HasSnapshots { .. }
        | Error::PageToken(_)
        | Error::Record(_)
        | Error::Name(_)
        | Error::Tag(_)
        | Error::NoSource { .. }
        | Error::SourceNotReady { .. }
        | Error::Incompatible { .. }
        | Error::OtherAccessType { .. }
        | Error::OutOfReach { .. }
        | Error::CopyFailed { .. }
        | Error::NoRoomForCopy { .. }
        | Error::Origin(_)
        | Error::Random(_) => false,
    }
}
