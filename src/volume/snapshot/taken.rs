//! What is told of a snapshot that is there.

use super::{Error, GroupId, SnapshotId, SnapshotProps};
use crate::linstor::model::Snapshot;
use crate::linstor::name::{NodeName, ResourceName, SnapshotName};

/// A snapshot of ours that holds the data of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its id; the volume that it was taken of is a part of it.
    pub id: SnapshotId,
    /// The volume's size in bytes when it was taken: what one made from it has at least.
    pub bytes: u64,
    /// When it was taken, milliseconds since 1970 by LINSTOR's clock, where it says.
    pub created_ms: Option<u64>,
    /// Can a volume be made from it now?
    pub is_ready: bool,
    /// The nodes that hold it.
    pub nodes: Vec<NodeName>,
    /// The only nodes from which a volume made from it is reached for sure; empty: from all.
    pub usable_from: Vec<NodeName>,
    /// Was a replica away when it was taken?
    pub is_partial: bool,
    /// The group that it is a member of.
    pub group: Option<GroupId>,
}

impl Taken {
    /// What LINSTOR shows of a snapshot, where it is ours and was taken; none where it is somebody else's, LINSTOR's own
    /// among them, or is not (or no longer) whole.
    pub fn of(snapshot: &Snapshot) -> Result<Option<Self>, Error> {
        let Some(props) = SnapshotProps::read(&snapshot.props)? else { return Ok(None) };
        if !snapshot.is_successful() || snapshot.is_deleting() {
            return Ok(None);
        }
        let nodes = snapshot.nodes.iter().map(|node| NodeName::parse(node)).collect::<Result<Vec<_>, _>>()?;
        // DRBD reaches from everywhere what one of its nodes has. What a lost replica had it can't promise.
        let is_everywhere = snapshot.uses_drbd() && !snapshot.is_partial();
        Ok(Some(Self {
            id: id_of(snapshot)?,
            bytes: snapshot.size_kib().unwrap_or_default() * 1024,
            created_ms: snapshot.created_ms(),
            is_ready: snapshot.is_ready(),
            usable_from: if is_everywhere { Vec::new() } else { nodes.clone() },
            nodes,
            is_partial: snapshot.is_partial(),
            group: props.group.map(|membership| membership.group),
        }))
    }

    /// Can a volume made from it be reached from one of these nodes?
    pub fn is_usable_from(&self, nodes: &[NodeName]) -> bool {
        self.usable_from.is_empty() || self.usable_from.iter().any(|node| nodes.contains(node))
    }
}

/// The id of what LINSTOR shows, in the case that ids have.
pub(super) fn id_of(snapshot: &Snapshot) -> Result<SnapshotId, Error> {
    let resource = ResourceName::parse(&snapshot.resource_name.to_ascii_lowercase())?;
    Ok(SnapshotId::new(resource, SnapshotName::parse(&snapshot.name.to_ascii_lowercase())?))
}
