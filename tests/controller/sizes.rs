//! How large a volume is made, and what is refused.

use tonic::Code;

use crate::support::{POOL_KIB, World, create, csi::block, csi::mount, refused};

const MIB: i64 = 1 << 20;

#[tokio::test]
async fn the_capacity_is_the_volume_definitions_size() {
    let world = World::start().await;
    for (name, required, limit, expected) in [
        ("exact", 5 * MIB, 5 * MIB, 5 * MIB),
        ("rounded", 5 * MIB + 1, 0, 5 * MIB + 1024),
        ("limit-only", 0, 8 * MIB, 8 * MIB),
        ("below-default", 0, 2 << 30, 1 << 30),
    ] {
        let volume = world.controller.create(create(name).bytes(required, limit)).await.unwrap();
        let definition = world.definition(&volume.volume_id).await.unwrap();
        assert_eq!(volume.capacity_bytes, expected, "{name}");
        assert_eq!(definition.size_kib(), Some(expected.unsigned_abs() / 1024), "{name}");
    }
    let mut unsized_request = create("unsized");
    unsized_request.0.capacity_range = None;
    assert_eq!(world.controller.create(unsized_request).await.unwrap().capacity_bytes, 1 << 30);
}

#[tokio::test]
async fn a_size_that_no_volume_can_have_is_refused_and_nothing_is_made() {
    let world = World::start().await;
    for (required, limit, code) in [
        (0, 0, Code::InvalidArgument),
        (-1, 0, Code::InvalidArgument),
        (MIB, -1, Code::InvalidArgument),
        (i64::MIN, i64::MIN, Code::InvalidArgument),
        (2 * MIB, MIB, Code::OutOfRange),
        (5 * MIB + 1, 5 * MIB + 2, Code::OutOfRange),
        (1, 1, Code::OutOfRange),
        (i64::MAX, 0, Code::OutOfRange),
    ] {
        let message = refused(world.controller.create(create("data").bytes(required, limit)).await, code);
        assert!(message.len() > 20, "{message}");
    }
    assert!(world.definition("data").await.is_none());
}

#[tokio::test]
async fn beyond_the_pool_is_resource_exhausted_and_nothing_is_left() {
    let world = World::start().await;
    let pool = i64::try_from(POOL_KIB).unwrap() << 10;
    for required in [40 * pool, 1 << 49] {
        for wanted in [create("data"), create("data").storage_alone(), create("data").on("node-1")] {
            let message = refused(world.controller.create(wanted.bytes(required, 0)).await, Code::ResourceExhausted);
            assert!(message.contains("free space, or ask for less"), "{message}");
            assert!(message.contains(&format!("over all nodes at most {} KiB", 20 * POOL_KIB)), "{message}");
            assert!(world.definition("data").await.is_none() && world.resources("data").await.is_empty());
            assert!(world.store("data").await.is_none());
        }
    }
    world.controller.create(create("data")).await.unwrap();
}

#[tokio::test]
async fn a_size_that_linstor_never_makes_is_out_of_range() {
    let world = World::start().await;
    let message = refused(world.controller.create(create("data").bytes(i64::MAX, 0)).await, Code::OutOfRange);
    assert!(message.contains("1 PiB"), "{message}");
    assert!(world.definition("data").await.is_none());
}

#[tokio::test]
async fn xfs_is_rounded_up_to_what_mkfs_needs_within_the_limit() {
    let world = World::start().await;
    let xfs = |name: &str| create(name).capability(mount("xfs"));
    let volume = world.controller.create(xfs("small").bytes(16 * MIB, 0)).await.unwrap();
    assert_eq!(volume.capacity_bytes, 300 * MIB);
    let message = refused(world.controller.create(xfs("tight").bytes(16 * MIB, 299 * MIB)).await, Code::OutOfRange);
    assert!(message.contains("raise the limit"), "{message}");
    let class = create("by-class").capability(mount("")).parameter("fsType", "xfs").bytes(16 * MIB, 0);
    assert_eq!(world.controller.create(class).await.unwrap().capacity_bytes, 300 * MIB);
    let raw = create("raw").capability(block()).parameter("fsType", "xfs").bytes(16 * MIB, 0);
    assert_eq!(world.controller.create(raw).await.unwrap().capacity_bytes, 16 * MIB);
}

#[tokio::test]
async fn an_existing_volume_answers_to_every_range_that_holds_it() {
    let world = World::start().await;
    let made = world.controller.create(create("data").bytes(8 * MIB, 16 * MIB)).await.unwrap();
    for (required, limit) in [(8 * MIB, 0), (4 * MIB, 0), (0, 8 * MIB), (8 * MIB, 8 * MIB)] {
        assert_eq!(world.controller.create(create("data").bytes(required, limit)).await.unwrap(), made);
    }
    for (required, limit) in [(8 * MIB + 1, 0), (0, 8 * MIB - 1024), (16 * MIB, 16 * MIB)] {
        let message =
            refused(world.controller.create(create("data").bytes(required, limit)).await, Code::AlreadyExists);
        assert!(message.contains("size"), "{message}");
    }
}
