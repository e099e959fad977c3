//! A witness that says what it was told to, and remembers about whom it was asked.

use std::sync::{Arc, Mutex};

use linflow::workflow::{Answer, Testimony, Verified, Witness, WorkflowRef};

/// The witness. A test keeps a pointer to it, and gives another to a service.
#[derive(Debug)]
pub struct Scripted {
    says: Mutex<Testimony>,
    asked: Mutex<Vec<String>>,
}

impl Scripted {
    /// It says this of everybody.
    pub fn new(says: Testimony) -> Arc<Self> {
        Arc::new(Self { says: Mutex::new(says), asked: Mutex::default() })
    }

    /// From now on it says this.
    pub fn will_say(&self, says: Testimony) {
        *self.says.lock().unwrap() = says;
    }

    /// Each pod that it was asked about, with all that the pod shows of its task.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Witness for Scripted {
    fn testify<'a>(&'a self, claimant: &'a Verified<WorkflowRef>) -> Answer<'a, Testimony> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(format!("{}: {}", claimant.pod(), claimant.evidence()));
            self.says.lock().unwrap().clone()
        })
    }
}

/// What a witness says of a pod whose task is over.
pub fn contradicted() -> Testimony {
    Testimony::Contradicted { why: "Airflow says that the task has ended (state success)".to_owned() }
}

/// What is made of a witness that doesn't answer.
pub fn unknown() -> Testimony {
    Testimony::Unknown { why: "Airflow does not answer".to_owned() }
}
