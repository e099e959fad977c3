//! Requests about snapshots and groups of them.

use super::{RequestError, is_banned, require, topology, volume_id};
use crate::csi::proto as csi;
use crate::volume::VolumeId;
use crate::volume::snapshot::{GroupId, SnapshotId, create::SnapshotRequest, list::Filter, params};

/// A CreateSnapshotRequest.
pub fn create(request: &csi::CreateSnapshotRequest) -> Result<SnapshotRequest, RequestError> {
    let name = name(&request.name)?;
    let source = VolumeId::parse(require("source_volume_id", &request.source_volume_id)?)?;
    params::check(&request.parameters)?;
    let (usable_from, _) = topology(request.accessibility_requirements.as_ref())?;
    Ok(SnapshotRequest::alone(name, &source, usable_from))
}

/// A CreateVolumeGroupSnapshotRequest.
pub fn create_group(request: &csi::CreateVolumeGroupSnapshotRequest) -> Result<SnapshotRequest, RequestError> {
    let name = name(&request.name)?;
    params::check(&request.parameters)?;
    let mut sources = Vec::new();
    for id in &request.source_volume_ids {
        let source = volume_id(id)?;
        if sources.contains(&source) {
            return Err(RequestError::Repeated { field: "source_volume_ids", id: id.clone() });
        }
        sources.push(source);
    }
    SnapshotRequest::group(name, &sources).ok_or(RequestError::Missing("source_volume_ids"))
}

/// A snapshot id that a caller gives; none where no snapshot of ours can have it.
pub fn id(id: &str) -> Result<Option<SnapshotId>, RequestError> {
    Ok(SnapshotId::parse(require("snapshot_id", id)?).ok())
}

/// A group's id that a caller gives; none where no group of ours can have it.
pub fn group_id(id: &str) -> Result<Option<GroupId>, RequestError> {
    Ok(GroupId::parse(require("group_snapshot_id", id)?).ok())
}

/// Which snapshots a ListSnapshotsRequest asks for, and how many at most (0: all). No filter: no snapshot of ours can be
/// meant.
pub fn list(request: &csi::ListSnapshotsRequest) -> Result<(Option<Filter>, usize), RequestError> {
    let max = usize::try_from(request.max_entries).map_err(|_| RequestError::MaxEntries(request.max_entries))?;
    let given = |text: &str| !text.is_empty();
    let id = given(&request.snapshot_id).then(|| SnapshotId::parse(&request.snapshot_id));
    let source = given(&request.source_volume_id).then(|| VolumeId::parse(&request.source_volume_id));
    let filter = match (id.transpose(), source.transpose()) {
        (Ok(id), Ok(source)) => Some(Filter { id, source }),
        _ => None,
    };
    Ok((filter, max))
}

fn name(name: &str) -> Result<&str, RequestError> {
    let characters = require("name", name)?.chars().count();
    if characters > 128 || name.chars().any(is_banned) { Err(RequestError::VolumeName(characters)) } else { Ok(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(volumes: &[&str]) -> csi::CreateVolumeGroupSnapshotRequest {
        csi::CreateVolumeGroupSnapshotRequest {
            name: "nightly".to_owned(),
            source_volume_ids: volumes.iter().map(|&id| id.to_owned()).collect(),
            ..csi::CreateVolumeGroupSnapshotRequest::default()
        }
    }

    #[test]
    fn the_order_of_a_groups_volumes_does_not_count() {
        assert_eq!(create_group(&group(&["b", "a1", "pvc-1"])).ok(), None, "b is too short for a name");
        assert_eq!(create_group(&group(&["bb", "aa"])).unwrap(), create_group(&group(&["aa", "BB"])).unwrap());
    }

    /// The peer panics on an empty list.
    #[test]
    fn peer_weakness_16_a_group_without_volumes_or_with_one_twice_is_refused() {
        assert!(matches!(create_group(&group(&[])), Err(RequestError::Missing("source_volume_ids"))));
        assert!(matches!(create_group(&group(&["aa", "AA"])), Err(RequestError::Repeated { .. })));
    }

    #[test]
    fn an_id_that_can_not_be_ours_asks_for_nothing() {
        let asks = |snapshot_id: &str, source_volume_id: &str| {
            let request = csi::ListSnapshotsRequest {
                snapshot_id: snapshot_id.to_owned(),
                source_volume_id: source_volume_id.to_owned(),
                ..csi::ListSnapshotsRequest::default()
            };
            list(&request).unwrap().0
        };
        assert_eq!(asks("", ""), Some(Filter::default()));
        assert_eq!((asks("nonsense", ""), asks("", "a/b"), asks("vol/snap", "a/b")), (None, None, None));
        assert!(asks("vol/snap", "vol").is_some());
    }
}
