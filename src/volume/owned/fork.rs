//! A volume that begins as a copy of another one of its run (`from`): what it is made of.
//!
//! The source is an owner's volume, so that generations of it follow each other. Which one was copied stands in the
//! copy's origin and is settled by the call that begins it: whoever comes later finds the copy, whatever has become of
//! the source.

use super::{OwnedError, generation::latest};
use crate::linstor::{Client, model::ResourceDefinition};
use crate::volume::{
    Error,
    claims::{owned_name, owner_instance},
    copy::{Origin, Source},
    create::CreateRequest,
    generation,
};
use crate::workflow::{Tags, WorkflowRef};

/// The request with what its claim's volume is, or is to be, a copy of. A volume that is there and was not copied from
/// where the claim says leaves it without a source, and [`super::fit`] refuses it. One request where nothing is there.
///
/// # Errors
/// `NothingToFork`.
pub(super) async fn sourced(
    linstor: &Client,
    request: &CreateRequest,
    owner: &WorkflowRef,
    existing: Option<&ResourceDefinition>,
) -> Result<CreateRequest, Error> {
    let Some(of) = request.claim.from.as_ref().and_then(|from| from.source(owner)) else { return Ok(request.clone()) };
    let source = match existing {
        Some(existing) => Origin::read(&request.resource, &existing.props)?.map(|origin| origin.source),
        None => Some(present(linstor, request, &of).await?),
    };
    let is_fork = |source: &Source| generation::of(source.resource()).is_some_and(|(is, _)| is == owner_instance(&of));
    Ok(CreateRequest { source: source.filter(is_fork), ..request.clone() })
}

/// The owner's volume as it is there now.
async fn present(linstor: &Client, request: &CreateRequest, of: &WorkflowRef) -> Result<Source, Error> {
    if let Some((number, definition)) = latest(linstor, of).await?.filter(|(_, one)| !one.is_deleting()) {
        let tags = Tags::read(&definition.props)?;
        if tags.is_some_and(|tags| tags.ownership.workflow() == Some(of)) {
            return Ok(Source::Volume(owned_name(of, number).into()));
        }
    }
    Err(OwnedError::NothingToFork { name: request.name.clone(), owner: of.to_string() }.into())
}
