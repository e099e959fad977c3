//! What claims of an owner's volume cost to attach and detach.

use crate::{
    about_one_volume,
    support::{
        World,
        claims::{DAG, Owned, Pods, RUN, TASK},
        create, publish,
    },
    within,
};

#[tokio::test]
async fn a_claims_attach_takes_no_more_than_a_plain_volumes_whoever_has_it_too() {
    for owner in [&TASK[..], RUN, DAG] {
        let world = World::start().await;
        let pods = Pods::none();
        let controller = pods.controller(&world).await;
        let owned = Owned::make(&world, create("data").on("node-1"), owner).await;
        for name in ["first", "second"] {
            let id = owned.claim(name, Some(pods.put(name, "manual__1", "Running"))).await;
            let (attached, requests) = world.count(controller.publish(publish(&id, "node-1"))).await;
            attached.unwrap();
            within(6, &format!("ControllerPublishVolume of a claim, {name}"), &requests);
            about_one_volume(&requests);
            let (attached, requests) = world.count(controller.publish(publish(&id, "node-1"))).await;
            attached.unwrap();
            within(3, &format!("ControllerPublishVolume of a claim again, {name}"), &requests);
            pods.put(name, "manual__1", "Succeeded");
        }
    }
}

#[tokio::test]
async fn a_claims_detach_takes_one_request_more_than_a_plain_volumes_where_a_client_goes() {
    let world = World::start().await;
    let wanted = create("data").on("node-1").parameter("placementCount", "1");
    let owned = Owned::make(&world, wanted, RUN).await;
    let mut ids = Vec::new();
    for name in ["first", "last"] {
        let id = owned.claim(name, None).await;
        world.controller.publish(publish(&id, "node-2")).await.unwrap();
        ids.push(id);
    }
    for (id, budget) in ids.iter().zip([5, 6]) {
        let (left, requests) = world.count(world.controller.unpublish(id, "node-2")).await;
        left.unwrap();
        within(budget, "ControllerUnpublishVolume of a claim", &requests);
        about_one_volume(&requests);
    }
    assert!(owned.clients().await.is_empty());
}
