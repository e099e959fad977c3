//! GetCapacity: honest about replicas, limits and errors, and cheap however many ask.

use linflow::sandbox::faults::{Action, Matcher, Moment};
use tonic::Code;

use crate::support::{NODES, POOL_KIB, World, create, csi::block, refused};

const POOL_BYTES: i64 = (POOL_KIB << 10) as i64;

/// The classes of a cluster: DRBD with two and three copies, and one without DRBD.
const CLASSES: [&[(&str, &str)]; 3] = [&[], &[("placementCount", "3")], &[("layerList", "storage")]];

async fn make_groups(world: &World) {
    for (number, class) in CLASSES.iter().enumerate() {
        let named = create(&format!("volume-{number}")).mib(4).capability(block());
        let wanted = class.iter().fold(named, |create, (key, value)| create.parameter(key, value));
        world.controller.create(wanted).await.unwrap();
    }
}

/// The provisioner asks for every class in every segment once a minute.
#[tokio::test]
async fn three_classes_in_twenty_segments_take_few_requests() {
    let world = World::start().await;
    make_groups(&world).await;
    let segments: Vec<&str> = (0..20).map(|number| NODES[number % 3]).collect();
    let ask_all = async {
        let mut asked = tokio::task::JoinSet::new();
        for class in CLASSES {
            for node in segments.clone() {
                let controller = world.controller.clone();
                asked.spawn(async move { controller.capacity(class, Some(node)).await.unwrap().available_capacity });
            }
        }
        asked.join_all().await
    };
    let (answers, requests) = world.count(ask_all).await;
    assert_eq!(answers.len(), 60);
    assert!(answers.iter().all(|free| (1..=POOL_BYTES).contains(free)), "{answers:?}");
    // One for all classes with DRBD; without it one for each node.
    assert_eq!(requests.len(), 1 + NODES.len(), "{requests:#?}");
    assert_eq!(requests.iter().filter(|one| one.path.ends_with("/query-all-size-info")).count(), 1, "{requests:#?}");
}

/// Its sum over all nodes and pools says how many bytes there are, not how large a replicated volume may be.
#[tokio::test]
async fn peer_weakness_19_the_capacity_counts_the_replicas_and_has_a_largest_and_a_least_volume() {
    let world = World::start().await;
    world.sandbox.cluster().lock().fill_pool("node-3", POOL_KIB).unwrap();
    let two = world.controller.capacity(&[], None).await.unwrap();
    assert!((1..=POOL_BYTES).contains(&two.available_capacity), "{two:?}");
    assert!(two.maximum_volume_size.unwrap() > 0);
    let three = world.controller.capacity(&[("placementCount", "3")], None).await.unwrap();
    assert_eq!((three.available_capacity, three.maximum_volume_size), (0, Some(0)));
    for (class, least) in [(&[][..], 4096), (&[("fsType", "xfs")], 300 << 20), (&[("fsType", "ext4")], 4096)] {
        let found = world.controller.capacity(class, None).await.unwrap();
        let least_of_class = found.minimum_volume_size.unwrap();
        assert!(least_of_class >= least, "{class:?}: {least_of_class}");
    }
}

#[tokio::test]
async fn what_this_controller_makes_and_removes_is_seen_at_once() {
    let world = World::start().await;
    let free = async || world.controller.capacity(&[("layerList", "storage")], Some("node-1")).await.unwrap();
    let before = free().await.available_capacity;
    let wanted = create("data").gib(1).storage_alone().on("node-1").capability(block());
    let volume = world.controller.create(wanted).await.unwrap().volume_id;
    world.sandbox.cluster().lock().fill_pool("node-1", POOL_KIB / 2).unwrap();
    world.controller.delete(&volume).await.unwrap();
    assert!(free().await.available_capacity < before);
}

#[tokio::test]
async fn over_provisioning_promises_more_than_is_free_and_no_more_than_linstor_makes() {
    let world = World::start().await;
    let plain = world.controller.capacity(&[], None).await.unwrap();
    let promised = world.controller.capacity(&[("overProvision", "2")], None).await.unwrap();
    assert!(promised.available_capacity > plain.available_capacity, "{promised:?}");
    let most = world.controller.capacity(&[("overProvision", "1000")], None).await.unwrap();
    assert_eq!(most.available_capacity, plain.maximum_volume_size.unwrap());
}

/// LINSTOR answers 200 to a question about a group that is not there, with the error in `reports`.
#[tokio::test]
async fn an_error_in_a_200_is_an_error_and_is_not_kept() {
    let world = World::start().await;
    refused(world.controller.capacity(&[("resourceGroup", "gold")], None).await, Code::InvalidArgument);
    let path = "/query-all-size-info";
    make_groups(&world).await;
    world.sandbox.faults().inject(Matcher::contains(path).times(1), Action::Drop(Moment::Before));
    let lost = world.controller.capacity(&[], None).await.unwrap_err();
    assert!(crate::support::is_open(&lost), "{lost:?}");
    assert!(world.controller.capacity(&[], None).await.unwrap().available_capacity > 0);
}

#[tokio::test]
async fn an_administrators_group_is_asked_for_by_its_own_rule() {
    let world = World::start().await;
    let body = serde_json::json!({"name": "gold", "select_filter": {"place_count": 4}});
    world.change("POST", "/v1/resource-groups", &body).await;
    let gold = world.controller.capacity(&[("resourceGroup", "gold")], None).await.unwrap();
    assert_eq!(gold.available_capacity, 0, "it wants four nodes");
    let fewer = world.controller.capacity(&[("resourceGroup", "gold"), ("placementCount", "2")], None).await.unwrap();
    assert!(fewer.available_capacity > 0);
}

/// node-1 in zone a; node-2, which is full, and node-3 in zone b; the pool fast on node-3 alone.
async fn zoned() -> World {
    let world = World::start().await;
    for (node, zone) in NODES.into_iter().zip(["a", "b", "b"]) {
        world.label(node, "Aux/topology/zone", zone).await;
    }
    world.sandbox.cluster().lock().fill_pool("node-2", POOL_KIB).unwrap();
    world.add_pool("node-3", "fast").await;
    world
}

/// Is there room for a volume of the class that is used from each of the places?
async fn has_room(world: &World, class: &[(&str, &str)], places: &[&str]) -> Vec<bool> {
    let mut rooms = Vec::new();
    for place in places {
        let found = world.controller.capacity(class, Some(place)).await.unwrap();
        let largest = found.maximum_volume_size.unwrap();
        assert_eq!(found.available_capacity > 0, largest > 0, "{place}: {found:?}");
        rooms.push(largest > 0);
    }
    rooms
}

#[tokio::test]
async fn without_drbd_only_the_nodes_with_all_segments_count() {
    let world = zoned().await;
    let class = [("layerList", "storage"), ("storagePool", "pool1")];
    let places =
        ["zone=a", "zone=b", "zone=c", "node-2", "linflow.csi/pool-fast=true", "linflow.csi/pool-fast=true,zone=a"];
    assert_eq!(has_room(&world, &class, &places).await, [true, true, false, false, true, false]);
}

#[tokio::test]
async fn what_is_not_reached_remotely_needs_a_replica_where_it_is_used() {
    let world = zoned().await;
    let class = [("allowRemoteVolumeAccess", "false"), ("storagePool", "pool1")];
    assert_eq!(has_room(&world, &class, &["node-1", "node-2", "node-3", "zone=b"]).await, [true, false, true, true]);
    let free = [("storagePool", "pool1")];
    assert_eq!(has_room(&world, &free, &["node-1", "node-2", "zone=b", "zone=c"]).await, [true, true, true, false]);
    // Whatever the replicas' nodes: a client may use it.
    let client = [class[0], class[1], ("clientList", "node-2")];
    assert_eq!(has_room(&world, &client, &["node-2"]).await, [true]);
    // The other replica needs its room too.
    world.sandbox.cluster().lock().fill_pool("node-3", POOL_KIB).unwrap();
    let fresh = world.another_controller().await;
    assert_eq!(fresh.capacity(&class, Some("node-1")).await.unwrap().available_capacity, 0);
}

#[tokio::test]
async fn a_replica_of_the_same_zone_is_room_for_a_node_that_may_use_it() {
    let world = zoned().await;
    let class = [("allowRemoteVolumeAccess", "- fromSame: [zone]"), ("storagePool", "pool1")];
    assert_eq!(has_room(&world, &class, &["node-2"]).await, [true]);
    world.sandbox.cluster().lock().fill_pool("node-1", POOL_KIB).unwrap();
    let one = [class[0], class[1], ("placementCount", "1")];
    let fresh = world.another_controller().await;
    for (node, is_room) in [("node-1", false), ("node-2", true), ("node-3", true)] {
        let found = fresh.capacity(&one, Some(node)).await.unwrap();
        assert_eq!(found.available_capacity > 0, is_room, "{node}: {found:?}");
    }
}

#[tokio::test]
async fn only_the_nodes_that_the_class_lists_count() {
    let world = zoned().await;
    for (listed, is_room) in [("node-1 node-3", true), ("node-1 node-2", false)] {
        assert_eq!(has_room(&world, &[("nodeList", listed)], &["node-2"]).await, [is_room], "{listed}");
    }
    let local = [("nodeList", "node-1"), ("layerList", "storage")];
    assert_eq!(has_room(&world, &local, &["node-1", "node-3", "zone=a", "zone=b"]).await, [true, false, true, false]);
}
