//! Claims of one owner at once take turns, and where a pod comes to them. Hundreds of them: tests/crowd.

use std::time::Duration;

use axum::http::Method;
use linflow::sandbox::faults::{Matcher, Moment};
use tonic::{Code, Request};

use crate::support::{
    Controller, PATIENCE, World,
    claims::{DAG, RUN, TASK},
    create,
    csi::{Create, TOPOLOGY_KEY, resource},
    is_open,
    kubernetes::{Kubernetes, Pvc, name_of, pvc},
    publish, refused, soon,
};
use linflow::{csi::controller::ControllerService, workflow::Instances};

fn claim(name: &str, owner: &[(&str, &str)]) -> Create {
    owner.iter().fold(create(name).mib(64), |wanted, (key, value)| wanted.parameter(key, value))
}

#[tokio::test]
async fn claims_of_one_volume_wait_for_each_other_and_other_calls_do_not() {
    let world = World::start().await;
    let gate = world.sandbox.faults().gate(Matcher::contains("/spawn").times(1), Moment::Before);
    let begin = |name: &'static str| {
        let controller = world.controller.clone();
        tokio::spawn(async move { controller.create(claim(name, RUN)).await.unwrap().volume_id })
    };
    let first = begin("pvc-1");
    soon("the spawn", gate.arrived()).await;
    let second = begin("pvc-2");
    let mut impatient = Request::new(claim("pvc-3", RUN).into());
    impatient.set_timeout(Duration::from_millis(800));
    let answer = world.controller.client.clone().create_volume(impatient).await.map(drop);
    assert!(refused(answer, Code::Aborted).contains("call again"));
    // Another owner's and an ordinary volume don't wait.
    world.controller.create(claim("pvc-4", DAG)).await.unwrap();
    world.controller.create(create("plain")).await.unwrap();
    gate.release();
    assert_eq!(resource(&first.await.unwrap()), resource(&second.await.unwrap()));
}

#[tokio::test]
async fn claims_of_one_volume_are_attached_and_detached_in_turn() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for name in ["pvc-1", "pvc-2", "pvc-3"] {
        ids.push(world.controller.create(claim(name, RUN)).await.unwrap().volume_id);
    }
    let store = Matcher::contains("/key-value-store/").method(&Method::PUT).times(1);
    let gate = world.sandbox.faults().gate(store.clone(), Moment::Before);
    let attach = |id: &str| {
        let (controller, request) = (world.controller.clone(), publish(id, "node-1"));
        tokio::spawn(async move { controller.publish(request).await })
    };
    let first = attach(&ids[0]);
    soon("the record", gate.arrived()).await;
    let second = attach(&ids[1]);
    waits_in_vain(&world, &ids[2]).await;
    gate.release();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();

    let gate = world.sandbox.faults().gate(store, Moment::Before);
    let detach = |id: &str| {
        let (controller, id) = (world.controller.clone(), id.to_owned());
        tokio::spawn(async move { controller.unpublish(&id, "node-1").await })
    };
    let first = detach(&ids[0]);
    soon("the record", gate.arrived()).await;
    let second = detach(&ids[1]);
    waits_in_vain(&world, &ids[2]).await;
    gate.release();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(world.records(resource(&ids[0])).await.len(), 0);
}

/// An attach whose caller has no time to wait for its turn.
async fn waits_in_vain(world: &World, id: &str) {
    let mut impatient = Request::new(publish(id, "node-1"));
    impatient.set_timeout(Duration::from_millis(800));
    let answer = world.controller.client.clone().controller_publish_volume(impatient).await.map(drop);
    assert!(refused(answer, Code::Aborted).contains("call again"));
}

const POD: &str = "99999999-2222-4333-8444-555555555555";

/// A controller that sees a pod as it was recorded.
async fn with_pod(world: &World, kubernetes: &Kubernetes) -> Controller {
    kubernetes.put_pod("af3_ke_manual_try3", POD);
    let service = ControllerService::new(world.linstor(), Instances::default(), PATIENCE);
    world.serve(service.with_directory(kubernetes.directory())).await
}

#[tokio::test]
async fn while_a_runs_volume_is_attached_new_claims_of_pods_are_bound_to_that_node() {
    let (world, kubernetes) = (World::start().await, Kubernetes::new());
    let controller = with_pod(&world, &kubernetes).await;
    let pod = name_of("af3_ke_manual_try3");
    let uid = |number: u8| format!("1111111{number}-2222-4333-8444-555555555555");
    let ask = async |number: u8, scope: &str, is_owned: bool| {
        let (uid, name) = (uid(number), format!("claim-{number}"));
        let owner = is_owned.then_some((pod.as_str(), POD));
        let pvc = Pvc { name: &name, owner, ..pvc(&uid) };
        kubernetes.put_claim(&pvc);
        controller.create(pvc.request().parameter("scope", scope)).await.unwrap()
    };
    for (scope, number) in [("run", 1), ("dag", 3)] {
        let first = ask(number, scope, true).await;
        assert_eq!(first.accessible_topology, [], "{scope}: every node reaches it");
        controller.publish(publish(&first.volume_id, "node-2")).await.unwrap();
        let second = ask(number + 1, scope, true).await;
        assert_eq!(resource(&second.volume_id), resource(&first.volume_id));
        let segments: Vec<&str> = second.accessible_topology.iter().map(|one| &*one.segments[TOPOLOGY_KEY]).collect();
        assert_eq!(segments, ["node-2"], "{scope}");
        world.crash("node-2");
        assert_eq!(ask(number + 1, scope, true).await.accessible_topology, [], "{scope}: the node is away");
        controller.unpublish(&first.volume_id, "node-2").await.unwrap();
        world.restore("node-2");
        assert_eq!(ask(number + 1, scope, true).await.accessible_topology, [], "{scope}: it is to leave that node");
    }
    let task = ask(5, "task", true).await;
    controller.publish(publish(&task.volume_id, "node-2")).await.unwrap();
    assert_eq!(ask(6, "task", true).await.accessible_topology, [], "a task's next try may come anywhere");
}

#[tokio::test]
async fn a_claim_that_no_pod_owns_keeps_the_policys_topology() {
    let world = World::start().await;
    let first = world.controller.create(claim("pvc-1", RUN)).await.unwrap().volume_id;
    world.controller.publish(publish(&first, "node-1")).await.unwrap();
    assert_eq!(world.controller.create(claim("pvc-2", RUN)).await.unwrap().accessible_topology, []);
    let local = world.controller.create(claim("pvc-3", &TASK).storage_alone().on("node-3")).await.unwrap();
    let again = world.controller.create(claim("pvc-4", &TASK).storage_alone().on("node-1")).await.unwrap();
    assert_eq!((again.accessible_topology.len(), &again.accessible_topology), (1, &local.accessible_topology));
}

#[tokio::test]
async fn a_claim_that_is_refused_for_good_leaves_nothing_and_one_that_is_cut_off_is_mended() {
    let world = World::start().await;
    refused(world.controller.create(claim("pvc-1", RUN).gib(1 << 10)).await, Code::ResourceExhausted);
    let volume = world.controller.create(claim("pvc-1", RUN)).await.unwrap().volume_id;
    let impatient = world.controller_with(world.impatient_linstor(Duration::from_millis(300)), PATIENCE);
    let impatient = impatient.await;
    let gate = world
        .sandbox
        .faults()
        .gate(Matcher::contains("/key-value-store/").method(&Method::PUT).times(1), Moment::Before);
    let cut = impatient.create(claim("pvc-2", RUN)).await.unwrap_err();
    assert!(is_open(&cut), "{cut:?}");
    gate.release();
    let second = impatient.create(claim("pvc-2", RUN)).await.unwrap().volume_id;
    assert_eq!(resource(&second), resource(&volume));
}
