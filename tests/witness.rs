//! Stronger evidence than metadata: a witness is asked about a pod that shows the owner's ids, at attach and at mount.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use std::sync::Arc;

use linflow::{
    csi::controller::ControllerService,
    metrics::Metrics,
    node::scripted::ScriptedHost,
    workflow::{Confirm, Instances, NoWitness, Testimony, Witness},
};
use support::{
    Controller, PATIENCE, World,
    claims::{DAG, Owned, Pods, RUN, TASK},
    create,
    node::{OnNode, pod},
    publish, refused,
    witness::{Scripted, contradicted, unknown},
};
use tonic::{Code, Status};

const NODE: &str = "node-1";
const POD: &str = "try-1";
const DOORS: [&str; 2] = ["attach", "mount"];
/// What a witness is told of the pod.
const SHOWN: &str = "airflow/try-1 (uid uid-try-1): DAG sales, run manual__1, task load";

/// A pod that asks at one door for a volume of run manual__1 of DAG sales.
struct Scene<'a> {
    at: Door,
    owned: Owned<'a>,
    pods: Pods,
    metrics: Metrics,
    door: &'static str,
    mode: Confirm,
}

enum Door {
    /// The pod owns the claim, so that it is known at the attach.
    Attach(Box<Controller>, String),
    /// No pod owns the claim.
    Mount(OnNode),
}

impl<'a> Scene<'a> {
    async fn start(world: &'a World, door: &'static str, mode: Confirm, witness: Arc<dyn Witness>) -> Self {
        Self::start_for(world, RUN, door, mode, witness).await
    }

    async fn start_for(
        world: &'a World,
        owner: &[(&str, &str)],
        door: &'static str,
        mode: Confirm,
        witness: Arc<dyn Witness>,
    ) -> Self {
        let (pods, metrics) = (Pods::none(), Metrics::new("linflow.csi"));
        let running = pods.put(POD, "manual__1", "Running");
        let owned = Owned::make(world, create("data").mib(64).on(NODE), owner).await;
        let at = if door == "attach" {
            let service = ControllerService::new(world.linstor(), Instances::default(), PATIENCE)
                .with_directory(pods.directory())
                .with_witness(witness)
                .with_confirm(mode, metrics.doubts());
            Door::Attach(Box::new(world.serve(service).await), owned.claim(POD, Some(running)).await)
        } else {
            let (host, doubts) = (ScriptedHost::new(), metrics.doubts());
            let on_node = OnNode::attach_with(world, &owned.first, NODE, host, pods.directory(), |parts| {
                (parts.witness, parts.confirm, parts.doubts) = (witness, mode, doubts);
            });
            let on_node = on_node.await;
            on_node.stage().await.unwrap();
            Door::Mount(on_node)
        };
        Self { at, owned, pods, metrics, door, mode }
    }

    /// The pod asks.
    async fn ask(&self) -> Result<(), Status> {
        match &self.at {
            Door::Attach(controller, claim) => controller.publish(publish(claim, NODE)).await.map(drop),
            Door::Mount(on_node) => on_node.publish(&pod("airflow", POD, "uid-try-1")).await,
        }
    }

    async fn has_volume(&self) -> bool {
        match &self.at {
            Door::Attach(..) => !self.owned.seats().await.is_empty(),
            Door::Mount(on_node) => on_node.is_published().await,
        }
    }

    /// All who were counted.
    fn counted(&self) -> Vec<String> {
        let page = self.metrics.page();
        page.lines().filter(|line| line.starts_with("linflow_pod_doubts_total{")).map(str::to_owned).collect()
    }

    /// What stands on the page where one pod was counted under that field.
    fn one_with(&self, field: &str) -> Vec<String> {
        let Self { door, mode, .. } = self;
        vec![format!("linflow_pod_doubts_total{{at=\"{door}\",mode=\"{mode}\",field=\"{field}\"}} 1")]
    }
}

#[tokio::test]
async fn a_pod_that_a_witness_confirms_gets_the_volume_and_the_witness_was_shown_the_whole_task() {
    for door in DOORS {
        for mode in [Confirm::Enforce, Confirm::Audit] {
            for owner in [&TASK[..], RUN, DAG] {
                let (world, witness) = (World::start().await, Scripted::new(Testimony::Confirmed));
                let scene = Scene::start_for(&world, owner, door, mode, witness.clone()).await;
                scene.ask().await.unwrap();
                assert!(scene.has_volume().await && scene.counted().is_empty());
                assert_eq!(witness.asked(), [SHOWN]);
            }
        }
    }
}

#[tokio::test]
async fn enforced_a_pod_that_a_witness_contradicts_is_denied_and_counted() {
    for door in DOORS {
        let (world, witness) = (World::start().await, Scripted::new(contradicted()));
        let scene = Scene::start(&world, door, Confirm::Enforce, witness.clone()).await;
        let message = refused(scene.ask().await, Code::PermissionDenied);
        let owner = "belongs to DAG sales, run manual__1 of Airflow airflow";
        for part in [owner, "airflow/try-1", "task load", "Airflow says that the task has ended (state success)"] {
            assert!(message.contains(part), "{part} is missing: {message}");
        }
        assert!(!scene.has_volume().await);
        assert_eq!(scene.counted(), scene.one_with("witness"));
        assert_eq!(witness.asked(), [SHOWN]);
    }
}

#[tokio::test]
async fn enforced_a_pod_whose_witness_cannot_be_asked_waits_until_it_can() {
    for door in DOORS {
        let (world, witness) = (World::start().await, Scripted::new(unknown()));
        let scene = Scene::start(&world, door, Confirm::Enforce, witness.clone()).await;
        let message = refused(scene.ask().await, Code::Unavailable);
        assert!(message.contains("Airflow does not answer") && message.contains("airflow/try-1"), "{message}");
        assert!(!scene.has_volume().await);
        assert_eq!(scene.counted(), scene.one_with("unheard"));
        witness.will_say(Testimony::Confirmed);
        scene.ask().await.unwrap();
        assert!(scene.has_volume().await);
    }
}

#[tokio::test]
async fn audited_a_pod_gets_the_volume_whatever_a_witness_says_and_is_counted() {
    for door in DOORS {
        for (says, field) in [(contradicted(), "witness"), (unknown(), "unheard")] {
            let (world, witness) = (World::start().await, Scripted::new(says));
            let scene = Scene::start(&world, door, Confirm::Audit, witness.clone()).await;
            scene.ask().await.unwrap();
            assert!(scene.has_volume().await);
            assert_eq!(scene.counted(), scene.one_with(field));
            assert_eq!(witness.asked(), [SHOWN]);
        }
    }
}

#[tokio::test]
async fn where_nobody_looks_no_witness_is_asked_either() {
    for door in DOORS {
        let (world, witness) = (World::start().await, Scripted::new(contradicted()));
        let scene = Scene::start(&world, door, Confirm::Off, witness.clone()).await;
        scene.ask().await.unwrap();
        assert!(scene.has_volume().await && scene.counted().is_empty() && witness.asked().is_empty());
    }
}

/// A witness's word can't make up for metadata, and what is refused anyway costs no question.
#[tokio::test]
async fn about_a_pod_of_another_run_or_one_that_is_not_seen_no_witness_is_asked() {
    for door in DOORS {
        for mode in [Confirm::Enforce, Confirm::Audit] {
            for (is_seen, code, field) in
                [(true, Code::PermissionDenied, "run_id"), (false, Code::Unavailable, "unseen")]
            {
                let (world, witness) = (World::start().await, Scripted::new(Testimony::Confirmed));
                let scene = Scene::start(&world, door, mode, witness.clone()).await;
                if is_seen {
                    drop(scene.pods.put(POD, "manual__2", "Running"))
                } else {
                    scene.pods.remove(POD)
                }
                match (mode, scene.ask().await) {
                    (Confirm::Enforce, answer) => drop(refused(answer, code)),
                    (_, answer) => answer.unwrap(),
                }
                assert_eq!(scene.counted(), scene.one_with(field));
                assert!(witness.asked().is_empty(), "{:?}", witness.asked());
            }
        }
    }
}

#[tokio::test]
async fn without_a_witness_what_the_metadata_says_holds() {
    for door in DOORS {
        for witness in [Arc::new(NoWitness) as Arc<dyn Witness>, Scripted::new(Testimony::Silent)] {
            let world = World::start().await;
            let scene = Scene::start(&world, door, Confirm::Enforce, witness).await;
            scene.pods.put(POD, "manual__2", "Running");
            assert!(refused(scene.ask().await, Code::PermissionDenied).contains("run_id differs"));
            assert_eq!(scene.counted(), scene.one_with("run_id"));
            scene.pods.put(POD, "manual__1", "Running");
            scene.ask().await.unwrap();
            assert!(scene.has_volume().await);
        }
    }
}

/// The mount is for the very pod that the attach was for; who asked then knows as much.
#[tokio::test]
async fn about_a_pod_that_its_claim_was_attached_for_no_witness_is_asked_again_at_the_mount() {
    let (world, witness) = (World::start().await, Scripted::new(Testimony::Confirmed));
    let scene = Scene::start(&world, "attach", Confirm::Enforce, witness.clone()).await;
    let Door::Attach(controller, claim) = &scene.at else { panic!("it is at that door") };
    let context = controller.publish(publish(claim, NODE)).await.unwrap();
    assert_eq!(witness.asked(), [SHOWN]);
    witness.will_say(contradicted());

    let host = ScriptedHost::new();
    host.add_device(&context["linflow.csi/device"], context["linflow.csi/bytes"].parse().unwrap());
    let mut parts = world.node_parts(NODE, host, scene.pods.directory());
    parts.witness = witness.clone();
    let on_node = OnNode { client: world.serve_node(parts).await, volume: claim.clone(), context };
    on_node.stage().await.unwrap();
    on_node.publish(&pod("airflow", POD, "uid-try-1")).await.unwrap();
    assert!(on_node.is_published().await);
    assert_eq!(witness.asked(), [SHOWN], "once, at the attach");
}
