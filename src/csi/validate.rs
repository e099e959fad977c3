//! ValidateVolumeCapabilities: what the caller says of a volume, and the answer to it.

use super::proto::{self as csi, validate_volume_capabilities_response::Confirmed};
use super::request::{self, RequestError, Use};
use crate::volume::{context, params::Parameters, record::AccessType, validate::Expectation};
use crate::workflow::{Claim, Instances};

/// What the caller takes the volume for, beside its id.
///
/// # Errors
/// What no volume of linflow can be.
pub fn expectation(
    message: &csi::ValidateVolumeCapabilitiesRequest,
    instances: &Instances,
) -> Result<Expectation, RequestError> {
    if !message.mutable_parameters.is_empty() {
        return Err(RequestError::Unsupported("mutable_parameters"));
    }
    let named = Parameters::parse(&message.parameters)?;
    let own = context::fs_type_of(&message.volume_context).map(str::parse).transpose()?;
    let mut fs_types: Vec<_> = own.into_iter().chain(named.fs_type).collect();
    let mut uses = Vec::new();
    for one in &message.volume_capabilities {
        let (used, mode) = request::capability(Some(one))?;
        uses.push((used.access_type(), mode));
        if let Use::Mount { fs_type, .. } = used {
            fs_types.extend(fs_type);
        }
    }
    let has_claim = !named.claim.is_empty();
    Ok(Expectation {
        // A class may name a filesystem and be used for raw block volumes too.
        fs_types: if uses.iter().any(|(access, _)| *access == AccessType::Mount) { fs_types } else { Vec::new() },
        uses,
        placement: (!message.parameters.is_empty()).then_some(named.placement),
        ownership: has_claim.then(|| Claim::parse(&named.claim, instances)).transpose()?.map(|claim| claim.ownership),
    })
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
