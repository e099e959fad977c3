//! One operation per volume at a time; two controllers on one LINSTOR; callers who go away.

use axum::http::Method;
use linflow::sandbox::faults::{Matcher, Moment};
use tokio::task::JoinSet;
use tonic::Code;

use crate::support::{World, create, eventually, publish, refused, soon};

#[tokio::test]
async fn two_controllers_that_race_for_a_name_make_one_volume() {
    let world = World::start().await;
    let other = world.another_controller().await;
    for round in 0..10 {
        let name = format!("raced-{round}");
        let (one, two) = tokio::join!(world.controller.create(create(&name)), other.create(create(&name)));
        // Whoever comes second may have to come again, and then finds the same.
        let mut answers = Vec::new();
        for (controller, answer) in [(&world.controller, one), (&other, two)] {
            assert!(answer.as_ref().err().is_none_or(crate::support::is_open), "{answer:?}");
            answers.push(match answer {
                Ok(volume) => volume,
                Err(_) => controller.create(create(&name)).await.unwrap(),
            });
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(world.replicas(&name).await.len(), 2);
    }
    assert_eq!(world.controller.list(0, "").await.unwrap().entries.len(), 10);
}

#[tokio::test]
async fn two_controllers_that_race_for_a_name_with_other_sizes_make_one_of_them() {
    let world = World::start().await;
    let other = world.another_controller().await;
    let gate = world.sandbox.faults().gate(Matcher::contains("/spawn").times(1), Moment::Before);
    let (slow, fast) = tokio::join!(world.controller.create(create("raced").gib(1)), async {
        soon("the spawn", gate.arrived()).await;
        let fast = other.create(create("raced").gib(2)).await;
        gate.release();
        fast
    });
    assert_eq!(fast.unwrap().capacity_bytes, 2 << 30);
    refused(slow, Code::AlreadyExists);
    assert_eq!(world.definition("raced").await.unwrap().size_kib(), Some(2 << 20));
}

#[tokio::test]
async fn two_controllers_that_attach_to_two_nodes_at_once_never_both_succeed() {
    let world = World::start().await;
    let other = world.another_controller().await;
    let volume = world.controller.created("data").await;
    // The first has read that nobody has the volume; the second attaches it before the first writes its record.
    let gate = world
        .sandbox
        .faults()
        .gate(Matcher::contains("/key-value-store/").method(&Method::PUT).times(1), Moment::Before);
    let (slow, fast) = tokio::join!(world.controller.publish(publish(&volume, "node-1")), async {
        soon("the record", gate.arrived()).await;
        let fast = other.publish(publish(&volume, "node-2")).await;
        gate.release();
        fast
    });
    fast.unwrap();
    assert!(refused(slow, Code::Aborted).contains("node-2"));
    let records = world.records(&volume).await;
    assert_eq!(records.len(), 1, "{records:?}");
    refused(world.controller.publish(publish(&volume, "node-1")).await, Code::FailedPrecondition);
    other.publish(publish(&volume, "node-2")).await.unwrap();
}

#[tokio::test]
async fn a_second_call_for_a_volume_is_aborted_while_the_first_one_runs() {
    let world = World::start().await;
    let controller = &world.controller;
    let gate = world.sandbox.faults().gate(Matcher::contains("/spawn").times(1), Moment::Before);
    let (first, ()) = tokio::join!(controller.create(create("data")), async {
        soon("the spawn", gate.arrived()).await;
        refused(controller.create(create("data")).await, Code::Aborted);
        refused(controller.delete("data").await, Code::Aborted);
        refused(controller.publish(publish("data", "node-1")).await, Code::Aborted);
        let message = refused(controller.unpublish("data", "node-1").await, Code::Aborted);
        assert!(message.contains("data"), "{message}");
        // Another volume doesn't wait for it.
        controller.create(create("other")).await.unwrap();
        gate.release();
    });
    first.unwrap();
    controller.publish(publish("data", "node-1")).await.unwrap();
}

#[tokio::test]
async fn work_goes_on_when_its_caller_has_gone() {
    let world = World::start().await;
    let gate = world.sandbox.faults().gate(Matcher::contains("/spawn").times(1), Moment::Before);
    let mut callers = JoinSet::new();
    let controller = world.controller.clone();
    callers.spawn(async move { controller.create(create("data")).await });
    soon("the spawn", gate.arrived()).await;
    callers.abort_all();
    assert!(callers.join_next().await.unwrap().unwrap_err().is_cancelled());
    gate.release();
    eventually("the volume to be made", || async { (world.replicas("data").await.len() == 2).then_some(()) }).await;
    eventually("the operation to end", || async { world.controller.create(create("data")).await.ok() }).await;
}

#[tokio::test]
async fn a_caller_with_a_deadline_does_not_cut_the_work_short() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let node = world.bystander(&volume).await;
    let gate = world.sandbox.faults().gate(Matcher::contains("/make-available").times(1), Moment::Before);
    let mut request = tonic::Request::new(publish(&volume, &node));
    request.set_timeout(std::time::Duration::from_millis(200));
    let answer = world.controller.client.clone().controller_publish_volume(request).await.unwrap_err();
    assert!(matches!(answer.code(), Code::Cancelled | Code::DeadlineExceeded), "{answer:?}");
    soon("make-available", gate.arrived()).await;
    gate.release();
    eventually("the attach to end", || async { world.controller.publish(publish(&volume, &node)).await.ok() }).await;
    assert_eq!(world.records(&volume).await.len(), 1);
}

#[tokio::test]
async fn different_volumes_are_served_side_by_side() {
    let world = World::start().await;
    let mut calls = JoinSet::new();
    for number in 0..20 {
        let controller = world.controller.clone();
        calls.spawn(async move {
            let name = format!("volume-{number}");
            let volume = controller.create(create(&name).mib(4)).await?.volume_id;
            controller.publish(publish(&volume, "node-1")).await?;
            controller.unpublish(&volume, "node-1").await?;
            controller.delete(&volume).await
        });
    }
    while let Some(ended) = calls.join_next().await {
        ended.unwrap().unwrap();
    }
    assert!(world.controller.list(0, "").await.unwrap().entries.is_empty());
}
