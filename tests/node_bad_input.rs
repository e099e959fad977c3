//! Bad input at the Node service gets the right code and a message that says what to do, and changes nothing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use linflow::{
    csi::proto::{
        NodeGetInfoRequest, NodeUnpublishVolumeRequest, NodeUnstageVolumeRequest,
        volume_capability::{AccessType, MountVolume, access_mode::Mode},
    },
    node::{host::PathKind, scripted::ScriptedHost},
};
use support::{
    World, create,
    csi::{block, capability, map, mount},
    node::{OnNode, pod},
    refused,
};
use tonic::Code;

const BAD_PATHS: [&str; 5] = ["relative/path", "/a/../b", "/nul\0", "/", ".."];

async fn on_node(world: &World, host: ScriptedHost) -> OnNode {
    let volume = world.controller.create(create("data").mib(64)).await.unwrap().volume_id;
    OnNode::attach_to(world, &volume, "node-1", None, host).await
}

#[tokio::test]
async fn paths_that_are_not_absolute_or_lead_elsewhere_are_refused() {
    let world = World::start().await;
    let on_node = on_node(&world, ScriptedHost::new()).await;
    let pod = pod("airflow", "any", "u1");
    let mut client = on_node.client.clone();
    for bad in BAD_PATHS {
        let mut stage = on_node.stage_request();
        stage.staging_target_path = bad.to_owned();
        refused(client.node_stage_volume(stage).await, Code::InvalidArgument);
        let mut publish = on_node.publish_request(&pod);
        publish.target_path = bad.to_owned();
        let message = refused(client.node_publish_volume(publish).await, Code::InvalidArgument);
        assert!(message.contains("target_path") && message.contains("absolute path"), "{message}");
        let (volume_id, path) = (on_node.volume.clone(), bad.to_owned());
        let unpublish = NodeUnpublishVolumeRequest { volume_id: volume_id.clone(), target_path: path.clone() };
        refused(client.node_unpublish_volume(unpublish).await, Code::InvalidArgument);
        let unstage = NodeUnstageVolumeRequest { volume_id, staging_target_path: path };
        refused(client.node_unstage_volume(unstage).await, Code::InvalidArgument);
    }
}

#[tokio::test]
async fn ids_that_no_volume_can_have_are_refused() {
    let world = World::start().await;
    let on_node = on_node(&world, ScriptedHost::new()).await;
    let mut client = on_node.client.clone();
    for bad in ["", "..", "a/b", "a\0b"] {
        let mut stage = on_node.stage_request();
        stage.volume_id = bad.to_owned();
        refused(client.node_stage_volume(stage).await, Code::InvalidArgument);
        let mut publish = on_node.publish_request(&map(&[]));
        publish.volume_id = bad.to_owned();
        refused(client.node_publish_volume(publish).await, Code::InvalidArgument);
    }
}

#[tokio::test]
async fn a_target_that_is_a_symlink_or_a_file_is_refused_and_left_alone() {
    for (kind, name) in [(PathKind::Symlink, "symbolic link"), (PathKind::File(7), "directory")] {
        let world = World::start().await;
        let host = ScriptedHost::new();
        host.add_path("/target", kind);
        let on_node = on_node(&world, host).await;
        on_node.stage().await.unwrap();
        let message = refused(on_node.publish(&pod("airflow", "any", "u1")).await, Code::InvalidArgument);
        assert!(message.contains("/target") && message.contains(name), "{message}");
        refused(on_node.unpublish().await, Code::InvalidArgument);
        assert!(!on_node.is_published().await);
    }
}

#[tokio::test]
async fn an_unsupported_mode_filesystem_or_flag_is_refused() {
    let world = World::start().await;
    let on_node = on_node(&world, ScriptedHost::new()).await;
    let flagged = |flag: &str| {
        let mount = MountVolume { mount_flags: vec![flag.to_owned()], ..MountVolume::default() };
        capability(Mode::SingleNodeWriter, AccessType::Mount(mount))
    };
    let shared = capability(Mode::MultiNodeMultiWriter, AccessType::Mount(MountVolume::default()));
    for bad in [Some(mount("zfs")), Some(shared), Some(flagged("dev=/etc\0")), None] {
        let mut stage = on_node.stage_request();
        stage.volume_capability = bad;
        refused(on_node.client.clone().node_stage_volume(stage).await, Code::InvalidArgument);
    }
}

#[tokio::test]
async fn a_publish_before_the_stage_is_a_failed_precondition() {
    let world = World::start().await;
    let on_node = on_node(&world, ScriptedHost::new()).await;
    let pod = pod("airflow", "any", "u1");
    refused(on_node.publish(&pod).await, Code::FailedPrecondition);
    let mut publish = on_node.publish_request(&pod);
    publish.staging_target_path.clear();
    let message = refused(on_node.client.clone().node_publish_volume(publish).await, Code::FailedPrecondition);
    assert!(message.contains("NodeStageVolume"), "{message}");
}

/// A pod that writes to the device under a mounted filesystem destroys it.
#[tokio::test]
async fn a_volume_that_is_mounted_is_not_published_as_a_raw_device() {
    let world = World::start().await;
    let on_node = on_node(&world, ScriptedHost::new()).await;
    on_node.stage().await.unwrap();
    let mut publish = on_node.publish_request(&pod("airflow", "any", "u1"));
    publish.volume_capability = Some(block());
    let message = refused(on_node.client.clone().node_publish_volume(publish).await, Code::FailedPrecondition);
    assert!(message.contains("made for a filesystem"), "{message}");
    assert!(!on_node.is_published().await);
}

/// What a pod wrote to it raw would be taken for a foreign device and formatted at the next stage.
#[tokio::test]
async fn a_volume_made_for_a_filesystem_is_not_staged_as_a_raw_device() {
    let world = World::start().await;
    let on_node = on_node(&world, ScriptedHost::new()).await;
    let mut stage = on_node.stage_request();
    stage.volume_capability = Some(block());
    refused(on_node.client.clone().node_stage_volume(stage).await, Code::FailedPrecondition);
}

#[tokio::test]
async fn a_publish_context_that_is_not_ours_is_refused() {
    let world = World::start().await;
    let on_node = on_node(&world, ScriptedHost::new()).await;
    for key in ["device", "drbd", "bytes", "incarnation"] {
        for value in [None, Some("\0")] {
            let mut stage = on_node.stage_request();
            let key = format!("linflow.csi/{key}");
            stage.publish_context.remove(&key);
            stage.publish_context.extend(value.map(|value| (key.clone(), value.to_owned())));
            if value.is_none() || !key.ends_with("device") {
                let message = refused(on_node.client.clone().node_stage_volume(stage).await, Code::InvalidArgument);
                assert!(message.contains(&key), "{message}");
            }
        }
    }
}

#[tokio::test]
async fn a_node_says_its_name_and_topology() {
    let world = World::start().await;
    let on_node = on_node(&world, ScriptedHost::new()).await;
    let info = on_node.client.clone().node_get_info(NodeGetInfoRequest {}).await.unwrap().into_inner();
    assert_eq!(info.node_id, "node-1");
    let segments = [("linflow.csi/hostname", "node-1"), ("linflow.csi/pool-pool1", "true")];
    assert_eq!(info.accessible_topology.unwrap().segments, map(&segments));
}
