//! A task's own copy of another volume of its run.

use std::collections::BTreeSet;

use linflow::{
    sandbox::{
        faults::{Action, Matcher, Moment},
        model::cloning::CloneFate,
    },
    volume::claims::owned_name,
    workflow::WorkflowRef,
};
use tonic::Code;

use crate::support::{
    Controller, World,
    claims::RUN,
    create,
    csi::{Create, block, mount, resource},
    kubernetes::{Kubernetes, Pvc, pvc},
    refused,
};

/// A claim of the volume of that task of the run.
fn of_task(name: &str, task: &str) -> Create {
    RUN.iter()
        .fold(create(name).mib(64), |wanted, (key, value)| wanted.parameter(key, value))
        .parameter("task-id", task)
}

/// A claim of a mapped task that begins with what `extract` left.
fn mapped(name: &str, index: u32) -> Create {
    of_task(name, "transform").parameter("map-index", &index.to_string()).parameter("from", "task:extract")
}

/// What the run's `extract` left: a formatted volume.
async fn extracted(world: &World) -> String {
    let volume = world.controller.create(of_task("pvc-extract", "extract")).await.unwrap().volume_id;
    world.format(&volume).await;
    volume
}

/// The volume of that owner and generation.
fn name(canonical: &str, generation: u32) -> String {
    owned_name(&WorkflowRef::parse(canonical).unwrap(), generation).to_string()
}

/// The name of the source that a copy says it was made from.
async fn origin(world: &World, volume: &str) -> String {
    let props = world.definition(volume).await.unwrap().props;
    let origin = &props[&format!("Aux/linflow/copy/{}", resource(volume))];
    serde_json::from_str::<serde_json::Value>(origin).unwrap()["source"].as_str().unwrap().to_owned()
}

async fn has_no_volume(world: &World, task: &str) -> bool {
    let name = name(&format!("airflow/sales/manual__1/{task}"), 0);
    world.definition(&name).await.is_none() && world.store(&name).await.is_none()
}

/// A pod of that mapped task, and a claim of its own; answers what is asked for it.
fn pods_claim(kubernetes: &Kubernetes, uid: &str, index: u32, from: &str) -> Create {
    let pod = format!("transform-{uid}");
    kubernetes.put(
        &pod,
        &format!(
            "kind: Pod\nmetadata:\n  name: {pod}\n  namespace: airflow\n  uid: pod-{uid}\n  annotations: {{dag_id: sales, \
             run_id: manual__1, task_id: transform, map_index: '{index}', try_number: '1'}}\n"
        ),
    );
    let (claim, owner) = (format!("data-{uid}"), format!("pod-{uid}"));
    let annotations = [("linflow.csi/scope", "task"), ("linflow.csi/from", from)];
    let claim = Pvc { name: &claim, annotations: &annotations, owner: Some((&pod, &owner)), ..pvc(uid) };
    kubernetes.put_claim(&claim);
    claim.request().mib(64)
}

async fn seeing(world: &World, kubernetes: &Kubernetes) -> Controller {
    let service = linflow::csi::controller::ControllerService::new(
        world.linstor(),
        linflow::workflow::Instances::default(),
        crate::support::PATIENCE,
    );
    world.serve(service.with_directory(kubernetes.directory())).await
}

#[tokio::test]
async fn mapped_tasks_fan_out_over_one_upstreams_data_each_on_a_volume_of_its_own() {
    let (world, kubernetes) = (World::start().await, Kubernetes::new());
    let controller = seeing(&world, &kubernetes).await;
    let source = extracted(&world).await;
    let uuid = world.definition(&source).await.unwrap().props["Aux/linflow/fs-uuid"].clone();
    let mut resources = BTreeSet::from([resource(&source).to_owned()]);
    for index in 0..3 {
        let asked = pods_claim(&kubernetes, &format!("uid-{index}"), index, "task:extract");
        let made = controller.create(asked.clone()).await.unwrap();
        assert_eq!(controller.create(asked).await.unwrap(), made, "a repeat finds the same");
        assert_eq!(made.content_source, None, "CSI asked for none");
        let props = world.definition(&made.volume_id).await.unwrap().props;
        assert_eq!(props["Aux/airflow/task_id"], "transform");
        assert_eq!(props["Aux/airflow/map_index"], index.to_string());
        assert_eq!(props["Aux/linflow/fs-uuid"], uuid);
        let formatted = format!("{}/formatted", props["Aux/linflow/incarnation"]);
        assert_eq!(world.store(resource(&made.volume_id)).await.unwrap()[&formatted], uuid);
        assert_eq!(origin(&world, &made.volume_id).await, format!("volume {}", resource(&source)));
        resources.insert(resource(&made.volume_id).to_owned());
    }
    assert_eq!(resources.len(), 4);
}

#[tokio::test]
async fn a_retry_finds_its_own_copy_whatever_has_become_of_the_source() {
    let world = World::start().await;
    let source = extracted(&world).await;
    let first = world.controller.create(mapped("pvc-1", 7)).await.unwrap().volume_id;
    let incarnation = world.definition(&first).await.unwrap().props["Aux/linflow/incarnation"].clone();
    world.controller.delete(&first).await.unwrap();
    let expect = async |controller: &Controller, claim: &str| {
        let next = controller.create(mapped(claim, 7)).await.unwrap();
        assert_eq!((resource(&next.volume_id), next.content_source), (resource(&first), None));
        assert_eq!(world.definition(&first).await.unwrap().props["Aux/linflow/incarnation"], incarnation);
    };
    expect(&world.controller, "pvc-2").await;
    // One that has met no class yet.
    expect(&world.another_controller().await, "pvc-3").await;
    world.linstor().delete_definition(&resource(&source).parse().unwrap()).await.unwrap();
    for claim in ["pvc-2", "pvc-4"] {
        expect(&world.controller, claim).await;
    }
    assert_eq!(
        resource(
            &world
                .controller
                .create(of_task("pvc-5", "transform").parameter("map-index", "7"))
                .await
                .unwrap()
                .volume_id
        ),
        resource(&first)
    );
}

#[tokio::test]
async fn a_copy_is_of_the_sources_present_generation_and_as_large_as_that_or_larger() {
    let world = World::start().await;
    let first = extracted(&world).await;
    let owner = "airflow/sales/manual__1/extract/-1";
    let node = world.replicas(&first).await.remove(0);
    world.crash(&node);
    world.linstor().delete_definition(&resource(&first).parse().unwrap()).await.unwrap();
    let message = refused(world.controller.create(mapped("pvc-0", 0)).await, Code::NotFound);
    assert!(message.contains("extract"), "what is on its way out is not copied: {message}");
    let second = world.controller.create(of_task("pvc-2", "extract")).await.unwrap().volume_id;
    assert_eq!(resource(&second), name(owner, 1));
    world.restore(&node);
    for (index, asked, has) in [(0, 32, 64), (1, 64, 64), (2, 128, 128)] {
        let made =
            world.controller.create(mapped(&format!("pvc-m{index}"), index).bytes(asked << 20, 0)).await.unwrap();
        assert_eq!(made.capacity_bytes, has << 20);
        assert_eq!(origin(&world, &made.volume_id).await, format!("volume {}", name(owner, 1)));
    }
    refused(world.controller.create(mapped("pvc-m3", 3).bytes(32 << 20, 33 << 20)).await, Code::OutOfRange);
    assert!(has_no_volume(&world, "transform/3").await);
}

#[tokio::test]
async fn a_source_that_is_not_there_is_named_and_nothing_is_left() {
    let world = World::start().await;
    for wanted in [mapped("pvc-1", 0), of_task("pvc-2", "transform").parameter("from", "run")] {
        let (answer, requests) = world.count(world.controller.create(wanted)).await;
        let message = refused(answer, Code::NotFound);
        assert!(message.contains("manual__1") && message.contains("linflow.csi/from"), "{message}");
        assert!(requests.iter().all(|one| one.method == "GET"), "{requests:#?}");
    }
    extracted(&world).await;
    world.controller.create(mapped("pvc-1", 0)).await.unwrap();
}

#[tokio::test]
async fn the_volume_of_another_run_task_or_instance_is_out_of_reach() {
    let world = World::start().await;
    extracted(&world).await;
    let another = |key: &str, value: &str| mapped("pvc-1", 0).parameter(key, value);
    for wanted in [
        another("run-id", "manual__2"),
        another("dag-id", "stock"),
        another("instance", "staging"),
        another("from", "task:extract/0"),
        another("from", "run"),
    ] {
        refused(world.controller.create(wanted).await, Code::NotFound);
    }
    let asked = another("from", "task:extract/0").of_volume("pvc-1");
    let message = refused(world.controller.create(asked).await, Code::InvalidArgument);
    assert!(message.contains("linflow.csi/from"), "{message}");
}

#[tokio::test]
async fn a_volume_that_began_otherwise_is_refused_by_name_and_keeps_its_data() {
    let world = World::start().await;
    extracted(&world).await;
    let empty = of_task("pvc-1", "transform").parameter("map-index", "0");
    let volume = world.controller.create(empty).await.unwrap().volume_id;
    world.controller.create(mapped("pvc-2", 1)).await.unwrap();
    world
        .controller
        .create(RUN.iter().fold(create("pvc-run").mib(64), |it, (key, value)| it.parameter(key, value)))
        .await
        .unwrap();
    for wanted in [mapped("pvc-3", 0), mapped("pvc-4", 1).parameter("from", "run")] {
        let message = refused(world.controller.create(wanted).await, Code::AlreadyExists);
        assert!(message.contains("content source"), "{message}");
    }
    refused(world.controller.create(mapped("pvc-5", 2).capability(block())).await, Code::InvalidArgument);
    assert!(world.definition(&volume).await.is_some() && has_no_volume(&world, "transform/2").await);
}

/// The pod whose claim began the copy is gone, and its claim with it: nobody calls for that one again.
#[tokio::test]
async fn a_copy_that_another_claim_began_is_seen_through_by_the_next() {
    let world = World::start().await;
    extracted(&world).await;
    let impatient = world.controller_with(world.linstor(), std::time::Duration::from_millis(200)).await;
    world.sandbox.cluster().lock().clone_fate = CloneFate::Syncing(27.02);
    refused(impatient.create(mapped("pvc-1", 0)).await, Code::Aborted);
    let copy = name("airflow/sales/manual__1/transform/0", 0);
    let message = refused(impatient.create(mapped("pvc-2", 0)).await, Code::Aborted);
    assert!(message.contains("27.02%"), "{message}");
    let filled = world.replicas(&copy).await.remove(1);
    world.sandbox.cluster().lock().set_sync_percent(&copy, &filled, 100.0).unwrap();
    let mut ids = BTreeSet::new();
    for claim in ["pvc-2", "pvc-1"] {
        let made = crate::support::eventually("the copy", async || impatient.create(mapped(claim, 0)).await.ok()).await;
        assert_eq!(resource(&made.volume_id), copy);
        ids.insert(made.volume_id);
    }
    assert_eq!(ids.len(), 2, "each claim has an id of its own");
}

#[tokio::test]
async fn two_controllers_that_race_for_a_copy_make_one() {
    let world = World::start().await;
    extracted(&world).await;
    let other = world.another_controller().await;
    let (one, two) = tokio::join!(world.controller.create(mapped("pvc-1", 0)), other.create(mapped("pvc-2", 0)));
    for answer in [one, two] {
        assert!(answer.as_ref().err().is_none_or(crate::support::is_open), "{answer:?}");
    }
    let one = world.controller.create(mapped("pvc-1", 0)).await.unwrap().volume_id;
    let two = other.create(mapped("pvc-2", 0)).await.unwrap().volume_id;
    assert_eq!(resource(&one), resource(&two));
}

/// Where LINSTOR can't clone, a snapshot stands between, and the copy bears its source's tags for a moment.
#[tokio::test]
async fn a_copy_through_a_snapshot_that_was_cut_with_its_sources_tags_is_brought_to_its_end() {
    let world = World::start().await;
    let source = of_task("pvc-extract", "extract").storage_alone();
    let source = world.controller.create(source).await.unwrap().volume_id;
    let tags = Matcher::prefix("/v1/resource-definitions/").method(&axum::http::Method::PUT).times(1);
    world.sandbox.faults().inject(tags, Action::Drop(Moment::Before));
    let asked = |claim: &str| mapped(claim, 0).storage_alone();
    let cut = world.controller.create(asked("pvc-1")).await.unwrap_err();
    assert!(crate::support::is_open(&cut), "{cut:?}");
    let begun = world.definition(&name("airflow/sales/manual__1/transform/0", 0)).await.unwrap();
    assert_eq!(begun.props["Aux/linflow/csi-name"], "pvc-extract", "{cut:?}");
    let other = asked("pvc-0").mib(512).capability(mount("xfs"));
    let message = crate::support::refused(world.controller.create(other).await, tonic::Code::AlreadyExists);
    assert!(message.contains("filesystem") && message.contains("xfs"), "{message}");
    let copy = crate::support::eventually("the copy", async || world.controller.create(asked("pvc-2")).await.ok());
    let copy = copy.await.volume_id;
    let props = world.definition(&copy).await.unwrap().props;
    assert_eq!((&*props["Aux/airflow/task_id"], &*props["Aux/linflow/csi-name"]), ("transform", "pvc-2"));
    assert_eq!(world.snapshots().await.len(), 0, "what stood between is gone");
    assert_eq!(origin(&world, &copy).await, format!("volume {}", resource(&source)));
}
