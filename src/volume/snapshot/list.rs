//! ListSnapshots, GetSnapshot and GetVolumeGroupSnapshot: what was taken, and by us.

use std::collections::{BTreeMap, BTreeSet};

use super::{Error, GroupId, Membership, SnapshotId, SnapshotProps, Taken, taken::id_of};
use crate::linstor::{
    Client,
    model::{Snapshot, is_same_name},
    name::ResourceName,
};
use crate::volume::{
    self, VolumeId,
    page::{self, Listings, Page, PageToken},
};

/// How many resources a request names at most: LINSTOR takes some thousand characters of a URL.
const MOST_NAMED: usize = 64;

/// Which snapshots to list. All conditions hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// The snapshot of this id alone.
    pub id: Option<SnapshotId>,
    /// Those of this volume alone.
    pub source: Option<VolumeId>,
}

/// A page of our snapshots by id, of at most `max` (0: all). One request, for a whole walk where nothing is filtered.
pub async fn list(
    linstor: &Client,
    listings: &Listings<Taken>,
    filter: &Filter,
    token: &str,
    max: usize,
) -> Result<Page<Taken>, Error> {
    let token = PageToken::parse(token, |key| SnapshotId::parse(key).is_ok_and(|id| id.to_string() == key))?;
    if *filter == Filter::default() {
        return Ok(listings.page(&token, max, all(linstor, filter)).await?);
    }
    Ok(page::cut(&all(linstor, filter).await?, &token, max))
}

/// All our snapshots that the filter admits, by id.
async fn all(linstor: &Client, filter: &Filter) -> Result<BTreeMap<String, Taken>, volume::Error> {
    let by_id = filter.id.as_ref().map(SnapshotId::resource);
    let resource = by_id.or(filter.source.as_ref().map(VolumeId::resource));
    let seen = linstor.snapshots(resource.map_or(&[], std::slice::from_ref)).await?;
    let taken = seen.iter().filter_map(readable).filter(|one| filter.admits(&one.id));
    Ok(taken.map(|one| (one.id.to_string(), one)).collect())
}

impl Filter {
    fn admits(&self, id: &SnapshotId) -> bool {
        self.id.as_ref().is_none_or(|wanted| wanted == id)
            && self.source.as_ref().is_none_or(|source| source.resource() == id.resource())
    }
}

/// One that is damaged must not hide the others.
fn readable(snapshot: &Snapshot) -> Option<Taken> {
    Taken::of(snapshot).unwrap_or_else(|error| {
        let Snapshot { name, resource_name, .. } = snapshot;
        tracing::warn!(resource = %resource_name, snapshot = %name, %error, "a snapshot is left out of the list");
        None
    })
}

/// One snapshot. One request.
///
/// # Errors
/// `NotFound` where it isn't there, isn't ours or was not taken.
pub async fn get(linstor: &Client, snapshot: &SnapshotId) -> Result<Taken, Error> {
    let seen = linstor.snapshots(std::slice::from_ref(snapshot.resource())).await?;
    let found = seen.iter().find(|one| is_same_name(&one.name, snapshot.name().as_str()));
    let taken = found.map(Taken::of).transpose()?.flatten();
    taken.ok_or_else(|| Error::NotFound(snapshot.to_string()))
}

/// The members of a group, of which `members` are the ids, that are there and were taken; and whether those are all.
/// One request.
///
/// # Errors
/// `NotFound`; `Members` where the ids are not the group's; `Foreign`.
pub async fn get_group(linstor: &Client, group: &GroupId, members: &[String]) -> Result<(Vec<Taken>, bool), Error> {
    let missing = || Error::NotFound(group.to_string());
    let seen = group_seen(linstor, group, members).await?;
    check_members(group, &seen, members)?;
    let mut taken = seen.iter().map(Taken::of).filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
    taken.sort_by(|a, b| a.id.cmp(&b.id));
    let is_whole = taken.len() == resources_of(members).len();
    if taken.is_empty() { Err(missing()) } else { Ok((taken, is_whole)) }
}

/// The ids of the members of a group that are there, whole or not; none where the group isn't.
pub(super) async fn group_snapshots(
    linstor: &Client,
    group: &GroupId,
    members: &[String],
) -> Result<Option<Vec<SnapshotId>>, Error> {
    let seen = group_seen(linstor, group, members).await?;
    check_members(group, &seen, members)?;
    let ids = seen.iter().map(id_of).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(ids).filter(|ids| !ids.is_empty()))
}

/// The snapshots with the group's name, of its first member's volume and of those that the ids name.
async fn group_seen(linstor: &Client, group: &GroupId, members: &[String]) -> Result<Vec<Snapshot>, Error> {
    let mut resources = resources_of(members);
    resources.push(group.first().resource().clone());
    let mut seen = linstor.snapshots(named(&resources)).await?;
    seen.retain(|one| is_same_name(&one.name, group.name().as_str()));
    seen.retain(|one| resources.iter().any(|resource| is_same_name(resource.as_str(), &one.resource_name)));
    Ok(seen)
}

/// Every snapshot that was found must be the group's, and the ids those of all its members.
fn check_members(group: &GroupId, seen: &[Snapshot], members: &[String]) -> Result<(), Error> {
    for one in seen {
        let id = id_of(one)?;
        let props = SnapshotProps::read(&one.props)?.ok_or_else(|| Error::Foreign(id.clone()))?;
        let wrong = || Error::Members(group.clone());
        let membership: Membership = props.group.filter(|it| it.group == *group).ok_or_else(wrong)?;
        let are_ids_of_it = members.iter().all(|id| SnapshotId::parse(id).is_ok_and(|id| id.name() == group.name()));
        if !are_ids_of_it || !membership.has_exactly(&resources_of(members)) {
            return Err(wrong());
        }
    }
    Ok(())
}

fn resources_of(members: &[String]) -> Vec<ResourceName> {
    let ids = members.iter().filter_map(|id| SnapshotId::parse(id).ok());
    let resources: BTreeSet<ResourceName> = ids.map(|id| id.resource().clone()).collect();
    resources.into_iter().collect()
}

/// The resources to name in a request; none, which means all, where they are too many.
pub(super) fn named(resources: &[ResourceName]) -> &[ResourceName] {
    if resources.len() > MOST_NAMED { &[] } else { resources }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_resources_than_a_url_holds_are_not_named() {
        let many: Vec<ResourceName> = (0..65).map(|n| ResourceName::parse(&format!("vol{n}")).unwrap()).collect();
        assert_eq!((named(&many).len(), named(&many[1..]).len()), (0, 64));
    }
}
