//! ValidateVolumeCapabilities: what is confirmed is true, and what is not says why.

use linflow::csi::proto::{
    ValidateVolumeCapabilitiesRequest, VolumeCapability,
    volume_capability::{AccessType, BlockVolume, MountVolume, access_mode::Mode},
};
use tonic::Code;

use crate::support::{
    World, create,
    csi::{block, capability, map, mount},
    refused,
};

fn validate(volume: &str, capability: VolumeCapability) -> ValidateVolumeCapabilitiesRequest {
    ValidateVolumeCapabilitiesRequest {
        volume_id: volume.to_owned(),
        volume_capabilities: vec![capability],
        ..ValidateVolumeCapabilitiesRequest::default()
    }
}

/// Why it isn't confirmed; none where it is, just as it was asked.
async fn objection(world: &World, asked: ValidateVolumeCapabilitiesRequest) -> Option<String> {
    let answer = world.controller.client.clone().validate_volume_capabilities(asked.clone()).await.unwrap();
    let answer = answer.into_inner();
    let Some(confirmed) = answer.confirmed else { return Some(answer.message) };
    assert_eq!(confirmed.volume_capabilities, asked.volume_capabilities);
    assert_eq!((confirmed.volume_context, confirmed.parameters), (asked.volume_context, asked.parameters));
    assert_eq!(answer.message, "");
    None
}

fn reader(access: AccessType) -> VolumeCapability {
    capability(Mode::MultiNodeReaderOnly, access)
}

#[tokio::test]
async fn what_a_volume_can_do_is_confirmed() {
    let world = World::start().await;
    let class = create("data").parameter("placementCount", "2").parameter("fsType", "xfs");
    let made = world.controller.create(class.capability(mount(""))).await.unwrap();
    for good in [mount("xfs"), mount(""), reader(AccessType::Mount(MountVolume::default()))] {
        let mut asked = validate(&made.volume_id, good);
        assert_eq!(objection(&world, asked.clone()).await, None);
        asked.volume_context = made.volume_context.clone();
        asked.parameters = map(&[("placementCount", "2"), ("linflow.csi/fstype", "xfs")]);
        assert_eq!(objection(&world, asked).await, None);
    }
    world.controller.create(create("raw").capability(block())).await.unwrap();
    assert_eq!(objection(&world, validate("raw", block())).await, None);
    let mut asked = validate("raw", block());
    asked.parameters = map(&[("fsType", "xfs")]);
    assert_eq!(objection(&world, asked).await, None, "a class may serve both volume modes");
}

#[tokio::test]
async fn another_access_type_mode_filesystem_or_class_is_not_confirmed() {
    let world = World::start().await;
    world.controller.create(create("files")).await.unwrap();
    world.controller.create(create("raw").capability(block())).await.unwrap();
    world.controller.create(create("local").storage_alone().capability(block())).await.unwrap();
    let with = |change: fn(&mut ValidateVolumeCapabilitiesRequest)| {
        let mut asked = validate("files", mount("ext4"));
        change(&mut asked);
        asked
    };
    let shared = capability(Mode::MultiNodeMultiWriter, AccessType::Block(BlockVolume {}));
    let asked = [
        ("a filesystem", validate("files", block())),
        ("a raw block device", validate("raw", mount("ext4"))),
        ("MULTI_NODE_READER_ONLY", validate("local", reader(AccessType::Block(BlockVolume {})))),
        ("MULTI_NODE_MULTI_WRITER", validate("raw", shared)),
        ("made for ext4 and can't be used as xfs", validate("files", mount("xfs"))),
        ("xfs", with(|it| it.volume_context = map(&[("linflow.csi/fs-type", "xfs")]))),
        (
            "xfs",
            ValidateVolumeCapabilitiesRequest { parameters: map(&[("fsType", "xfs")]), ..validate("files", mount("")) },
        ),
        ("placementCount", with(|it| it.parameters = map(&[("placementCount", "3")]))),
        ("placmentCount", with(|it| it.parameters = map(&[("placmentCount", "2")]))),
        ("another workflow", with(|it| it.parameters = map(&[("instance", "a"), ("dag-id", "d"), ("run-id", "r")]))),
        ("attribute", with(|it| it.mutable_parameters = map(&[("iops", "1")]))),
    ];
    for (why, asked) in asked {
        let message = objection(&world, asked.clone()).await;
        assert!(message.as_ref().is_some_and(|message| message.contains(why)), "{why}: {message:?} to {asked:?}");
    }
}

#[tokio::test]
async fn a_volume_that_is_not_there_is_not_found_whatever_is_asked_of_it() {
    let world = World::start().await;
    let mut client = world.controller.client.clone();
    let shared = capability(Mode::MultiNodeMultiWriter, AccessType::Block(BlockVolume {}));
    for asked in [block(), shared] {
        refused(client.validate_volume_capabilities(validate("missing", asked)).await, Code::NotFound);
    }
    let mut none = validate("missing", block());
    none.volume_capabilities.clear();
    refused(client.validate_volume_capabilities(none).await, Code::InvalidArgument);
}
