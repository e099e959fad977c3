//! The seam for stronger evidence than metadata: somebody who knows which tasks run, such as Airflow itself.
//!
//! Within one Airflow instance a DAG's author can write any task's ids on a pod of their own. Once metadata agrees with
//! the volume's owner, a [`Witness`] is asked whether that task is really at work, and in this pod. Today nobody is
//! ([`NoWitness`]). A client of Airflow's REST API would be one: it finds the task instance by what the claimant shows
//! ([`Verified::evidence`]), wants it queued or running, with the same try, and says [`Testimony::Unknown`] where
//! Airflow doesn't answer.

use std::fmt::Debug;
use std::time::Duration;

use tokio::time::timeout;

use super::{chosen::Answer, reference::WorkflowRef, verify::Verified};

/// How long a witness has to answer: an attach and a mount wait for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Somebody who can tell whether a task is at work in a pod.
pub trait Witness: Debug + Send + Sync {
    /// Is the task that this pod shows queued or running now, and is this its pod? Only pods whose metadata agrees with
    /// the volume's owner are asked about.
    fn testify<'a>(&'a self, claimant: &'a Verified<WorkflowRef>) -> Answer<'a, Testimony>;
}

/// What a witness says of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Testimony {
    /// There is nobody to ask: what the metadata says holds.
    Silent,
    /// It is so.
    Confirmed,
    /// It isn't.
    Contradicted {
        /// Who says so, and what is the case instead: `Airflow at URL says that the task has ended (state success)`.
        why: String,
    },
    /// It can't be known now; the same question may get an answer later.
    Unknown {
        /// Who was asked, and what stands in the way: `Airflow at URL does not answer`.
        why: String,
    },
}

/// Nobody to ask.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoWitness;

impl Witness for NoWitness {
    fn testify<'a>(&'a self, _: &'a Verified<WorkflowRef>) -> Answer<'a, Testimony> {
        Box::pin(std::future::ready(Testimony::Silent))
    }
}

/// A verified pod, and what the witness says of it. Only [`hear`] makes it, so that no owner's pod is judged before the
/// witness was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub(super) claimant: Verified<WorkflowRef>,
    pub(super) testimony: Testimony,
}

impl Heard {
    /// What the metadata proves.
    pub fn claimant(&self) -> &Verified<WorkflowRef> {
        &self.claimant
    }

    /// What the witness says of it.
    pub fn testimony(&self) -> &Testimony {
        &self.testimony
    }
}

/// Asks the witness about a pod. One that doesn't answer in time is as good as one that can't be asked.
pub async fn hear(witness: &dyn Witness, claimant: Verified<WorkflowRef>) -> Heard {
    let answer = timeout(PATIENCE, witness.testify(&claimant)).await;
    let testimony = answer.unwrap_or_else(|_| Testimony::Unknown {
        why: format!("the witness of its task did not answer within {} seconds", PATIENCE.as_secs()),
    });
    Heard { claimant, testimony }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::{
        Instances, OwnerView,
        fixtures::{recorded_pod, workflow},
        verify,
    };

    /// Never answers.
    #[derive(Debug)]
    struct Hung;

    impl Witness for Hung {
        fn testify<'a>(&'a self, _: &'a Verified<WorkflowRef>) -> Answer<'a, Testimony> {
            Box::pin(std::future::pending())
        }
    }

    fn claimant() -> Verified<WorkflowRef> {
        let owner = OwnerView::from(&workflow("airflow/etl_daily"));
        verify(&owner, &recorded_pod("af3_ke_mapped"), &Instances::default()).expect("the owner's")
    }

    #[tokio::test(start_paused = true)]
    async fn a_witness_that_does_not_answer_in_time_is_one_that_can_not_be_asked() {
        let asked = tokio::time::Instant::now();
        let heard = hear(&Hung, claimant()).await;
        assert_eq!(asked.elapsed().as_secs(), 5);
        assert!(matches!(heard.testimony(), Testimony::Unknown { why } if why.contains("5 seconds")), "{heard:?}");
    }

    #[tokio::test]
    async fn where_nobody_is_to_be_asked_the_metadata_stands_alone() {
        let heard = hear(&NoWitness, claimant()).await;
        assert_eq!((heard.claimant(), heard.testimony()), (&claimant(), &Testimony::Silent));
    }

    /// The owner may be wider than the task: who asks for the task instance needs all of it.
    #[test]
    fn a_witness_is_shown_the_whole_task_whatever_the_owners_scope() {
        let shown = claimant();
        let task = shown.evidence();
        assert_eq!(
            task.to_string(),
            "DAG etl_daily, run scheduled__2025-01-01T00:00:00+00:00, task transform_group.transform[7]"
        );
        assert_eq!(task.try_number, Some(1));
    }
}
