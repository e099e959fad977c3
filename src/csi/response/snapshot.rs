//! Answers about snapshots and groups of them.

use prost_types::Timestamp;

use super::{int64, topology};
use crate::csi::proto as csi;
use crate::volume::snapshot::{GroupId, Taken};
use crate::volume::topology::hostname;

fn timestamp(created_ms: Option<u64>) -> Timestamp {
    let ms = int64(created_ms.unwrap_or_default());
    let nanos = i32::try_from(ms % 1000).unwrap_or_default() * 1_000_000;
    Timestamp { seconds: ms / 1000, nanos }
}

/// One snapshot.
pub fn snapshot(taken: &Taken) -> csi::Snapshot {
    csi::Snapshot {
        size_bytes: int64(taken.bytes),
        snapshot_id: taken.id.to_string(),
        source_volume_id: taken.id.resource().to_string(),
        creation_time: Some(timestamp(taken.created_ms)),
        ready_to_use: taken.is_ready,
        group_snapshot_id: taken.group.as_ref().map(ToString::to_string).unwrap_or_default(),
        accessible_topology: taken.usable_from.iter().map(|node| topology(&hostname(node))).collect(),
    }
}

/// A group with the members that are there; `is_whole`: those are all.
pub fn group(group: &GroupId, members: &[Taken], is_whole: bool) -> csi::VolumeGroupSnapshot {
    csi::VolumeGroupSnapshot {
        group_snapshot_id: group.to_string(),
        snapshots: members.iter().map(snapshot).collect(),
        creation_time: Some(timestamp(members.iter().filter_map(|member| member.created_ms).min())),
        ready_to_use: is_whole && members.iter().all(|member| member.is_ready),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::snapshot::SnapshotId;

    fn member(id: &str, created_ms: u64, is_ready: bool) -> Taken {
        Taken {
            id: SnapshotId::parse(id).unwrap(),
            bytes: 4096,
            created_ms: Some(created_ms),
            is_ready,
            nodes: Vec::new(),
            usable_from: Vec::new(),
            is_partial: false,
            group: None,
        }
    }

    #[test]
    fn a_group_is_ready_when_all_its_members_are_there_and_ready() {
        let id = GroupId::parse("group/vol1/lf-group-0").unwrap();
        let members = |second: bool| [member("vol1/lf-group-0", 1_500, true), member("vol2/lf-group-0", 1_400, second)];
        assert!(group(&id, &members(true), true).ready_to_use);
        assert!(!group(&id, &members(false), true).ready_to_use);
        assert!(!group(&id, &members(true), false).ready_to_use);
        let created = group(&id, &members(true), true).creation_time.unwrap();
        assert_eq!((created.seconds, created.nanos), (1, 400_000_000));
    }
}
