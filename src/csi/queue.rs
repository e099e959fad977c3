//! How long a call may wait for its turn: claims of one owner's volume queue, where other calls are told to come again
//! ([why](../../docs/adr/0005-claims.md)).

use std::time::Duration;

use tonic::metadata::MetadataMap;

/// The longest wait. external-provisioner gives a call ten seconds where nobody tells it otherwise.
const LONGEST: Duration = Duration::from_secs(10);
/// gRPC's header for the time that a caller gives (gRPC over HTTP2, Requests).
const TIMEOUT: &str = "grpc-timeout";

/// How long the call may wait: a quarter of the caller's time is left for the work itself.
pub(super) fn bound(metadata: &MetadataMap) -> Duration {
    let given = metadata.get(TIMEOUT).and_then(|value| parse(value.to_str().ok()?));
    given.map_or(LONGEST, |given| (given * 3 / 4).min(LONGEST))
}

/// At most eight digits and a unit.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &'static str) -> Duration {
        let mut metadata = MetadataMap::new();
        metadata.insert(TIMEOUT, text.parse().unwrap());
        bound(&metadata)
    }

    #[test]
    fn a_call_waits_three_quarters_of_its_time_and_ten_seconds_at_most() {
        assert_eq!(given("4S"), Duration::from_secs(3));
        assert_eq!(given("400m"), Duration::from_millis(300));
        assert_eq!(given("4000u"), Duration::from_millis(3));
        assert_eq!(given("99999999H"), LONGEST);
        assert_eq!(given("1M"), LONGEST);
        assert_eq!(bound(&MetadataMap::new()), LONGEST);
    }

    #[test]
    fn a_time_that_cannot_be_read_is_none() {
        for bad in ["", "S", "4", "4x", "-4S", "999999999S", "é"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
