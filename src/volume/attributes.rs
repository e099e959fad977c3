//! What a VolumeAttributesClass may say: the `mutable_parameters` of CreateVolume and ControllerModifyVolume.
//!
//! Keys are written as those of a StorageClass: bare or with a prefix, in any case. What isn't named stays as it is
//! (CSI spec, ControllerModifyVolume); a key that isn't known is refused.

use std::collections::BTreeMap;

use super::{
    drbd_options::{self, DrbdOptionError, DrbdOptions},
    place::MAX_REPLICAS,
    qos::{Limit, Limits, QosError},
};
use crate::linstor::model::{Props, quorum};
use crate::workflow::key::PREFIX;

/// The prefixes that a key may have, in lower case: linflow's, and those of linstor-csi.
const PREFIXES: [&str; 3] = [PREFIX, "linstor.csi.linbit.com/", "property.linstor.csi.linbit.com/"];
/// Options of DRBD that LINSTOR gives every definition that needs them.
const LINSTORS_OWN: [&str; 3] = [quorum::QUORUM, quorum::ON_NO_QUORUM, "DrbdOptions/auto-verify-alg"];
/// The replica count, and linstor-csi's word for it.
const REPLICAS: [&str; 2] = ["placementCount", "autoPlace"];

/// Attributes of a volume that may change while it lives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    /// `placementCount`: the replicas with a disk.
    pub replicas: Option<u32>,
    limits: Limits,
    options: DrbdOptions,
}

/// An attribute that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// No such attribute.
    #[error(
        "{key:?} is no attribute that can be changed; known are placementCount, DrbdOptions/… and {}",
        known_limits()
    )]
    Unknown {
        /// The key as it was sent.
        key: String,
    },
    /// The replica count in two spellings.
    #[error("placementCount is given twice; keep one spelling")]
    Twice,
    /// Not a number, or none that makes sense.
    #[error("placementCount {value:?} is not a whole number from 1 to {MAX_REPLICAS}")]
    Replicas {
        /// The value as it was sent.
        value: String,
    },
    /// A limit that can't be used.
    #[error(transparent)]
    Qos(#[from] QosError),
    /// An option of DRBD that can't be used.
    #[error(transparent)]
    DrbdOption(#[from] DrbdOptionError),
}

fn known_limits() -> String {
    Limit::ALL.map(Limit::key).join(", ")
}

impl Attributes {
    /// Parses a map of mutable parameters. Errors are for INVALID_ARGUMENT.
    pub fn parse(parameters: &BTreeMap<String, String>) -> Result<Self, AttributeError> {
        let mut attributes = Self::default();
        for (sent, value) in parameters {
            let key = bare(sent);
            if drbd_options::is_option(key) {
                attributes.options.insert(key, value)?;
            } else if let Some(limit) = Limit::find(key) {
                attributes.limits.insert(limit, value)?;
            } else if REPLICAS.iter().any(|known| known.eq_ignore_ascii_case(key)) {
                if attributes.replicas.replace(parse_replicas(value)?).is_some() {
                    return Err(AttributeError::Twice);
                }
            } else {
                return Err(AttributeError::Unknown { key: sent.clone() });
            }
        }
        Ok(attributes)
    }

    /// What among them only DRBD can do.
    pub fn needs_drbd(&self) -> Option<String> {
        match (self.replicas, self.options.properties().keys().next()) {
            (Some(count @ 2..), _) => Some(format!("placementCount {count}")),
            (_, Some(option)) => Some(option.clone()),
            _ => None,
        }
    }

    /// LINSTOR's properties for all but the replicas, on the volume's own definition.
    pub fn to_properties(&self) -> Props {
        let mut properties = self.limits.to_properties();
        properties.extend(self.options.properties().clone());
        properties
    }
}

/// Can this property of a definition be an attribute? What LINSTOR sets by itself, and keeps right by itself, is none.
pub fn is_attribute(property: &str) -> bool {
    let is_limit = Limit::ALL.iter().any(|limit| limit.property() == property);
    is_limit || drbd_options::is_option(property) && !LINSTORS_OWN.contains(&property)
}

/// The key without one of the prefixes.
fn bare(sent: &str) -> &str {
    let prefix =
        PREFIXES.iter().find(|prefix| sent.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix)));
    prefix.and_then(|prefix| sent.get(prefix.len()..)).unwrap_or(sent)
}

fn parse_replicas(value: &str) -> Result<u32, AttributeError> {
    let count = value.trim().parse().ok().filter(|count| (1..=MAX_REPLICAS).contains(count));
    count.ok_or_else(|| AttributeError::Replicas { value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Attributes, AttributeError> {
        Attributes::parse(&pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    #[test]
    fn keys_are_bare_or_prefixed_in_any_case_and_linstor_csis_are_known() {
        for key in [
            "placementCount",
            "PLACEMENTCOUNT",
            "linflow.csi/placementcount",
            "autoPlace",
            "linstor.csi.linbit.com/autoPlace",
        ] {
            assert_eq!(parse(&[(key, "3")]).unwrap().replicas, Some(3), "{key}");
        }
        for (key, property) in [
            ("linflow.csi/qosReadIops", "sys/fs/blkio_throttle_read_iops"),
            ("qos.linbit.com/riops", "sys/fs/blkio_throttle_read_iops"),
            ("linstor.csi.linbit.com/DrbdOptions/Net/max-buffers", "DrbdOptions/Net/max-buffers"),
            ("property.linstor.csi.linbit.com/DrbdOptions/Net/max-buffers", "DrbdOptions/Net/max-buffers"),
        ] {
            let properties = parse(&[(key, "8000")]).unwrap().to_properties();
            assert_eq!(properties.into_iter().collect::<Vec<_>>(), [(property.to_owned(), "8000".to_owned())], "{key}");
        }
    }

    #[test]
    fn what_cannot_be_changed_is_refused_by_name() {
        for key in ["storagePool", "linflow.csi/fsType", "sys/fs/blkio_throttle_read", "other.csi/placementCount", ""] {
            assert_eq!(parse(&[(key, "1")]), Err(AttributeError::Unknown { key: key.to_owned() }));
        }
        let twice = parse(&[("placementCount", "2"), ("linflow.csi/autoPlace", "2")]);
        assert_eq!(twice, Err(AttributeError::Twice));
        for value in ["0", "9", "two", "", "-1"] {
            assert!(matches!(parse(&[("placementCount", value)]), Err(AttributeError::Replicas { .. })), "{value}");
        }
        assert!(matches!(parse(&[("qosReadIops", "fast")]), Err(AttributeError::Qos(_))));
        let two_writers = parse(&[("DrbdOptions/Net/allow-two-primaries", "yes")]);
        assert!(matches!(two_writers, Err(AttributeError::DrbdOption(_))));
    }

    #[test]
    fn only_replicas_and_options_of_drbd_need_drbd() {
        assert_eq!(parse(&[("qosReadIops", "100"), ("placementCount", "1")]).unwrap().needs_drbd(), None);
        assert_eq!(parse(&[("placementCount", "2")]).unwrap().needs_drbd().unwrap(), "placementCount 2");
        let option = parse(&[("DrbdOptions/Net/max-buffers", "8000")]).unwrap();
        assert_eq!(option.needs_drbd().unwrap(), "DrbdOptions/Net/max-buffers");
    }
}
