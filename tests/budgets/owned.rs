//! What claims of an owner's volume cost.

use crate::{
    about_one_volume, support,
    support::{World, claims::RUN, create, csi::Create, publish},
    within,
};

fn claim(name: &str) -> Create {
    RUN.iter().fold(create(name).mib(64), |wanted, (key, value)| wanted.parameter(key, value))
}

#[tokio::test]
async fn a_claim_takes_six_requests_fresh_four_beside_others_and_three_again() {
    let world = World::start().await;
    let mut wanted = vec![("fresh", 6, claim("pvc-1")), ("beside another", 4, claim("pvc-2"))];
    wanted.push(("that asks for less", 4, claim("pvc-3").bytes(32 << 20, 0)));
    for (what, budget, wanted) in wanted {
        let (made, requests) = world.count(world.controller.create(wanted.clone())).await;
        let (again, repeat) = world.count(world.controller.create(wanted)).await;
        assert_eq!(made.unwrap(), again.unwrap());
        within(budget, &format!("CreateVolume of a claim {what}"), &requests);
        within(3, &format!("CreateVolume of a claim {what}, again"), &repeat);
        about_one_volume(&requests);
        about_one_volume(&repeat);
    }
}

#[tokio::test]
async fn a_controller_that_has_not_met_the_volume_takes_one_more_and_writes_a_claim_again() {
    let world = World::start().await;
    let first = world.controller.create(claim("pvc-1")).await.unwrap();
    for (what, budget, name) in [("beside another", 5, "pvc-2"), ("again", 5, "pvc-1")] {
        let controller = world.another_controller().await;
        // The class it has met.
        controller.create(create(&format!("plain-{name}"))).await.unwrap();
        let (made, requests) = world.count(controller.create(claim(name))).await;
        assert_eq!(support::csi::resource(&made.unwrap().volume_id), support::csi::resource(&first.volume_id));
        within(budget, &format!("CreateVolume of a claim {what}, elsewhere"), &requests);
        about_one_volume(&requests);
        let (again, repeat) = world.count(controller.create(claim(name))).await;
        again.unwrap();
        within(3, &format!("CreateVolume of a claim {what}, elsewhere and then again"), &repeat);
    }
}

#[tokio::test]
async fn a_fresh_claim_of_a_known_class_takes_at_most_six_near_its_pod_too() {
    let world = World::start().await;
    world.controller.create(create("plain")).await.unwrap();
    let (made, requests) = world.count(world.controller.create(claim("pvc-1").on("node-2"))).await;
    made.unwrap();
    within(6, "CreateVolume of a claim, first replica named", &requests);
    about_one_volume(&requests);
}

#[tokio::test]
async fn a_claim_that_grows_the_volume_takes_at_most_six_and_looks() {
    let world = World::start().await;
    world.controller.create(claim("pvc-1")).await.unwrap();
    let (made, requests) = world.count(world.controller.create(claim("pvc-2").bytes(128 << 20, 0))).await;
    assert_eq!(made.unwrap().capacity_bytes, 128 << 20);
    let changed = requests.iter().rposition(|request| request.method == "PUT").unwrap();
    within(6, "CreateVolume of a larger claim", &requests[..=changed]);
    about_one_volume(&requests);
}

#[tokio::test]
async fn a_release_takes_at_most_four() {
    let world = World::start().await;
    let volume = world.controller.create(claim("pvc-1")).await.unwrap().volume_id;
    let node = world.replicas(support::csi::resource(&volume)).await.remove(0);
    world.controller.publish(publish(&volume, &node)).await.unwrap();
    world.crash(&node);
    for what in ["", ", again"] {
        let (released, requests) = world.count(world.controller.delete(&volume)).await;
        released.unwrap();
        within(4, &format!("DeleteVolume of a claim{what}"), &requests);
        about_one_volume(&requests);
    }
}

/// Beside what a clone takes: the owner's volume, the source, and the claim, which nobody had before.
#[tokio::test]
async fn a_copy_of_another_tasks_volume_takes_nine_more_than_a_clone_and_seven_again() {
    let world = World::start().await;
    let source = world.controller.create(claim("pvc-1").parameter("task-id", "extract")).await.unwrap().volume_id;
    world.format(&source).await;
    let copy = |name: &str| claim(name).parameter("task-id", "transform").parameter("from", "task:extract");
    let (made, fresh) = world.count(world.controller.create(copy("pvc-2"))).await;
    let (again, repeat) = world.count(world.controller.create(copy("pvc-2"))).await;
    let (retried, retry) = world.count(world.controller.create(copy("pvc-3"))).await;
    assert_eq!(made.unwrap(), again.unwrap());
    retried.unwrap();
    within(21, "CreateVolume of a copy of another task's volume, looks included", &fresh);
    within(7, "CreateVolume of a copy of another task's volume, again", &repeat);
    within(5, "CreateVolume of a copy of another task's volume, by the task's next claim", &retry);
    for requests in [&fresh, &repeat, &retry] {
        about_one_volume(requests);
    }
}
