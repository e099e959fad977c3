//! Who asks for a volume: its owner comes from the claim, the pod that owns the claim, and the class.

use std::collections::BTreeMap;

use linflow::{csi::controller::ControllerService, workflow::Instances};
use tonic::{Code, Status};

use crate::support::{
    Controller, PATIENCE, World,
    kubernetes::{Kubernetes, Pvc, name_of, pvc, recorded, with_uid},
    refused,
};

pub(super) const CLAIM: &str = "11111111-2222-4333-8444-555555555555";
pub(super) const POD: &str = "99999999-2222-4333-8444-555555555555";
pub(super) const ANOTHER: &str = "aaaaaaaa-2222-4333-8444-555555555555";
pub(super) const RUN: &str = "scheduled__2025-01-01T00:00:00+00:00";

/// A cluster, its claims and pods, and a controller that sees both.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) kubernetes: Kubernetes,
    pub(super) controller: Controller,
}

impl Scene {
    pub(super) async fn start(instances: &str) -> Self {
        let (world, kubernetes) = (World::start().await, Kubernetes::new());
        let instances = if instances.is_empty() { Instances::default() } else { instances.parse().unwrap() };
        let service = ControllerService::new(world.linstor(), instances, PATIENCE);
        let controller = world.serve(service.with_directory(kubernetes.directory())).await;
        Self { world, kubernetes, controller }
    }

    /// Asks for the claim's volume with a class of that scope; answers the tag.
    pub(super) async fn ask(&self, pvc: &Pvc<'_>, scope: &str) -> Result<BTreeMap<String, String>, Status> {
        self.kubernetes.put_claim(pvc);
        let wanted = pvc.request();
        let wanted = if scope.is_empty() { wanted } else { wanted.parameter("scope", scope) };
        let volume = self.controller.create(wanted).await?.volume_id;
        let resource = volume.split('@').next().expect("an id has a resource");
        Ok(self.world.definition(resource).await.expect("it was made").props)
    }

    /// The claim of a recorded pod, which is there: refused with that code, naming these words; and nothing is made.
    pub(super) async fn expect_refused(&self, pvc: &Pvc<'_>, scope: &str, code: Code, words: &[&str]) {
        let (answer, requests) = self.world.count(self.ask(pvc, scope)).await;
        let message = refused(answer, code);
        for word in words {
            assert!(message.contains(word), "{word} is missing: {message}");
        }
        assert!(requests.iter().all(|one| one.method == "GET"), "nothing is made: {requests:#?}");
    }
}

/// The claim of the recorded pod.
pub(super) fn of<'a>(owner: &'a str, annotations: &'a [(&'a str, &'a str)]) -> Pvc<'a> {
    Pvc { owner: Some((owner, POD)), annotations, ..pvc(CLAIM) }
}

#[tokio::test]
async fn an_ephemeral_claim_is_its_pods_task_run_or_dag_with_the_exact_ids() {
    for (recording, task) in [("af2_ke_mapped", "transform_group.transform"), ("af3_ke_ephemeral_pvc", "extract")] {
        for scope in ["task", "run", "dag"] {
            let scene = Scene::start("").await;
            scene.kubernetes.put_pod(recording, POD);
            let tag = scene.ask(&of(&name_of(recording), &[]), scope).await.unwrap();
            assert_eq!(tag["Aux/linflow/scope"], scope);
            assert_eq!((&*tag["Aux/airflow/instance"], &*tag["Aux/airflow/dag_id"]), ("airflow", "etl_daily"));
            let exact = |key: &str| tag.get(key).map(String::as_str);
            assert_eq!(exact("Aux/airflow/run_id"), (scope != "dag").then_some(RUN));
            assert_eq!(exact("Aux/airflow/task_id"), (scope == "task").then_some(task));
            assert_eq!(tag["Aux/airflow/try_number"], "1");
        }
    }
}

#[tokio::test]
async fn a_scope_in_an_annotation_wins_over_the_class_and_the_default_is_none() {
    let recording = "af3_ke_ephemeral_pvc";
    for (annotation, class, expected) in
        [("", "", "none"), ("run", "", "run"), ("dag", "task", "dag"), ("none", "run", "none")]
    {
        let scene = Scene::start("").await;
        scene.kubernetes.put_pod(recording, POD);
        let annotations = [("linflow.csi/scope", annotation)];
        let annotations = if annotation.is_empty() { &[][..] } else { &annotations };
        let tag = scene.ask(&of(&name_of(recording), annotations), class).await.unwrap();
        assert_eq!(tag["Aux/linflow/scope"], expected);
    }
}

#[tokio::test]
async fn a_claim_says_for_how_long_its_volume_is_kept() {
    let scene = Scene::start("").await;
    scene.kubernetes.put_pod("af3_ke_ephemeral_pvc", POD);
    let retain = [("linflow.csi/retain", "success=2h")];
    let tag = scene.ask(&of(&name_of("af3_ke_ephemeral_pvc"), &retain), "run").await.unwrap();
    assert_eq!(tag["Aux/linflow/retain"], "success=2h,failure=7days");
}

#[tokio::test]
async fn ids_of_250_characters_of_any_script_are_kept_exactly() {
    let scene = Scene::start("").await;
    let (dag, run) = ("客".repeat(250), "п".repeat(250));
    let annotations = [("linflow.csi/dag-id", &*dag), ("linflow.csi/run-id", &*run), ("linflow.csi/scope", "run")];
    let tag = scene.ask(&Pvc { annotations: &annotations, ..pvc(CLAIM) }, "").await.unwrap();
    assert_eq!((&tag["Aux/airflow/dag_id"], &tag["Aux/airflow/run_id"]), (&dag, &run));
    let longer = "客".repeat(251);
    let annotations = [("linflow.csi/dag-id", &*longer)];
    let message = Pvc { annotations: &annotations, ..pvc(ANOTHER) };
    scene.expect_refused(&message, "dag", Code::InvalidArgument, &["linflow.csi/dag-id", "251"]).await;
}

#[tokio::test]
async fn a_spoofed_override_and_metadata_that_contradicts_itself_make_nothing() {
    for (recording, namespace, field) in
        [("af3_ke_override_spoof", "other-ns", "run_id"), ("af3_kpo_spoof_labels", "airflow", "dag_id")]
    {
        let scene = Scene::start("").await;
        scene.kubernetes.put_pod(recording, POD);
        let name = name_of(recording);
        let pvc = Pvc { namespace, ..of(&name, &[]) };
        for scope in ["task", "run", "dag"] {
            scene.expect_refused(&pvc, scope, Code::PermissionDenied, &[field, &name, "override"]).await;
        }
    }
}

#[tokio::test]
async fn labels_without_annotations_select_no_owners_volume() {
    for recording in ["af2_kpo_normal", "af3_kpo_ephemeral", "af3_kpo_mapped_pvc", "af3_kpo_long_unicode"] {
        let scene = Scene::start("").await;
        scene.kubernetes.put_pod(recording, POD);
        let (name, help) = (name_of(recording), ["label", "airflow-provider-linflow", "linflow.csi/dag-id"]);
        scene.expect_refused(&of(&name, &[]), "run", Code::InvalidArgument, &help).await;
    }
}

#[tokio::test]
async fn runs_whose_labels_collide_have_volumes_of_their_own() {
    let scene = Scene::start("").await;
    let mut owners = Vec::new();
    for (recording, claim) in [("af3_ke_collision_prefix_a", CLAIM), ("af3_ke_collision_prefix_b", ANOTHER)] {
        scene.kubernetes.put_pod(recording, POD);
        let name = name_of(recording);
        let tag = scene.ask(&Pvc { owner: Some((&name, POD)), ..pvc(claim) }, "run").await.unwrap();
        owners.push(tag["Aux/linflow/workflow-id"].clone());
    }
    assert_ne!(owners[0], owners[1]);
}

#[tokio::test]
async fn a_claim_whose_pod_is_deleted_or_replaced_gets_nothing() {
    let scene = Scene::start("").await;
    let name = name_of("af3_ke_ephemeral_pvc");
    let claim = of(&name, &[]);
    scene.expect_refused(&claim, "run", Code::FailedPrecondition, &[&name, "not known"]).await;
    scene.kubernetes.put_pod("af3_ke_ephemeral_pvc", ANOTHER);
    for scope in ["run", ""] {
        scene.expect_refused(&claim, scope, Code::FailedPrecondition, &[&name, POD, ANOTHER]).await;
    }
}

#[tokio::test]
async fn a_claim_made_again_under_its_name_is_not_the_one_that_asks() {
    let scene = Scene::start("").await;
    scene.kubernetes.put_claim(&pvc(ANOTHER));
    let message = refused(scene.controller.create(pvc(CLAIM).request()).await, Code::FailedPrecondition);
    assert!(message.contains(CLAIM) && message.contains(ANOTHER), "{message}");
    assert!(scene.world.definition(&format!("pvc-{CLAIM}")).await.is_none());
}

/// After a final answer nobody would ask for it again, nor delete it.
#[tokio::test]
async fn what_was_begun_for_a_claim_that_is_gone_is_brought_to_its_end() {
    let scene = Scene::start("").await;
    scene.ask(&pvc(CLAIM), "").await.unwrap();
    scene.kubernetes.remove("claim-data");
    let volume = scene.controller.create(pvc(CLAIM).request()).await.unwrap().volume_id;
    assert_eq!(volume, format!("pvc-{CLAIM}"));
    scene.kubernetes.put_claim(&pvc(ANOTHER));
    scene.controller.create(pvc(CLAIM).request()).await.unwrap();
    scene.controller.delete(&volume).await.unwrap();
    refused(scene.controller.create(pvc(CLAIM).request()).await, Code::FailedPrecondition);
}

#[tokio::test]
async fn a_claim_that_names_another_workflow_than_its_pod_is_refused() {
    let scene = Scene::start("").await;
    scene.kubernetes.put_pod("af3_ke_ephemeral_pvc", POD);
    let name = name_of("af3_ke_ephemeral_pvc");
    for (key, id, field) in
        [("dag-id", "victim", "dag_id"), ("run-id", "manual__1", "run_id"), ("task-id", "load", "task_id")]
    {
        let key = format!("linflow.csi/{key}");
        let forged = [(&*key, id)];
        scene.expect_refused(&of(&name, &forged), "run", Code::PermissionDenied, &[field, id, &name]).await;
    }
}

#[tokio::test]
async fn forged_annotations_do_not_leave_their_namespace_and_an_unknown_instance_is_refused() {
    let scene = Scene::start("prod=airflow,dev=elsewhere").await;
    let ids = [("linflow.csi/dag-id", "etl_daily"), ("linflow.csi/run-id", RUN)];
    for (instance, actual) in [("prod", "dev"), ("nobody-knows-it", "dev")] {
        let forged = [ids[0], ids[1], ("linflow.csi/instance", instance)];
        let pvc = Pvc { namespace: "elsewhere", annotations: &forged, ..pvc(CLAIM) };
        scene.expect_refused(&pvc, "run", Code::PermissionDenied, &[instance, actual, "elsewhere"]).await;
    }
    // The same on the pod, in its own namespace's manifest.
    let recording = "af3_ke_ephemeral_pvc";
    let moved = with_uid(&recorded(recording), POD).replace("namespace: airflow", "namespace: elsewhere");
    let moved = moved.replacen("  annotations:\n", "  annotations:\n    linflow.csi/instance: prod\n", 1);
    scene.kubernetes.put("moved", &moved);
    let (name, namespace) = (name_of(recording), "elsewhere");
    let pvc = Pvc { namespace, ..of(&name, &[]) };
    scene.expect_refused(&pvc, "run", Code::PermissionDenied, &["prod", "dev", "elsewhere"]).await;
    // Without the forgery the same ids are another Airflow's.
    scene.kubernetes.put("moved", &moved.replace("    linflow.csi/instance: prod\n", ""));
    let tag = scene.ask(&pvc, "run").await.unwrap();
    assert_eq!((&*tag["Aux/airflow/instance"], &*tag["Aux/airflow/run_id"]), ("dev", RUN));
}

#[tokio::test]
async fn a_celery_workers_claim_resolves_no_scope_and_works_without_one() {
    let scene = Scene::start("").await;
    let labels = "{tier: airflow, component: worker, release: prod}";
    scene.kubernetes.put(
        "worker",
        &format!("kind: Pod\nmetadata: {{name: worker-0, namespace: airflow, uid: {POD}, labels: {labels}}}\n"),
    );
    let claim = of("worker-0", &[]);
    for scope in ["task", "run", "dag"] {
        scene.expect_refused(&claim, scope, Code::InvalidArgument, &[scope, "worker-0", "Celery", "scope none"]).await;
    }
    assert_eq!(scene.ask(&claim, "").await.unwrap()["Aux/linflow/scope"], "none");
}

#[tokio::test]
async fn a_directory_that_cannot_be_asked_is_unavailable_and_no_end() {
    let scene = Scene::start("").await;
    scene.kubernetes.put("broken", "kind: [");
    let message = refused(scene.controller.create(pvc(CLAIM).request()).await, Code::Unavailable);
    assert!(message.contains("broken.yaml"), "{message}");
    scene.kubernetes.remove("broken");
    scene.ask(&pvc(CLAIM), "").await.unwrap();
}

#[tokio::test]
async fn only_a_class_says_how_pods_are_confirmed() {
    let scene = Scene::start("").await;
    let off = Pvc { annotations: &[("linflow.csi/confirm", "off")], ..pvc(CLAIM) };
    scene.expect_refused(&off, "", Code::InvalidArgument, &["linflow.csi/confirm", "StorageClass"]).await;
}

#[tokio::test]
async fn a_claim_that_asks_for_a_copy_of_its_runs_volume_never_begins_empty() {
    let scene = Scene::start("").await;
    scene.kubernetes.put_pod("af3_ke_ephemeral_pvc", POD);
    let from = [("linflow.csi/from", "run")];
    let name = name_of("af3_ke_ephemeral_pvc");
    scene.expect_refused(&of(&name, &from), "task", Code::NotFound, &["linflow.csi/from"]).await;
}
