//! What a volume is called in LINSTOR.

use super::{Family, Given, KnownParameter, ParameterError};

/// The table.
pub(super) const FAMILY: Family = Family {
    title: "Name",
    parameters: &[KnownParameter {
        key: "usePvcName",
        aliases: &[],
        values: "`true` or `false`",
        default: "`false`",
        meaning: "LINSTOR's resource is called `NAMESPACE_CLAIM` where that is a valid name of at most 48 characters, \
                  else `lf-` and a hash of it. No other namespace's claim can have that name. external-provisioner runs with `--extra-create-metadata`",
        example: "true",
    }],
};

/// Takes the family's parameters: is the claim's name wanted?
pub(super) fn parse(given: &mut Given) -> Result<bool, ParameterError> {
    Ok(given.take_bool("usePvcName")?.unwrap_or_default())
}
