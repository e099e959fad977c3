//! ControllerPublishVolume of a claim that a pod owns: the pod is confirmed there already, before anything is attached.

use linflow::{csi::controller::ControllerService, metrics::Metrics, workflow::Confirm, workflow::Instances};
use tonic::{Code, Status};

use super::asking::{ANOTHER, POD, RUN, of};
use crate::support::{
    Controller, PATIENCE, World,
    kubernetes::{Kubernetes, Pvc, name_of, pvc, recorded, with_uid},
    publish, refused,
};

/// A pod of DAG etl_daily, of Airflow 2.11 and of Airflow 3.
const PODS: [&str; 2] = ["af2_ke_normal_scheduled", "af3_ke_ephemeral_pvc"];
/// What a pod shows, what it shows when it is of another workflow, and which field differs.
const CHANGES: [(&[&str], &str, &str); 4] = [
    (&["dag_id: etl_daily"], "dag_id: sales", "dag_id"),
    (&["run_id: scheduled__2025-01-01T00:00:00+00:00", RUN_LABEL], "run_id: manual__1", "run_id"),
    (&["task_id: extract"], "task_id: load", "task_id"),
    (&["try_number: '1'"], "try_number: '1'\n    map_index: '3'", "map_index"),
];
const RUN_LABEL: &str = "run_id: scheduled__2025-01-01T0000000000-1ba00d816";

/// A volume that was made for a recorded pod, and is not attached.
struct Scene {
    world: World,
    kubernetes: Kubernetes,
    controller: Controller,
    metrics: Metrics,
    manifest: String,
    volume: String,
}

impl Scene {
    /// `class` and `driver`: what they say of confirmation.
    async fn start(recording: &str, class: Option<&str>, driver: Confirm) -> Self {
        let (world, kubernetes, metrics) = (World::start().await, Kubernetes::new(), Metrics::new("linflow.csi"));
        let service = ControllerService::new(world.linstor(), Instances::default(), PATIENCE);
        let service = service.with_directory(kubernetes.directory()).with_confirm(driver, metrics.doubts());
        let controller = world.serve(service).await;
        let manifest = with_uid(&recorded(recording), POD);
        kubernetes.put("pod", &manifest);
        let name = name_of(recording);
        let claim = of(&name, &[]);
        kubernetes.put_claim(&claim);
        let wanted = claim.request().parameter("scope", "task").on("node-1");
        let wanted = class.into_iter().fold(wanted, |wanted, mode| wanted.parameter("confirm", mode));
        let volume = controller.create(wanted).await.unwrap().volume_id;
        Self { world, kubernetes, controller, metrics, manifest, volume }
    }

    /// The pod shows something else than it did when its claim was resolved.
    fn change(&self, from: &[&str], to: &str) {
        assert!(from.iter().all(|from| self.manifest.contains(from)), "the recording has {from:?}");
        self.kubernetes.put("pod", &from.iter().fold(self.manifest.clone(), |text, from| text.replace(from, to)));
    }

    async fn attach(&self) -> Result<(), Status> {
        self.controller.publish(publish(&self.volume, "node-1")).await.map(drop)
    }

    async fn is_attached(&self) -> bool {
        !self.world.records(&self.volume).await.is_empty()
    }

    /// How many pods were counted in that mode, by the field that differs.
    fn counted(&self, mode: &str, field: &str) -> u64 {
        let sample = format!("linflow_pod_doubts_total{{at=\"attach\",mode=\"{mode}\",field=\"{field}\"}} ");
        let page = self.metrics.page();
        page.lines().find_map(|line| line.strip_prefix(&sample)).map_or(0, |count| count.parse().unwrap())
    }
}

#[tokio::test]
async fn a_pod_that_is_not_the_owners_is_denied_before_anything_is_attached() {
    for recording in PODS {
        for (from, to, field) in CHANGES {
            let scene = Scene::start(recording, None, Confirm::Enforce).await;
            scene.change(from, to);
            let (answer, requests) = scene.world.count(scene.attach()).await;
            let message = refused(answer, Code::PermissionDenied);
            let (pod, claimant) = (name_of(recording), format!("{field} differs"));
            for part in [&*pod, &claimant, "etl_daily", RUN, "extract"] {
                assert!(message.contains(part), "{part} is missing: {message}");
            }
            assert!(requests.iter().all(|one| one.method == "GET"), "nothing is changed: {requests:#?}");
            assert_eq!((scene.counted("enforce", field), scene.counted("audit", field)), (1, 0));
            scene.kubernetes.put("pod", &scene.manifest);
            scene.attach().await.unwrap();
            assert_eq!(scene.counted("enforce", field), 1, "nothing is doubted");
        }
    }
}

#[tokio::test]
async fn a_pod_that_was_overridden_since_is_denied_as_one_that_proves_nothing() {
    let scene = Scene::start(PODS[1], None, Confirm::Enforce).await;
    // The annotation alone, as task code may patch it.
    scene.kubernetes.put("pod", &scene.manifest.replacen("dag_id: etl_daily", "dag_id: victim", 1));
    let message = refused(scene.attach().await, Code::PermissionDenied);
    assert!(message.contains("dag_id") && message.contains("override"), "{message}");
    assert!(!scene.is_attached().await && scene.counted("enforce", "dag_id") == 1);
}

#[tokio::test]
async fn audited_it_is_attached_and_counted_and_unasked_it_is_attached_without_a_look() {
    for (class, driver, counted) in [
        (None, Confirm::Audit, 1),
        (Some("audit"), Confirm::Enforce, 1),
        (None, Confirm::Off, 0),
        (Some("off"), Confirm::Enforce, 0),
    ] {
        let scene = Scene::start(PODS[1], class, driver).await;
        scene.change(CHANGES[0].0, CHANGES[0].1);
        scene.attach().await.unwrap();
        assert!(scene.is_attached().await, "{class:?} {driver:?}");
        assert_eq!((scene.counted("audit", "dag_id"), scene.counted("enforce", "dag_id")), (counted, 0));
    }
    let strict = Scene::start(PODS[1], Some("enforce"), Confirm::Off).await;
    strict.change(CHANGES[0].0, CHANGES[0].1);
    refused(strict.attach().await, Code::PermissionDenied);
}

#[tokio::test]
async fn a_pod_that_cannot_be_looked_up_waits_unless_it_is_only_audited() {
    for other in [None, Some(ANOTHER)] {
        for (mode, is_given) in [(Confirm::Enforce, false), (Confirm::Audit, true), (Confirm::Off, true)] {
            let scene = Scene::start(PODS[0], None, mode).await;
            match other {
                None => scene.kubernetes.remove("pod"),
                Some(uid) => scene.kubernetes.put("pod", &with_uid(&recorded(PODS[0]), uid)),
            }
            let answer = scene.attach().await;
            assert_eq!(scene.is_attached().await, is_given, "{mode:?}");
            if !is_given {
                refused(answer, Code::Unavailable);
            }
            let unseen = scene.counted("enforce", "unseen") + scene.counted("audit", "unseen");
            assert_eq!(unseen, u64::from(mode != Confirm::Off), "{mode:?}");
        }
    }
}

/// Which pod mounts it is not known before NodePublishVolume.
#[tokio::test]
async fn a_claim_that_no_pod_owns_is_attached_unconfirmed() {
    let scene = Scene::start(PODS[1], None, Confirm::Enforce).await;
    let ids = [("linflow.csi/dag-id", "etl_daily"), ("linflow.csi/run-id", RUN), ("linflow.csi/scope", "run")];
    let claim = Pvc { name: "shared", annotations: &ids, ..pvc(ANOTHER) };
    scene.kubernetes.put_claim(&claim);
    let id = scene.controller.create(claim.request()).await.unwrap().volume_id;
    scene.kubernetes.remove("pod");
    let context = scene.controller.publish(publish(&id, "node-1")).await.unwrap();
    assert!(!context.contains_key("linflow.csi/pod-uid") && context["linflow.csi/owner-run-id"] == RUN, "{context:?}");
}

#[tokio::test]
async fn a_controller_that_cannot_ask_tells_the_node_of_no_pod_that_it_was_confirmed() {
    let scene = Scene::start(PODS[1], None, Confirm::Enforce).await;
    let elsewhere = scene.world.another_controller().await;
    let context = elsewhere.publish(publish(&scene.volume, "node-1")).await.unwrap();
    assert!(!context.contains_key("linflow.csi/pod-uid"), "the node is to ask: {context:?}");
    let context = scene.controller.publish(publish(&scene.volume, "node-1")).await.unwrap();
    assert_eq!(context.get("linflow.csi/pod-uid").map(String::as_str), Some(POD));
}
