//! Errors of requests.

use std::collections::BTreeMap;

use linflow::csi::{
    proto::{
        VolumeCapability,
        volume_capability::{AccessMode, AccessType, BlockVolume, access_mode::Mode},
    },
    request::{self, RequestError},
};
use linflow::linstor::name::NodeName;
use linflow::volume::{
    VolumeId,
    attributes::Attributes,
    context::PublishContext,
    filesystem::{FsType, FsWishes},
    params::Parameters,
    size::CapacityRange,
};
use linflow::workflow::{Claim, ClaimError, Instance, Instances};

/// One of every variant; of those with several codes, one of each.
pub fn all() -> Vec<RequestError> {
    vec![
        RequestError::Missing("volume_id"),
        RequestError::VolumeName(200),
        VolumeId::parse("../pvc-1").expect_err("no name").into(),
        NodeName::parse("node/1").expect_err("no name").into(),
        parameter(),
        attribute(),
        claim(),
        RequestError::Claim(ClaimError::OutsideInstance {
            instance: instance("prod"),
            namespace: "team-a".to_owned(),
            actual: instance("staging"),
        }),
        CapacityRange::parse(-1, 0).expect_err("negative").into(),
        CapacityRange::parse(2048, 1024).expect_err("crossed").into(),
        unsupported_mode(),
        "zfs".parse::<FsType>().expect_err("not one of ours").into(),
        FsWishes::parse(FsType::Ext4, None, Some("sync=maybe"), None).expect_err("no such option").into(),
        RequestError::MountGroup("staff".to_owned()),
        RequestError::Unsupported("volume_content_source"),
        RequestError::NeverWritten,
        RequestError::Path { field: "target_path", reason: "it must be absolute".to_owned() },
        RequestError::NoStagingPath,
        RequestError::NoSuchSource("snapshot-1".to_owned()),
        RequestError::RawUse,
        snapshot_class(),
        RequestError::Repeated { field: "source_volume_ids", id: "pvc-1".to_owned() },
        RequestError::MaxEntries(-1),
        PublishContext::from_map(&BTreeMap::new()).expect_err("it is empty").into(),
    ]
}

fn parameter() -> RequestError {
    let misspelt = BTreeMap::from([("placmentCount".to_owned(), "2".to_owned())]);
    Parameters::parse(&misspelt).expect_err("misspelt").into()
}

fn snapshot_class() -> RequestError {
    let backup = BTreeMap::from([("type".to_owned(), "S3".to_owned())]);
    linflow::volume::snapshot::params::check(&backup).expect_err("a backup").into()
}

fn attribute() -> RequestError {
    Attributes::parse(&BTreeMap::from([("storagePool".to_owned(), "fast".to_owned())])).expect_err("not mutable").into()
}

fn unsupported_mode() -> RequestError {
    let capability = VolumeCapability {
        access_mode: Some(AccessMode { mode: Mode::MultiNodeMultiWriter.into() }),
        access_type: Some(AccessType::Block(BlockVolume {})),
    };
    request::capability(Some(&capability)).expect_err("two writers")
}

fn claim() -> RequestError {
    let scope = BTreeMap::from([("linflow.csi/scope".to_owned(), "run".to_owned())]);
    Claim::parse(&scope, &Instances::default()).expect_err("no run is named").into()
}

fn instance(name: &str) -> Instance {
    Instance::parse(name).expect("an instance")
}
