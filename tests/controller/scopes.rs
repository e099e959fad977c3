//! What holds at every scope: how many volumes there are, who meets at them, and what two controllers make of it.

use std::collections::BTreeMap;

use axum::http::Method;
use linflow::{
    csi::proto::node_client::NodeClient,
    node::scripted::ScriptedHost,
    sandbox::faults::{Matcher, Moment},
    workflow::AnyDirectory,
};
use tonic::{Code, transport::Channel};

use super::asking::{ANOTHER, CLAIM, POD, RUN, Scene, of};
use super::claims::many_readers;
use crate::support::{
    NODES, World,
    claims::{self, DAG, Owned, Pods, TASK, seat},
    create,
    csi::{Create, TOPOLOGY_KEY, resource},
    is_open,
    kubernetes::{Pvc, name_of, pvc, recorded, with_uid},
    node::{OnNode, pod},
    publish, refused, soon,
};

const OWNERS: [&[(&str, &str)]; 3] = [&TASK, claims::RUN, DAG];

fn claim(name: &str, owner: &[(&str, &str)]) -> Create {
    owner.iter().fold(create(name).mib(64), |wanted, (key, value)| wanted.parameter(key, value))
}

/// A recorded pod of another run.
fn of_another_run(recording: &str, uid: &str) -> String {
    let label = "run_id: scheduled__2025-01-01T0000000000-1ba00d816";
    let manifest = with_uid(&recorded(recording), uid).replace(&name_of(recording), "later");
    assert!(manifest.contains(label), "the recording is of another run");
    manifest.replace(&format!("run_id: {RUN}"), "run_id: manual__2").replace(label, "run_id: manual__2")
}

#[tokio::test]
async fn pod_and_none_are_ordinary_volumes_one_for_each_claim_that_go_with_it() {
    for recording in ["af2_ke_mapped", "af3_ke_mapped", "af3_kpo_ephemeral"] {
        for scope in ["pod", "none", ""] {
            let scene = Scene::start("").await;
            scene.kubernetes.put_pod(recording, POD);
            let name = name_of(recording);
            let mut ids = Vec::new();
            for (claim, uid) in [("one", CLAIM), ("two", ANOTHER)] {
                let claim = Pvc { name: claim, uid, ..of(&name, &[]) };
                let tag = scene.ask(&claim, scope).await.unwrap();
                assert!(!tag.contains_key("Aux/linflow/workflow-id") && !tag.contains_key("Aux/airflow/dag_id"));
                ids.push(format!("pvc-{uid}"));
            }
            for id in &ids {
                scene.controller.publish(publish(id, "node-1")).await.unwrap();
                scene.controller.unpublish(id, "node-1").await.unwrap();
                scene.controller.delete(id).await.unwrap();
                assert!(scene.world.definition(id).await.is_none() && scene.world.store(id).await.is_none());
            }
        }
    }
}

#[tokio::test]
async fn two_controllers_that_race_for_an_owner_of_any_scope_make_one_volume() {
    for owner in OWNERS {
        let world = World::start().await;
        let other = world.another_controller().await;
        // Each has seen that there is none before either makes it.
        let gate = world.sandbox.faults().gate(Matcher::contains("/spawn").times(1), Moment::Before);
        let (slow, ()) = tokio::join!(world.controller.create(claim("pvc-1", owner)), async {
            soon("the spawn", gate.arrived()).await;
            other.create(claim("pvc-2", owner)).await.unwrap();
            gate.release();
        });
        assert!(slow.as_ref().err().is_none_or(is_open), "{slow:?}");
        let one = world.controller.create(claim("pvc-1", owner)).await.unwrap().volume_id;
        let two = other.create(claim("pvc-2", owner)).await.unwrap().volume_id;
        assert_eq!(resource(&one), resource(&two));
        let store = world.store(&one).await.unwrap();
        assert_eq!(store.keys().filter(|key| key.contains("/claim/")).count(), 2);
    }
}

/// The first controller has read that nobody has the volume; the second attaches another claim elsewhere before the
/// first writes.
#[tokio::test]
async fn two_controllers_never_attach_an_owners_volume_of_any_scope_to_two_nodes() {
    for owner in OWNERS {
        let world = World::start().await;
        let pods = Pods::none();
        let (slow, fast) = (pods.controller(&world).await, pods.controller(&world).await);
        let owned = Owned::make(&world, create("data").on("node-1"), owner).await;
        let one = owned.claim("one", Some(pods.put("one", "manual__1", "Running"))).await;
        let other = owned.claim("other", Some(pods.put("other", "manual__1", "Running"))).await;
        let record = Matcher::contains("/key-value-store/").method(&Method::PUT).times(1);
        let gate = world.sandbox.faults().gate(record, Moment::Before);
        let (answer, ()) = tokio::join!(slow.publish(publish(&one, "node-1")), async {
            soon("the record", gate.arrived()).await;
            fast.publish(publish(&other, "node-2")).await.unwrap();
            gate.release();
        });
        assert!(is_open(&answer.unwrap_err()));
        assert_eq!(owned.seats().await, [seat("node-2", &other)]);
    }
}

/// The same on one node: two pods of a run share it, two runs of a DAG don't.
#[tokio::test]
async fn two_controllers_attach_the_pods_of_one_run_to_a_node_at_once_and_of_two_runs_one() {
    for (owner, runs, is_shared) in [
        (claims::RUN, ["manual__1", "manual__1"], true),
        (DAG, ["manual__1", "manual__1"], true),
        (DAG, ["manual__1", "manual__2"], false),
    ] {
        let world = World::start().await;
        let pods = Pods::none();
        let (slow, fast) = (pods.controller(&world).await, pods.controller(&world).await);
        let owned = Owned::make(&world, create("data").on("node-1"), owner).await;
        let one = owned.claim("one", Some(pods.put("one", runs[0], "Running"))).await;
        let other = owned.claim("other", Some(pods.put("other", runs[1], "Running"))).await;
        let record = Matcher::contains("/key-value-store/").method(&Method::PUT).times(1);
        let gate = world.sandbox.faults().gate(record, Moment::Before);
        let (answer, ()) = tokio::join!(slow.publish(publish(&one, "node-1")), async {
            soon("the record", gate.arrived()).await;
            fast.publish(publish(&other, "node-1")).await.unwrap();
            gate.release();
        });
        assert_eq!(answer.as_ref().err().map(tonic::Status::code), (!is_shared).then_some(Code::Aborted), "{runs:?}");
        assert_eq!(owned.seats().await.len(), if is_shared { 2 } else { 1 });
    }
}

/// The device is opened for reading alone, or it isn't: one node has one superblock.
#[tokio::test]
async fn of_a_reader_and_a_writer_that_two_controllers_attach_to_a_node_at_once_one_backs_off() {
    let world = World::start().await;
    let other = world.another_controller().await;
    let owned = Owned::make(&world, create("data").on("node-1"), claims::RUN).await;
    let (reader, writer) = (owned.claim("reader", None).await, owned.claim("writer", None).await);
    let record = Matcher::contains("/key-value-store/").method(&Method::PUT).times(1);
    let gate = world.sandbox.faults().gate(record, Moment::Before);
    let (answer, ()) = tokio::join!(world.controller.publish(many_readers(&reader, "node-1")), async {
        soon("the record", gate.arrived()).await;
        other.publish(publish(&writer, "node-1")).await.unwrap();
        gate.release();
    });
    refused(answer, Code::Aborted);
    assert_eq!(owned.seats().await, [seat("node-1", &writer)]);
}

/// A replica is where the data is, and nowhere else, whoever owns it and whatever its pods do.
#[tokio::test]
async fn without_drbd_no_owners_volume_passes_to_another_node_attached_or_let_go() {
    for owner in OWNERS {
        let world = World::start().await;
        let pods = Pods::none();
        let controller = pods.controller(&world).await;
        let owned = Owned::make(&world, create("data").storage_alone().on("node-1"), owner).await;
        let first = owned.claim("one", Some(pods.put("one", "manual__1", "Running"))).await;
        let next = owned.claim("next", Some(pods.put("next", "manual__1", "Pending"))).await;
        controller.publish(publish(&first, "node-1")).await.unwrap();
        let expect_refused = async || {
            refused(controller.publish(publish(&next, "node-2")).await, Code::FailedPrecondition);
            assert_eq!(world.resources(&owned.resource).await.len(), 1, "no empty twin");
        };
        expect_refused().await;
        pods.put("one", "manual__1", "Failed");
        expect_refused().await;
        controller.unpublish(&first, "node-1").await.unwrap();
        expect_refused().await;
        world.crash("node-1");
        expect_refused().await;
        world.restore("node-1");
        controller.publish(publish(&next, "node-1")).await.unwrap();
    }
}

#[tokio::test]
async fn another_run_of_a_dag_that_has_its_volume_waits_at_its_claim_until_the_first_has_let_go() {
    let recording = "af3_ke_ephemeral_pvc";
    let scene = Scene::start("").await;
    scene.kubernetes.put_pod(recording, POD);
    scene.kubernetes.put("later", &of_another_run(recording, ANOTHER));
    let name = name_of(recording);
    let ask = async |pvc: Pvc<'_>| {
        scene.kubernetes.put_claim(&pvc);
        scene.controller.create(pvc.request().parameter("scope", "dag")).await
    };
    let first = ask(of(&name, &[])).await.unwrap().volume_id;
    scene.controller.publish(publish(&first, "node-1")).await.unwrap();
    let claims = async || {
        let store = scene.world.store(&first).await.unwrap();
        store.into_keys().filter(|key| key.contains("/claim/")).collect::<Vec<_>>()
    };
    let before = claims().await;
    let later = Pvc { name: "later", owner: Some(("later", ANOTHER)), ..pvc(ANOTHER) };
    let message = refused(ask(later.clone()).await, Code::Aborted);
    assert!(message.contains("node-1") && message.contains("scheduled__2025-01-01"), "{message}");
    assert_eq!(claims().await, before, "it has no claim yet");
    // A pod of the same run does not wait, and lands there.
    let beside = ask(Pvc { name: "beside", uid: POD, ..of(&name, &[]) }).await.unwrap();
    assert_eq!(beside.accessible_topology[0].segments[TOPOLOGY_KEY], "node-1");
    scene.controller.unpublish(&first, "node-1").await.unwrap();
    assert_eq!(resource(&ask(later).await.unwrap().volume_id), resource(&first));
}

/// A PersistentVolume names its nodes for good, and such a claim outlives its pods.
#[tokio::test]
async fn a_claim_that_no_pod_owns_is_bound_anywhere_while_its_volume_is_attached_and_waits_at_the_attach() {
    for (scope, parts) in [("run", 2), ("dag", 1)] {
        let scene = Scene::start("").await;
        scene.kubernetes.put_pod("af3_ke_ephemeral_pvc", POD);
        let name = name_of("af3_ke_ephemeral_pvc");
        let first = of(&name, &[]);
        scene.kubernetes.put_claim(&first);
        let first = scene.controller.create(first.request().parameter("scope", scope)).await.unwrap().volume_id;
        scene.controller.publish(publish(&first, "node-1")).await.unwrap();
        let ids = &[("linflow.csi/dag-id", "etl_daily"), ("linflow.csi/run-id", RUN)][..parts];
        let standalone = Pvc { name: "shared", annotations: ids, ..pvc(ANOTHER) };
        scene.kubernetes.put_claim(&standalone);
        let made = scene.controller.create(standalone.request().parameter("scope", scope)).await.unwrap();
        assert_eq!((resource(&made.volume_id), made.accessible_topology), (resource(&first), Vec::new()));
        let waits = scene.controller.publish(publish(&made.volume_id, "node-2")).await.unwrap_err();
        assert_eq!(waits.code(), if scope == "run" { Code::FailedPrecondition } else { Code::Aborted }, "{waits:?}");
        scene.controller.unpublish(&first, "node-1").await.unwrap();
        scene.controller.publish(publish(&made.volume_id, "node-2")).await.unwrap();
    }
}

/// A creator that is cut between the two leaves a number that no volume has, and never two volumes of one number.
#[tokio::test]
async fn the_next_generation_is_written_down_before_its_volume_is_made() {
    for owner in OWNERS {
        let world = World::start().await;
        let first = world.controller.create(claim("pvc-1", owner)).await.unwrap().volume_id;
        world.crash(&world.replicas(&first).await[0]);
        world.linstor().delete_definition(&resource(&first).parse().unwrap()).await.unwrap();
        let (made, requests) = world.count(world.controller.create(claim("pvc-2", owner))).await;
        let (instance, _) = resource(&first).rsplit_once('-').unwrap();
        assert_eq!(resource(&made.unwrap().volume_id), format!("{instance}-1"));
        let path = format!("/v1/key-value-store/{instance}");
        let written = requests.iter().position(|one| one.method == "PUT" && one.path == path);
        let made = requests.iter().position(|one| one.path.ends_with("/spawn"));
        assert!(written.is_some() && written < made, "{requests:#?}");
    }
}

/// The longest ids that Airflow allows, of up to four bytes a character.
fn longest() -> [String; 3] {
    ["𠀀", "客", "п"].map(|letter| letter.repeat(250))
}

/// A pod with ids of that length, or as it was recorded with the longest that a DAG of ours had.
fn long(recording: Option<&str>, uid: &str) -> String {
    let [dag, run, task] = longest();
    match recording {
        Some(recording) => with_uid(&recorded(recording), uid).replace(&name_of(recording), &format!("long-{uid}")),
        None => format!(
            "kind: Pod\nmetadata:\n  name: long-{uid}\n  namespace: airflow\n  uid: {uid}\n  annotations:\n    dag_id: {dag}\n    \
             run_id: {run}\n    task_id: {task}\n    try_number: '1'\n"
        ),
    }
}

#[tokio::test]
async fn ids_of_250_characters_lead_from_claim_to_mount_and_back_to_the_same_volume() {
    for recording in [None, Some("af3_ke_long_unicode")] {
        let (scene, mut node, mut volumes) = (Scene::start("").await, None, Vec::new());
        for uid in [POD, ANOTHER] {
            scene.kubernetes.put(uid, &long(recording, uid));
            let (name, owner) = (format!("claim-{uid}"), format!("long-{uid}"));
            let claim = Pvc { name: &name, owner: Some((&owner, uid)), ..pvc(uid) };
            let tag = scene.ask(&claim, "task").await.unwrap();
            if recording.is_none() {
                let kept = ["dag_id", "run_id", "task_id"].map(|key| tag[&format!("Aux/airflow/{key}")].clone());
                assert_eq!(kept, longest());
            }
            let volume = scene.controller.create(claim.request().parameter("scope", "task")).await.unwrap().volume_id;
            let context = scene.controller.publish(publish(&volume, NODES[0])).await.unwrap();
            let bytes: usize = context.iter().map(|(key, value)| key.len() + value.len()).sum();
            assert!(bytes <= 4096, "publish_context has {bytes} bytes; CSI allows 4096");
            let client = match node.take() {
                Some(client) => client,
                None => node_without_lookups(&scene.world, &context).await,
            };
            let on_node = OnNode { client, volume, context };
            mounted_by(&on_node, &owner, uid).await;
            scene.controller.unpublish(&on_node.volume, NODES[0]).await.unwrap();
            node = Some(on_node.client);
            volumes.push(on_node.volume);
        }
        assert_ne!(volumes[0], volumes[1]);
        assert_eq!(resource(&volumes[0]), resource(&volumes[1]));
    }
}

/// A node that asks nobody about pods, with the volume's device.
async fn node_without_lookups(world: &World, context: &BTreeMap<String, String>) -> NodeClient<Channel> {
    let host = ScriptedHost::new();
    host.add_device(&context["linflow.csi/device"], context["linflow.csi/bytes"].parse().unwrap());
    world.node(NODES[0], host, AnyDirectory::None).await
}

/// The pod that the claim was attached for may mount it, and no other of its name.
async fn mounted_by(on_node: &OnNode, name: &str, uid: &str) {
    on_node.stage().await.unwrap();
    refused(on_node.publish(&pod("airflow", name, "somebody-else")).await, Code::PermissionDenied);
    on_node.publish(&pod("airflow", name, uid)).await.unwrap();
    on_node.unpublish().await.unwrap();
    on_node.unstage().await.unwrap();
}

/// After a final answer nobody would come again for it, nor delete it: its claim would keep the volume for good.
#[tokio::test]
async fn a_claim_that_stands_though_its_pod_is_gone_is_answered_so_that_it_can_be_deleted() {
    for recording in ["af2_ke_mapped", "af3_ke_mapped"] {
        for scope in ["task", "run", "dag"] {
            let scene = Scene::start("").await;
            scene.kubernetes.put_pod(recording, POD);
            let name = name_of(recording);
            let claim = of(&name, &[]);
            scene.kubernetes.put_claim(&claim);
            let ask = || scene.controller.create(claim.request().parameter("scope", scope));
            let volume = ask().await.unwrap().volume_id;
            scene.kubernetes.remove(recording);
            assert_eq!(ask().await.unwrap().volume_id, volume, "its pod is gone");
            scene.kubernetes.put_claim(&Pvc { uid: ANOTHER, ..claim.clone() });
            assert_eq!(ask().await.unwrap().volume_id, volume, "another claim has its name");
            scene.kubernetes.remove("claim-data");
            assert_eq!(ask().await.unwrap().volume_id, volume, "it is gone");
            scene.controller.delete(&volume).await.unwrap();
            let (answer, requests) = scene.world.count(ask()).await;
            refused(answer, Code::FailedPrecondition);
            assert!(requests.len() <= 3 && requests.iter().all(|one| one.method == "GET"), "{requests:#?}");
            let store = scene.world.store(&volume).await.unwrap();
            assert!(store.keys().all(|key| !key.contains("/claim/")), "nothing keeps it: {store:#?}");
        }
    }
}

/// What LINSTOR deletes is nobody's any more, and no new generation is made for a claim that is gone.
#[tokio::test]
async fn a_claim_that_is_gone_gets_nothing_of_a_volume_that_is_on_its_way_out() {
    let scene = Scene::start("").await;
    scene.kubernetes.put_pod("af3_ke_mapped", POD);
    let name = name_of("af3_ke_mapped");
    let claim = of(&name, &[]);
    scene.kubernetes.put_claim(&claim);
    let ask = || scene.controller.create(claim.request().parameter("scope", "run"));
    let volume = ask().await.unwrap().volume_id;
    scene.kubernetes.remove("af3_ke_mapped");
    scene.world.crash(&scene.world.replicas(&volume).await[0]);
    scene.world.linstor().delete_definition(&resource(&volume).parse().unwrap()).await.unwrap();
    let (answer, requests) = scene.world.count(ask()).await;
    refused(answer, Code::FailedPrecondition);
    assert!(requests.iter().all(|one| one.method == "GET"), "{requests:#?}");
}
