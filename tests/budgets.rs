//! What each call may cost: LINSTOR requests, counted at the sandbox (docs/architecture.md, Budgets).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "budgets/claims.rs"]
mod claims;
#[path = "budgets/copies.rs"]
mod copies;
#[path = "budgets/life.rs"]
mod life;
#[path = "budgets/owned.rs"]
mod owned;
mod support;
#[path = "budgets/topology.rs"]
mod topology;

use linflow::{
    csi::proto::{ListSnapshotsRequest, NodeGetStorageHealthRequest},
    node::scripted::ScriptedHost,
    sandbox::requests::Request,
    workflow::AnyDirectory,
};
use support::{
    World, create,
    csi::{block, mount},
    node::{OnNode, pod},
    publish,
    snapshots::{group, snapshot, unique},
};

/// Fails where more requests were made than allowed, or one that asks for a whole list, which grows with the cluster.
#[track_caller]
fn within(budget: usize, what: &str, requests: &[Request]) {
    let list: Vec<String> = requests.iter().map(|one| format!("{} {}?{}", one.method, one.path, one.query)).collect();
    assert!(requests.len() <= budget, "{what} took {} requests, not {budget}: {list:#?}", requests.len());
    assert!(!requests.is_empty(), "{what} was not counted");
    println!("{what}: {} of {budget}", requests.len());
}

/// Fails where a request asks for more than one volume's things.
#[track_caller]
fn about_one_volume(requests: &[Request]) {
    for request in requests {
        assert!(!asks_for_all(request), "{request:?} asks for the whole list");
    }
}

fn asks_for_all(request: &Request) -> bool {
    const LISTS: [&str; 7] = [
        "resource-definitions",
        "resources",
        "snapshots",
        "nodes",
        "key-value-store",
        "resource-groups",
        "storage-pools",
    ];
    const FILTERS: [&str; 5] = ["resource_definitions=", "resources=", "nodes=", "props=", "storage_pools="];
    let is_list = request.path.rsplit('/').next().is_some_and(|last| LISTS.contains(&last));
    request.method == "GET" && is_list && !FILTERS.iter().any(|filter| request.query.contains(filter))
}

#[test]
fn a_whole_list_is_told_from_a_filtered_one() {
    let get = |path: &str, query: &str| Request { method: "GET".into(), path: path.into(), query: query.into() };
    assert!(asks_for_all(&get("/v1/view/resources", "")));
    assert!(asks_for_all(&get("/v1/resource-definitions", "with_volume_definitions=true")));
    assert!(!asks_for_all(&get("/v1/view/resources", "resources=vol1")));
    assert!(!asks_for_all(&get("/v1/key-value-store/vol1", "")));
}

#[tokio::test]
async fn peer_weakness_10_a_fresh_create_takes_at_most_four_requests_and_a_repeat_three() {
    let world = World::start().await;
    let wanted = [
        ("DRBD", create("drbd")),
        ("storage alone", create("local").storage_alone()),
        ("raw block", create("raw").capability(block())),
        ("xfs", create("large").capability(mount("xfs"))),
        (
            "a class that says much",
            create("rich").parameter("DrbdOptions/Net/max-buffers", "8000").parameter("qosReadIops", "100"),
        ),
        ("on a node", create("near").on("node-2").storage_alone()),
    ];
    for (what, wanted) in wanted {
        let (made, fresh) = world.count(world.controller.create(wanted.clone())).await;
        let (again, repeat) = world.count(world.controller.create(wanted)).await;
        assert_eq!(made.unwrap(), again.unwrap());
        within(4, &format!("CreateVolume, {what}"), &fresh);
        within(3, &format!("CreateVolume again, {what}"), &repeat);
        about_one_volume(&fresh);
        about_one_volume(&repeat);
    }
}

#[tokio::test]
async fn a_volume_near_its_pod_takes_at_most_four() {
    let world = World::start().await;
    for name in ["first-of-its-class", "data"] {
        let wanted = create(name).on("node-2");
        let (made, fresh) = world.count(world.controller.create(wanted.clone())).await;
        let (again, repeat) = world.count(world.controller.create(wanted)).await;
        assert_eq!(made.unwrap(), again.unwrap());
        within(4, &format!("CreateVolume, first replica named, {name}"), &fresh);
        within(3, &format!("CreateVolume again, first replica named, {name}"), &repeat);
        about_one_volume(&fresh);
    }
}

/// A controller that was started anew takes the class for new, until LINSTOR tells it that the volume exists.
#[tokio::test]
async fn a_repeat_by_a_new_controller_takes_at_most_four() {
    let world = World::start().await;
    let made = world.controller.create(create("data").on("node-2")).await.unwrap();
    let other = world.another_controller().await;
    let (again, requests) = world.count(other.create(create("data").on("node-2"))).await;
    assert_eq!(again.unwrap(), made);
    within(4, "CreateVolume again, by a new controller", &requests);
}

#[tokio::test]
async fn a_tagged_volume_near_its_pod_takes_at_most_six() {
    let world = World::start().await;
    let wanted = create("near").on("node-2");
    let tagged = wanted.parameter("instance", "airflow").parameter("dag-id", "sales").parameter("run-id", "manual__1");
    let (made, requests) = world.count(world.controller.create(tagged)).await;
    assert_eq!(world.replicas(support::csi::resource(&made.unwrap().volume_id)).await.len(), 2);
    within(6, "CreateVolume with an owner, first replica named", &requests);
    about_one_volume(&requests);
}

/// The requests without the looks that wait until a snapshot is taken.
fn without_looks(requests: Vec<Request>) -> Vec<Request> {
    requests.into_iter().filter(|one| one.path != "/v1/view/snapshots").collect()
}

#[tokio::test]
async fn a_snapshot_takes_at_most_three_requests_and_one_look() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    for (what, name) in [("", unique(1)), (", with any name", "nightly".to_owned())] {
        for again in ["", " again"] {
            let (taken, requests) = world.count(world.controller.snapshot(snapshot(&name, &volume))).await;
            taken.unwrap();
            within(4, &format!("CreateSnapshot{again}{what}, with its look"), &requests);
            if what.is_empty() {
                about_one_volume(&requests);
            }
            within(3, &format!("CreateSnapshot{again}{what}"), &without_looks(requests));
        }
    }
    let id = format!("data/{}", unique(1));
    for what in ["GetSnapshot", "ListSnapshots, one volume's", "DeleteSnapshot"] {
        let (_, requests) = world
            .count(async {
                match what {
                    "GetSnapshot" => drop(world.controller.get_snapshot(&id).await.unwrap()),
                    "DeleteSnapshot" => world.controller.delete_snapshot(&id).await.unwrap(),
                    _ => {
                        let of = ListSnapshotsRequest { source_volume_id: volume.clone(), ..Default::default() };
                        assert_eq!(world.controller.list_snapshots(of).await.unwrap().entries.len(), 2);
                    }
                }
            })
            .await;
        within(if what == "DeleteSnapshot" { 2 } else { 1 }, what, &requests);
        about_one_volume(&requests);
    }
}

#[tokio::test]
async fn a_group_of_any_size_takes_at_most_three_requests_and_one_look() {
    let world = World::start().await;
    let names: Vec<String> = (0..70).map(|number| format!("member-{number}")).collect();
    for name in &names {
        world.controller.create(create(name).mib(4).capability(block())).await.unwrap();
    }
    for size in [1, 2, 70] {
        let members: Vec<&str> = names[..size].iter().map(String::as_str).collect();
        let name = format!("group-of-{size}");
        for again in ["", " again"] {
            let (taken, requests) = world.count(world.controller.group(group(&name, &members))).await;
            assert_eq!(taken.unwrap().snapshots.len(), size);
            within(4, &format!("CreateVolumeGroupSnapshot{again} of {size}, with its look"), &requests);
            within(3, &format!("CreateVolumeGroupSnapshot{again} of {size}"), &without_looks(requests));
        }
    }
}

#[tokio::test]
async fn peer_weakness_10_a_delete_takes_at_most_four() {
    let world = World::start().await;
    let plain = world.controller.created("plain").await;
    let used = world.controller.created("used").await;
    world.controller.publish(publish(&used, "node-1")).await.unwrap();
    world.controller.unpublish(&used, "node-1").await.unwrap();
    for volume in [&plain, &used, &"never-made".to_owned()] {
        let (deleted, requests) = world.count(world.controller.delete(volume)).await;
        deleted.unwrap();
        within(4, &format!("DeleteVolume {volume}"), &requests);
        about_one_volume(&requests);
    }
}

/// One more than a delete may take: whether the node that has it lives must be asked.
#[tokio::test]
async fn a_delete_of_what_a_dead_node_had_takes_at_most_five() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let node = world.replicas(&volume).await.remove(0);
    world.controller.publish(publish(&volume, &node)).await.unwrap();
    world.crash(&node);
    let (deleted, requests) = world.count(world.controller.delete(&volume)).await;
    deleted.unwrap();
    within(5, "DeleteVolume of what a dead node had", &requests);
    about_one_volume(&requests);
}

/// Bounded waiting polls are not counted: after its record was written, an attach looks at LINSTOR's view until the
/// device is there.
fn without_waiting(mut requests: Vec<Request>) -> Vec<Request> {
    let recorded = requests.iter().position(|request| request.method == "PUT").unwrap();
    let waiting = requests.split_off(recorded);
    requests.extend(waiting.into_iter().filter(|request| request.path != "/v1/view/resources"));
    requests
}

#[tokio::test]
async fn an_attach_where_the_replica_is_takes_at_most_six_with_its_look_at_the_device() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let node = world.replicas(&volume).await.remove(0);
    let (attached, requests) = world.count(world.controller.publish(publish(&volume, &node))).await;
    attached.unwrap();
    within(6, "ControllerPublish where the replica is", &requests);
}

/// Attaches, attaches again and detaches, and counts each.
async fn attach_and_detach(world: &World, volume: &str, node: &str) {
    let (context, fresh) = world.count(world.controller.publish(publish(volume, node))).await;
    let (again, repeat) = world.count(world.controller.publish(publish(volume, node))).await;
    assert_eq!(context.unwrap(), again.unwrap());
    let (detached, leaving) = world.count(world.controller.unpublish(volume, node)).await;
    detached.unwrap();
    let (detached, gone) = world.count(world.controller.unpublish(volume, node)).await;
    detached.unwrap();
    within(6, &format!("ControllerPublish {volume}"), &without_waiting(fresh.clone()));
    within(3, &format!("ControllerPublish {volume} again"), &repeat);
    within(5, &format!("ControllerUnpublish {volume}"), &leaving);
    within(5, &format!("ControllerUnpublish {volume} again"), &gone);
    [fresh, repeat, leaving, gone].iter().for_each(|requests| about_one_volume(requests));
}

#[tokio::test]
async fn an_attach_takes_at_most_six_and_a_repeat_three_and_a_detach_five() {
    let world = World::start().await;
    let replicated = world.controller.created("replicated").await;
    let replicas = world.replicas(&replicated).await;
    let other = support::NODES.iter().find(|node| !replicas.contains(&(**node).to_owned())).unwrap();
    attach_and_detach(&world, &replicated, &replicas[0]).await;
    attach_and_detach(&world, &replicated, other).await;
    let local = world.controller.create(create("local").storage_alone().on("node-3")).await.unwrap().volume_id;
    attach_and_detach(&world, &local, "node-3").await;
}

#[tokio::test]
async fn a_detach_from_a_dead_node_takes_at_most_five() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let node = world.replicas(&volume).await.remove(0);
    world.controller.publish(publish(&volume, &node)).await.unwrap();
    world.crash(&node);
    let (detached, requests) = world.count(world.controller.unpublish(&volume, &node)).await;
    detached.unwrap();
    within(5, "ControllerUnpublish from a dead node", &requests);
    about_one_volume(&requests);
}

#[tokio::test]
async fn a_growth_takes_at_most_four_and_looks_and_a_repeat_two() {
    let world = World::start().await;
    for wanted in [create("replicated"), create("local").storage_alone()] {
        let volume = world.controller.create(wanted).await.unwrap().volume_id;
        let (grown, requests) = world.count(world.controller.expand(&volume, 2 << 30, 0)).await;
        let (again, repeat) = world.count(world.controller.expand(&volume, 2 << 30, 0)).await;
        assert_eq!(grown.unwrap(), again.unwrap());
        // The looks after the change wait for the replicas: the definition and the view, side by side.
        let changed = requests.iter().position(|request| request.method == "PUT").unwrap();
        within(4, &format!("ControllerExpandVolume {volume}"), &requests[..=changed]);
        within(6, &format!("ControllerExpandVolume {volume}, looks included"), &requests);
        within(2, &format!("ControllerExpandVolume {volume} again"), &repeat);
        about_one_volume(&requests);
        about_one_volume(&repeat);
    }
}

#[tokio::test]
async fn a_stage_takes_at_most_one_or_three_where_it_formats_and_a_publish_none() {
    let world = World::start().await;
    let volume = world.controller.create(create("data").mib(64)).await.unwrap().volume_id;
    let on_node = OnNode::attach(&world, &volume, "node-1", None).await;
    // The first request of a process asks for LINSTOR's version besides, which isn't counted.
    let (staged, formatting) = world.count(on_node.stage()).await;
    staged.unwrap();
    within(3, "NodeStage that formats", &formatting);
    let (published, publishing) = world.count(on_node.publish(&pod("airflow", "any", "u1"))).await;
    published.unwrap();
    assert_eq!(publishing, []);
    on_node.unpublish().await.unwrap();
    on_node.unstage().await.unwrap();
    let (staged, staging) = world.count(on_node.stage()).await;
    staged.unwrap();
    within(1, "NodeStage", &staging);
    [formatting, staging].iter().for_each(|requests| about_one_volume(requests));
}

#[tokio::test]
async fn a_list_and_the_capacity_take_at_most_three_with_200_volumes() {
    let world = World::start().await;
    let names: Vec<String> = (0..200).map(|number| format!("volume-{number:03}")).collect();
    for name in &names {
        world.controller.create(create(name).mib(4).capability(block())).await.unwrap();
    }
    let (all, requests) = world.count(world.controller.list(0, "")).await;
    assert_eq!(all.unwrap().entries.len(), 200);
    within(3, "ListVolumes", &requests);
    let (page, requests) = world.count(world.controller.list(50, "")).await;
    let page = page.unwrap();
    assert_eq!(page.entries.len(), 50);
    within(3, "ListVolumes, the first page", &requests);
    let (next, requests) = world.count(world.controller.list(50, &page.next_token)).await;
    assert_eq!(next.unwrap().entries.len(), 50);
    assert_eq!(requests, [], "the pages of a walk share one listing");
    let (capacity, requests) = world.count(world.controller.capacity(&[], Some("node-1"))).await;
    assert!(capacity.unwrap().available_capacity > 0);
    within(3, "GetCapacity", &requests);
}

#[tokio::test]
async fn the_health_of_one_volume_takes_at_most_five_and_that_of_all_five_at_any_size() {
    let world = World::start().await;
    for number in 0..50 {
        world.controller.create(create(&format!("volume-{number:02}")).mib(4).capability(block())).await.unwrap();
    }
    let (health, requests) = world.count(world.controller.health("volume-07")).await;
    assert_eq!(health.unwrap(), []);
    within(5, "ControllerGetVolumeHealth", &requests);
    about_one_volume(&requests);
    world.crash("node-3");
    for (max, what) in [(0, "all"), (5, "a page")] {
        let (page, requests) = world.count(world.controller.list_health(max, "")).await;
        assert!(!page.unwrap().entries.is_empty());
        within(5, &format!("ControllerListVolumeHealth, {what}"), &requests);
    }
}

#[tokio::test]
async fn the_health_of_a_nodes_storage_takes_one() {
    let world = World::start().await;
    let mut node = world.node("node-1", ScriptedHost::new(), AnyDirectory::None).await;
    let (told, requests) = world.count(node.node_get_storage_health(NodeGetStorageHealthRequest::default())).await;
    assert!(told.unwrap().into_inner().backend_health.is_empty());
    within(1, "NodeGetStorageHealth", &requests);
}

#[tokio::test]
async fn a_modify_takes_at_most_five_and_a_repeat_three() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    for (attributes, budget, again) in [
        (&[("qosReadIops", "500")][..], 2, 1),
        (&[("placementCount", "3"), ("qosReadIops", "600"), ("DrbdOptions/Net/max-buffers", "8000")], 5, 3),
    ] {
        let (modified, requests) = world.count(world.controller.modify(&volume, attributes)).await;
        modified.unwrap();
        // Looks at the view after the autoplace wait for the new replica.
        let changed = requests.iter().rposition(|request| request.method != "GET").unwrap();
        within(budget, &format!("ControllerModifyVolume {attributes:?}"), &requests[..=changed]);
        about_one_volume(&requests);
        let (modified, repeat) = world.count(world.controller.modify(&volume, attributes)).await;
        modified.unwrap();
        within(again, &format!("ControllerModifyVolume {attributes:?} again"), &repeat);
    }
    let (modified, requests) = world.count(world.controller.modify(&volume, &[("placementCount", "2")])).await;
    modified.unwrap();
    within(8, "ControllerModifyVolume, a replica less", &requests);
    about_one_volume(&requests);
}
