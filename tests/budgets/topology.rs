//! What it costs to follow a topology, and to restrict access.

use crate::{
    about_one_volume,
    support::{NODES, World, create, publish},
    within, without_waiting,
};

/// As external-provisioner asks: all nodes, the pod's first.
#[tokio::test]
async fn a_volume_near_its_pod_in_kubernetes_takes_at_most_four() {
    let world = World::start().await;
    let rotated = ["node-2", "node-3", "node-1"];
    for count in ["1", "2", "3"] {
        for name in [format!("first-of-{count}"), format!("second-of-{count}")] {
            let wanted = create(&name).parameter("placementCount", count).places(&rotated, &NODES);
            let (made, fresh) = world.count(world.controller.create(wanted.clone())).await;
            let (again, repeat) = world.count(world.controller.create(wanted)).await;
            assert_eq!(made.unwrap(), again.unwrap());
            assert!(world.replicas(&name).await.contains(&"node-2".to_owned()));
            within(4, &format!("CreateVolume, {name} in Kubernetes"), &fresh);
            within(3, &format!("CreateVolume again, {name} in Kubernetes"), &repeat);
            about_one_volume(&fresh);
        }
    }
}

/// Terms without a node's name are asked for: two requests side by side, one for each way a property is spelt.
#[tokio::test]
async fn a_volume_by_zones_takes_at_most_six_and_by_pools_one_more() {
    let world = World::start().await;
    for (node, zone) in NODES.into_iter().zip(["a", "b", "b"]) {
        world.label(node, "Aux/topology/zone", zone).await;
        world.add_pool(node, "fast").await;
    }
    let zones = ["zone=b", "zone=a"];
    let pools = ["linflow.csi/pool-fast=true,zone=b", "linflow.csi/pool-fast=true,zone=a"];
    for (name, budget, places) in [("new", 6, zones), ("zones", 6, zones), ("pools", 7, pools)] {
        let wanted = create(name).places(&places, &places);
        let (made, fresh) = world.count(world.controller.create(wanted.clone())).await;
        let (again, repeat) = world.count(world.controller.create(wanted)).await;
        assert_eq!(made.unwrap(), again.unwrap());
        within(budget, &format!("CreateVolume by {name}"), &fresh);
        within(3, &format!("CreateVolume by {name} again"), &repeat);
        about_one_volume(&fresh);
    }
}

#[tokio::test]
async fn a_volume_on_listed_nodes_takes_at_most_three_and_one_for_each_client() {
    let world = World::start().await;
    for name in ["first-of-its-class", "data"] {
        let wanted = create(name).parameter("nodeList", "node-1 node-3").parameter("clientList", "node-2");
        let (made, fresh) = world.count(world.controller.create(wanted.clone())).await;
        let (again, repeat) = world.count(world.controller.create(wanted)).await;
        assert_eq!(made.unwrap(), again.unwrap());
        within(4, &format!("CreateVolume on listed nodes, {name}"), &fresh);
        within(3, &format!("CreateVolume on listed nodes again, {name}"), &repeat);
    }
}

/// What nodes share must be asked for, at both ends.
#[tokio::test]
async fn access_by_what_nodes_share_takes_one_request_more() {
    let world = World::start().await;
    for node in NODES {
        world.label(node, "Aux/zone", "a").await;
    }
    let rotated = ["node-2", "node-3", "node-1"];
    let wanted = create("data").places(&rotated, &NODES);
    let wanted = wanted.parameter("allowRemoteVolumeAccess", "- fromSame: [zone]");
    let (made, fresh) = world.count(world.controller.create(wanted.clone())).await;
    let (again, repeat) = world.count(world.controller.create(wanted)).await;
    assert_eq!(made.unwrap(), again.unwrap());
    within(5, "CreateVolume, access by zone", &fresh);
    within(4, "CreateVolume again, access by zone", &repeat);
    let node = world.bystander("data").await;
    let (attached, requests) = world.count(world.controller.publish(publish("data", &node))).await;
    attached.unwrap();
    within(7, "ControllerPublish, access by zone", &without_waiting(requests.clone()));
    about_one_volume(&requests);
    let (again, repeat) = world.count(world.controller.publish(publish("data", &node))).await;
    again.unwrap();
    within(3, "ControllerPublish again, access by zone", &repeat);
}

#[tokio::test]
async fn a_modify_of_a_volume_with_restricted_access_takes_at_most_five_more() {
    let world = World::start().await;
    for node in NODES {
        world.label(node, "Aux/topology/zone", "a").await;
    }
    for (name, access, more) in [("zone", "- fromSame: [zone]", 5), ("local", "false", 2)] {
        let first = ["node-1", "node-2"];
        let wanted = create(name).parameter("allowRemoteVolumeAccess", access).places(&first, &first);
        world.controller.create(wanted).await.unwrap();
        for (count, budget) in [("3", 5), ("2", 8)] {
            let wish = [("placementCount", count)];
            let (modified, requests) = world.count(world.controller.modify(name, &wish)).await;
            modified.unwrap();
            within(budget + more, &format!("ControllerModifyVolume to {count}, {name}"), &without_waiting(requests));
        }
    }
}

/// Labels are looked for in one listing of the nodes, for all classes and places.
#[tokio::test]
async fn the_capacity_of_a_place_takes_at_most_three_and_one_more_for_pools() {
    let world = World::start().await;
    for node in NODES {
        world.label(node, "Aux/topology/zone", "a").await;
    }
    // The class has its group from then on.
    world.controller.created("data").await;
    let zone = ("allowRemoteVolumeAccess", "- fromSame: [zone]");
    for (budget, class, place) in [
        (3, ("layerList", "storage"), "zone=a"),
        (3, zone, "zone=a"),
        (3, zone, "node-1"),
        (4, zone, "linflow.csi/pool-pool1=true,zone=a"),
    ] {
        let controller = world.another_controller().await;
        let (asked, requests) = world.count(controller.capacity(&[class], Some(place))).await;
        assert!(asked.unwrap().available_capacity > 0);
        within(budget, &format!("GetCapacity of {class:?} at {place}"), &requests);
        let (asked, requests) = world.count(controller.capacity(&[zone], Some("node-2"))).await;
        asked.unwrap();
        within(3, "GetCapacity at another place", &requests);
    }
}
