//! Access modes, options and groups at the Node service: what a caller may ask for, and what it gets.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use linflow::csi::proto::{
    ControllerPublishVolumeRequest, NodeGetCapabilitiesRequest, NodePublishVolumeRequest, NodeStageVolumeRequest,
    NodeUnpublishVolumeRequest, VolumeCapability,
    node_service_capability::{Type, rpc},
    volume_capability::{AccessMode, AccessType, MountVolume, access_mode::Mode},
};
use support::{
    World, create,
    csi::map,
    node::{OnNode, pod},
    publish, refused,
};
use tonic::Code;

async fn on_node(world: &World) -> OnNode {
    let volume = world.controller.create(create("data").mib(64)).await.unwrap().volume_id;
    OnNode::attach(world, &volume, "node-1", None).await
}

fn in_mode(mode: Mode) -> Option<VolumeCapability> {
    let mount = MountVolume { fs_type: "ext4".to_owned(), ..MountVolume::default() };
    Some(VolumeCapability {
        access_mode: Some(AccessMode { mode: mode.into() }),
        access_type: Some(AccessType::Mount(mount)),
    })
}

fn publish_in(on_node: &OnNode, mode: Mode, target: &str) -> NodePublishVolumeRequest {
    NodePublishVolumeRequest {
        target_path: target.to_owned(),
        volume_capability: in_mode(mode),
        ..on_node.publish_request(&pod("airflow", "any", "u1"))
    }
}

#[tokio::test]
async fn a_second_target_follows_the_table_of_the_spec() {
    for (mode, second) in [
        (Mode::SingleNodeSingleWriter, Some(Code::FailedPrecondition)),
        (Mode::SingleNodeWriter, Some(Code::FailedPrecondition)),
        (Mode::SingleNodeMultiWriter, None),
    ] {
        let world = World::start().await;
        let on_node = on_node(&world).await;
        on_node.stage().await.unwrap();
        let mut client = on_node.client.clone();
        for _ in 0..2 {
            client.node_publish_volume(publish_in(&on_node, mode, "/target")).await.unwrap();
        }
        let other = NodePublishVolumeRequest { readonly: true, ..publish_in(&on_node, mode, "/target") };
        refused(client.node_publish_volume(other).await, Code::AlreadyExists);
        for readonly in [false, true] {
            let other = NodePublishVolumeRequest { readonly, ..publish_in(&on_node, mode, "/other") };
            let answer = client.node_publish_volume(other).await;
            match second {
                Some(code) => assert!(refused(answer, code).contains("published at /target already"), "{mode:?}"),
                None => {
                    answer.unwrap();
                    break;
                }
            }
        }
    }
}

/// Two pods of one claim on one node, whichever comes first: one attachment, one stage, two targets.
#[tokio::test]
async fn a_reading_pod_stands_beside_a_writing_one_from_attach_to_detach() {
    for [first, second] in [[false, true], [true, false]] {
        let world = World::start().await;
        let on_node = on_node(&world).await;
        let pods = [("/target", first), ("/other", second)];
        let start = async |target: &str, readonly: bool| {
            let request = publish_in(&on_node, Mode::SingleNodeMultiWriter, target);
            on_node.client.clone().node_publish_volume(NodePublishVolumeRequest { readonly, ..request }).await
        };
        for (target, readonly) in pods {
            let attach = ControllerPublishVolumeRequest {
                volume_capability: in_mode(Mode::SingleNodeMultiWriter),
                ..publish(&on_node.volume, "node-1")
            };
            assert_eq!(world.controller.publish(attach).await.unwrap(), on_node.context);
            on_node.stage().await.unwrap();
            start(target, readonly).await.unwrap();
        }
        for (target, readonly) in pods {
            start(target, readonly).await.unwrap();
            refused(start(target, !readonly).await, Code::AlreadyExists);
        }
        on_node.unpublish().await.unwrap();
        assert!(!on_node.is_published().await);
        refused(start("/other", first).await, Code::AlreadyExists);
        let target_path = "/other".to_owned();
        let end = NodeUnpublishVolumeRequest { volume_id: on_node.volume.clone(), target_path };
        on_node.client.clone().node_unpublish_volume(end).await.unwrap();
        on_node.unstage().await.unwrap();
        world.controller.unpublish(&on_node.volume, "node-1").await.unwrap();
    }
}

#[tokio::test]
async fn a_blank_volume_is_not_formatted_for_a_reader() {
    let world = World::start().await;
    let on_node = on_node(&world).await;
    for mode in [Mode::SingleNodeReaderOnly, Mode::MultiNodeReaderOnly] {
        let request = NodeStageVolumeRequest { volume_capability: in_mode(mode), ..on_node.stage_request() };
        let message = refused(on_node.client.clone().node_stage_volume(request).await, Code::FailedPrecondition);
        assert!(message.contains("read-only and was never written"), "{message}");
    }
    on_node.stage().await.unwrap();
    on_node.unstage().await.unwrap();
    let reading =
        NodeStageVolumeRequest { volume_capability: in_mode(Mode::MultiNodeReaderOnly), ..on_node.stage_request() };
    on_node.client.clone().node_stage_volume(reading).await.unwrap();
    for target in ["/target", "/other"] {
        let request = publish_in(&on_node, Mode::MultiNodeReaderOnly, target);
        on_node.client.clone().node_publish_volume(request).await.unwrap();
    }
}

#[tokio::test]
async fn a_volume_context_that_was_tampered_with_is_refused_by_the_list_that_the_class_was() {
    let world = World::start().await;
    let on_node = on_node(&world).await;
    for (key, value, named) in [
        ("linflow.csi/fs-opts", "-O ^has_journal", "-O ^has_journal"),
        ("linflow.csi/fs-opts", "-E offset=1g", "-E offset=1g"),
        ("linflow.csi/mount-opts", "noatime,nobarrier", "nobarrier"),
        ("linflow.csi/mount-opts", "rootcontext=a:b", "rootcontext=a:b"),
        ("linflow.csi/post-mount-xfs-opts", "shutdown", "shutdown"),
    ] {
        let request = NodeStageVolumeRequest { volume_context: map(&[(key, value)]), ..on_node.stage_request() };
        let message = refused(on_node.client.clone().node_stage_volume(request).await, Code::InvalidArgument);
        assert!(message.contains(named), "{message}");
    }
    let fine = map(&[("linflow.csi/fs-opts", "-b 4096"), ("linflow.csi/mount-opts", "commit=9")]);
    let request = NodeStageVolumeRequest { volume_context: fine, ..on_node.stage_request() };
    on_node.client.clone().node_stage_volume(request).await.unwrap();
}

#[tokio::test]
async fn a_pods_group_is_a_number() {
    let world = World::start().await;
    let on_node = on_node(&world).await;
    on_node.stage().await.unwrap();
    let grouped = |group: &str| {
        let mut request = publish_in(&on_node, Mode::SingleNodeWriter, "/target");
        let capability = request.volume_capability.as_mut().unwrap();
        let mount = MountVolume { volume_mount_group: group.to_owned(), ..MountVolume::default() };
        capability.access_type = Some(AccessType::Mount(mount));
        request
    };
    for bad in ["staff", "-1", "4294967295"] {
        let message = refused(on_node.client.clone().node_publish_volume(grouped(bad)).await, Code::InvalidArgument);
        assert!(message.contains(bad) && message.contains("volume_mount_group"), "{message}");
    }
    on_node.client.clone().node_publish_volume(grouped("1000")).await.unwrap();
}

#[tokio::test]
async fn peer_weakness_22_the_node_stages_and_takes_a_pods_group_and_all_that_it_can_is_advertised() {
    let world = World::start().await;
    let on_node = on_node(&world).await;
    let told = on_node.client.clone().node_get_capabilities(NodeGetCapabilitiesRequest {}).await.unwrap().into_inner();
    let mut told: Vec<_> = told
        .capabilities
        .iter()
        .filter_map(|capability| match capability.r#type.as_ref()? {
            Type::Rpc(kind) => Some(kind.r#type().as_str_name()),
        })
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            rpc::Type::ExpandVolume.as_str_name(),
            rpc::Type::GetStorageHealth.as_str_name(),
            rpc::Type::GetVolumeHealth.as_str_name(),
            rpc::Type::GetVolumeStats.as_str_name(),
            rpc::Type::SingleNodeMultiWriter.as_str_name(),
            rpc::Type::StageUnstageVolume.as_str_name(),
            rpc::Type::VolumeMountGroup.as_str_name(),
        ]
    );
}
