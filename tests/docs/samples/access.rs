//! A pod's volume denied, and a pod that can't be looked up.

use linflow::access::{Denial, Unexpected};
use linflow::workflow::{DirectoryError, Mismatch, Object, PodRef, airflow::Field, verify::Difference};

use super::resource;

const OWNER: &str = "DAG sales, run manual__1 of Airflow prod";

fn pod() -> PodRef {
    PodRef { namespace: "airflow".to_owned(), name: "sales-load-x1".to_owned(), uid: None }
}

/// One of every variant.
pub fn denials() -> Vec<Denial> {
    let difference =
        Difference::Value { field: Field::RunId, owner: "manual__1".to_owned(), claimant: "manual__2".to_owned() };
    let other = "DAG sales, run manual__2 of Airflow prod".to_owned();
    let mismatch = Mismatch { pod: pod(), claimant: other, difference: Box::new(difference) };
    let claimant = format!("pod {} shows DAG sales, run manual__1, task load", pod());
    vec![
        Denial::NotTheOwner { volume: resource(), owner: OWNER.to_owned(), mismatch: Box::new(mismatch) },
        Denial::OtherProof {
            volume: resource(),
            owner: OWNER.to_owned(),
            proven: format!("DAG sales of Airflow prod in pod {}", pod()),
        },
        Denial::Unseen(lookups().remove(2)),
        Denial::Contradicted {
            volume: resource(),
            owner: OWNER.to_owned(),
            claimant: claimant.clone(),
            why: "Airflow at https://airflow.example says that the task has ended (state success)".to_owned(),
        },
        Denial::Unheard {
            volume: resource(),
            owner: OWNER.to_owned(),
            claimant,
            why: "Airflow at https://airflow.example does not answer".to_owned(),
        },
    ]
}

/// One of every variant.
pub fn unexpected() -> Vec<Unexpected> {
    vec![Unexpected::AnotherPod { volume: resource(), expected: "5f0c".to_owned(), pod: pod() }]
}

/// One of every variant.
pub fn lookups() -> Vec<DirectoryError> {
    vec![
        DirectoryError::NotFound { object: Object::Pod(pod()), place: "in /etc/linflow/pods".to_owned() },
        DirectoryError::WrongUid { object: Object::Pod(pod()), found: "5f0c".to_owned() },
        DirectoryError::Unavailable {
            object: Object::Pod(pod()),
            reason: "no directory of pods is configured".to_owned(),
        },
    ]
}
