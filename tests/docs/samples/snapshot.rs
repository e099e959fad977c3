//! Errors of the verbs of snapshots.

use linflow::linstor::rc::code;
use linflow::volume::snapshot::props::SnapshotPropsError;
use linflow::volume::snapshot::{Error, GroupId, SnapshotId};

use super::{linstor, volume};

/// One of every variant.
pub fn all() -> Vec<Error> {
    let source = |code, message| linstor::refusal(500, code, message);
    vec![
        Error::NotFound("pvc-1/nightly".to_owned()),
        Error::Foreign(id()),
        Error::Mismatch {
            name: "nightly".to_owned(),
            field: "the source",
            existing: "pvc-2".to_owned(),
            asked: "pvc-1".to_owned(),
        },
        Error::Member { snapshot: id(), group: group() },
        Error::Members(group()),
        Error::Incomplete { group: group(), missing: "pvc-2".to_owned() },
        Error::Deleting(id()),
        Error::NotTaken(id(), "LINSTOR is at it".to_owned()),
        Error::Failed(id(), "LINSTOR says FAILED_DEPLOYMENT".to_owned()),
        Error::NotUpToDate {
            volumes: "pvc-1".to_owned(),
            source: source(code::FAIL_SNAPSHOT_NOT_UP_TO_DATE, "the resource is not up to date"),
        },
        Error::Unsupported {
            volumes: "pvc-1".to_owned(),
            source: source(code::FAIL_SNAPSHOTS_NOT_SUPPORTED, "storage driver 'LVM' does not support snapshots"),
        },
        Error::OutOfReach { snapshot: id(), nodes: "node-1".to_owned() },
        SnapshotPropsError::Missing("Aux/linflow/source-incarnation").into(),
        linflow::volume::Error::NotFound(volume()).into(),
    ]
}

/// Is something made, pending or still running after it? Every variant has to be judged here.
pub fn leaves_something(error: &Error) -> bool {
    match error {
        Error::Deleting(_) | Error::NotTaken(..) => true,
        Error::Volume(error) => super::volume::leaves_something(error),
        Error::NotFound(_)
        | Error::Foreign(_)
        | Error::Mismatch { .. }
        | Error::Member { .. }
        | Error::Members(_)
        | Error::Incomplete { .. }
        | Error::Failed(..)
        | Error::NotUpToDate { .. }
        | Error::Unsupported { .. }
        | Error::OutOfReach { .. }
        | Error::Props(_) => false,
    }
}

fn id() -> SnapshotId {
    SnapshotId::parse("pvc-1/nightly").expect("an id")
}

fn group() -> GroupId {
    GroupId::parse("group/pvc-1/lf-group-0123456789abcdef0123456789abcdef").expect("an id")
}
