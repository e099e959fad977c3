//! What a StorageClass may say: its `parameters`, parsed once.
//!
//! Keys are written bare or with the prefix `linflow.csi/`, in any case. Keys of Kubernetes' sidecars
//! (`csi.storage.k8s.io/…`) are read where they help and passed over otherwise; every other key is refused, since a
//! misspelt parameter must not be lost in silence.

mod error;
mod files;
mod given;
mod known;
mod placement;
mod workflow;

use std::collections::BTreeMap;

pub use error::ParameterError;
pub use known::{FAMILIES, Family, KnownParameter, all};

use super::{filesystem::FsType, place::Placement};
use given::Given;

/// The parameters of a StorageClass, typed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters {
    /// Where and how often the data is kept: `placementCount`, `storagePool`, `layerList`, `resourceGroup`.
    pub placement: Placement,
    /// `fsType`: `ext4` (default) or `xfs`, where the volume capability names none.
    pub fs_type: Option<FsType>,
    /// `dag-id`, `run-id`, `task-id`, `map-index`, `instance`, `scope`: whose volume it is; and what the sidecars say
    /// of the claim. Keys are prefixed and in lower case, as `workflow::Claim` reads them.
    pub claim: BTreeMap<String, String>,
}

impl Parameters {
    /// Parses the map of a CreateVolume or GetCapacity request. Errors are for INVALID_ARGUMENT.
    pub fn parse(parameters: &BTreeMap<String, String>) -> Result<Self, ParameterError> {
        let mut given = Given::read(parameters)?;
        Ok(Self {
            placement: placement::parse(&mut given)?,
            fs_type: files::parse(&mut given)?,
            claim: workflow::take(&mut given).into_iter().chain(given.sidecars).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::key::PARAMETERS as WORKFLOW_KEYS;
    use crate::workflow::key::PREFIX;

    fn parse(pairs: &[(&str, &str)]) -> Result<Parameters, ParameterError> {
        Parameters::parse(&pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    #[test]
    fn two_replicas_on_drbd_are_the_default() {
        let parameters = parse(&[]).unwrap();
        assert_eq!(parameters.placement.replicas(), Some(2));
        assert!(parameters.placement.may_use_drbd());
    }

    #[test]
    fn keys_are_bare_or_prefixed_in_any_case() {
        let parameters =
            parse(&[("linflow.csi/PlacementCount", "3"), ("STORAGEPOOL", "fast, slow"), ("fstype", "xfs")]).unwrap();
        assert_eq!(parameters.placement.replicas(), Some(3));
        assert_eq!(parameters.placement.pools.len(), 2);
        assert_eq!(parameters.fs_type, Some(FsType::Xfs));
    }

    #[test]
    fn storage_alone_means_one_replica_and_more_is_refused() {
        assert_eq!(parse(&[("layerList", "storage")]).unwrap().placement.replicas(), Some(1));
        let refused = parse(&[("layerList", "storage"), ("placementCount", "2")]);
        assert_eq!(refused, Err(ParameterError::ReplicasWithoutDrbd { count: 2 }));
    }

    #[test]
    fn an_unknown_key_a_foreign_prefix_and_a_double_key_are_refused() {
        assert!(matches!(parse(&[("linflow.csi/placmentCount", "2")]), Err(ParameterError::Unknown { .. })));
        assert!(matches!(parse(&[("other.csi/placementCount", "2")]), Err(ParameterError::Unknown { .. })));
        assert!(matches!(
            parse(&[("fsType", "xfs"), ("linflow.csi/fstype", "xfs")]),
            Err(ParameterError::Twice { .. })
        ));
    }

    #[test]
    fn every_known_parameter_is_read_and_goes_where_it_belongs() {
        for known in all() {
            let parameters = parse(&[(known.key, known.example)]).unwrap();
            assert_ne!(parameters, Parameters::default(), "{} is not read", known.key);
            for key in parameters.claim.keys() {
                assert!(WORKFLOW_KEYS.contains(&key.as_str()), "{key} is not the workflow's");
            }
        }
        for key in WORKFLOW_KEYS {
            assert!(super::known::find(key.trim_start_matches(PREFIX)).is_some(), "{key} is not known");
        }
    }

    #[test]
    fn a_misspelt_parameter_is_answered_with_its_spelling_and_the_known_ones() {
        let message = parse(&[("linflow.csi/PlacmentCount", "2")]).unwrap_err().to_string();
        assert!(message.starts_with("unknown parameter \"linflow.csi/PlacmentCount\""), "{message}");
        assert!(message.contains("placementCount, storagePool"), "{message}");
    }

    #[test]
    fn values_that_make_no_sense_are_refused_by_name() {
        for (key, value) in [
            ("placementCount", "0"),
            ("placementCount", "two"),
            ("placementCount", "9"),
            ("storagePool", " "),
            ("storagePool", "p/q"),
            ("layerList", "storage drbd"),
            ("layerList", "raid storage"),
            ("fsType", "zfs"),
            ("resourceGroup", "-"),
        ] {
            assert!(parse(&[(key, value)]).is_err(), "{key}={value}");
        }
    }

    #[test]
    fn the_workflow_and_the_claim_are_kept_apart_from_placement() {
        let parameters = parse(&[
            ("linflow.csi/dag-id", "sales"),
            ("scope", "dag"),
            ("csi.storage.k8s.io/pvc/name", "data"),
            ("csi.storage.k8s.io/pvc/namespace", "airflow"),
            ("csi.storage.k8s.io/pv/name", "pvc-1"),
        ])
        .unwrap();
        assert_eq!(parameters.claim.get("linflow.csi/dag-id").map(String::as_str), Some("sales"));
        assert_eq!(parameters.claim.get("csi.storage.k8s.io/pvc/namespace").map(String::as_str), Some("airflow"));
    }
}
