//! A volume among many, from its making to its end.

use std::pin::pin;

use linflow::sandbox::{
    faults::{Matcher, Moment},
    requests::Request,
};

use crate::{
    about_one_volume,
    support::{
        Controller, World, create,
        csi::block,
        publish,
        snapshots::{snapshot, unique},
        soon,
    },
    within,
};

/// Makes a volume and goes through all that can be asked about it.
async fn live(controller: &Controller, name: &str) {
    let volume = controller.create(create(name).mib(4).on("node-1")).await.unwrap().volume_id;
    controller.publish(publish(&volume, "node-3")).await.unwrap();
    controller.expand(&volume, 8 << 20, 0).await.unwrap();
    controller.modify(&volume, &[("qosReadIops", "500")]).await.unwrap();
    let taken = controller.snapshot(snapshot(&unique(1), &volume)).await.unwrap();
    controller.get_snapshot(&taken.snapshot_id).await.unwrap();
    controller.delete_snapshot(&taken.snapshot_id).await.unwrap();
    assert_eq!(controller.health(&volume).await.unwrap(), []);
    assert_eq!(controller.get(&volume).await.unwrap().status.unwrap().published_node_ids, ["node-3"]);
    controller.unpublish(&volume, "node-3").await.unwrap();
    controller.delete(&volume).await.unwrap();
}

async fn requests_of_a_life(world: &World) -> Vec<Request> {
    let ((), requests) = world.count(live(&world.controller, "data")).await;
    requests
}

#[tokio::test]
async fn peer_weakness_9_a_volume_costs_the_same_alone_and_among_a_hundred() {
    let world = World::start().await;
    // The first of its class makes the group.
    requests_of_a_life(&world).await;
    let alone = requests_of_a_life(&world).await;
    for number in 0..100 {
        world.controller.create(create(&format!("other-{number}")).mib(4).capability(block())).await.unwrap();
    }
    let among = requests_of_a_life(&world).await;
    about_one_volume(&among);
    within(alone.len(), "a volume's life among a hundred", &among);
}

/// Each request of one volume is held in turn.
#[tokio::test]
async fn peer_weakness_9_no_volume_waits_for_a_request_about_another() {
    let world = World::start().await;
    let mut held = 0;
    loop {
        let gate = world.sandbox.faults().gate(Matcher::contains("slow").skip(held).times(1), Moment::Before);
        let mut slow = pin!(live(&world.controller, "slow"));
        tokio::select! {
            () = &mut slow => break,
            () = gate.arrived() => {}
        }
        soon("the other volume", live(&world.controller, "fast")).await;
        gate.release();
        slow.await;
        held += 1;
    }
    assert!(held > 20, "only {held} requests were held");
}
