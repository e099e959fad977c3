//! What a snapshot says of itself: its properties, written in the request that takes it and never changed.

use crate::linstor::model::Props;
use crate::linstor::name::{NameError, ResourceName};
use crate::volume::filesystem::{FsUuid, NotAUuid};
use crate::workflow::Incarnation;
use crate::workflow::incarnation::BadIncarnation;
use crate::workflow::tag::{DRIVER, FORMATTED, GROUP_MEMBERS, SNAPSHOT_NAME, SOURCE_INCARNATION};

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
    /// The resources of all members of its group in order, this one among them; empty where it is alone.
    pub group: Vec<ResourceName>,
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
    /// A member that can't be a resource.
    #[error("the snapshot's property {GROUP_MEMBERS} is unreadable: {0}")]
    Members(NameError),
}

impl SnapshotProps {
    /// The properties to write in the request that takes it.
    pub fn to_properties(&self) -> Props {
        let members = self.group.iter().map(ResourceName::as_str).collect::<Vec<_>>().join(" ");
        let pairs = [
            (DRIVER, Some(self.driver.clone())),
            (SNAPSHOT_NAME, Some(self.csi_name.clone())),
            (SOURCE_INCARNATION, Some(self.source.to_string())),
            (FORMATTED, self.formatted.as_ref().map(ToString::to_string)),
            (GROUP_MEMBERS, Some(members).filter(|members| !members.is_empty())),
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
        let members = properties.get(GROUP_MEMBERS).map_or("", String::as_str);
        Ok(Some(Self {
            driver: driver.clone(),
            csi_name: require(SNAPSHOT_NAME)?.clone(),
            source: Incarnation::parse(require(SOURCE_INCARNATION)?).map_err(SnapshotPropsError::Incarnation)?,
            formatted: formatted.transpose().map_err(SnapshotPropsError::Formatted)?,
            group: members
                .split_whitespace()
                .map(ResourceName::parse)
                .collect::<Result<_, _>>()
                .map_err(SnapshotPropsError::Members)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn props() -> SnapshotProps {
        SnapshotProps {
            driver: crate::workflow::tag::DRIVER_VERSION.to_owned(),
            csi_name: "nightly ü".to_owned(),
            source: Incarnation::from_random([7; 16]),
            formatted: Some(FsUuid::from_random([9; 16])),
            group: ["vol1", "vol2"].map(|name| ResourceName::parse(name).unwrap()).into(),
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let alone = SnapshotProps { formatted: None, group: Vec::new(), ..props() };
        for one in [props(), alone] {
            assert_eq!(SnapshotProps::read(&one.to_properties()), Ok(Some(one)));
        }
    }

    #[test]
    fn a_snapshot_without_our_tag_is_not_ours_and_a_damaged_one_is_an_error() {
        assert_eq!(SnapshotProps::read(&Props::new()), Ok(None));
        for key in [SNAPSHOT_NAME, SOURCE_INCARNATION] {
            let mut damaged = props().to_properties();
            damaged.remove(key);
            assert_eq!(SnapshotProps::read(&damaged), Err(SnapshotPropsError::Missing(key)));
        }
        for key in [DRIVER, SOURCE_INCARNATION, FORMATTED, GROUP_MEMBERS] {
            let mut damaged = props().to_properties();
            damaged.insert(key.to_owned(), "?".to_owned());
            assert!(SnapshotProps::read(&damaged).is_err(), "{key}");
        }
    }
}
