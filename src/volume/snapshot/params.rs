//! What a VolumeSnapshotClass or VolumeGroupSnapshotClass may say: its `parameters`.
//!
//! Keys are written bare or with the prefix `linflow.csi/` or linstor-csi's `snap.linstor.csi.linbit.com/`, in any case;
//! those of Kubernetes' sidecars (`csi.storage.k8s.io/…`) are passed over.

use std::collections::BTreeMap;

/// The prefix of linstor-csi's keys.
const PEER_PREFIX: &str = "snap.linstor.csi.linbit.com/";
/// The prefix of ours.
const PREFIX: &str = crate::workflow::key::PREFIX;
/// The prefix of what Kubernetes' sidecars add.
const SIDECAR_PREFIX: &str = "csi.storage.k8s.io/";

/// The only key: where snapshots are kept.
pub const TYPE: &str = "type";
/// Its only value: where the volume is.
pub const IN_CLUSTER: &str = "InCluster";
/// Its values that ask for backups, as linstor-csi has them.
pub const BACKUP_TYPES: [&str; 2] = ["S3", "Linstor"];
/// Keys of linstor-csi that say how and where backups are made.
pub const BACKUP_KEYS: [&str; 12] = [
    "remote-name",
    "delete-local",
    "allow-incremental",
    "max-increments",
    "full-snapshot-after",
    "s3-endpoint",
    "s3-bucket",
    "s3-signing-region",
    "s3-use-path-style",
    "linstor-target-url",
    "linstor-target-cluster-id",
    "linstor-target-storage-pool",
];

/// A parameter that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotParameterError {
    /// No such parameter.
    #[error("unknown parameter {0:?}; a snapshot class has only {TYPE}, which is {IN_CLUSTER}")]
    Unknown(String),
    /// One parameter in two spellings.
    #[error("parameter {TYPE} is given twice; keep one spelling")]
    Twice,
    /// A type that isn't one.
    #[error("{TYPE} {0:?} is not known; it is {IN_CLUSTER}, or left out")]
    Type(String),
    /// Something of a backup.
    #[error(
        "{0} asks for a backup to a remote, which linflow does not make: its snapshots stay in the storage pools of their volumes; remove it, or back the volume up by other means"
    )]
    Backup(String),
}

/// Checks the parameters: there is nothing to choose. Errors are for INVALID_ARGUMENT.
pub fn check(parameters: &BTreeMap<String, String>) -> Result<(), SnapshotParameterError> {
    let mut has_type = false;
    for (sent, value) in parameters.iter().filter(|(key, _)| !key.starts_with(SIDECAR_PREFIX)) {
        let lower = sent.to_ascii_lowercase();
        let bare = lower.strip_prefix(PREFIX).or_else(|| lower.strip_prefix(PEER_PREFIX)).unwrap_or(&lower);
        if BACKUP_KEYS.contains(&bare) {
            return Err(SnapshotParameterError::Backup(sent.clone()));
        } else if bare != TYPE {
            return Err(SnapshotParameterError::Unknown(sent.clone()));
        } else if std::mem::replace(&mut has_type, true) {
            return Err(SnapshotParameterError::Twice);
        }
        check_type(value)?;
    }
    Ok(())
}

fn check_type(value: &str) -> Result<(), SnapshotParameterError> {
    if value.eq_ignore_ascii_case(IN_CLUSTER) {
        Ok(())
    } else if BACKUP_TYPES.iter().any(|known| known.eq_ignore_ascii_case(value)) {
        Err(SnapshotParameterError::Backup(format!("{TYPE} {value}")))
    } else {
        Err(SnapshotParameterError::Type(value.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(pairs: &[(&str, &str)]) -> Result<(), SnapshotParameterError> {
        check(&pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn in_cluster_is_accepted_in_every_spelling_and_left_out() {
        for key in ["type", "linflow.csi/type", "snap.linstor.csi.linbit.com/type", "Snap.Linstor.csi.linbit.com/Type"]
        {
            assert_eq!(checked(&[(key, "InCluster")]), Ok(()), "{key}");
            assert_eq!(checked(&[(key, "incluster")]), Ok(()), "{key}");
        }
        assert_eq!(checked(&[]), Ok(()));
        assert_eq!(checked(&[("csi.storage.k8s.io/volumesnapshot/name", "nightly")]), Ok(()));
    }

    #[test]
    fn a_backup_is_refused_by_the_name_of_what_asks_for_it() {
        for key in BACKUP_KEYS {
            let key = format!("snap.linstor.csi.linbit.com/{key}");
            let refused = checked(&[(&key, "x")]).unwrap_err();
            assert!(refused.to_string().contains(&key), "{refused}");
        }
        for value in ["S3", "Linstor", "s3"] {
            let refused = checked(&[("type", value)]).unwrap_err();
            assert_eq!(refused, SnapshotParameterError::Backup(format!("type {value}")));
        }
    }

    #[test]
    fn what_is_unknown_or_given_twice_is_refused() {
        assert_eq!(checked(&[("typ", "InCluster")]), Err(SnapshotParameterError::Unknown("typ".to_owned())));
        assert_eq!(checked(&[("type", "Tape")]), Err(SnapshotParameterError::Type("Tape".to_owned())));
        let twice = [("type", "InCluster"), ("linflow.csi/type", "InCluster")];
        assert_eq!(checked(&twice), Err(SnapshotParameterError::Twice));
    }
}
