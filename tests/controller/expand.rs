//! A volume grows, is never shrunk, and a growth is said only when it is there.

use linflow::{
    csi::proto::{CapacityRange, ControllerExpandVolumeRequest},
    sandbox::faults::{Action, Matcher},
};
use tonic::Code;

use crate::support::{POOL_KIB, World, create, csi::block, publish, refused};

const MIB: i64 = 1 << 20;

async fn size_kib(world: &World, volume: &str) -> u64 {
    world.definition(volume).await.unwrap().size_kib().unwrap()
}

#[tokio::test]
async fn a_volume_grows_with_and_without_drbd_attached_or_not() {
    let world = World::start().await;
    for (name, wanted) in [("drbd", create("drbd")), ("local", create("local").storage_alone().on("node-1"))] {
        let volume = world.controller.create(wanted.mib(8)).await.unwrap().volume_id;
        for (mib, attached) in [(16, false), (32, true)] {
            if attached {
                world.controller.publish(publish(&volume, "node-1")).await.unwrap();
            }
            let grown = world.controller.expand(&volume, mib * MIB - 5, 0).await.unwrap();
            assert_eq!((grown.capacity_bytes, grown.node_expansion_required), (mib * MIB, true), "{name}");
            assert_eq!(size_kib(&world, &volume).await, mib.unsigned_abs() << 10, "{name}");
            let again = world.controller.expand(&volume, mib * MIB - 5, 0).await.unwrap();
            assert_eq!(again, grown, "{name}");
        }
    }
}

/// LINSTOR shrinks a volume without DRBD in silence, even a mounted one.
#[tokio::test]
async fn a_smaller_request_answers_the_size_that_is_there_and_never_shrinks() {
    let world = World::start().await;
    let volume = world.controller.create(create("data").storage_alone().mib(8)).await.unwrap().volume_id;
    for (required, limit) in [(4 * MIB, 0), (8 * MIB, 8 * MIB), (0, 16 * MIB), (1, 0)] {
        let (answer, requests) = world.count(world.controller.expand(&volume, required, limit)).await;
        assert_eq!(answer.unwrap().capacity_bytes, 8 * MIB);
        assert!(requests.iter().all(|request| request.method == "GET"), "{requests:?}");
    }
    assert_eq!(size_kib(&world, &volume).await, 8 << 10);
}

#[tokio::test]
async fn the_limit_is_kept_and_a_range_without_a_size_is_refused() {
    let world = World::start().await;
    let volume = world.controller.create(create("data").mib(8)).await.unwrap().volume_id;
    for (required, limit, code) in [
        (4 * MIB, 6 * MIB, Code::OutOfRange),
        (0, 6 * MIB, Code::OutOfRange),
        (8 * MIB + 1, 8 * MIB + 2, Code::OutOfRange),
        (16 * MIB, 12 * MIB, Code::OutOfRange),
        (i64::MAX, 0, Code::OutOfRange),
        (0, 0, Code::InvalidArgument),
        (-1, 0, Code::InvalidArgument),
    ] {
        refused(world.controller.expand(&volume, required, limit).await, code);
    }
    assert_eq!(size_kib(&world, &volume).await, 8 << 10);
    refused(world.controller.expand("pvc-none", 16 * MIB, 0).await, Code::NotFound);
    let no_range = ControllerExpandVolumeRequest { volume_id: volume, ..ControllerExpandVolumeRequest::default() };
    refused(world.controller.client.clone().controller_expand_volume(no_range).await, Code::InvalidArgument);
}

/// The rounding to KiB stays within the limit, and a raw block volume has nothing for the node to do.
#[tokio::test]
async fn a_raw_block_volume_needs_no_work_on_the_node() {
    let world = World::start().await;
    let volume = world.controller.create(create("raw").capability(block()).mib(8)).await.unwrap().volume_id;
    let request = ControllerExpandVolumeRequest {
        volume_id: volume,
        capacity_range: Some(CapacityRange { required_bytes: 16 * MIB, limit_bytes: 16 * MIB }),
        volume_capability: Some(block()),
        ..ControllerExpandVolumeRequest::default()
    };
    let grown = world.controller.client.clone().controller_expand_volume(request).await.unwrap().into_inner();
    assert_eq!((grown.capacity_bytes, grown.node_expansion_required), (16 * MIB, false));
}

/// LINSTOR itself answers 200 to it: recordings/linstor-drbd/d08.
#[tokio::test]
async fn a_growth_that_the_pools_of_the_replicas_can_not_hold_is_out_of_range_and_not_begun() {
    let world = World::start().await;
    let pool = i64::try_from(POOL_KIB).unwrap() << 10;
    for wanted in [create("drbd"), create("local").storage_alone()] {
        let volume = world.controller.create(wanted.mib(8)).await.unwrap().volume_id;
        let message = refused(world.controller.expand(&volume, 40 * pool, 0).await, Code::OutOfRange);
        assert!(message.contains("ask for less") && message.contains("pool1"), "{message}");
        assert_eq!(size_kib(&world, &volume).await, 8 << 10);
        assert_eq!(world.controller.expand(&volume, 16 * MIB, 0).await.unwrap().capacity_bytes, 16 * MIB);
    }
}

#[tokio::test]
async fn a_growth_while_a_replica_is_away_is_unavailable_and_done_when_it_is_back() {
    let world = World::start().await;
    for (name, wanted) in [("drbd", create("drbd")), ("local", create("local").storage_alone())] {
        let volume = world.controller.create(wanted.mib(8)).await.unwrap().volume_id;
        let node = world.replicas(&volume).await.remove(0);
        world.crash(&node);
        let message = refused(world.controller.expand(&volume, 16 * MIB, 0).await, Code::Unavailable);
        assert!(message.contains(&node), "{name}: {message}");
        assert_eq!(size_kib(&world, &volume).await, 8 << 10, "{name}");
        // What is large enough stays so.
        assert_eq!(world.controller.expand(&volume, 8 * MIB, 0).await.unwrap().capacity_bytes, 8 * MIB);
        world.restore(&node);
        crate::support::eventually("a growth", async || world.controller.expand(&volume, 16 * MIB, 0).await.ok()).await;
        assert_eq!(size_kib(&world, &volume).await, 16 << 10, "{name}");
    }
}

/// FAIL_NOT_ALL_UP_TO_DATE, where a replica fell behind after it was looked at.
#[tokio::test]
async fn a_growth_that_drbd_refuses_is_unavailable() {
    let world = World::start().await;
    let volume = world.controller.create(create("data").mib(8)).await.unwrap().volume_id;
    let ret_code = (-0x4000_0000_0000_0000_i64) | 974;
    let refusal = Action::Refuse { status: 500, ret_code, message: "non-UpToDate DRBD device".to_owned() };
    let path = format!("/v1/resource-definitions/{volume}/volume-definitions");
    world.sandbox.faults().inject(Matcher::prefix(&path).times(1), refusal);
    refused(world.controller.expand(&volume, 16 * MIB, 0).await, Code::Unavailable);
    assert_eq!(world.controller.expand(&volume, 16 * MIB, 0).await.unwrap().capacity_bytes, 16 * MIB);
}

#[tokio::test]
async fn what_is_not_ours_is_not_grown() {
    let world = World::start().await;
    let body = serde_json::json!({ "resource_definition_name": "theirs", "volume_sizes": [8192] });
    world.change("POST", "/v1/resource-groups/DfltRscGrp/spawn", &body).await;
    let message = refused(world.controller.expand("theirs", 16 * MIB, 0).await, Code::FailedPrecondition);
    assert!(message.contains("not made by linflow"), "{message}");
    assert_eq!(size_kib(&world, "theirs").await, 8192);
}

/// The context of an attach from before the growth names the old size, which the device then exceeds.
#[tokio::test]
async fn a_volume_that_grew_after_its_attach_is_staged_and_expanded_on_the_node() {
    use crate::support::node::OnNode;
    use linflow::node::scripted::ScriptedHost;
    let world = World::start().await;
    let volume = world.controller.create(create("data").mib(64)).await.unwrap().volume_id;
    let context = world.controller.publish(publish(&volume, "node-1")).await.unwrap();
    world.controller.expand(&volume, 128 * MIB, 0).await.unwrap();
    let mut on_node = OnNode::attach_to(&world, &volume, "node-1", None, ScriptedHost::new()).await;
    assert_eq!(on_node.context["linflow.csi/bytes"], (128 * MIB).to_string());
    on_node.context = context;
    on_node.stage().await.unwrap();
    let (expanded, requests) = world.count(on_node.expand(128 * MIB)).await;
    assert_eq!(expanded.unwrap(), 128 * MIB);
    assert_eq!(requests, []);
}
