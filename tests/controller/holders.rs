//! Who holds an owner's volume: one pod of a task, the pods of a run on one node, one run of a DAG at a time.

use axum::http::Method;
use linflow::{
    sandbox::faults::{Matcher, Moment},
    volume::claims::ClaimKey,
    workflow::PodRef,
};
use tonic::Code;

use super::attach::spare_node;
use crate::support::{
    Controller, World,
    claims::{DAG, Owned, Pods, RUN, TASK, pod_named, seat},
    create, is_open, publish, refused, soon,
};

const ONE_RUN: &str = "manual__1";

/// A task's volume, and its first try, whose pod runs on node-1.
struct Tried<'a> {
    controller: Controller,
    owned: Owned<'a>,
    pods: Pods,
    first: String,
}

async fn tried(world: &World) -> Tried<'_> {
    let pods = Pods::none();
    let controller = pods.controller(world).await;
    let owned = Owned::make(world, create("data").on("node-1"), &TASK).await;
    let first = owned.claim("try-1", Some(pods.put("try-1", ONE_RUN, "Running"))).await;
    let context = controller.publish(publish(&first, "node-1")).await.unwrap();
    assert_eq!(context["linflow.csi/pod-uid"], "uid-try-1");
    Tried { controller, owned, pods, first }
}

impl Tried<'_> {
    /// The second try: its claim.
    async fn retry(&self) -> String {
        self.owned.claim("try-2", Some(self.pods.put("try-2", ONE_RUN, "Pending"))).await
    }
}

#[tokio::test]
async fn a_zombies_twin_waits_and_is_told_who_holds_the_volume_on_which_node_since_when() {
    let world = World::start().await;
    let given = tried(&world).await;
    let second = given.retry().await;
    let since = world.records(&given.owned.resource).await[&seat("node-1", &given.first)]["time"].clone();
    for node in ["node-1", "node-2"] {
        let message = refused(given.controller.publish(publish(&second, node)).await, Code::FailedPrecondition);
        for part in ["airflow/try-1", "uid-try-1", "node-1", since.as_str().unwrap()] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert_eq!(given.owned.seats().await, [seat("node-1", &given.first)]);
    }
}

/// KubernetesExecutor keeps failed pods, and their claims and attachments with them.
#[tokio::test]
async fn a_retry_on_the_same_node_is_attached_once_the_first_pod_has_ended_or_is_gone_or_is_another() {
    for end in ["Failed", "Succeeded", "gone", "another"] {
        let world = World::start().await;
        let given = tried(&world).await;
        let second = given.retry().await;
        match end {
            "gone" => given.pods.remove("try-1"),
            "another" => {
                given.pods.remove("try-1");
                let manifest =
                    r#"{"kind": "Pod", "metadata": {"namespace": "airflow", "name": "try-1", "uid": "next"}}"#;
                std::fs::write(given.pods.0.path().join("next.json"), manifest).unwrap();
            }
            phase => drop(given.pods.put("try-1", ONE_RUN, phase)),
        }
        given.controller.publish(publish(&second, "node-1")).await.unwrap();
        assert_eq!(given.owned.seats().await.len(), 2, "{end}");
        // On another node the device must have left the first.
        let third = given.owned.claim("try-3", Some(given.pods.put("try-3", ONE_RUN, "Pending"))).await;
        refused(given.controller.publish(publish(&third, "node-2")).await, Code::FailedPrecondition);
    }
}

#[tokio::test]
async fn a_retry_on_another_node_is_attached_when_the_first_pods_record_is_gone() {
    let world = World::start().await;
    let given = tried(&world).await;
    let second = given.retry().await;
    given.pods.put("try-1", ONE_RUN, "Failed");
    let message = refused(given.controller.publish(publish(&second, "node-2")).await, Code::FailedPrecondition);
    assert!(message.contains("try-1"), "{message}");
    given.controller.unpublish(&given.first, "node-1").await.unwrap();
    given.controller.publish(publish(&second, "node-2")).await.unwrap();
    assert_eq!(given.owned.seats().await, [seat("node-2", &second)]);
}

/// The dead node's pod stays `Running` in Kubernetes for as long as nobody removes it: DRBD's word is enough.
#[tokio::test]
async fn after_a_real_node_loss_the_retry_gets_the_volume_as_soon_as_drbd_says_it_may() {
    let world = World::start().await;
    let given = tried(&world).await;
    world.set_open(&given.owned.resource, "node-1", true);
    let second = given.retry().await;
    let replicas = world.replicas(&given.owned.resource).await;
    let survivor = replicas.iter().find(|node| *node != "node-1").unwrap();
    refused(given.controller.publish(publish(&second, survivor)).await, Code::FailedPrecondition);
    world.crash("node-1");
    given.controller.publish(publish(&second, survivor)).await.unwrap();
    assert_eq!(given.owned.seats().await, [seat(survivor, &second)]);
}

#[tokio::test]
async fn without_drbd_a_tasks_volume_never_passes_to_another_node() {
    let world = World::start().await;
    let pods = Pods::none();
    let controller = pods.controller(&world).await;
    let owned = Owned::make(&world, create("data").storage_alone().on("node-1"), &TASK).await;
    let first = owned.claim("try-1", Some(pods.put("try-1", ONE_RUN, "Failed"))).await;
    controller.publish(publish(&first, "node-1")).await.unwrap();
    world.crash("node-1");
    controller.unpublish(&first, "node-1").await.unwrap();
    let second = owned.claim("try-2", Some(pods.put("try-2", ONE_RUN, "Pending"))).await;
    refused(controller.publish(publish(&second, "node-2")).await, Code::FailedPrecondition);
    world.restore("node-1");
    controller.publish(publish(&second, "node-1")).await.unwrap();
}

#[tokio::test]
async fn a_holder_that_nobody_can_look_up_is_no_reason_to_go_on() {
    let world = World::start().await;
    let given = tried(&world).await;
    let second = given.retry().await;
    // This controller has no directory.
    let message = refused(world.controller.publish(publish(&second, "node-1")).await, Code::Unavailable);
    assert!(message.contains("try-1"), "{message}");
    assert_eq!(given.owned.seats().await.len(), 1);
}

#[tokio::test]
async fn a_claim_without_a_pod_holds_a_tasks_volume_until_it_is_detached() {
    let world = World::start().await;
    let given = tried(&world).await;
    given.controller.unpublish(&given.first, "node-1").await.unwrap();
    let standalone = given.owned.claim("own", None).await;
    let context = given.controller.publish(publish(&standalone, "node-1")).await.unwrap();
    assert_eq!(context.get("linflow.csi/pod-uid"), None);
    let second = given.retry().await;
    let message = refused(given.controller.publish(publish(&second, "node-1")).await, Code::FailedPrecondition);
    assert!(message.contains(standalone.split_once('@').unwrap().1), "{message}");
    given.controller.unpublish(&standalone, "node-1").await.unwrap();
    given.controller.publish(publish(&second, "node-1")).await.unwrap();
}

#[tokio::test]
async fn two_claims_of_one_pod_are_one_holder() {
    let world = World::start().await;
    let given = tried(&world).await;
    let more = given.owned.claim("more", Some(given.pods.put("try-1", ONE_RUN, "Running"))).await;
    given.controller.publish(publish(&more, "node-1")).await.unwrap();
}

#[tokio::test]
async fn the_pods_of_a_run_hold_its_volume_together_on_one_node() {
    let world = World::start().await;
    let pods = Pods::none();
    let controller = pods.controller(&world).await;
    let owned = Owned::make(&world, create("data").on("node-1"), RUN).await;
    let mut ids = Vec::new();
    for name in ["extract", "load"] {
        ids.push(owned.claim(name, Some(pods.put(name, ONE_RUN, "Running"))).await);
    }
    controller.publish(publish(&ids[0], "node-1")).await.unwrap();
    refused(controller.publish(publish(&ids[1], "node-2")).await, Code::FailedPrecondition);
    controller.publish(publish(&ids[1], "node-1")).await.unwrap();
    assert_eq!(owned.seats().await.len(), 2);
}

#[tokio::test]
async fn the_runs_of_a_dag_take_turns_and_the_second_is_told_to_come_again() {
    let world = World::start().await;
    let pods = Pods::none();
    let controller = pods.controller(&world).await;
    let owned = Owned::make(&world, create("data").on("node-1"), DAG).await;
    let first = owned.claim("first", Some(pods.put("first", "run-1", "Running"))).await;
    let same = owned.claim("same", Some(pods.put("same", "run-1", "Running"))).await;
    let later = owned.claim("later", Some(pods.put("later", "run-2", "Pending"))).await;
    for id in [&first, &same] {
        controller.publish(publish(id, "node-1")).await.unwrap();
    }
    for node in ["node-1", "node-2"] {
        let status = controller.publish(publish(&later, node)).await.unwrap_err();
        assert!(is_open(&status) && status.message().contains("run-1"), "{status:?}");
    }
    assert_eq!(owned.seats().await.len(), 2);
    for name in ["first", "same"] {
        pods.put(name, "run-1", "Succeeded");
    }
    controller.publish(publish(&later, "node-1")).await.unwrap();
}

#[tokio::test]
async fn a_dags_claims_whose_run_is_not_known_do_not_meet() {
    let world = World::start().await;
    let pods = Pods::none();
    let controller = pods.controller(&world).await;
    let owned = Owned::make(&world, create("data").on("node-1"), DAG).await;
    let standalone = owned.claim("own", None).await;
    controller.publish(publish(&standalone, "node-1")).await.unwrap();
    let other = owned.claim("first", Some(pods.put("first", "run-1", "Running"))).await;
    assert!(is_open(&controller.publish(publish(&other, "node-1")).await.unwrap_err()));
}

#[tokio::test]
async fn two_claims_of_a_dag_of_whose_runs_nothing_is_known_are_not_of_one_run() {
    let world = World::start().await;
    let pods = Pods::none();
    let controller = pods.controller(&world).await;
    let owned = Owned::make(&world, create("data").on("node-1"), DAG).await;
    let (one, other) = (owned.claim("one", None).await, owned.claim("other", None).await);
    controller.publish(publish(&one, "node-1")).await.unwrap();
    assert!(is_open(&controller.publish(publish(&other, "node-1")).await.unwrap_err()));
    controller.unpublish(&one, "node-1").await.unwrap();
    controller.publish(publish(&other, "node-1")).await.unwrap();
}

/// By its name alone a pod is nobody's equal: the one before it may have had that name.
#[tokio::test]
async fn pods_of_one_name_whose_uids_are_not_known_are_two() {
    let world = World::start().await;
    let given = tried(&world).await;
    given.controller.unpublish(&given.first, "node-1").await.unwrap();
    let nameless = || Some(PodRef { uid: None, ..pod_named("try-1") });
    let (one, other) = (given.owned.claim("one", nameless()).await, given.owned.claim("other", nameless()).await);
    given.controller.publish(publish(&one, "node-1")).await.unwrap();
    refused(given.controller.publish(publish(&other, "node-1")).await, Code::FailedPrecondition);
}

/// The first controller has read that nobody has the volume; the second attaches the twin before the first writes.
#[tokio::test]
async fn of_twins_that_two_controllers_attach_to_one_node_at_once_one_backs_off() {
    let world = World::start().await;
    let pods = Pods::none();
    let (slow, fast) = (pods.controller(&world).await, pods.controller(&world).await);
    let owned = Owned::make(&world, create("data").on("node-1"), &TASK).await;
    let one = owned.claim("one", Some(pods.put("one", ONE_RUN, "Running"))).await;
    let twin = owned.claim("twin", Some(pods.put("twin", ONE_RUN, "Running"))).await;
    let record = Matcher::contains("/key-value-store/").method(&Method::PUT).times(1);
    let gate = world.sandbox.faults().gate(record, Moment::Before);
    let (answer, ()) = tokio::join!(slow.publish(publish(&one, "node-1")), async {
        soon("the record", gate.arrived()).await;
        fast.publish(publish(&twin, "node-1")).await.unwrap();
        gate.release();
    });
    refused(answer, Code::Aborted);
    assert_eq!(owned.seats().await, [seat("node-1", &twin)]);
}

#[tokio::test]
async fn a_node_that_was_thought_spare_gets_a_tasks_volume_after_the_first_pod_has_left() {
    let world = World::start().await;
    let given = tried(&world).await;
    let second = given.retry().await;
    let spare = spare_node(&world, &given.owned.resource).await;
    given.controller.unpublish(&given.first, "node-1").await.unwrap();
    given.controller.publish(publish(&second, &spare)).await.unwrap();
    assert_eq!(given.owned.clients().await, [spare]);
}

/// KubernetesExecutor keeps a failed pod, and with it a record that says nothing of who uses the volume.
#[tokio::test]
async fn of_several_on_a_node_the_pod_that_runs_is_named_and_not_a_failed_try_that_was_kept() {
    let world = World::start().await;
    let pods = Pods::none();
    let controller = pods.controller(&world).await;
    let owned = Owned::make(&world, create("data").on("node-1"), &TASK).await;
    // The records are in the order of their claims' keys.
    let mut tries = ["try-1", "try-2"];
    tries.sort_by_key(|name| ClaimKey::of(name));
    let [kept, runs] = tries;
    for name in tries {
        let id = owned.claim(name, Some(pods.put(name, ONE_RUN, "Running"))).await;
        controller.publish(publish(&id, "node-1")).await.unwrap();
        pods.put(kept, ONE_RUN, "Failed");
    }
    let next = owned.claim("try-3", Some(pods.put("try-3", ONE_RUN, "Pending"))).await;
    let refusal = async || refused(controller.publish(publish(&next, "node-2")).await, Code::FailedPrecondition);
    let named = refusal().await;
    assert!(named.contains(&format!("airflow/{runs}")) && !named.contains(kept), "{named}");
    // One whose record alone is left is better than nobody.
    pods.put(runs, ONE_RUN, "Failed");
    assert!(refusal().await.contains(kept));
    // Nobody can be looked up: the volume is refused all the same.
    refused(world.controller.publish(publish(&next, "node-2")).await, Code::FailedPrecondition);
}
