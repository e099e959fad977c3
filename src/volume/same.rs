//! Is a volume that is there the one that a CreateVolume asks for?

use super::{
    Error,
    copy::{Origin, Source},
    create::CreateRequest,
    filesystem::FsType,
    known::check_ours,
    replicas::replicas,
    said::{Difference, Said},
    spread::Policy,
};
use crate::linstor::{
    model::{Resource, ResourceDefinition, is_same_name},
    name::NodeName,
};
use crate::workflow::{Confirm, Ownership, Tags};

/// Is the existing definition what is asked for? Answers its tags.
pub(super) fn check(request: &CreateRequest, existing: &ResourceDefinition) -> Result<Tags, Error> {
    let tags = check_ours(existing, &request.resource)?;
    let group = request.placement.group_name();
    let least = request.fs_type.map_or(0, FsType::min_bytes);
    let does = |bytes: &u64| request.range.holds(*bytes) && *bytes >= least;
    let origin = Origin::read(&request.resource, &existing.props)?;
    // A copy is being grown until it has what it was promised.
    let promised = origin.as_ref().map_or(0, |origin| origin.size_kib);
    let bytes = existing.size_kib().map(|size_kib| size_kib.max(promised) * 1024);
    let origin = origin.map(|origin| origin.source);
    let (field, is, asked) = if tags.csi_name != request.name {
        ("CSI name", tags.csi_name, request.name.clone())
    } else if origin != request.source {
        ("content source", from(origin.as_ref()), from(request.source.as_ref()))
    } else if let Some(bytes) = bytes.filter(|bytes| !does(bytes)) {
        ("size", format!("{bytes} bytes"), format!("{}, and {least} for its filesystem", request.range))
    } else if tags.fs_uuid.is_some() != request.fs_type.is_some() {
        ("access type", access_type(tags.fs_uuid.is_some()), access_type(request.fs_type.is_some()))
    } else if let Some(Difference { field, existing, asked }) = request.said.difference(&existing.props) {
        (field, existing, asked)
    } else if !is_same_name(&existing.resource_group_name, group.as_str()) {
        ("placement (resource group)", existing.resource_group_name.clone(), group.to_string())
    } else if tags.ownership != request.claim.ownership {
        ("workflow", describe(&tags.ownership), describe(&request.claim.ownership))
    } else if tags.reach.remote != request.reach.remote {
        ("allowRemoteVolumeAccess", tags.reach.remote.to_string(), request.reach.remote.to_string())
    } else if tags.reach.clients != request.reach.clients {
        ("clientList", join(&tags.reach.clients, " "), join(&request.reach.clients, " "))
    } else if tags.confirm != request.claim.confirm {
        ("confirm", mode(tags.confirm), mode(request.claim.confirm))
    } else {
        return Ok(tags);
    };
    Err(Error::Mismatch { name: request.name.clone(), field, existing: is, asked })
}

/// Is what a copy holds what is asked for? The copy still bears its source's tags, which say nothing else of it.
pub(super) fn check_copied(
    request: &CreateRequest,
    written: &Tags,
    existing: &ResourceDefinition,
    origin: &Origin,
) -> Result<(), Error> {
    let bytes = origin.size_kib * 1024;
    let name = |fs_type: Option<FsType>| fs_type.map_or_else(|| "none".to_owned(), |one| one.to_string());
    let own = Said::fs_type(&existing.props).or(request.fs_type);
    let (field, is, asked) = if written.fs_uuid.is_some() != request.fs_type.is_some() {
        ("access type", access_type(written.fs_uuid.is_some()), access_type(request.fs_type.is_some()))
    } else if request.fs_type.is_some() && own != request.fs_type {
        ("filesystem", name(own), name(request.fs_type))
    } else if !request.range.holds(bytes) {
        ("size", format!("{bytes} bytes"), request.range.to_string())
    } else {
        return Ok(());
    };
    Err(Error::Mismatch { name: request.name.clone(), field, existing: is, asked })
}

/// Replicas on other nodes than the class names are another volume's.
pub(super) fn check_listed(request: &CreateRequest, there: &[Resource]) -> Result<(), Error> {
    let Policy::Manual(listed) = &request.policy else { return Ok(()) };
    let is_listed = |one: &Resource| listed.iter().any(|node| is_same_name(&one.node_name, node.as_str()));
    if replicas(there).all(is_listed) {
        return Ok(());
    }
    Err(Error::Mismatch {
        name: request.name.clone(),
        field: "set of nodes (nodeList)",
        existing: replicas(there).map(|one| one.node_name.as_str()).collect::<Vec<_>>().join(", "),
        asked: join(listed, ", "),
    })
}

/// What CSI calls access type, in words.
pub(super) fn access_type(is_filesystem: bool) -> String {
    if is_filesystem { "filesystem" } else { "raw block" }.to_owned()
}

fn mode(confirm: Option<Confirm>) -> String {
    confirm.map_or_else(|| "none".to_owned(), |mode| mode.to_string())
}

/// What a volume was made from, in words.
pub(super) fn from(source: Option<&Source>) -> String {
    source.map_or_else(|| "none".to_owned(), ToString::to_string)
}

fn join(nodes: &[NodeName], separator: &str) -> String {
    nodes.iter().map(NodeName::as_str).collect::<Vec<_>>().join(separator)
}

/// Whose a volume is, in words.
pub(super) fn describe(ownership: &Ownership) -> String {
    ownership.workflow().map_or_else(|| format!("scope {}", ownership.scope()), ToString::to_string)
}
