//! What a copy is made from, and the property in which it says so.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::linstor::{model::Props, name::ResourceName};
use crate::volume::{VolumeId, filesystem::FsUuid, snapshot::SnapshotId};
use crate::workflow::{Incarnation, tag};

/// What a volume is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A snapshot.
    Snapshot(SnapshotId),
    /// Another volume, as it is now.
    Volume(VolumeId),
}

impl Source {
    /// The resource definition that the bytes come from.
    pub fn resource(&self) -> &ResourceName {
        match self {
            Self::Snapshot(snapshot) => snapshot.resource(),
            Self::Volume(volume) => volume.resource(),
        }
    }
}

const SNAPSHOT: &str = "snapshot ";
const VOLUME: &str = "volume ";

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(snapshot) => write!(f, "{SNAPSHOT}{snapshot}"),
            Self::Volume(volume) => write!(f, "{VOLUME}{volume}"),
        }
    }
}

/// What a copy was made from, and how: written in the request that creates its definition, and never changed.
///
/// LINSTOR puts the properties of a snapshot's definition over those of the definition that it is restored to, our tags
/// among them. This property's key has the copy's own name, which the source's has not, so it outlives that: whoever
/// finds another incarnation in the tags than in here knows that the tags are the source's, and puts the copy's back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// What it was made from.
    pub source: Source,
    /// The copy's incarnation.
    pub incarnation: Incarnation,
    /// The filesystem that was known to be finished on the source at the copy's moment.
    pub formatted: Option<FsUuid>,
    /// KiB that the copy is to have: those of the source, or more.
    pub size_kib: u64,
    /// The nodes whose replicas come from the copy: what is placed beside them is filled over the network.
    pub nodes: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    source: String,
    incarnation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    formatted: Option<String>,
    size_kib: u64,
    nodes: Vec<String>,
}

/// A copy's property that can't be read: somebody changed it. The volume must not be touched until a person looked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the volume's property {key} is unreadable: {reason}; look at it with LINSTOR's own tools")]
pub struct OriginError {
    key: String,
    reason: String,
}

impl Origin {
    /// The property's key for a copy of that name.
    pub fn key(copy: &ResourceName) -> String {
        format!("{}{copy}", tag::COPY)
    }

    /// The property's value: JSON, at most 700 bytes for eight nodes.
    pub fn to_value(&self) -> String {
        let written = Written {
            source: self.source.to_string(),
            incarnation: self.incarnation.to_string(),
            formatted: self.formatted.as_ref().map(ToString::to_string),
            size_kib: self.size_kib,
            nodes: self.nodes.clone(),
        };
        serde_json::to_string(&written).expect("text, a number and a list of text are JSON")
    }

    /// Reads it out of a definition's properties; none where the volume is no copy.
    pub fn read(copy: &ResourceName, properties: &Props) -> Result<Option<Self>, OriginError> {
        let key = Self::key(copy);
        let Some(value) = properties.get(&key) else { return Ok(None) };
        let parsed = serde_json::from_str(value).map_err(|error| error.to_string()).and_then(Self::parse);
        parsed.map(Some).map_err(|reason| OriginError { key, reason })
    }

    fn parse(written: Written) -> Result<Self, String> {
        Ok(Self {
            source: parse_source(&written.source)?,
            incarnation: Incarnation::parse(&written.incarnation).map_err(|error| error.to_string())?,
            formatted: match written.formatted {
                Some(uuid) => Some(FsUuid::parse(&uuid).map_err(|error| error.to_string())?),
                None => None,
            },
            size_kib: written.size_kib,
            nodes: written.nodes,
        })
    }
}

fn parse_source(text: &str) -> Result<Source, String> {
    if let Some(id) = text.strip_prefix(SNAPSHOT) {
        return SnapshotId::parse(id).map(Source::Snapshot).map_err(|error| error.to_string());
    }
    let id = text.strip_prefix(VOLUME).ok_or_else(|| format!("{text:?} names neither a snapshot nor a volume"))?;
    VolumeId::parse(id).map(Source::Volume).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ResourceName {
        ResourceName::parse(text).unwrap()
    }

    fn origin(source: Source) -> Origin {
        Origin {
            source,
            incarnation: Incarnation::from_random([7; 16]),
            formatted: Some(FsUuid::from_random([9; 16])),
            size_kib: 8192,
            nodes: vec!["node-1".to_owned()],
        }
    }

    fn properties(copy: &str, value: String) -> Props {
        [(Origin::key(&name(copy)), value)].into()
    }

    #[test]
    fn what_a_copy_says_is_read_back_by_its_own_name_alone() {
        let snapshot = Source::Snapshot(SnapshotId::parse("vol1/snap-1").unwrap());
        let volume = Source::Volume(VolumeId::parse("vol1").unwrap());
        for origin in [origin(snapshot), Origin { formatted: None, nodes: Vec::new(), ..origin(volume) }] {
            let written = properties("copy", origin.to_value());
            assert_eq!(Origin::read(&name("copy"), &written), Ok(Some(origin)));
            assert_eq!(Origin::read(&name("other"), &written), Ok(None));
        }
    }

    #[test]
    fn what_can_not_be_read_is_an_error_and_no_absence() {
        let whole = origin(Source::Volume(VolumeId::parse("vol1").unwrap())).to_value();
        for (from, to) in [("volume vol1", "vol1"), ("volume vol1", "volume a/b"), ("0707", "zz"), ("{", "")] {
            let broken = properties("copy", whole.replacen(from, to, 1));
            assert!(Origin::read(&name("copy"), &broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn the_longest_value_fits_linstors_4096_characters() {
        let longest = Source::Snapshot(SnapshotId::parse(&format!("{}/{}", "r".repeat(48), "s".repeat(48))).unwrap());
        let origin = Origin { nodes: vec!["n".repeat(255); 8], ..origin(longest) };
        assert!(origin.to_value().len() < 4096);
    }
}
