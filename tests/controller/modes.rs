//! Access modes: many readers or one writer, never both; and what a second attach to the same node may differ in.

use axum::http::Method;
use linflow::csi::proto::{
    ControllerPublishVolumeRequest,
    volume_capability::{AccessType, BlockVolume, MountVolume, access_mode::Mode},
};
use linflow::sandbox::faults::{Matcher, Moment};
use serde_json::json;
use tonic::Code;

use crate::support::{NODES, World, create, csi::block, csi::capability, node::OnNode, publish, refused, soon};

const READER: Mode = Mode::MultiNodeReaderOnly;
const WRITERS: [Mode; 3] = [Mode::SingleNodeWriter, Mode::SingleNodeSingleWriter, Mode::SingleNodeMultiWriter];

fn attach(volume: &str, node: &str, mode: Mode) -> ControllerPublishVolumeRequest {
    let capability = capability(mode, AccessType::Block(BlockVolume {}));
    ControllerPublishVolumeRequest { volume_capability: Some(capability), ..publish(volume, node) }
}

/// A raw volume: what is read and written is the pod's own business.
async fn raw(world: &World) -> String {
    world.controller.create(create("data").capability(block())).await.unwrap().volume_id
}

async fn attached_to(world: &World, volume: &str) -> Vec<String> {
    world.controller.get(volume).await.unwrap().status.unwrap().published_node_ids
}

#[tokio::test]
async fn readers_have_a_volume_on_every_node_at_once() {
    let world = World::start().await;
    let volume = raw(&world).await;
    for node in NODES {
        let context = world.controller.publish(attach(&volume, node, READER)).await.unwrap();
        assert_eq!(context["linflow.csi/read-only"], "true");
        assert_eq!(world.controller.publish(attach(&volume, node, READER)).await.unwrap(), context);
    }
    assert_eq!(attached_to(&world, &volume).await, NODES);
    let record = &world.records(&volume).await["node-2"];
    assert_eq!(record["mode"], json!("MULTI_NODE_READER_ONLY"));
    assert_eq!((&record["read_only"], &record["access"]), (&json!(true), &json!("block")));
    world.controller.unpublish(&volume, "node-2").await.unwrap();
    assert_eq!(attached_to(&world, &volume).await, ["node-1", "node-3"]);
    world.controller.unpublish(&volume, "").await.unwrap();
    world.controller.publish(attach(&volume, "node-2", Mode::SingleNodeWriter)).await.unwrap();
}

#[tokio::test]
async fn a_reader_and_a_writer_never_meet_and_the_refusal_names_node_and_mode() {
    let world = World::start().await;
    let volume = raw(&world).await;
    let others = WRITERS.into_iter().chain([Mode::SingleNodeReaderOnly]);
    for mode in others {
        for (first, second) in [(mode, READER), (READER, mode), (mode, mode)] {
            world.controller.publish(attach(&volume, "node-1", first)).await.unwrap();
            let answer = world.controller.publish(attach(&volume, "node-2", second)).await;
            let message = refused(answer, Code::FailedPrecondition);
            assert!(message.contains("node-1") && message.contains(first.as_str_name()), "{message}");
            assert_eq!(attached_to(&world, &volume).await, ["node-1"]);
            world.controller.unpublish(&volume, "node-1").await.unwrap();
        }
    }
}

#[tokio::test]
async fn one_more_reader_is_no_trouble_where_another_readers_node_is_dead() {
    let world = World::start().await;
    let volume = raw(&world).await;
    world.controller.publish(attach(&volume, "node-1", READER)).await.unwrap();
    world.crash("node-1");
    world.controller.publish(attach(&volume, "node-2", READER)).await.unwrap();
    world.controller.publish(attach(&volume, "node-2", READER)).await.unwrap();
    assert_eq!(attached_to(&world, &volume).await, ["node-1", "node-2"], "the dead node's record stands");
}

/// A node that is only cut off goes on reading: what it has may change only once it is proven that it can't.
#[tokio::test]
async fn a_writer_takes_over_from_a_dead_reader_by_the_proof_that_a_dead_writer_takes() {
    for (count, is_proven) in [("2", true), ("1", false)] {
        let world = World::start().await;
        let wanted = create("data").capability(block()).parameter("placementCount", count).on("node-1");
        let volume = world.controller.create(wanted).await.unwrap().volume_id;
        world.controller.publish(attach(&volume, "node-1", READER)).await.unwrap();
        world.crash("node-1");
        let target = world.resources(&volume).await.into_iter().find(|one| one.node_name != "node-1");
        let target = target.map_or("node-2".to_owned(), |one| one.node_name);
        let answer = world.controller.publish(attach(&volume, &target, Mode::SingleNodeWriter)).await;
        if is_proven {
            answer.unwrap();
            assert_eq!(attached_to(&world, &volume).await, [target]);
        } else {
            assert!(refused(answer, Code::FailedPrecondition).contains("node-1"));
            assert_eq!(attached_to(&world, &volume).await, ["node-1"]);
        }
    }
}

#[tokio::test]
async fn without_drbd_a_reader_has_the_volume_where_its_replica_is() {
    let world = World::start().await;
    let local = create("data").storage_alone().on("node-1").capability(block());
    let volume = world.controller.create(local).await.unwrap().volume_id;
    world.controller.publish(attach(&volume, "node-1", READER)).await.unwrap();
    let answer = world.controller.publish(attach(&volume, "node-2", READER)).await;
    assert!(refused(answer, Code::FailedPrecondition).contains("no DRBD"));
    assert_eq!(attached_to(&world, &volume).await, ["node-1"]);
}

#[tokio::test]
async fn the_same_node_in_another_way_already_exists_and_the_record_stays() {
    let world = World::start().await;
    let volume = raw(&world).await;
    world.controller.publish(attach(&volume, "node-1", Mode::SingleNodeWriter)).await.unwrap();
    let before = world.records(&volume).await;
    let read_only =
        ControllerPublishVolumeRequest { readonly: true, ..attach(&volume, "node-1", Mode::SingleNodeWriter) };
    let otherwise = [
        ("readonly flag", read_only),
        ("access type", publish(&volume, "node-1")),
        ("access mode", attach(&volume, "node-1", READER)),
        ("access mode", attach(&volume, "node-1", Mode::SingleNodeReaderOnly)),
        ("access mode", attach(&volume, "node-1", Mode::SingleNodeSingleWriter)),
    ];
    for (what, other) in otherwise {
        let message = refused(world.controller.publish(other).await, Code::AlreadyExists);
        assert!(message.contains(what), "{message}");
    }
    // An attacher that learns of the finer modes has another word for the same from then on.
    world.controller.publish(attach(&volume, "node-1", Mode::SingleNodeMultiWriter)).await.unwrap();
    assert_eq!(world.records(&volume).await, before);
}

#[tokio::test]
async fn a_read_only_attach_is_recorded_and_told_to_the_node() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let asked = ControllerPublishVolumeRequest { readonly: true, ..publish(&volume, "node-1") };
    let context = world.controller.publish(asked.clone()).await.unwrap();
    assert_eq!(context["linflow.csi/read-only"], "true");
    assert_eq!(world.controller.publish(asked).await.unwrap(), context);
    let record = &world.records(&volume).await["node-1"];
    assert_eq!((&record["read_only"], &record["access"]), (&json!(true), &json!("mount")));
    assert!(
        refused(world.controller.publish(publish(&volume, "node-1")).await, Code::AlreadyExists).contains("readonly")
    );
    // One node at a time, as the mode says.
    let elsewhere = ControllerPublishVolumeRequest { readonly: true, ..publish(&volume, "node-2") };
    refused(world.controller.publish(elsewhere).await, Code::FailedPrecondition);
}

/// From attach to stage: the node writes nothing to what is attached read-only, not even a filesystem.
#[tokio::test]
async fn what_is_attached_read_only_is_staged_read_only() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let read_only = ControllerPublishVolumeRequest { readonly: true, ..publish(&volume, "node-1") };
    let mut on_node = OnNode::attach(&world, &volume, "node-1", None).await;
    world.controller.unpublish(&volume, "node-1").await.unwrap();
    let writing = std::mem::replace(&mut on_node.context, world.controller.publish(read_only.clone()).await.unwrap());
    assert!(refused(on_node.stage().await, Code::FailedPrecondition).contains("read-only"));
    assert!(!world.store(&volume).await.unwrap().keys().any(|key| key.ends_with("/formatted")));
    world.controller.unpublish(&volume, "node-1").await.unwrap();
    // A writer makes the filesystem, and a reader finds it.
    world.controller.publish(publish(&volume, "node-1")).await.unwrap();
    let reading = std::mem::replace(&mut on_node.context, writing);
    on_node.stage().await.unwrap();
    on_node.unstage().await.unwrap();
    world.controller.unpublish(&volume, "node-1").await.unwrap();
    assert_eq!(world.controller.publish(read_only).await.unwrap(), reading);
    on_node.context = reading;
    on_node.stage().await.unwrap();
}

#[tokio::test]
async fn a_raw_volume_is_not_attached_for_a_mount_nor_the_reverse() {
    let world = World::start().await;
    let volume = raw(&world).await;
    let files = world.controller.created("files").await;
    for wrong in [publish(&volume, "node-1"), attach(&files, "node-1", Mode::SingleNodeWriter)] {
        let message = refused(world.controller.publish(wrong).await, Code::FailedPrecondition);
        assert!(message.contains("raw block") && message.contains("filesystem"), "{message}");
    }
    assert!(world.records(&volume).await.is_empty() && world.records(&files).await.is_empty());
}

/// Nobody could ever make its filesystem. Whoever writes first may be another attachment.
#[tokio::test]
async fn a_blank_filesystem_that_only_readers_may_have_is_not_made() {
    let world = World::start().await;
    let mounted = |mode| capability(mode, AccessType::Mount(MountVolume::default()));
    let (reader, one_reader) = (mounted(READER), mounted(Mode::SingleNodeReaderOnly));
    for only in [vec![reader.clone()], vec![reader.clone(), one_reader]] {
        let mut wanted = create("blank");
        wanted.0.volume_capabilities = only;
        let message = refused(world.controller.create(wanted).await, Code::InvalidArgument);
        assert!(message.contains("blank") && message.contains("ReadWriteOnce"), "{message}");
        assert!(world.definition("blank").await.is_none());
    }
    let mut wanted = create("shared");
    wanted.0.volume_capabilities = vec![mounted(Mode::SingleNodeWriter), reader];
    world.controller.create(wanted).await.unwrap();
    let device = capability(READER, AccessType::Block(BlockVolume {}));
    world.controller.create(create("device").capability(device)).await.unwrap();
}

/// A blank one would be formatted as what the caller says, and its records say something else.
#[tokio::test]
async fn a_volume_is_attached_with_no_other_filesystem_than_it_was_made_for() {
    let world = World::start().await;
    let files = world.controller.created("files").await;
    let named = |fs_type: &str| ControllerPublishVolumeRequest {
        volume_capability: Some(crate::support::csi::mount(fs_type)),
        ..publish(&files, "node-1")
    };
    let message = refused(world.controller.publish(named("xfs")).await, Code::FailedPrecondition);
    assert!(message.contains("ext4") && message.contains("xfs"), "{message}");
    assert!(world.records(&files).await.is_empty());
    world.controller.publish(named("")).await.unwrap();
}

#[tokio::test]
async fn a_node_is_the_same_in_any_case() {
    let world = World::start().await;
    let volume = raw(&world).await;
    for node in ["node-1", "NODE-1", "Node-1"] {
        world.controller.publish(attach(&volume, node, Mode::SingleNodeWriter)).await.unwrap();
    }
    assert_eq!(attached_to(&world, &volume).await, ["node-1"]);
    world.controller.unpublish(&volume, "NODE-1").await.unwrap();
    assert!(attached_to(&world, &volume).await.is_empty());
}

/// A detach that waits for its node is cancelled by an attach there in the same way; before one in another way, what
/// was there has to be closed.
#[tokio::test]
async fn an_attach_in_another_way_where_a_detach_is_pending_waits_for_the_device_to_be_closed() {
    let world = World::start().await;
    let volume = raw(&world).await;
    world.controller.publish(attach(&volume, "node-1", Mode::SingleNodeWriter)).await.unwrap();
    world.set_open(&volume, "node-1", true);
    world.crash("node-1");
    world.controller.unpublish(&volume, "node-1").await.unwrap();
    world.restore("node-1");
    world.set_open(&volume, "node-1", true);
    let answer = world.controller.publish(attach(&volume, "node-1", READER)).await;
    assert!(refused(answer, Code::FailedPrecondition).contains("in use"));
    world.set_open(&volume, "node-1", false);
    world.controller.publish(attach(&volume, "node-1", READER)).await.unwrap();
    let record = &world.records(&volume).await["node-1"];
    assert_eq!((&record["mode"], record.get("detaching")), (&json!("MULTI_NODE_READER_ONLY"), None));
}

/// The first controller has read that nobody has the volume; the second attaches before the first writes its record.
async fn race(slow: Mode, fast: Mode) -> (Result<(), tonic::Status>, usize) {
    let world = World::start().await;
    let other = world.another_controller().await;
    let volume = raw(&world).await;
    let records = Matcher::contains("/key-value-store/").method(&Method::PUT).times(1);
    let gate = world.sandbox.faults().gate(records, Moment::Before);
    let (slow, fast) = tokio::join!(world.controller.publish(attach(&volume, "node-1", slow)), async {
        soon("the record", gate.arrived()).await;
        let fast = other.publish(attach(&volume, "node-2", fast)).await;
        gate.release();
        fast
    });
    fast.unwrap();
    (slow.map(drop), world.records(&volume).await.len())
}

#[tokio::test]
async fn two_controllers_that_attach_readers_at_once_both_succeed() {
    let (slow, records) = race(READER, READER).await;
    slow.unwrap();
    assert_eq!(records, 2);
}

#[tokio::test]
async fn two_controllers_that_attach_a_reader_and_a_writer_at_once_never_both_succeed() {
    for (slow, fast) in [(READER, Mode::SingleNodeWriter), (Mode::SingleNodeMultiWriter, READER)] {
        let (slow, records) = race(slow, fast).await;
        assert!(refused(slow, Code::Aborted).contains("node-2"));
        assert_eq!(records, 1);
    }
}
