use std::{collections::BTreeSet, sync::Mutex};

use super::*;
use crate::workflow::{
    AnyDirectory, Confirm, ForkFrom, Retain, WorkflowRef,
    airflow::{EvidenceError, Field},
    directory::{DirectoryError, Notice, OwnerReference, Presence},
    fixtures::{recorded_pod, workflow},
};

const RUN: &str = "airflow/etl_daily/scheduled__2025-01-01T00%3A00%3A00%2B00%3A00";
const PVC_UID: &str = "11111111-2222-3333-4444-555555555555";
const CSI_NAME: &str = "pvc-11111111-2222-3333-4444-555555555555";
const POD_UID: &str = "99999999-2222-3333-4444-555555555555";

/// A cluster of one claim and perhaps its pod, which counts questions.
#[derive(Default)]
struct Cluster {
    claim: Option<ClaimManifest>,
    pod: Option<Pod>,
    asked: Mutex<Vec<String>>,
}

impl Directory for Cluster {
    async fn pod(&self, pod: &PodRef) -> Result<Pod, DirectoryError> {
        let object = Object::Pod(pod.clone());
        self.asked.lock().expect("no test panics in here").push(object.to_string());
        match self.pod.clone().filter(|found| found.reference.name == pod.name) {
            Some(found) if found.reference.uid == pod.uid => Ok(found),
            Some(found) => Err(DirectoryError::WrongUid { object, found: found.reference.uid.unwrap_or_default() }),
            None => Err(DirectoryError::NotFound { object, place: "in the test".to_owned() }),
        }
    }

    async fn claim(&self, namespace: &str, name: &str) -> Result<ClaimManifest, DirectoryError> {
        let object = Object::Claim(ClaimRef { namespace: namespace.to_owned(), name: name.to_owned(), uid: None });
        self.asked.lock().expect("no test panics in here").push(object.to_string());
        self.claim.clone().ok_or(DirectoryError::NotFound { object, place: "in the test".to_owned() })
    }

    async fn presence(&self, _: &PodRef) -> Result<Presence, DirectoryError> {
        unreachable!("nobody asks for it")
    }

    async fn handles(&self, _: &str) -> Result<BTreeSet<String>, DirectoryError> {
        unreachable!("nobody asks for them")
    }

    async fn tell(&self, _: &Notice) {
        unreachable!("nothing is told")
    }
}

/// A cluster with a claim of these annotations, which the recorded pod owns.
fn owned_by(recording: &str, annotations: &[(&str, &str)]) -> Cluster {
    let mut pod = recorded_pod(recording);
    pod.reference.uid = Some(POD_UID.to_owned());
    let owner = OwnerReference { kind: "Pod".to_owned(), name: pod.reference.name.clone(), uid: POD_UID.to_owned() };
    let mut cluster = standalone(&pod.reference.namespace, annotations);
    cluster.claim.as_mut().expect("it is there").owners.push(owner);
    Cluster { pod: Some(pod), ..cluster }
}

/// A cluster with a claim that nobody owns.
fn standalone(namespace: &str, annotations: &[(&str, &str)]) -> Cluster {
    let reference =
        ClaimRef { namespace: namespace.to_owned(), name: "data".to_owned(), uid: Some(PVC_UID.to_owned()) };
    let claim = ClaimManifest { reference, annotations: map(annotations), labels: map(&[]), owners: Vec::new() };
    Cluster { claim: Some(claim), ..Cluster::default() }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

impl Cluster {
    fn annotate_pod(mut self, key: &str, value: &str) -> Self {
        let pod = self.pod.as_mut().expect("it has one");
        pod.annotations.insert(key.to_owned(), value.to_owned());
        self
    }

    async fn ask(&self, class: &[(&str, &str)]) -> Result<Claim, AskError> {
        self.ask_as(class, "", CSI_NAME).await
    }

    async fn ask_as(&self, class: &[(&str, &str)], instances: &str, csi_name: &str) -> Result<Claim, AskError> {
        let mut parameters = map(class);
        let namespace = self.claim.as_ref().map_or("airflow", |claim| &claim.reference.namespace);
        parameters.extend(map(&[(key::PVC_NAMESPACE, namespace), (key::PVC_NAME, "data")]));
        let instances = match instances {
            "" => Instances::default(),
            list => list.parse().expect("a good list"),
        };
        ask(self, &instances, &parameters, csi_name).await
    }

    async fn owner(&self, class: &[(&str, &str)]) -> String {
        let claim = self.ask(class).await.expect("a claim");
        claim.ownership.workflow().map_or_else(|| claim.ownership.scope().to_string(), WorkflowRef::canonical)
    }

    fn questions(&self) -> usize {
        self.asked.lock().expect("no test panics in here").len()
    }
}

const TASK_SCOPE: (&str, &str) = (key::SCOPE, "task");
const RUN_SCOPE: (&str, &str) = (key::SCOPE, "run");
const DAG_SCOPE: (&str, &str) = (key::SCOPE, "dag");

#[tokio::test]
async fn a_kubernetes_executor_pod_names_the_owner_of_every_scope_in_both_airflow_versions() {
    for recording in ["af2_ke_mapped", "af3_ke_mapped"] {
        let cluster = owned_by(recording, &[]);
        assert_eq!(cluster.owner(&[TASK_SCOPE]).await, format!("{RUN}/transform_group.transform/7"));
        assert_eq!(cluster.owner(&[RUN_SCOPE]).await, RUN);
        assert_eq!(cluster.owner(&[DAG_SCOPE]).await, "airflow/etl_daily");
    }
    let unmapped = owned_by("af2_ke_normal_scheduled", &[]);
    assert_eq!(unmapped.owner(&[TASK_SCOPE]).await, format!("{RUN}/extract/-1"));
}

#[tokio::test]
async fn a_claim_knows_its_pod_and_the_try_for_the_record() {
    let cluster = owned_by("af3_ke_manual_try3", &[]).annotate_pod("task_instance_id", "0197-ti");
    let claim = cluster.ask(&[TASK_SCOPE]).await.expect("a claim");
    assert_eq!((claim.try_number, claim.ti_id.as_deref()), (Some(3), Some("0197-ti")));
    assert_eq!(claim.pvc_uid.as_deref(), Some(PVC_UID));
    assert_eq!(claim.pod, cluster.pod.as_ref().map(|pod| pod.reference.clone()));
    assert_eq!(cluster.questions(), 2);
    let nobodys = cluster.ask(&[]).await.expect("a claim");
    assert_eq!((nobodys.try_number, nobodys.ti_id, nobodys.pod.is_some()), (None, None, true));
}

#[tokio::test]
async fn a_scope_comes_from_the_claim_then_its_pod_then_the_class_and_is_none_otherwise() {
    let bare = owned_by("af3_ke_normal_scheduled", &[]);
    assert_eq!(bare.owner(&[]).await, "none");
    let by_pod = owned_by("af3_ke_normal_scheduled", &[]).annotate_pod(key::SCOPE, "run");
    assert_eq!(by_pod.owner(&[]).await, RUN);
    assert_eq!(by_pod.owner(&[DAG_SCOPE]).await, RUN);
    let by_claim = owned_by("af3_ke_normal_scheduled", &[(key::SCOPE, "task")]).annotate_pod(key::SCOPE, "run");
    assert_eq!(by_claim.owner(&[DAG_SCOPE]).await, format!("{RUN}/extract/-1"));
}

#[tokio::test]
async fn a_claim_that_says_it_is_nobodys_needs_no_look_at_its_pod() {
    for scope in ["none", "pod"] {
        let cluster = owned_by("af3_ke_override_spoof", &[(key::SCOPE, scope)]);
        assert_eq!(cluster.owner(&[RUN_SCOPE]).await, scope);
        assert_eq!(cluster.questions(), 1);
    }
}

#[tokio::test]
async fn without_a_directory_nothing_is_asked_and_the_class_alone_decides() {
    let parameters = |class: &[(&str, &str)]| {
        let mut all = map(class);
        all.extend(map(&[(key::PVC_NAMESPACE, "airflow"), (key::PVC_NAME, "data")]));
        all
    };
    let resolve = async |class: &[(&str, &str)]| {
        ask(&AnyDirectory::None, &Instances::default(), &parameters(class), CSI_NAME).await
    };
    assert_eq!(resolve(&[]).await.map(|claim| claim.ownership), Ok(Ownership::None));
    let named = resolve(&[DAG_SCOPE, (key::DAG_ID, "sales")]).await.map(|claim| claim.ownership);
    assert_eq!(named, Ok(Ownership::Workflow(workflow("airflow/sales"))));
    let error = resolve(&[RUN_SCOPE]).await.expect_err("nobody names the run");
    assert!(matches!(&error, AskError::Unresolved { lack: Lack::NoDirectory, .. }), "{error}");
}

#[tokio::test]
async fn a_claim_whose_name_is_not_told_is_resolved_by_its_class_alone() {
    let cluster = Cluster::default();
    let resolve = async |class: &[(&str, &str)]| ask(&cluster, &Instances::default(), &map(class), "vol1").await;
    assert_eq!(resolve(&[]).await.map(|claim| claim.ownership), Ok(Ownership::None));
    let error = resolve(&[RUN_SCOPE]).await.expect_err("nobody names the run");
    assert!(error.to_string().contains("--extra-create-metadata"), "{error}");
    assert_eq!(cluster.questions(), 0);
}

#[tokio::test]
async fn a_standalone_claim_names_its_owner_by_annotations() {
    let ids = [(key::DAG_ID, "données_客户"), (key::RUN_ID, "manual__1"), (key::SCOPE, "run")];
    assert_eq!(
        standalone("airflow", &ids).owner(&[]).await,
        workflow("airflow/donn%C3%A9es_%E5%AE%A2%E6%88%B7/manual__1").canonical()
    );
    let without_run = standalone("airflow", &[(key::DAG_ID, "etl"), (key::SCOPE, "run")]);
    let error = without_run.ask(&[]).await.expect_err("no run");
    assert!(matches!(&error, AskError::Unresolved { needs: key::RUN_ID, lack: Lack::NoPod(_), .. }), "{error}");
}

#[tokio::test]
async fn narrower_ids_of_annotations_are_left_out_of_a_wider_scope() {
    let all = [(key::DAG_ID, "etl"), (key::RUN_ID, "r"), (key::TASK_ID, "t"), (key::MAP_INDEX, "-1")];
    assert_eq!(standalone("airflow", &all).owner(&[DAG_SCOPE]).await, "airflow/etl");
    assert_eq!(standalone("airflow", &all).owner(&[]).await, "none", "ids alone make no owner");
}

#[tokio::test]
async fn labels_alone_select_nobodys_volume_and_the_refusal_says_what_to_do() {
    for recording in ["af2_kpo_normal", "af3_kpo_normal", "af3_kpo_mapped_pvc", "af3_kpo_long_unicode"] {
        for (scope, field) in [(DAG_SCOPE, Field::DagId), (RUN_SCOPE, Field::DagId), (TASK_SCOPE, Field::DagId)] {
            let error = owned_by(recording, &[]).ask(&[scope]).await.expect_err("labels alone");
            assert!(matches!(&error, AskError::LabelOnly { field: found, .. } if *found == field), "{error}");
            assert!(error.to_string().contains("airflow-provider-linflow"), "{error}");
        }
        assert_eq!(owned_by(recording, &[]).owner(&[]).await, "none");
    }
}

#[tokio::test]
async fn prefixed_annotations_of_a_kubernetes_pod_operator_pod_are_exact() {
    let run = "scheduled__2025-01-01T00:00:00+00:00";
    let ids = [(key::DAG_ID, "etl_daily"), (key::RUN_ID, run), (key::TASK_ID, "train"), (key::MAP_INDEX, "-1")];
    let on_pod =
        ids.iter().fold(owned_by("af3_kpo_ephemeral", &[]), |cluster, (key, id)| cluster.annotate_pod(key, id));
    assert_eq!(on_pod.owner(&[TASK_SCOPE]).await, format!("{RUN}/train/-1"));
    let on_claim = owned_by("af3_kpo_ephemeral", &ids);
    assert_eq!(on_claim.owner(&[TASK_SCOPE]).await, format!("{RUN}/train/-1"));
}

#[tokio::test]
async fn a_claim_that_contradicts_its_pod_is_refused_naming_the_field() {
    for (key, id, field) in [
        (key::DAG_ID, "victim", Field::DagId),
        (key::RUN_ID, "manual__1", Field::RunId),
        (key::TASK_ID, "load", Field::TaskId),
        (key::MAP_INDEX, "7", Field::MapIndex),
    ] {
        for recording in ["af3_ke_normal_scheduled", "af3_kpo_ephemeral"] {
            let error = owned_by(recording, &[(key, id)]).ask(&[DAG_SCOPE]).await.expect_err("it contradicts");
            assert!(matches!(&error, AskError::Contradiction { field: found, .. } if *found == field), "{error}");
            assert!(error.to_string().contains(id), "{error}");
        }
    }
}

#[tokio::test]
async fn metadata_that_contradicts_itself_names_nobody() {
    for recording in ["af3_ke_override_spoof", "af3_kpo_spoof_labels"] {
        let error = owned_by(recording, &[]).ask(&[RUN_SCOPE]).await.expect_err("tampered with");
        let AskError::Evidence { because, .. } = &error else { panic!("{error}") };
        assert!(matches!(**because, EvidenceError::Contradiction { .. }), "{because}");
    }
}

#[tokio::test]
async fn two_runs_whose_labels_collide_are_two_owners() {
    let a = owned_by("af3_ke_collision_prefix_a", &[]).owner(&[RUN_SCOPE]).await;
    let b = owned_by("af3_ke_collision_prefix_b", &[]).owner(&[RUN_SCOPE]).await;
    assert_eq!(
        (&*a, &*b),
        ("airflow/-dag.with-edges-/run%3A1%2B2", "airflow/dag.with-edges-c66c61083/run12-afea9d4a9")
    );
}

#[tokio::test]
async fn a_pod_of_no_task_resolves_no_scope_and_works_without_one() {
    let mut worker = owned_by("af3_kpo_normal", &[]);
    let labels = [("tier", "airflow"), ("component", "worker"), ("release", "prod")];
    worker.pod.as_mut().expect("it is there").labels = map(&labels);
    for scope in [TASK_SCOPE, RUN_SCOPE, DAG_SCOPE] {
        let error = worker.ask(&[scope]).await.expect_err("no task");
        assert!(matches!(&error, AskError::Unresolved { lack: Lack::NoTask(_), .. }), "{error}");
        assert!(error.to_string().contains("Celery") && error.to_string().contains("scope none"), "{error}");
    }
    assert_eq!(worker.owner(&[]).await, "none");
}

#[tokio::test]
async fn an_airflow_without_run_ids_resolves_a_dag_and_no_run() {
    let mut old = owned_by("af2_ke_normal_scheduled", &[]);
    let pod = old.pod.as_mut().expect("it is there");
    pod.annotations.remove("run_id");
    pod.labels.remove("run_id");
    assert_eq!(old.owner(&[DAG_SCOPE]).await, "airflow/etl_daily");
    let error = old.ask(&[RUN_SCOPE]).await.expect_err("no run");
    assert!(matches!(&error, AskError::Unresolved { lack: Lack::Part(_), .. }), "{error}");
}

#[tokio::test]
async fn ids_of_the_class_hold_where_nobody_says_more_and_never_mix_with_anothers() {
    let class = [DAG_SCOPE, (key::DAG_ID, "sales")];
    assert_eq!(standalone("airflow", &[]).owner(&class).await, "airflow/sales");
    assert_eq!(owned_by("af3_ke_normal_scheduled", &[]).owner(&class).await, "airflow/etl_daily");
    // The class's run is one of its own DAG.
    let class = [RUN_SCOPE, (key::DAG_ID, "sales"), (key::RUN_ID, "r1")];
    assert_eq!(standalone("airflow", &[(key::DAG_ID, "sales")]).owner(&class).await, "airflow/sales/r1");
    let error = standalone("airflow", &[(key::DAG_ID, "etl")]).ask(&class).await.expect_err("another DAG's run");
    assert!(matches!(&error, AskError::Unresolved { needs: key::RUN_ID, .. }), "{error}");
    // A label keeps off what it isn't made of.
    let labelled = owned_by("af3_kpo_normal", &[]);
    assert_eq!(labelled.owner(&[DAG_SCOPE, (key::DAG_ID, "etl_daily")]).await, "airflow/etl_daily");
    let error = labelled.ask(&[DAG_SCOPE, (key::DAG_ID, "sales")]).await.expect_err("another label");
    assert!(matches!(&error, AskError::LabelOnly { .. }), "{error}");
}

#[tokio::test]
async fn every_instance_that_is_named_must_be_the_namespaces_own() {
    let list = "prod=airflow,airflow-jobs,dev=airflow-dev";
    let instance = [(key::INSTANCE, "prod")];
    let claim = owned_by("af3_ke_normal_scheduled", &instance).ask_as(&[DAG_SCOPE], list, CSI_NAME).await;
    assert_eq!(claim.map(|claim| claim.ownership), Ok(Ownership::Workflow(workflow("prod/etl_daily"))));
    for forged in ["dev", "nobody-knows-it", "airflow"] {
        let forged = [(key::INSTANCE, forged)];
        let on_claim = owned_by("af3_ke_normal_scheduled", &forged);
        let on_pod = owned_by("af3_ke_normal_scheduled", &[]).annotate_pod(forged[0].0, forged[0].1);
        let in_class = owned_by("af3_ke_normal_scheduled", &[]);
        for (cluster, class) in
            [(on_claim, &[DAG_SCOPE][..]), (on_pod, &[DAG_SCOPE]), (in_class, &[DAG_SCOPE, forged[0]])]
        {
            let error = cluster.ask_as(class, list, CSI_NAME).await.expect_err("another instance");
            assert!(matches!(&error, AskError::Claim(ClaimError::OutsideInstance { .. })), "{error}");
        }
    }
}

#[tokio::test]
async fn values_that_are_none_name_the_object_and_the_annotation() {
    for (key, value) in [
        (key::RUN_ID, "{{ run_id }}"),
        (key::DAG_ID, "a b"),
        (key::SCOPE, "worker"),
        (key::MAP_INDEX, "x"),
        (key::RETAIN, "forever"),
        (key::FROM, "dag"),
        (key::CONFIRM, "off"),
        (key::REAP_UNPROVEN, "30days"),
    ] {
        let on_claim = owned_by("af3_ke_normal_scheduled", &[(key, value)]).ask(&[]).await.expect_err("no value");
        let on_pod = owned_by("af3_ke_normal_scheduled", &[]).annotate_pod(key, value).ask(&[]).await;
        for (error, object) in [(on_claim, "airflow/data"), (on_pod.expect_err("no value"), "etl-daily-extract")] {
            assert!(error.to_string().contains(key) && error.to_string().contains(object), "{error}");
        }
    }
}

#[tokio::test]
async fn retention_and_fork_come_from_the_claim_then_its_pod_then_the_class() {
    let class = [
        TASK_SCOPE,
        (key::RETAIN, "3h"),
        (key::FROM, "task:a"),
        (key::CONFIRM, "audit"),
        (key::REAP_UNPROVEN, "30days"),
    ];
    let parsed = |text: &str| text.parse::<Retain>().expect("a retention");
    let bare = owned_by("af3_ke_normal_scheduled", &[]).ask(&class).await.expect("a claim");
    assert_eq!((bare.retain, bare.confirm), (Some(parsed("3h")), Some(Confirm::Audit)));
    assert_eq!(bare.reap_unproven, Some(std::time::Duration::from_secs(30 * 86_400)));
    for bad in ["soon", "59m"] {
        let refused = owned_by("af3_ke_normal_scheduled", &[]).ask(&[TASK_SCOPE, (key::REAP_UNPROVEN, bad)]).await;
        assert!(refused.expect_err(bad).to_string().contains("an hour or more"));
    }
    let annotated = owned_by("af3_ke_normal_scheduled", &[(key::RETAIN, "1h")])
        .annotate_pod(key::RETAIN, "2h")
        .annotate_pod(key::FROM, "run");
    let claim = annotated.ask(&class).await.expect("a claim");
    assert_eq!((claim.retain, claim.from), (Some(parsed("1h")), Some(ForkFrom::Run)));
}

#[tokio::test]
async fn a_fork_needs_a_run_and_is_of_another_volume() {
    let ask = async |class: &[(&str, &str)]| {
        owned_by("af3_ke_normal_scheduled", &[]).ask(class).await.expect_err("no source").to_string()
    };
    assert!(ask(&[(key::FROM, "run")]).await.contains("has no run"));
    assert!(ask(&[DAG_SCOPE, (key::FROM, "run")]).await.contains("has no run"));
    assert!(ask(&[RUN_SCOPE, (key::FROM, "run")]).await.contains("itself"));
    assert!(ask(&[TASK_SCOPE, (key::FROM, "task:extract")]).await.contains("itself"));
}

#[tokio::test]
async fn a_claim_made_again_under_its_name_is_not_the_one_that_asks() {
    let cluster = standalone("airflow", &[]);
    let earlier = "pvc-00000000-2222-3333-4444-555555555555";
    let error = cluster.ask_as(&[], "", earlier).await.expect_err("another UID");
    assert!(matches!(&error, AskError::Remade { .. }), "{error}");
    for other in
        ["vol1", "pvc-1", "an-é-00000000-2222-3333-4444-55555555555é", "pvc-00000000-2222-3333-4444_555555555555"]
    {
        assert!(cluster.ask_as(&[], "", other).await.is_ok(), "{other} tells no UID");
    }
}

#[tokio::test]
async fn a_claim_or_pod_that_is_gone_or_replaced_gets_nothing() {
    let gone = Cluster::default().ask(&[]).await.expect_err("no claim");
    let pod_gone = Cluster { pod: None, ..owned_by("af3_ke_normal_scheduled", &[]) };
    let mut replaced = owned_by("af3_ke_normal_scheduled", &[]);
    replaced.pod.as_mut().expect("it is there").reference.uid = Some("another".to_owned());
    for error in [gone, pod_gone.ask(&[]).await.expect_err("no pod"), replaced.ask(&[]).await.expect_err("another pod")]
    {
        assert!(matches!(&error, AskError::Gone(_)), "{error}");
    }
}
