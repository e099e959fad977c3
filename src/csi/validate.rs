//! ValidateVolumeCapabilities: what the caller says of a volume, and the answer to it.

use std::collections::BTreeMap;

use super::proto::{self as csi, validate_volume_capabilities_response::Confirmed};
use super::request::{self, RequestError};
use crate::volume::{attributes::Attributes, context, params::Parameters, said::Said, validate::Expectation};
use crate::workflow::{Claim, ClaimError, Instances, Ownership};

/// What the caller takes the volume for, beside its id.
///
/// # Errors
/// What no volume of linflow can be.
pub fn expectation(
    message: &csi::ValidateVolumeCapabilitiesRequest,
    instances: &Instances,
) -> Result<Expectation, RequestError> {
    Attributes::parse(&message.mutable_parameters)?;
    let named = Parameters::parse(&message.parameters)?;
    let own = context::fs_type_of(&message.volume_context).map(str::parse).transpose()?;
    let (mut uses, mut fs_types) = (Vec::new(), Vec::from_iter(own));
    for one in &message.volume_capabilities {
        let (used, mode) = request::capability(Some(one))?;
        uses.push((used.access_type(), mode));
        fs_types.extend(used.fs_type());
    }
    let fs_type = request::filesystem(&message.volume_capabilities, own.or(named.fs_type))?;
    let class = if message.parameters.is_empty() {
        None
    } else {
        let wishes = fs_type.map(|fs_type| named.fs_texts.wishes(fs_type)).transpose()?;
        let said = Said::new(&named.placement, &named.topology.policy, wishes.as_ref(), &named.properties)?;
        Some((said, named.placement))
    };
    Ok(Expectation { fs_types, uses, class, ownership: owner(&named.claim, instances)? })
}

/// The owner that the class names. Where it leaves that to the claim or its pod, any owner is the right one.
fn owner(claim: &BTreeMap<String, String>, instances: &Instances) -> Result<Option<Ownership>, RequestError> {
    match Claim::parse(claim, instances) {
        Ok(Claim { ownership, .. }) => Ok(ownership.workflow().is_some().then_some(ownership)),
        Err(ClaimError::Unresolved { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The answer: confirmed as it was asked, or why not.
pub fn answer(
    asked: csi::ValidateVolumeCapabilitiesRequest,
    objection: Option<String>,
) -> csi::ValidateVolumeCapabilitiesResponse {
    let Some(message) = objection else {
        let confirmed = Confirmed {
            volume_context: asked.volume_context,
            volume_capabilities: asked.volume_capabilities,
            parameters: asked.parameters,
            mutable_parameters: asked.mutable_parameters,
        };
        return csi::ValidateVolumeCapabilitiesResponse { confirmed: Some(confirmed), message: String::new() };
    };
    csi::ValidateVolumeCapabilitiesResponse { confirmed: None, message }
}
