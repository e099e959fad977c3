//! Answers of the Controller service.

pub mod snapshot;

use super::proto as csi;
use crate::node::Stats;
use crate::volume::{
    Kept, capacity::Capacity, context, copy::Source, create::Created, list::Listed, topology::Segments,
};
use crate::workflow::{Notice, Object};

/// Bytes as CSI counts them.
fn int64(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// A topology of these segments.
pub fn topology(segments: &Segments) -> csi::Topology {
    csi::Topology { segments: segments.clone() }
}

/// A volume that CreateVolume made or found.
pub fn created(volume: &Created) -> csi::CreateVolumeResponse {
    let volume = csi::Volume {
        capacity_bytes: int64(volume.bytes),
        volume_id: volume.id.to_string(),
        volume_context: context::volume_context(volume.wishes.as_ref()),
        content_source: volume.source.as_ref().map(content_source),
        accessible_topology: volume.reachable_from.iter().map(topology).collect(),
    };
    csi::CreateVolumeResponse { volume: Some(volume) }
}

/// What the claim is told whose volume is kept; none where it isn't known.
pub fn kept(kept: &Kept) -> Option<Notice> {
    let Kept { volume, owner, pvc } = kept;
    Some(Notice {
        about: Object::Claim(pvc.clone()?),
        is_warning: false,
        reason: "VolumeKept",
        message: format!(
            "the data of {owner} stays in LINSTOR as {resource} for its next claim; to let go of it run \
             `linflow volumes release {resource}`",
            resource = volume.resource()
        ),
    })
}

fn content_source(source: &Source) -> csi::VolumeContentSource {
    use csi::volume_content_source::{SnapshotSource, Type, VolumeSource};
    let kind = match source {
        Source::Snapshot(id) => Type::Snapshot(SnapshotSource { snapshot_id: id.to_string() }),
        Source::Volume(id) => Type::Volume(VolumeSource { volume_id: id.to_string() }),
    };
    csi::VolumeContentSource { r#type: Some(kind) }
}

fn volume(listed: &Listed) -> csi::Volume {
    csi::Volume { capacity_bytes: int64(listed.bytes), volume_id: listed.id.to_string(), ..csi::Volume::default() }
}

fn nodes(listed: &Listed) -> Vec<String> {
    listed.attached_to.iter().map(ToString::to_string).collect()
}

/// One entry of ListVolumes.
pub fn entry(listed: &Listed) -> csi::list_volumes_response::Entry {
    let status = csi::list_volumes_response::VolumeStatus { published_node_ids: nodes(listed) };
    csi::list_volumes_response::Entry { volume: Some(volume(listed)), status: Some(status) }
}

/// The answer of ControllerGetVolume.
pub fn got(listed: &Listed) -> csi::ControllerGetVolumeResponse {
    let status = csi::controller_get_volume_response::VolumeStatus { published_node_ids: nodes(listed) };
    csi::ControllerGetVolumeResponse { volume: Some(volume(listed)), status: Some(status) }
}

/// The answer of ControllerExpandVolume.
pub fn expanded(bytes: u64, node_expansion_required: bool) -> csi::ControllerExpandVolumeResponse {
    csi::ControllerExpandVolumeResponse { capacity_bytes: int64(bytes), node_expansion_required }
}

/// The answer of NodeExpandVolume.
pub fn node_expanded(bytes: u64) -> csi::NodeExpandVolumeResponse {
    csi::NodeExpandVolumeResponse { capacity_bytes: int64(bytes) }
}

/// The answer of GetCapacity.
pub fn capacity(capacity: &Capacity) -> csi::GetCapacityResponse {
    csi::GetCapacityResponse {
        available_capacity: int64(capacity.available),
        maximum_volume_size: Some(int64(capacity.largest)),
        minimum_volume_size: Some(int64(capacity.least)),
    }
}

/// The answer of NodeGetVolumeStats.
pub fn stats(stats: &Stats) -> csi::NodeGetVolumeStatsResponse {
    use csi::volume_usage::Unit;
    let usage = |unit: Unit, total, used, available| csi::VolumeUsage {
        unit: unit.into(),
        total: int64(total),
        used: int64(used),
        available: int64(available),
    };
    let usage = match stats {
        Stats::Filesystem(found) => vec![
            usage(Unit::Bytes, found.total_bytes, found.used_bytes, found.available_bytes),
            usage(Unit::Inodes, found.total_inodes, found.used_inodes, found.available_inodes),
        ],
        Stats::Block { total_bytes } => vec![usage(Unit::Bytes, *total_bytes, 0, 0)],
    };
    csi::NodeGetVolumeStatsResponse { usage }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linstor::name::NodeName;
    use crate::volume::VolumeId;
    use crate::volume::filesystem::{FsType, FsWishes};
    use crate::volume::topology::hostname;

    fn node() -> NodeName {
        NodeName::parse("node-1").unwrap()
    }

    fn id() -> VolumeId {
        VolumeId::parse("pvc-1").unwrap()
    }

    #[test]
    fn a_volume_that_one_node_alone_reaches_says_so_and_any_other_does_not() {
        let bound = |segments: Vec<Segments>| {
            let wishes = Some(FsWishes::none(FsType::Xfs));
            let made = Created { id: id(), bytes: 4096, reachable_from: segments, wishes, source: None };
            created(&made).volume.unwrap()
        };
        let here = hostname(&node());
        let local = bound(vec![here.clone()]);
        assert_eq!(local.accessible_topology, [topology(&here)]);
        assert_eq!((local.capacity_bytes, context::fs_type_of(&local.volume_context)), (4096, Some("xfs")));
        assert_eq!(bound(Vec::new()).accessible_topology, []);
    }

    #[test]
    fn a_listed_volume_names_its_nodes_as_the_single_one_does() {
        let listed = Listed { id: id(), bytes: 4096, attached_to: vec![node()] };
        let (entry, got) = (entry(&listed), got(&listed));
        assert_eq!(entry.volume, got.volume);
        assert_eq!(entry.status.unwrap().published_node_ids, ["node-1"]);
        assert_eq!(got.status.unwrap().published_node_ids, ["node-1"]);
    }

    #[test]
    fn more_bytes_than_csi_can_count_are_its_largest_number() {
        let space = capacity(&Capacity { available: u64::MAX, largest: 1024, least: 4096 });
        assert_eq!((space.available_capacity, space.maximum_volume_size), (i64::MAX, Some(1024)));
        assert_eq!(space.minimum_volume_size, Some(4096));
    }

    #[test]
    fn a_block_volume_tells_its_size_alone() {
        assert_eq!(stats(&Stats::Block { total_bytes: 4096 }).usage.len(), 1);
    }
}
