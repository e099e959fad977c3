//! What filesystem a volume carries.

use super::{Family, KnownParameter, ParameterError, given::Given};
use crate::volume::filesystem::FsType;

/// The table.
pub(super) const FAMILY: Family = Family {
    title: "Filesystem",
    parameters: &[KnownParameter {
        key: "fsType",
        aliases: &[],
        values: "`ext4` or `xfs`",
        default: "`ext4`",
        meaning: "the filesystem where the volume capability names none; xfs volumes have 300 MiB at least",
        example: "xfs",
    }],
};

/// Takes the family's parameters.
pub(super) fn parse(given: &mut Given) -> Result<Option<FsType>, ParameterError> {
    let named = given.take("fsType").filter(|name| !name.is_empty());
    Ok(named.map(|name| name.parse()).transpose()?)
}
