//! Does an owner's volume fit what another claim of it asks for? What the data is can't be had otherwise; where it lies
//! and how fast it is was for the first claim to say.

use super::OwnedError;
use crate::linstor::model::{ResourceDefinition, is_same_name};
use crate::volume::{
    Error,
    copy::Origin,
    create::CreateRequest,
    said::{Difference, Said},
    same::{access_type, describe, from},
};
use crate::workflow::{Tags, WorkflowRef};

/// Parameters that say what the data is, rather than where.
const DATA: [&str; 3] = ["fsType", "layerList", "encryption"];

/// A volume that a claim may have.
pub(super) enum Fit {
    /// It was made by the same terms.
    Same,
    /// Its class said something else of replicas, limits or mounts.
    OtherWishes {
        /// How many replicas it is to have.
        wanted: u32,
    },
}

/// Is it this owner's volume, and does its data fit?
///
/// # Errors
/// `Mismatch` for another's volume, `OtherTerms`.
pub(super) fn check(
    request: &CreateRequest,
    owner: &WorkflowRef,
    tags: &Tags,
    existing: &ResourceDefinition,
    origin: Option<&Origin>,
) -> Result<Fit, Error> {
    if tags.ownership != request.claim.ownership {
        return Err(Error::Mismatch {
            name: request.name.clone(),
            field: "workflow",
            existing: describe(&tags.ownership),
            asked: describe(&request.claim.ownership),
        });
    }
    let refuse = |field, existing, asked| {
        let (resource, owner) = (request.resource.clone(), owner.to_string());
        Err(OwnedError::OtherTerms { resource, owner, field, existing, asked }.into())
    };
    let difference = request.said.difference(&existing.props);
    let source = origin.map(|origin| &origin.source);
    let other_source = match (&request.source, &request.claim.from) {
        (Some(asked), _) if source != Some(asked) => Some(asked.to_string()),
        (None, Some(asked)) => Some(asked.to_string()),
        _ => None,
    };
    if let Some(asked) = other_source {
        return refuse("content source", from(source), asked);
    }
    if tags.fs_uuid.is_some() != request.fs_type.is_some() {
        return refuse("access type", access_type(tags.fs_uuid.is_some()), access_type(request.fs_type.is_some()));
    }
    if let Some(Difference { field, existing, asked }) = request.said.difference_in(&existing.props, &DATA) {
        return refuse(field, existing, asked);
    }
    if tags.reach.remote != request.reach.remote {
        // A promise about where the data travels.
        return refuse("allowRemoteVolumeAccess", tags.reach.remote.to_string(), request.reach.remote.to_string());
    }
    let is_same_group = is_same_name(&existing.resource_group_name, request.placement.group_name().as_str());
    if difference.is_none() && is_same_group && tags.reach.clients == request.reach.clients {
        return Ok(Fit::Same);
    }
    let resource = &request.resource;
    match difference {
        Some(Difference { field, existing, asked }) => {
            tracing::info!(%resource, claim = %request.name, field, existing, asked, "the volume keeps what its first claim said");
        }
        None => tracing::info!(%resource, claim = %request.name, "the volume keeps its own placement"),
    }
    Ok(Fit::OtherWishes { wanted: Said::replicas(&existing.props).unwrap_or(1) })
}
