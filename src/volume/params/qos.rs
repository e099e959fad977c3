//! How much a volume may read and write each second. The values are `volume::qos`'s to understand.

use super::{Family, Given, KnownParameter, ParameterError};
use crate::linstor::model::Props;
use crate::volume::qos::{Limit, Limits};

const fn limit(limit: Limit, meaning: &'static str, aliases: &'static [&'static str]) -> KnownParameter {
    KnownParameter {
        key: limit.key(),
        aliases,
        values: "a Kubernetes quantity, such as `100Mi`; `0` for no limit",
        default: "no limit; with resourceGroup the group's",
        meaning,
        example: "50M",
    }
}

/// The table.
pub(super) const FAMILY: Family = Family {
    title: "Quality of service",
    parameters: &[
        limit(Limit::ReadBytes, "bytes read each second", &[Limit::ReadBytes.alias()]),
        limit(Limit::WriteBytes, "bytes written each second", &[Limit::WriteBytes.alias()]),
        limit(Limit::ReadIops, "reads each second", &[Limit::ReadIops.alias()]),
        limit(Limit::WriteIops, "writes each second", &[Limit::WriteIops.alias()]),
    ],
};

/// Takes the family's parameters: LINSTOR's properties for them.
pub(super) fn parse(given: &mut Given) -> Result<Props, ParameterError> {
    let mut limits = Limits::default();
    for limit in Limit::ALL {
        if let Some(value) = given.take(limit.key()) {
            limits.insert(limit, &value)?;
        }
    }
    Ok(limits.to_properties())
}
