//! Claims that can't be resolved.

use std::collections::BTreeMap;

use linflow::workflow::{
    AskError, Claim, ClaimError, ClaimRef, DagId, DirectoryError, Instance, Instances, Object, PodRef, Scope,
    airflow::{EvidenceError, Field},
    ask::Lack,
    key,
};

fn pod() -> PodRef {
    PodRef { namespace: "airflow".to_owned(), name: "sales-load-x1".to_owned(), uid: Some("5f0c".to_owned()) }
}

fn claim() -> ClaimRef {
    ClaimRef { namespace: "airflow".to_owned(), name: "sales-load-x1-scratch".to_owned(), uid: Some("77ab".to_owned()) }
}

/// One of every variant; of those with several codes, one of each, and one of every lack.
pub fn all() -> Vec<AskError> {
    let lacks =
        [Lack::NoDirectory, Lack::NoClaim, Lack::NoPod(claim()), Lack::NoTask(pod()), Lack::Part(pod())].into_iter();
    let unresolved = lacks.map(|lack| AskError::Unresolved { scope: Scope::Run, needs: key::RUN_ID, lack });
    let others = [
        unreadable().into(),
        AskError::Claim(ClaimError::OutsideInstance {
            instance: Instance::parse("prod").expect("an instance"),
            namespace: "team-a".to_owned(),
            actual: Instance::parse("staging").expect("an instance"),
        }),
        annotation(),
        AskError::ClassOnly { key: key::CONFIRM, object: Object::Claim(claim()) },
        AskError::LabelOnly { pod: pod(), field: Field::RunId, label: "manual__1-1ba00d816".to_owned() },
        AskError::Contradiction {
            claim: claim().into(),
            pod: pod().into(),
            field: Field::DagId,
            said: "payroll".to_owned(),
            shown: "sales".to_owned(),
        },
        AskError::Evidence { pod: pod(), because: tampered().into() },
        AskError::Remade { claim: claim(), csi_name: "pvc-0b5c6f0e-2222-4333-8444-555555555555".to_owned() },
        DirectoryError::WrongUid { object: Object::Pod(pod()), found: "61d2".to_owned() }.into(),
        DirectoryError::Unavailable { object: Object::Pod(pod()), reason: "the API server does not answer".to_owned() }
            .into(),
    ];
    unresolved.chain(others).collect()
}

fn unreadable() -> ClaimError {
    let parameters = BTreeMap::from([(key::SCOPE.to_owned(), "worker".to_owned())]);
    Claim::parse(&parameters, &Instances::default()).expect_err("no scope")
}

fn annotation() -> AskError {
    let because = DagId::parse("{{ dag.dag_id }}").expect_err("a template").to_string();
    let value = linflow::workflow::ValueError { key: key::DAG_ID, because };
    AskError::Annotation { object: Object::Claim(claim()).into(), value }
}

fn tampered() -> EvidenceError {
    EvidenceError::Contradiction {
        field: Field::RunId,
        annotation: "victim_run".to_owned(),
        label: "manual__1-1ba00d816".to_owned(),
    }
}
