//! Bad input beside data that is worth something: whoever forges, collides, or comes too late gets nothing of it, and
//! it loses nothing.

use std::collections::BTreeMap;

use serde_json::Value;
use tonic::{Code, Status};

use super::asking::{ANOTHER, CLAIM, POD, RUN, Scene, of};
use crate::support::{
    csi::resource,
    kubernetes::{Pvc, name_of, pvc, recorded, with_uid},
    publish, refused,
};

const INSTANCES: &str = "prod=airflow,dev=elsewhere,other=other-ns";
/// The instance, DAG, run and task that each recorded forgery, label and late comer is about, and its namespace.
const VICTIMS: [(&str, &str, [&str; 3]); 6] = [
    ("airflow", "prod", ["etl_daily", RUN, "extract"]),
    ("airflow", "prod", ["etl_daily", RUN, "train"]),
    ("airflow", "prod", ["victim", RUN, "t"]),
    ("airflow", "prod", ["attacker_dag", RUN, "t"]),
    ("other-ns", "other", ["victim_dag", "victim_run", "t"]),
    ("airflow", "prod", ["-dag.with-edges-", "run:1+2", "t_"]),
];

/// Volumes of all scopes of all victims, each formatted and with a claim that stands; the first of each scope attached.
async fn victims() -> Victims {
    let scene = Scene::start(INSTANCES).await;
    let mut ids = Vec::new();
    for (number, (namespace, instance, [dag, run, task])) in VICTIMS.into_iter().enumerate() {
        for (scope, parts) in [("dag", 1), ("run", 2), ("task", 3)] {
            let uid = format!("0000000{number}-2222-4333-8444-0000000000{parts:02}");
            let all = [("linflow.csi/dag-id", dag), ("linflow.csi/run-id", run), ("linflow.csi/task-id", task)];
            let mut annotations = all[..parts].to_vec();
            annotations.extend([("linflow.csi/scope", scope), ("linflow.csi/instance", instance)]);
            let name = format!("victim-{number}-{scope}");
            let owned = Pvc { name: &name, namespace, annotations: &annotations, ..pvc(&uid) };
            scene.kubernetes.put_claim(&owned);
            let id = scene.controller.create(owned.request()).await.unwrap().volume_id;
            scene.world.format(&id).await;
            if number == 0 {
                scene.controller.publish(publish(&id, "node-1")).await.unwrap();
            }
            ids.push(id);
        }
    }
    let before = everything(&scene).await;
    Victims { scene, ids, before }
}

struct Victims {
    scene: Scene,
    ids: Vec<String>,
    before: Vec<Value>,
}

/// All that LINSTOR has.
async fn everything(scene: &Scene) -> Vec<Value> {
    let mut all = Vec::new();
    for list in [
        "/v1/resource-definitions?with_volume_definitions=true",
        "/v1/view/resources",
        "/v1/key-value-store",
        "/v1/resource-groups",
    ] {
        let (status, body) = scene.world.rest("GET", list, &Value::Null).await;
        assert_eq!(status, 200, "{list}");
        all.push(body);
    }
    all
}

impl Victims {
    /// The claim of that pod is refused at every scope, and whatever was there is as it was.
    async fn expect_refused(&self, claim: &Pvc<'_>, code: Code, words: &[&str]) {
        for scope in ["task", "run", "dag"] {
            self.scene.expect_refused(claim, scope, code, words).await;
        }
        assert_eq!(everything(&self.scene).await, self.before, "{words:?}");
    }

    /// The records of all of them.
    async fn stores(&self) -> Vec<Option<BTreeMap<String, String>>> {
        let mut stores = Vec::new();
        for id in &self.ids {
            stores.push(self.scene.world.store(id).await);
        }
        stores
    }

    /// A claim that may be granted is, and touches none of these volumes.
    async fn expect_apart(&self, claim: &Pvc<'_>, scope: &str) -> Result<String, Status> {
        self.scene.kubernetes.put_claim(claim);
        let id = self.scene.controller.create(claim.request().parameter("scope", scope)).await?.volume_id;
        assert!(!self.ids.iter().any(|victim| resource(victim) == resource(&id)), "{id} is a victim's");
        Ok(id)
    }
}

#[tokio::test]
async fn a_spoofed_override_takes_nothing_from_whom_it_names_nor_from_whom_its_label_names() {
    let given = victims().await;
    for (recording, namespace) in [("af3_ke_override_spoof", "other-ns"), ("af3_kpo_spoof_labels", "airflow")] {
        given.scene.kubernetes.put_pod(recording, POD);
        let name = name_of(recording);
        let claim = Pvc { namespace, ..of(&name, &[]) };
        given.expect_refused(&claim, Code::PermissionDenied, &[&name, "override"]).await;
    }
}

#[tokio::test]
async fn a_label_alone_selects_no_volume_that_is_there_even_where_it_is_that_volumes() {
    let given = victims().await;
    for recording in ["af2_kpo_normal", "af3_kpo_normal", "af3_kpo_ephemeral"] {
        given.scene.kubernetes.put_pod(recording, POD);
        let name = name_of(recording);
        given.expect_refused(&of(&name, &[]), Code::InvalidArgument, &[&name, "label"]).await;
    }
}

#[tokio::test]
async fn a_run_whose_labels_are_anothers_gets_a_volume_of_its_own_beside_it() {
    let given = victims().await;
    let before = given.stores().await;
    let recording = "af3_ke_collision_prefix_b";
    given.scene.kubernetes.put_pod(recording, POD);
    for (scope, claim) in [("task", CLAIM), ("run", ANOTHER), ("dag", POD)] {
        let name = name_of(recording);
        given.expect_apart(&Pvc { owner: Some((&name, POD)), ..pvc(claim) }, scope).await.unwrap();
    }
    assert_eq!(given.stores().await, before, "the others have their own claims and no more");
}

#[tokio::test]
async fn a_deleted_pod_and_a_pod_of_another_uid_get_nothing_of_what_their_tasks_left() {
    let given = victims().await;
    for recording in ["af2_ke_normal_scheduled", "af3_ke_ephemeral_pvc"] {
        let name = name_of(recording);
        given.expect_refused(&of(&name, &[]), Code::FailedPrecondition, &[&name]).await;
        given.scene.kubernetes.put_pod(recording, ANOTHER);
        given.expect_refused(&of(&name, &[]), Code::FailedPrecondition, &[&name, POD, ANOTHER]).await;
        given.scene.kubernetes.remove(recording);
    }
}

#[tokio::test]
async fn a_claim_that_was_made_again_under_its_name_is_not_given_what_the_first_one_asked_for() {
    let given = victims().await;
    given.scene.kubernetes.put_pod("af3_ke_ephemeral_pvc", POD);
    let name = name_of("af3_ke_ephemeral_pvc");
    let first = of(&name, &[]);
    given.scene.kubernetes.put_claim(&Pvc { uid: ANOTHER, ..first.clone() });
    for scope in ["task", "run", "dag"] {
        let answer = given.scene.controller.create(first.request().parameter("scope", scope)).await;
        let message = refused(answer, Code::FailedPrecondition);
        assert!(message.contains(CLAIM) && message.contains(ANOTHER), "{message}");
    }
    assert_eq!(everything(&given.scene).await, given.before);
}

#[tokio::test]
async fn annotations_forged_in_another_namespace_or_of_an_instance_that_nobody_knows_reach_nothing() {
    let given = victims().await;
    let ids = [("linflow.csi/dag-id", "etl_daily"), ("linflow.csi/run-id", RUN), ("linflow.csi/task-id", "extract")];
    for recording in ["af2_ke_normal_scheduled", "af3_ke_ephemeral_pvc"] {
        let moved = with_uid(&recorded(recording), POD).replace("namespace: airflow", "namespace: elsewhere");
        let name = name_of(recording);
        for forged in ["prod", "nobody-knows-it", "airflow"] {
            // On the claim.
            given.scene.kubernetes.put("moved", &moved);
            let [dag, run, task] = ids;
            let annotations = [dag, run, task, ("linflow.csi/instance", forged)];
            let claim = Pvc { namespace: "elsewhere", ..of(&name, &annotations) };
            given.expect_refused(&claim, Code::PermissionDenied, &[forged, "dev", "elsewhere"]).await;
            // On the pod.
            let line = format!("  annotations:\n    linflow.csi/instance: {forged}\n");
            given.scene.kubernetes.put("moved", &moved.replacen("  annotations:\n", &line, 1));
            let claim = Pvc { namespace: "elsewhere", ..of(&name, &[]) };
            given.expect_refused(&claim, Code::PermissionDenied, &[forged, "dev", "elsewhere"]).await;
        }
    }
    // Without a word of the instance the same ids are of another Airflow.
    let (recording, name) = ("af3_ke_ephemeral_pvc", name_of("af3_ke_ephemeral_pvc"));
    let moved = with_uid(&recorded(recording), POD).replace("namespace: airflow", "namespace: elsewhere");
    given.scene.kubernetes.put("moved", &moved);
    given.expect_apart(&Pvc { namespace: "elsewhere", ..of(&name, &ids) }, "task").await.unwrap();
}

/// Airflow renders no Jinja in a volumeClaimTemplate's metadata (recorded).
#[tokio::test]
async fn a_template_that_nobody_rendered_is_refused_on_the_claim_and_on_its_pod() {
    let given = victims().await;
    let recording = "af3_kpo_templated_annotations";
    let manifest = with_uid(&recorded(recording), POD);
    let name = name_of(recording);
    for (key, value) in [("dag-id", "{{ dag.dag_id }}"), ("run-id", "{{ run_id }}"), ("task-id", "{{ task.task_id }}")]
    {
        let key = format!("linflow.csi/{key}");
        given.scene.kubernetes.put("pod", &manifest);
        let unrendered = [(&*key, value)];
        given.expect_refused(&of(&name, &unrendered), Code::InvalidArgument, &[&key, "Jinja"]).await;
        let line = format!("  annotations:\n    {key}: \"{value}\"\n");
        given.scene.kubernetes.put("pod", &manifest.replacen("  annotations:\n", &line, 1));
        given.expect_refused(&of(&name, &[]), Code::InvalidArgument, &[&key, "Jinja"]).await;
    }
}
