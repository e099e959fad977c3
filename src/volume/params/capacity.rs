//! How GetCapacity counts.

use super::{Family, Given, KnownParameter, ParameterError};

/// The table.
pub(super) const FAMILY: Family = Family {
    title: "Capacity",
    parameters: &[KnownParameter {
        key: "overProvision",
        aliases: &[],
        values: "a ratio from 1 to 1000, such as `1.5`",
        default: "LINSTOR's own rules for its thin pools",
        meaning: "how many times the free space of thin pools GetCapacity tells as available; says nothing of the volumes \
                  themselves, so that classes may differ in it and share all else",
        example: "1.5",
    }],
};

/// How many times the free space of thin pools is promised: from 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverProvision {
    thousandths: u32,
}

impl OverProvision {
    /// The ratio, from 1.0 to 1000.0.
    pub fn ratio(self) -> f64 {
        f64::from(self.thousandths) / 1000.0
    }

    /// So many bytes, promised so often; whole KiB are no matter here.
    pub fn times(self, bytes: u64) -> u64 {
        let promised = u128::from(bytes) * u128::from(self.thousandths) / 1000;
        u64::try_from(promised).unwrap_or(u64::MAX)
    }
}

/// Takes the family's parameters.
pub(super) fn parse(given: &mut Given) -> Result<Option<OverProvision>, ParameterError> {
    let key = "overProvision";
    let Some(value) = given.take(key) else { return Ok(None) };
    let ratio = value.trim().parse::<f64>().ok().filter(|ratio| (1.0..=1000.0).contains(ratio));
    let ratio =
        ratio.ok_or(ParameterError::Value { key: key.to_owned(), value, expected: "a ratio from 1 to 1000" })?;
    // At most a million, so that nothing is cut off.
    Ok(Some(OverProvision { thousandths: (ratio * 1000.0).round() as u32 }))
}
