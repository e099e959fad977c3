//! Bad input gets a clear error and loses nothing (the first issue): parameters, capabilities, sources.

use linflow::csi::proto::{
    VolumeContentSource,
    volume_capability::{AccessType, BlockVolume, MountVolume, access_mode::Mode},
};
use tonic::Code;

use crate::support::{World, create, csi::block, csi::capability, csi::map, csi::mount, publish, refused};

#[tokio::test]
async fn a_parameter_that_is_unknown_or_makes_no_sense_is_named() {
    let world = World::start().await;
    for (key, value) in [
        ("placmentCount", "2"),
        ("linflow.csi/dagid", "sales"),
        ("other.csi.linbit.com/placementCount", "2"),
        ("linstor.csi.linbit.com/nfsSquash", "root_squash"),
        ("placementCount", "0"),
        ("placementCount", "-1"),
        ("placementCount", "many"),
        ("storagePool", "no/pool"),
        ("layerList", "raid storage"),
        ("layerList", "storage drbd"),
        ("fsType", "zfs"),
        ("resourceGroup", "a b"),
        ("scope", "galaxy"),
        ("map-index", "seven"),
    ] {
        let message =
            refused(world.controller.create(create("data").parameter(key, value)).await, Code::InvalidArgument);
        let bare = key.trim_start_matches("linflow.csi/").trim_start_matches("linstor.csi.linbit.com/");
        let names_it = [bare, value].iter().any(|word| message.to_lowercase().contains(&word.to_lowercase()));
        assert!(names_it, "{key}={value}: {message}");
        // Whose the volume would be says nothing about room for it.
        if !["scope", "map-index"].contains(&bare) {
            refused(world.controller.capacity(&[(key, value)], None).await, Code::InvalidArgument);
        }
    }
    assert!(world.definition("data").await.is_none());
}

#[tokio::test]
async fn an_unsupported_mode_or_filesystem_is_refused() {
    let world = World::start().await;
    let volume = world.controller.created("there").await;
    let mounted = || AccessType::Mount(MountVolume::default());
    let bad = [
        capability(Mode::MultiNodeMultiWriter, mounted()),
        capability(Mode::MultiNodeSingleWriter, AccessType::Block(BlockVolume {})),
        capability(Mode::Unknown, mounted()),
        mount("zfs"),
        mount("EXT4"),
    ];
    for bad in bad {
        let wanted = create("data").capability(bad.clone());
        let message = refused(world.controller.create(wanted).await, Code::InvalidArgument);
        assert!(message.contains("use "), "{message}");
        let mut attach = publish(&volume, "node-1");
        attach.volume_capability = Some(bad);
        refused(world.controller.publish(attach).await, Code::InvalidArgument);
    }
    let mut none = create("data");
    none.0.volume_capabilities.clear();
    refused(world.controller.create(none).await, Code::InvalidArgument);
    let mut attach = publish(&volume, "node-1");
    attach.volume_capability = None;
    refused(world.controller.publish(attach).await, Code::InvalidArgument);
    assert!(world.definition("data").await.is_none() && world.records(&volume).await.is_empty());
}

#[tokio::test]
async fn a_content_source_and_unknown_mutable_parameters_are_refused_rather_than_passed_over() {
    let world = World::start().await;
    let mut copy = create("data");
    copy.0.volume_content_source = Some(VolumeContentSource::default());
    let message = refused(world.controller.create(copy).await, Code::InvalidArgument);
    assert!(message.contains("volume_content_source"), "{message}");
    let mut mutable = create("data");
    mutable.0.mutable_parameters = map(&[("iops", "1000")]);
    let message = refused(world.controller.create(mutable).await, Code::InvalidArgument);
    assert!(message.contains("\"iops\" is no attribute"), "{message}");
    assert!(world.definition("data").await.is_none());
}

#[tokio::test]
async fn a_volume_made_for_raw_block_is_not_one_for_a_filesystem_nor_the_reverse() {
    let world = World::start().await;
    for (name, made, other) in [("raw", block(), mount("ext4")), ("files", mount("ext4"), block())] {
        world.controller.create(create(name).capability(made)).await.unwrap();
        let message = refused(world.controller.create(create(name).capability(other)).await, Code::AlreadyExists);
        assert!(message.contains("raw block") && message.contains("filesystem"), "{message}");
    }
    let definition = world.definition("raw").await.unwrap();
    assert!(!definition.props.contains_key("Aux/linflow/fs-uuid"), "{:?}", definition.props);
}
