//! What CSI and LINSTOR call a snapshot, and a group of them.

use std::fmt;

use crate::linstor::name::{NameError, ResourceName, SnapshotName};
use crate::volume::id::{resource_name, short_hash};

/// What begins the LINSTOR name of a group's snapshots. No name of a single one can: what begins with `lf-` is hashed.
const GROUP_NAME: &str = "lf-group-";
/// What tells the id of a group from that of a snapshot.
const GROUP_ID: &str = "group/";

/// The id of a snapshot: `<resource>/<LINSTOR's snapshot name>`, at most 97 characters. A snapshot's name is LINSTOR's
/// own only within its resource definition, so the id has both, and one filtered request finds it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SnapshotId {
    resource: ResourceName,
    name: SnapshotName,
}

/// The id of a group of snapshots: `group/<resource of the first member>/<LINSTOR's snapshot name>`, at most 96
/// characters. All members bear that name, and each says who the others are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(SnapshotId);

/// An id that no snapshot of ours can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotIdError {
    /// There is no resource and name in it.
    #[error("{0:?} is not an id that linflow gives; pass the one that the creating call answered")]
    Shape(String),
    /// A part that is no name of LINSTOR's.
    #[error("the id is not one that linflow gives: {0}; pass the one that the creating call answered")]
    Name(#[source] NameError),
}

impl SnapshotId {
    /// The snapshot of that name of a resource.
    pub fn new(resource: ResourceName, name: SnapshotName) -> Self {
        Self { resource, name }
    }

    /// Parses an id that a caller gives. As with volumes, case doesn't count.
    pub fn parse(id: &str) -> Result<Self, SnapshotIdError> {
        let lower = id.to_ascii_lowercase();
        let (resource, name) = lower.split_once('/').ok_or_else(|| SnapshotIdError::Shape(id.to_owned()))?;
        let resource = ResourceName::parse(resource).map_err(SnapshotIdError::Name)?;
        Ok(Self { resource, name: SnapshotName::parse(name).map_err(SnapshotIdError::Name)? })
    }

    /// The resource definition that it is a snapshot of.
    pub fn resource(&self) -> &ResourceName {
        &self.resource
    }

    /// LINSTOR's name of it.
    pub fn name(&self) -> &SnapshotName {
        &self.name
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.resource, self.name)
    }
}

impl GroupId {
    /// The group of that name whose first member is of that resource.
    pub fn new(first: ResourceName, name: SnapshotName) -> Self {
        Self(SnapshotId { resource: first, name })
    }

    /// Parses an id that a caller gives. As with volumes, case doesn't count.
    pub fn parse(id: &str) -> Result<Self, SnapshotIdError> {
        let lower = id.to_ascii_lowercase();
        let rest = lower.strip_prefix(GROUP_ID).ok_or_else(|| SnapshotIdError::Shape(id.to_owned()))?;
        let member = SnapshotId::parse(rest)?;
        if member.name.as_str().starts_with(GROUP_NAME) { Ok(Self(member)) } else { Err(SnapshotIdError::Shape(lower)) }
    }

    /// The first member, by the resources' names: the last that a deletion removes.
    pub fn first(&self) -> &SnapshotId {
        &self.0
    }

    /// LINSTOR's name of all members.
    pub fn name(&self) -> &SnapshotName {
        &self.0.name
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{GROUP_ID}{}", self.0)
    }
}

/// LINSTOR's name for a snapshot of that CSI name, by the rule of volumes: kept where LINSTOR would keep it exactly,
/// else `lf-` and 32 hex digits of its SHA-256.
pub fn snapshot_name(csi_name: &str) -> SnapshotName {
    SnapshotName::parse(resource_name(csi_name).as_str()).expect("resources' and snapshots' names have one rule")
}

/// LINSTOR's name for all snapshots of a group of that CSI name.
pub fn group_name(csi_name: &str) -> SnapshotName {
    SnapshotName::parse(&format!("{GROUP_NAME}{}", short_hash(csi_name))).expect("41 letters, digits and hyphens")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(text: &str) -> SnapshotId {
        SnapshotId::parse(text).unwrap()
    }

    #[test]
    fn an_id_names_the_resource_and_the_snapshot() {
        let snapshot = id("pvc-1/snapshot-0f9a1b2c-3d4e-5f60-7182-93a4b5c6d7e8");
        assert_eq!(snapshot.resource().as_str(), "pvc-1");
        assert_eq!(snapshot.name().as_str(), "snapshot-0f9a1b2c-3d4e-5f60-7182-93a4b5c6d7e8");
        assert_eq!(id("PVC-1/Snapshot-1"), id("pvc-1/snapshot-1"));
    }

    #[test]
    fn what_is_no_id_of_ours_is_refused() {
        for bad in ["", "vol", "vol/", "/snap", "vol/a/b", "../snap", "vol/s p", "vol/1st", "vol/a\0"] {
            assert!(SnapshotId::parse(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "vol/lf-group-0", "group/vol", "group/vol/snap", "group//lf-group-0"] {
            assert!(GroupId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_longest_ids_fit_csis_128_bytes() {
        let resource = || ResourceName::parse(&"r".repeat(48)).unwrap();
        let longest = SnapshotId::new(resource(), SnapshotName::parse(&"s".repeat(48)).unwrap());
        assert_eq!(longest.to_string().len(), 97);
        assert_eq!(GroupId::new(resource(), group_name("any")).to_string().len(), 96);
    }

    proptest! {
        #[test]
        fn ids_read_back_and_a_groups_is_never_a_snapshots(name in "\\PC{1,128}") {
            let resource = resource_name(&name);
            let snapshot = SnapshotId::new(resource.clone(), snapshot_name(&name));
            prop_assert_eq!(SnapshotId::parse(&snapshot.to_string()), Ok(snapshot.clone()));
            let group = GroupId::new(resource, group_name(&name));
            prop_assert!(SnapshotId::parse(&group.to_string()).is_err());
            prop_assert!(snapshot.name() != group.name());
            prop_assert_eq!(GroupId::parse(&group.to_string()), Ok(group));
        }
    }
}
