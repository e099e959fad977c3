//! The version of LINSTOR's REST API, which decides what may be sent.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// Major and minor number of the REST API; LINSTOR only ever adds fields, with a higher minor number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    /// Always 1 so far: the `v1` of every path.
    pub major: u16,
    /// Grows with every addition.
    pub minor: u16,
}

impl ApiVersion {
    /// The oldest that linflow works with. Every field that it sends is known there, so none is left out for an old
    /// controller; a newer field needs a look at the controller's version first, because LINSTOR rejects unknown
    /// fields.
    pub const MINIMUM: Self = Self { major: 1, minor: 26 };
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Text that is not a version such as `1.27.0`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a version of LINSTOR's REST API, such as 1.27.0")]
pub struct VersionError(String);

impl FromStr for ApiVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let mut numbers = text.split('.').map(|part| part.parse().ok());
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(major), Some(minor)) => Ok(Self { major, minor }),
            _ => Err(VersionError(text.to_owned())),
        }
    }
}

/// The answer of `GET /v1/controller/version`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ControllerVersion {
    /// The controller's own version, such as `1.33.3`.
    pub version: String,
    /// The version of its REST API, such as `1.27.0`.
    pub rest_api_version: String,
}

impl ControllerVersion {
    /// The REST API's version, parsed.
    pub fn api(&self) -> Result<ApiVersion, VersionError> {
        self.rest_api_version.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number_not_by_text() {
        let parse = |text: &str| text.parse::<ApiVersion>().unwrap();
        assert!(parse("1.9.0") < ApiVersion::MINIMUM);
        assert!(parse("1.26") >= ApiVersion::MINIMUM);
        assert!(parse("1.100.0") > parse("1.28.0"));
        assert!(parse("2.0.0") > parse("1.99.0"));
    }

    #[test]
    fn text_that_is_no_version_is_refused() {
        for bad in ["", "1", "x.1", "1.x", "-1.2"] {
            assert!(bad.parse::<ApiVersion>().is_err(), "{bad}");
        }
    }
}
