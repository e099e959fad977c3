//! How long a released volume is kept once its run is over.

use std::{fmt, str::FromStr, time::Duration};

const HOUR: u64 = 60 * 60;

/// How long a volume of a task or run is kept after its release, from the proven end of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retain {
    /// After a run that succeeded.
    pub success: Duration,
    /// After a run that failed, which somebody may want to look at or to clear.
    pub failure: Duration,
}

/// Text that isn't a retention.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a retention; write one duration such as 2h, or success=1h,failure=168h")]
pub struct NotARetention(String);

impl Default for Retain {
    fn default() -> Self {
        Self { success: Duration::from_secs(HOUR), failure: Duration::from_secs(168 * HOUR) }
    }
}

/// One duration for both, or `success=…`, `failure=…` or both, of which the one that is left out keeps its default.
impl FromStr for Retain {
    type Err = NotARetention;

    fn from_str(text: &str) -> Result<Self, NotARetention> {
        let wrong = || NotARetention(text.to_owned());
        let duration = |text: &str| humantime::parse_duration(text.trim()).map_err(|_| wrong());
        if !text.contains('=') {
            let both = duration(text)?;
            return Ok(Self { success: both, failure: both });
        }
        let (mut success, mut failure) = (None, None);
        for item in text.split(',') {
            let (name, value) = item.split_once('=').ok_or_else(wrong)?;
            let place = match name.trim() {
                "success" => &mut success,
                "failure" => &mut failure,
                _ => return Err(wrong()),
            };
            if place.replace(duration(value)?).is_some() {
                return Err(wrong());
            }
        }
        let default = Self::default();
        Ok(Self { success: success.unwrap_or(default.success), failure: failure.unwrap_or(default.failure) })
    }
}

/// What [`Retain::from_str`] reads as the same.
impl fmt::Display for Retain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |duration| humantime::format_duration(duration).to_string().replace(' ', "");
        write!(f, "success={},failure={}", text(self.success), text(self.failure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(success: u64, failure: u64) -> Retain {
        Retain { success: Duration::from_secs(success * HOUR), failure: Duration::from_secs(failure * HOUR) }
    }

    #[test]
    fn one_duration_is_for_both_ends_and_a_named_one_for_its_own() {
        for (text, expected) in [
            ("2h", hours(2, 2)),
            ("0s", hours(0, 0)),
            ("success=3h", hours(3, 168)),
            ("failure=2days", hours(1, 48)),
            ("success=1h, failure=168h", Retain::default()),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
            assert_eq!(expected.to_string().parse(), Ok(expected), "{expected}");
        }
    }

    #[test]
    fn what_is_no_retention_is_refused_and_says_what_is() {
        for bad in ["", "forever", "3", "success", "success=1h,success=2h", "1h,failure=2h", "ended=1h", "success="] {
            let error = bad.parse::<Retain>().expect_err(bad);
            assert!(error.to_string().contains("success=1h,failure=168h"), "{error}");
        }
    }
}
