//! What a snapshot says of itself: its properties, written in the request that takes it and never changed.

use super::id::{GroupId, SnapshotIdError, group_name};
use crate::linstor::model::Props;
use crate::linstor::name::ResourceName;
use crate::volume::filesystem::{FsUuid, NotAUuid};
use crate::volume::id::short_hash;
use crate::workflow::Incarnation;
use crate::workflow::incarnation::BadIncarnation;
use crate::workflow::tag::{DRIVER, FORMATTED, GROUP_MEMBERS, SNAPSHOT_GROUP, SNAPSHOT_NAME, SOURCE_INCARNATION};

/// A snapshot's own properties. One without them is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotProps {
    /// `linflow/<version>` of the driver that took it.
    pub driver: String,
    /// The name that the CSI caller gave: its own, or its group's.
    pub csi_name: String,
    /// Which definition of the resource's name it was taken of.
    pub source: Incarnation,
    /// The filesystem that was known to be finished on the volume before the snapshot was taken.
    pub formatted: Option<FsUuid>,
    /// The group that it is a member of, where it is not alone.
    pub group: Option<Membership>,
}

/// What a member knows of its group: which it is, and a hash of who else is in it. The hash has one length for any
/// number of members, and tells a wrong list from the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The group.
    pub group: GroupId,
    members: String,
}

impl Membership {
    /// The group of that CSI name with a snapshot of each of these resources, in any order. None where there are none.
    pub fn of(csi_name: &str, resources: &[ResourceName]) -> Option<Self> {
        let first = resources.iter().min()?;
        let group = GroupId::new(first.clone(), group_name(csi_name));
        Some(Self { group, members: Self::hash(resources) })
    }

    /// Are these, in any order, the resources of all its members?
    pub fn has_exactly(&self, resources: &[ResourceName]) -> bool {
        self.members == Self::hash(resources)
    }

    fn hash(resources: &[ResourceName]) -> String {
        let mut names: Vec<&str> = resources.iter().map(ResourceName::as_str).collect();
        names.sort_unstable();
        names.dedup();
        short_hash(&names.join(" "))
    }
}

/// A property of a snapshot of ours that can't be read. The snapshot must not be touched until a person looked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotPropsError {
    /// A property that must be there.
    #[error("the snapshot's property {0} is missing; look at it with LINSTOR's own tools")]
    Missing(&'static str),
    /// A driver tag of another driver.
    #[error("the snapshot's property {DRIVER} is {0:?}, which is not linflow's")]
    OtherDriver(String),
    /// An incarnation that is none.
    #[error("the snapshot's property {SOURCE_INCARNATION} is unreadable: {0}")]
    Incarnation(BadIncarnation),
    /// A filesystem identity that is none.
    #[error("the snapshot's property {FORMATTED} is unreadable: {0}")]
    Formatted(NotAUuid),
    /// A group's id that is none.
    #[error("the snapshot's property {SNAPSHOT_GROUP} is unreadable: {0}")]
    Group(SnapshotIdError),
}

impl SnapshotProps {
    /// The properties to write in the request that takes it.
    pub fn to_properties(&self) -> Props {
        let pairs = [
            (DRIVER, Some(self.driver.clone())),
            (SNAPSHOT_NAME, Some(self.csi_name.clone())),
            (SOURCE_INCARNATION, Some(self.source.to_string())),
            (FORMATTED, self.formatted.as_ref().map(ToString::to_string)),
            (SNAPSHOT_GROUP, self.group.as_ref().map(|membership| membership.group.to_string())),
            (GROUP_MEMBERS, self.group.as_ref().map(|membership| membership.members.clone())),
        ];
        pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }

    /// Reads a snapshot's own properties, LINSTOR's among them; none where it isn't ours. Never the merged ones: our
    /// volume's tag is among those, for snapshots of others, too.
    pub fn read(properties: &Props) -> Result<Option<Self>, SnapshotPropsError> {
        let Some(driver) = properties.get(DRIVER) else { return Ok(None) };
        if !driver.starts_with("linflow/") {
            return Err(SnapshotPropsError::OtherDriver(driver.clone()));
        }
        let require = |key| properties.get(key).ok_or(SnapshotPropsError::Missing(key));
        let formatted = properties.get(FORMATTED).map(|uuid| FsUuid::parse(uuid));
        let membership = |id: &String| {
            let group = GroupId::parse(id).map_err(SnapshotPropsError::Group)?;
            Ok(Membership { group, members: require(GROUP_MEMBERS)?.clone() })
        };
        Ok(Some(Self {
            driver: driver.clone(),
            csi_name: require(SNAPSHOT_NAME)?.clone(),
            source: Incarnation::parse(require(SOURCE_INCARNATION)?).map_err(SnapshotPropsError::Incarnation)?,
            formatted: formatted.transpose().map_err(SnapshotPropsError::Formatted)?,
            group: properties.get(SNAPSHOT_GROUP).map(membership).transpose()?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources<const N: usize>(names: [&str; N]) -> Vec<ResourceName> {
        names.map(|name| ResourceName::parse(name).unwrap()).into()
    }

    fn props() -> SnapshotProps {
        SnapshotProps {
            driver: crate::workflow::tag::DRIVER_VERSION.to_owned(),
            csi_name: "nightly ü".to_owned(),
            source: Incarnation::from_random([7; 16]),
            formatted: Some(FsUuid::from_random([9; 16])),
            group: Membership::of("nightly ü", &resources(["vol1", "vol2"])),
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let alone = SnapshotProps { formatted: None, group: None, ..props() };
        for one in [props(), alone] {
            assert_eq!(SnapshotProps::read(&one.to_properties()), Ok(Some(one)));
        }
    }

    #[test]
    fn a_snapshot_without_our_tag_is_not_ours_and_a_damaged_one_is_an_error() {
        assert_eq!(SnapshotProps::read(&Props::new()), Ok(None));
        for key in [SNAPSHOT_NAME, SOURCE_INCARNATION, GROUP_MEMBERS] {
            let mut damaged = props().to_properties();
            damaged.remove(key);
            assert_eq!(SnapshotProps::read(&damaged), Err(SnapshotPropsError::Missing(key)));
        }
        for key in [DRIVER, SOURCE_INCARNATION, FORMATTED, SNAPSHOT_GROUP] {
            let mut damaged = props().to_properties();
            damaged.insert(key.to_owned(), "?".to_owned());
            assert!(SnapshotProps::read(&damaged).is_err(), "{key}");
        }
    }

    #[test]
    fn a_group_knows_its_members_in_any_order_and_no_others() {
        let group = Membership::of("nightly", &resources(["vol2", "vol1"])).unwrap();
        assert_eq!(group.group.first().resource().as_str(), "vol1");
        assert!(group.has_exactly(&resources(["vol1", "vol2"])));
        for others in
            [&resources(["vol1"])[..], &resources(["vol1", "vol2", "vol3"]), &resources(["vol1", "vol3"]), &[]]
        {
            assert!(!group.has_exactly(others), "{others:?}");
        }
        assert_eq!(Membership::of("nightly", &[]), None);
    }
}
