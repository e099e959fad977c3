use super::*;
use crate::workflow::{
    Instances, Object,
    fixtures::{heard, recorded_pod, workflow},
    verify,
};

const OWNER: &str = "airflow/etl_daily/scheduled__2025-01-01T00%3A00%3A00%2B00%3A00";

fn uid(pod: &PodRef, uid: &str) -> PodRef {
    PodRef { uid: Some(uid.to_owned()), ..pod.clone() }
}

/// A pod asks for a volume of `owner` with the evidence of its recording, and nobody knows more.
fn request(owner: &str, recording: &str) -> Request {
    request_with(owner, recording, Testimony::Silent)
}

/// The same where a witness says this of the pod.
fn request_with(owner: &str, recording: &str, testimony: Testimony) -> Request {
    let pod = recorded_pod(recording);
    let owner = OwnerView::from(&workflow(owner));
    let verified = verify(&owner, &pod, &Instances::default()).map_err(Doubt::Mismatch);
    let claimant = verified.map(|verified| heard(verified, testimony));
    let volume = ResourceName::parse("pvc-1").expect("a resource name");
    Request { volume, pod: uid(&pod.reference, "u1"), owned: Some(Owned { owner, check: Check::Enforce(claimant) }) }
}

/// The same where pods are only audited.
fn audited(mut request: Request) -> Request {
    let owned = request.owned.as_mut().expect("it is owned");
    owned.check = Check::Audit(claimant(owned));
    request
}

fn claimant(owned: &Owned) -> Claimant {
    match &owned.check {
        Check::Enforce(claimant) | Check::Audit(claimant) => claimant.clone(),
        Check::Off | Check::Attached(_) => panic!("nobody looked"),
    }
}

fn unseen() -> DirectoryError {
    let pod = recorded_pod("af3_ke_mapped").reference;
    DirectoryError::Unavailable { object: Object::Pod(pod), reason: "nobody answers".to_owned() }
}

#[test]
fn an_untagged_volume_is_for_any_pod() {
    let request = Request { owned: None, ..request(OWNER, "af3_kpo_spoof_labels") };
    let permit = decide(request).expect("no owner");
    assert_eq!((permit.rule().as_str(), permit.strength()), ("untagged", None));
}

#[test]
fn a_tagged_volume_is_for_a_verified_pod_of_its_owner() {
    let permit = decide(request(OWNER, "af3_ke_normal_scheduled")).expect("the owner's");
    assert_eq!((permit.rule(), permit.strength()), (Rule::Owner, Some(Strength::Exact)));
    assert_eq!(permit.volume().as_str(), "pvc-1");
    assert_eq!(permit.pod().to_string(), "airflow/etl-daily-extract-jgytcjyi (uid u1)");
}

#[test]
fn a_match_by_label_is_marked_in_the_permit() {
    let permit = decide(request(OWNER, "af3_kpo_normal")).expect("the labels match");
    assert_eq!(permit.strength(), Some(Strength::LabelHash));
}

#[test]
fn a_witness_who_confirms_the_pod_is_in_the_permit() {
    let request = request_with(OWNER, "af3_ke_normal_scheduled", Testimony::Confirmed);
    for request in [request.clone(), audited(request)] {
        let permit = decide(request).expect("confirmed");
        assert_eq!((permit.rule().as_str(), permit.strength()), ("witnessed", Some(Strength::Exact)));
        assert_eq!(permit.overlooked(), None);
    }
}

#[test]
fn a_pod_that_a_witness_denies_is_denied_naming_owner_claimant_and_its_word() {
    let why = "Airflow says that the task has ended".to_owned();
    let request = request_with(OWNER, "af3_ke_normal_scheduled", Testimony::Contradicted { why });
    let denial = decide(request.clone()).expect_err("contradicted");
    assert_eq!((denial.rule(), denial.field()), (Rule::Witnessed, None));
    assert_eq!(
        denial.to_string(),
        "volume pvc-1 belongs to DAG etl_daily, run scheduled__2025-01-01T00:00:00+00:00 of Airflow airflow; pod \
         airflow/etl-daily-extract-jgytcjyi shows DAG etl_daily, run scheduled__2025-01-01T00:00:00+00:00, task extract, \
         but Airflow says that the task has ended; mount it from the pod of a task of its owner that runs, or claim a \
         volume for this one"
    );
    let permit = decide(audited(request)).expect("an audit");
    assert_eq!((permit.rule(), permit.strength(), permit.overlooked()), (Rule::Audit, None, Some(&denial)));
}

#[test]
fn a_pod_whose_witness_can_not_be_asked_gets_nothing_yet() {
    let why = "Airflow does not answer".to_owned();
    let denial = decide(request_with(OWNER, "af3_ke_normal_scheduled", Testimony::Unknown { why }));
    let denial = denial.expect_err("it can't be confirmed");
    assert!(matches!(&denial, Denial::Unheard { why, .. } if why == "Airflow does not answer"), "{denial}");
    assert_eq!(denial.rule(), Rule::Witnessed);
}

#[test]
fn no_word_of_a_witness_makes_a_proof_for_another_owner_or_of_another_pod() {
    let strange = |change: &dyn Fn(&mut Request)| {
        let mut request = request_with(OWNER, "af3_ke_normal_scheduled", Testimony::Confirmed);
        change(&mut request);
        assert!(matches!(decide(request), Err(Denial::OtherProof { .. })));
    };
    let another = OwnerView::from(&workflow("airflow/etl_daily/manual__1"));
    strange(&|request| request.owned.as_mut().expect("it is owned").owner = another.clone());
    strange(&|request| request.pod = recorded_pod("af3_ke_mapped").reference);
}

#[test]
fn publish_by_another_run_is_denied() {
    let denial = decide(request("airflow/etl_daily/manual__1", "af3_ke_normal_scheduled")).expect_err("another run");
    assert_eq!(denial.field(), Some(Field::RunId));
    assert_eq!(
        denial.to_string(),
        "volume pvc-1 belongs to DAG etl_daily, run manual__1 of Airflow airflow; pod airflow/etl-daily-extract-jgytcjyi \
         runs DAG etl_daily, run scheduled__2025-01-01T00:00:00+00:00, task extract of namespace airflow: run_id differs \
         (owner's \"manual__1\", pod's \"scheduled__2025-01-01T00:00:00+00:00\"); mount it from a task of its owner, or \
         claim a volume for this one"
    );
}

#[test]
fn a_proof_for_another_owner_is_no_proof() {
    let mut request = request(OWNER, "af3_ke_normal_scheduled");
    request.owned.as_mut().expect("it is owned").owner = OwnerView::from(&workflow("airflow/etl_daily/manual__1"));
    assert!(matches!(decide(request), Err(Denial::OtherProof { .. })));
}

#[test]
fn a_proof_of_another_pod_is_no_proof() {
    let other = recorded_pod("af3_ke_mapped").reference;
    let request = Request { pod: other, ..request(OWNER, "af3_ke_normal_scheduled") };
    assert!(matches!(decide(request), Err(Denial::OtherProof { .. })));
}

#[test]
fn a_pod_that_cannot_be_looked_up_gets_nothing_yet() {
    let mut request = request(OWNER, "af3_ke_normal_scheduled");
    request.owned.as_mut().expect("it is owned").check = Check::Enforce(Err(Doubt::Unseen(unseen())));
    assert_eq!(decide(request), Err(Denial::Unseen(unseen())));
}

#[test]
fn an_audit_permits_and_says_what_would_have_been_denied() {
    let strange = request("airflow/etl_daily/manual__1", "af3_ke_normal_scheduled");
    let denial = decide(strange.clone()).expect_err("another run");
    let permit = decide(audited(strange.clone())).expect("an audit");
    assert_eq!((permit.rule(), permit.strength(), permit.overlooked()), (Rule::Audit, None, Some(&denial)));
    let mut hidden = strange;
    hidden.owned.as_mut().expect("it is owned").check = Check::Audit(Err(Doubt::Unseen(unseen())));
    let permit = decide(hidden).expect("an audit");
    assert_eq!((permit.rule().as_str(), permit.overlooked()), ("audit", Some(&Denial::Unseen(unseen()))));
}

#[test]
fn an_audit_finds_nothing_in_a_pod_of_the_owner() {
    let permit = decide(audited(request(OWNER, "af3_ke_normal_scheduled"))).expect("the owner's");
    assert_eq!((permit.rule(), permit.overlooked()), (Rule::Owner, None));
}

#[test]
fn where_nobody_looks_the_permit_says_so() {
    let mut request = request("airflow/etl_daily/manual__1", "af3_ke_normal_scheduled");
    request.owned.as_mut().expect("it is owned").check = Check::Off;
    let permit = decide(request).expect("nobody looks");
    assert_eq!((permit.rule().as_str(), permit.strength(), permit.overlooked()), ("off", None, None));
}

#[test]
fn a_pod_that_its_claim_was_attached_for_is_not_looked_up_again() {
    let mut request = request(OWNER, "af3_ke_normal_scheduled");
    let expected = crate::access::expect(&request.volume, request.pod.uid.as_deref(), &request.pod);
    let proof = expected.expect("it is that pod").expect("a pod owns the claim");
    request.owned.as_mut().expect("it is owned").check = Check::Attached(proof);
    assert_eq!(decide(request).expect("it was confirmed").rule(), Rule::Attached);
}
