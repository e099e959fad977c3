//! Properties of LINSTOR that a class sets on its volumes.
//!
//! They are written on the volume's definition, in the request that makes it: LINSTOR drops those that come with a new
//! resource group. Whether a property exists and takes the value, LINSTOR says.

use super::{Given, ParameterError};
use crate::linstor::model::Props;
use crate::volume::drbd_options::{self, DrbdOptions};

/// The longest key, in bytes; LINSTOR's own limit, 256, counts what it puts before the key.
const LONGEST_KEY: usize = 250;
/// The longest value that LINSTOR's database holds, in characters.
const LONGEST_VALUE: usize = 4096;

/// Properties that are not for a class, each with the reason. Where it ends with `/`, all that begin so.
pub const REFUSED_PROPERTIES: [(&str, &str); 9] = [
    ("Aux/linflow/", OURS),
    ("Aux/airflow/", OURS),
    ("Aux/csi.storage.k8s.io/", OURS),
    ("FileSystem/", "linflow makes the filesystem on the node, and LINSTOR would make another over it"),
    ("StorDriver/", "it becomes part of commands on the storage nodes; set it on the storage pool"),
    ("StorPoolName", "storagePool names the pools"),
    ("AutoSnapshot/", "snapshots that Kubernetes knows nothing of would keep its volumes from being deleted"),
    ("Internal/", "LINSTOR keeps its own state there"),
    ("Encryption/", "LINSTOR keeps its keys there"),
];
const OURS: &str = "linflow keeps there whose volume it is";

/// Takes all properties.
pub(super) fn parse(given: &mut Given) -> Result<Props, ParameterError> {
    let (mut props, mut options) = (Props::new(), DrbdOptions::default());
    for (key, value) in std::mem::take(&mut given.properties) {
        check(&key, &value)?;
        if drbd_options::is_option(&key) {
            options.insert(&key, &value)?;
        } else {
            props.insert(key, value);
        }
    }
    props.extend(options.properties().clone());
    Ok(props)
}

fn check(key: &str, value: &str) -> Result<(), ParameterError> {
    let lower = key.to_ascii_lowercase();
    let is_meant = |property: &str| match property.ends_with('/') {
        true => lower.starts_with(&property.to_ascii_lowercase()),
        false => property.eq_ignore_ascii_case(key),
    };
    if let Some((_, because)) = REFUSED_PROPERTIES.iter().find(|(property, _)| is_meant(property)) {
        return Err(ParameterError::Refused { key: key.to_owned(), because });
    }
    if (1..=LONGEST_KEY).contains(&key.len()) && value.chars().count() <= LONGEST_VALUE {
        return Ok(());
    }
    let expected = "a property whose key has 1 to 250 bytes and whose value has at most 4096 characters";
    Err(ParameterError::Value { key: key.to_owned(), value: value.chars().take(40).collect(), expected })
}
