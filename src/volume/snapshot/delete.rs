//! DeleteSnapshot and DeleteVolumeGroupSnapshot: what is ours, and nothing else.
//!
//! LINSTOR forgets a snapshot at once, also while a node that holds it is away: that node goes on holding its bytes, and
//! nothing but LINSTOR's own tools on it can remove them. The call succeeds, since the snapshot can't be restored any
//! more, and the log names the snapshot.

use super::{Error, GroupId, Membership, SnapshotId, SnapshotProps, list::group_snapshots};
use crate::linstor::{
    Client,
    model::is_same_name,
    name::{ResourceName, SnapshotName},
};

/// Deletes a snapshot; one that isn't there is a success. Two requests.
///
/// # Errors
/// `Foreign` for one that linflow did not take; `Member` for one that goes with its group alone.
pub async fn delete(linstor: &Client, snapshot: &SnapshotId) -> Result<(), Error> {
    let resources = std::slice::from_ref(snapshot.resource());
    let seen = linstor.snapshots(resources).await?;
    let Some(found) = seen.iter().find(|one| is_same_name(&one.name, snapshot.name().as_str())) else { return Ok(()) };
    let props = SnapshotProps::read(&found.props)?.ok_or_else(|| Error::Foreign(snapshot.clone()))?;
    match props.group {
        Some(Membership { group, .. }) => Err(Error::Member { snapshot: snapshot.clone(), group }),
        None => remove(linstor, snapshot.resource(), snapshot.name()).await,
    }
}

/// Deletes all members of a group, of which `members` are the ids; a group that isn't there is a success. One request
/// and one for each member: the first member last, so that what a cut call left is found by the same call again.
///
/// # Errors
/// `Members` where the ids are not the group's; `Foreign`.
pub async fn delete_group(linstor: &Client, group: &GroupId, members: &[String]) -> Result<(), Error> {
    let Some(found) = group_snapshots(linstor, group, members).await? else { return Ok(()) };
    let (first, others): (Vec<_>, Vec<_>) = found.iter().partition(|id| *id == group.first());
    for id in others.into_iter().chain(first) {
        remove(linstor, id.resource(), id.name()).await?;
    }
    Ok(())
}

/// Deletes one, and says in the log what stays where a node is away.
pub(super) async fn remove(linstor: &Client, resource: &ResourceName, name: &SnapshotName) -> Result<(), Error> {
    let replies = linstor.delete_snapshot(resource, name).await?;
    for warning in replies.warnings().filter(|_| !replies.was_not_found()) {
        tracing::warn!(%resource, snapshot = %name, linstor = %warning.message, "LINSTOR has deleted a snapshot with a warning; a node that is away goes on holding its bytes");
    }
    Ok(())
}
