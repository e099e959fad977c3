//! What a StorageClass may say: its `parameters`, parsed once.
//!
//! Keys are written bare or with the prefix `linflow.csi/`, in any case. Keys of Kubernetes' sidecars
//! (`csi.storage.k8s.io/…`) are read where they help and passed over otherwise; every other key is refused, since a
//! misspelt parameter must not be lost in silence.

mod known;

use std::collections::BTreeMap;

pub use known::{KnownParameter, PARAMETERS};

use super::filesystem::{FsType, UnknownFsType};
use super::place::{Layer, Placement, UnknownLayer};
use crate::linstor::name::{GroupName, NameError, PoolName};
use crate::workflow::key::PREFIX;

/// The prefix of what Kubernetes' sidecars add.
const SIDECAR_PREFIX: &str = "csi.storage.k8s.io/";
/// How many replicas a volume may have: LINSTOR reserves seven peers for each by default.
const MAX_REPLICAS: u32 = 8;

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

/// A parameter that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// No such parameter.
    #[error("unknown parameter {key:?}; known are {}", known::keys())]
    Unknown {
        /// The key as it was sent.
        key: String,
    },
    /// One parameter in two spellings.
    #[error("parameter {key} is given twice; keep one spelling")]
    Twice {
        /// The bare key.
        key: &'static str,
    },
    /// Not a number, or none that makes sense.
    #[error("placementCount {value:?} is not a whole number from 1 to {MAX_REPLICAS}")]
    PlacementCount {
        /// The value as it was sent.
        value: String,
    },
    /// Copies without replication.
    #[error(
        "placementCount {count} needs the DRBD layer, for without it nothing keeps the copies equal; use layerList \"drbd storage\" or placementCount 1"
    )]
    ReplicasWithoutDrbd {
        /// The value as it was sent.
        count: u32,
    },
    /// A list without entries.
    #[error("{key} is empty; leave it out or name at least one")]
    Empty {
        /// The bare key.
        key: &'static str,
    },
    /// Layers in an order that LINSTOR can't stack.
    #[error("layerList must end with storage and name each layer once, such as \"drbd storage\"")]
    LayerOrder,
    /// A layer that we don't know.
    #[error("layerList: {0}")]
    Layer(#[from] UnknownLayer),
    /// A name that LINSTOR would refuse.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A filesystem that we don't make.
    #[error("fsType: {0}")]
    FsType(#[from] UnknownFsType),
}

impl Parameters {
    /// Parses the map of a CreateVolume or GetCapacity request. Errors are for INVALID_ARGUMENT.
    pub fn parse(parameters: &BTreeMap<String, String>) -> Result<Self, ParameterError> {
        let mut known = known_keys(parameters)?;
        let mut take = |key: &str| known.remove(key);
        let placement = Placement {
            group: take("resourceGroup").map(|name| GroupName::parse(&name)).transpose()?,
            count: take("placementCount").map(|value| parse_count(&value)).transpose()?,
            pools: take("storagePool").map(|list| parse_pools(&list)).transpose()?.unwrap_or_default(),
            layers: take("layerList").map(|list| parse_layers(&list)).transpose()?,
            ..Placement::default()
        };
        match placement.count {
            Some(count @ 2..) if !placement.may_use_drbd() => {
                return Err(ParameterError::ReplicasWithoutDrbd { count });
            }
            _ => {}
        }
        let fs_type = take("fsType").filter(|name| !name.is_empty()).map(|name| name.parse()).transpose()?;
        let sidecars = parameters.iter().filter(|(key, _)| key.starts_with(SIDECAR_PREFIX));
        let sidecars = sidecars.map(|(key, value)| (key.clone(), value.clone()));
        // What is left of the known ones is the workflow's.
        let workflow = known.into_iter().map(|(key, value)| (format!("{PREFIX}{key}"), value));
        let claim = sidecars.chain(workflow).collect();
        Ok(Self { placement, fs_type, claim })
    }
}

/// Our keys without prefix, in the spelling of [`PARAMETERS`]; the sidecars' are left out.
fn known_keys(parameters: &BTreeMap<String, String>) -> Result<BTreeMap<&'static str, String>, ParameterError> {
    let mut keys = BTreeMap::new();
    for (sent, value) in parameters.iter().filter(|(key, _)| !key.starts_with(SIDECAR_PREFIX)) {
        let lower = sent.to_ascii_lowercase();
        let known = known::find(lower.strip_prefix(PREFIX).unwrap_or(&lower));
        let key = known.ok_or_else(|| ParameterError::Unknown { key: sent.clone() })?.key;
        if keys.insert(key, value.clone()).is_some() {
            return Err(ParameterError::Twice { key });
        }
    }
    Ok(keys)
}

fn parse_count(value: &str) -> Result<u32, ParameterError> {
    let count = value.trim().parse().ok().filter(|count| (1..=MAX_REPLICAS).contains(count));
    count.ok_or_else(|| ParameterError::PlacementCount { value: value.to_owned() })
}

/// Entries of a list: separated by spaces, as users of LINSTOR write them, or by commas.
fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split([' ', ',', '\t', '\n']).filter(|entry| !entry.is_empty())
}

fn parse_pools(list: &str) -> Result<Vec<PoolName>, ParameterError> {
    let pools = entries(list).map(PoolName::parse).collect::<Result<Vec<_>, _>>()?;
    if pools.is_empty() { Err(ParameterError::Empty { key: "storagePool" }) } else { Ok(pools) }
}

fn parse_layers(list: &str) -> Result<Vec<Layer>, ParameterError> {
    let layers = entries(list).map(str::parse).collect::<Result<Vec<Layer>, _>>()?;
    match layers.as_slice() {
        [] => Err(ParameterError::Empty { key: "layerList" }),
        [Layer::Storage] | [Layer::Drbd, Layer::Storage] => Ok(layers),
        _ => Err(ParameterError::LayerOrder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::key::PARAMETERS as WORKFLOW_KEYS;

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
        for known in PARAMETERS {
            let parameters = parse(&[(known.key, known.example)]).unwrap();
            assert_ne!(parameters, Parameters::default(), "{} is not read", known.key);
            for key in parameters.claim.keys() {
                assert!(WORKFLOW_KEYS.contains(&key.as_str()), "{key} is not the workflow's");
            }
        }
        for key in WORKFLOW_KEYS {
            assert!(known::find(key.trim_start_matches(PREFIX)).is_some(), "{key} is not known");
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
