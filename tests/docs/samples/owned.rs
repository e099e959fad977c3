//! Claims of an owner's volume that can't be had.

use linflow::volume::OwnedError;

use super::{a_node, resource, volume};

/// One of every variant.
pub fn all() -> Vec<OwnedError> {
    let owner = || "DAG sales, run manual__1 of Airflow prod".to_owned();
    vec![
        OwnedError::OtherTerms {
            resource: resource(),
            owner: owner(),
            field: "fsType",
            existing: "ext4".to_owned(),
            asked: "xfs".to_owned(),
        },
        OwnedError::Reaping { resource: resource() },
        OwnedError::Forgetting { owner: owner() },
        OwnedError::HeldByRun { volume: volume(), run: "manual__1".to_owned(), node: a_node("node-1") },
        OwnedError::NothingToFork { name: "pvc-1".to_owned(), owner: owner() },
        OwnedError::NoClaim { volume: volume(), owner: owner() },
    ]
}
