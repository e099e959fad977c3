//! What a StorageClass may say: its `parameters`, parsed once.
//!
//! Keys are written bare, with the prefix `linflow.csi/` or with linstor-csi's, in any case. Keys of Kubernetes'
//! sidecars (`csi.storage.k8s.io/…`) are read where they help and passed over otherwise; every other key is refused,
//! since a misspelt parameter must not be lost in silence.

mod capacity;
mod error;
mod files;
mod given;
mod known;
mod naming;
mod placement;
mod properties;
mod qos;
#[cfg(test)]
mod tests;
mod topology;
mod workflow;

use std::collections::BTreeMap;

pub use capacity::OverProvision;
pub use error::ParameterError;
pub use files::FsTexts;
pub use given::{PREFIXES, PROPERTY_PREFIXES};
pub use known::{FAMILIES, Family, KnownParameter, PASSED_OVER, REFUSED, all};
pub use properties::REFUSED_PROPERTIES;
pub use topology::TopologyParameters;

pub(super) use known::find;

use super::{
    filesystem::FsType,
    id::{pvc_resource_name, resource_name},
    place::Placement,
};
use crate::linstor::{model::Props, name::ResourceName};
use crate::workflow::key::{PVC_NAME, PVC_NAMESPACE};
use given::Given;

/// The parameters of a StorageClass, typed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters {
    /// Where and how often the data is kept.
    pub placement: Placement,
    /// Which nodes have the copies, and which use them over the network.
    pub topology: TopologyParameters,
    /// LINSTOR's properties for the volume's definition: `DrbdOptions/…`, `property.…/…`, and the limits of reading and
    /// writing.
    pub properties: Props,
    /// `fsType`: `ext4` (default) or `xfs`, where the volume capability names none.
    pub fs_type: Option<FsType>,
    /// `fsOpts`, `mountOpts`, `postMountXfsOpts`.
    pub fs_texts: FsTexts,
    /// `usePvcName`: is the volume's name in LINSTOR to be the claim's?
    pub use_pvc_name: bool,
    /// `overProvision`: what GetCapacity makes of thin pools.
    pub over_provision: Option<OverProvision>,
    /// `dag-id`, `run-id`, `task-id`, `map-index`, `instance`, `scope`: whose volume it is; and what the sidecars say
    /// of the claim. Keys are prefixed and in lower case, as `workflow::Claim` reads them.
    pub claim: BTreeMap<String, String>,
    /// What is worth a line in the log when a volume is made.
    pub remarks: Vec<String>,
}

impl Parameters {
    /// Parses the map of a CreateVolume or GetCapacity request. Errors are for INVALID_ARGUMENT.
    pub fn parse(parameters: &BTreeMap<String, String>) -> Result<Self, ParameterError> {
        let mut given = Given::read(parameters)?;
        let mut placement = placement::parse(&mut given)?;
        let topology = topology::parse(&mut given, &mut placement)?;
        let (fs_type, fs_texts) = files::parse(&mut given)?;
        let mut properties = properties::parse(&mut given)?;
        for (key, value) in qos::parse(&mut given)? {
            if properties.insert(key.clone(), value).is_some() {
                return Err(ParameterError::Twice { key });
            }
        }
        Ok(Self {
            placement,
            topology,
            properties,
            fs_type,
            fs_texts,
            use_pvc_name: naming::parse(&mut given)?,
            over_provision: capacity::parse(&mut given)?,
            claim: workflow::take(&mut given).into_iter().chain(given.sidecars).collect(),
            remarks: given.remarks,
        })
    }

    /// The LINSTOR name of the volume with this CSI name. `NoClaim` where the class wants the claim's name, and the
    /// sidecar doesn't tell it.
    pub fn resource_name(&self, csi_name: &str) -> Result<ResourceName, ParameterError> {
        match (self.use_pvc_name, self.claim.get(PVC_NAMESPACE), self.claim.get(PVC_NAME)) {
            (false, ..) => Ok(resource_name(csi_name)),
            (true, Some(namespace), Some(name)) => Ok(pvc_resource_name(namespace, name)),
            (true, ..) => Err(ParameterError::NoClaim),
        }
    }
}
