//! A moment, as records have it.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment, written in RFC 3339 to the millisecond and in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment(pub SystemTime);

/// Text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time in RFC 3339, such as 2026-01-31T12:00:00Z")]
pub struct NotAMoment(String);

impl Moment {
    /// The present one, as precise as it can be written.
    pub fn now() -> Self {
        Self::of(SystemTime::now())
    }

    /// That one, as precise as it can be written.
    pub fn of(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let millis = u64::try_from(since).unwrap_or_default();
        Self(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
    }

    /// How long ago it was; nothing where it is still to come.
    pub fn age(self, now: Self) -> Duration {
        now.0.duration_since(self.0).unwrap_or_default()
    }

    /// So much later; itself where no calendar reaches so far.
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.checked_add(span).unwrap_or(self.0))
    }

    /// So much earlier; the first moment that can be written where that is later.
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.checked_sub(span).unwrap_or(SystemTime::UNIX_EPOCH).max(SystemTime::UNIX_EPOCH))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_millis(self.0).fmt(f)
    }
}

impl FromStr for Moment {
    type Err = NotAMoment;

    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        humantime::parse_rfc3339(text.trim()).map(Self).map_err(|_| NotAMoment(text.to_owned()))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_comes_back_as_it_was_written() {
        let moment: Moment = "2026-01-31T12:00:00.5Z".parse().unwrap();
        assert_eq!(moment.to_string(), "2026-01-31T12:00:00.500Z");
        let now = Moment::now();
        assert_eq!(now.to_string().parse(), Ok(now));
        assert_eq!(serde_json::from_str::<Moment>(&serde_json::to_string(&moment).unwrap()).unwrap(), moment);
        assert!("soon".parse::<Moment>().is_err());
        let later = moment.after(Duration::from_secs(60));
        assert_eq!((moment.age(later), later.age(moment)), (Duration::from_secs(60), Duration::ZERO));
        assert_eq!(later.before(Duration::from_secs(60)), moment);
        assert_eq!(moment.before(Duration::MAX).to_string(), "1970-01-01T00:00:00.000Z");
    }
}
