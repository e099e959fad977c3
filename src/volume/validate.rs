//! ValidateVolumeCapabilities: is the volume what the caller takes it for? Two requests.

use super::{
    Error,
    filesystem::FsType,
    id::VolumeId,
    known::Known,
    place::Placement,
    record::{AccessMode, AccessType},
    said::{Difference, Said},
};
use crate::linstor::{Client, model::is_same_name};
use crate::workflow::Ownership;

/// What a caller takes a volume for. Parts that it does not name are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expectation {
    /// The ways in which it is to be used.
    pub uses: Vec<(AccessType, AccessMode)>,
    /// The filesystems that its capabilities and its volume_context name.
    pub fs_types: Vec<FsType>,
    /// What its class says, and the placement that this leads to.
    pub class: Option<(Said, Placement)>,
    /// The owner that its class names.
    pub ownership: Option<Ownership>,
}

/// Why a volume is not what it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// It is a raw device, or a filesystem.
    #[error("it was made as {made_as} and can't be used as {asked}")]
    Use {
        /// What it was made as, in words.
        made_as: &'static str,
        /// What it is to be, in words.
        asked: &'static str,
    },
    /// Without DRBD one node alone has the data.
    #[error("it has no DRBD layer, and {0} takes a volume that more than one node can reach")]
    OneNode(AccessMode),
    /// It carries, or will, another filesystem.
    #[error("it was made for {existing} and can't be used as {asked}")]
    OtherFilesystem {
        /// What it was made for.
        existing: FsType,
        /// What it is to be.
        asked: FsType,
    },
    /// A volume carries one filesystem.
    #[error("it is taken for {one} and for {other} at once")]
    Filesystems {
        /// One.
        one: FsType,
        /// Another.
        other: FsType,
    },
    /// Its class said something else.
    #[error("its {field} is {existing} and not {asked}")]
    Class {
        /// The parameter.
        field: &'static str,
        /// What the volume has.
        existing: String,
        /// What the parameters say.
        asked: String,
    },
    /// Its replicas were placed by another rule.
    #[error("its replicas were placed by resource group {existing} and not by {asked}")]
    Placement {
        /// The group that it was made from.
        existing: String,
        /// The group that the parameters lead to.
        asked: String,
    },
    /// It belongs to another workflow.
    #[error("it belongs to another workflow than the parameters name")]
    Ownership,
}

/// Compares the volume with what it is taken for; none: it is that.
pub async fn validate(
    linstor: &Client,
    volume: &VolumeId,
    expected: &Expectation,
) -> Result<Result<(), Objection>, Error> {
    let known = Known::load(linstor, volume).await?;
    known.check_claim()?;
    Ok(compare(&known, expected))
}

fn compare(known: &Known, expected: &Expectation) -> Result<(), Objection> {
    for (access, mode) in &expected.uses {
        fits(known, *access)?;
        if mode.shares_with(*mode) && !known.definition.uses_drbd() {
            return Err(Objection::OneNode(*mode));
        }
    }
    let mut fs_types = expected.fs_types.iter();
    let first = fs_types.next();
    if let Some((one, other)) = first.and_then(|one| fs_types.find(|other| *other != one).map(|other| (one, other))) {
        return Err(Objection::Filesystems { one: *one, other: *other });
    }
    carries(known, expected.fs_types.first().copied())?;
    if let Some((said, placement)) = &expected.class {
        if let Some(Difference { field, existing, asked }) = said.difference(&known.definition.props) {
            return Err(Objection::Class { field, existing, asked });
        }
        let (existing, asked) = (known.definition.resource_group_name.clone(), placement.group_name().to_string());
        if !is_same_name(&existing, &asked) {
            return Err(Objection::Placement { existing, asked });
        }
    }
    match &expected.ownership {
        Some(ownership) if *ownership != known.tags.ownership => Err(Objection::Ownership),
        _ => Ok(()),
    }
}

/// A volume that was made for a filesystem has an identity for it from the start, and any other is raw.
fn fits(known: &Known, access: AccessType) -> Result<(), Objection> {
    let made_as = if known.tags.fs_uuid.is_some() { AccessType::Mount } else { AccessType::Block };
    if made_as == access { Ok(()) } else { Err(Objection::Use { made_as: in_words(made_as), asked: in_words(access) }) }
}

/// A volume that tells what it was made for carries nothing else.
fn carries(known: &Known, asked: Option<FsType>) -> Result<(), Objection> {
    match (Said::fs_type(&known.definition.props), asked) {
        (Some(existing), Some(asked)) if existing != asked => Err(Objection::OtherFilesystem { existing, asked }),
        _ => Ok(()),
    }
}

fn in_words(access: AccessType) -> &'static str {
    match access {
        AccessType::Block => "a raw block device",
        AccessType::Mount => "a filesystem",
    }
}

/// The same for an attach, which is refused then.
pub(super) fn check_use(known: &Known, access: AccessType, fs_type: Option<FsType>) -> Result<(), Error> {
    let checked = fits(known, access).and_then(|()| carries(known, fs_type));
    checked.map_err(|objection| Error::NotAsMade { volume: known.volume.clone(), objection })
}
