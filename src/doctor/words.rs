//! Lists, sizes and times as the report writes them.

use std::time::{Duration, SystemTime};

/// The most names that a line shows.
const MOST: usize = 5;

/// Names in one line; of many the first ones and how many more there are.
pub fn list<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<&str> = names.iter().take(MOST).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// "1 volume", "2 volumes".
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// KiB with a unit that leaves few digits.
pub fn size(kib: u64) -> String {
    let (unit, shift) = match kib {
        0..=0x3ff => return format!("{kib} KiB"),
        0x400..=0xf_ffff => ("MiB", 10),
        0x10_0000..=0x3fff_ffff => ("GiB", 20),
        _ => ("TiB", 30),
    };
    let tenths = (u128::from(kib) * 10) >> shift;
    if tenths >= 100 || tenths.is_multiple_of(10) {
        format!("{} {unit}", tenths / 10)
    } else {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

/// A part of a whole, as whole percent rounded down.
pub fn percent(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 100 / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}

/// A day, such as 2027-01-31.
pub fn day(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string().chars().take_while(|&c| c != 'T').collect()
}

/// Whole days from one time to another; none where the other is before it.
pub fn days_between(from: SystemTime, to: SystemTime) -> Option<u64> {
    to.duration_since(from).ok().map(|time| time.as_secs() / 86_400)
}

/// A span in seconds or, where it is short, in milliseconds.
pub fn span(span: Duration) -> String {
    if span < Duration::from_secs(1) {
        format!("{} ms", span.as_millis())
    } else if span < Duration::from_secs(120) {
        format!("{:.1} s", span.as_secs_f64())
    } else {
        humantime::format_duration(Duration::from_secs(span.as_secs())).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_names_the_first_are_shown() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e and 2 more");
        assert_eq!((count(1, "node"), count(0, "node")), ("1 node".to_owned(), "0 nodes".to_owned()));
    }

    #[test]
    fn sizes_have_few_digits() {
        for (kib, text) in [
            (0, "0 KiB"),
            (1023, "1023 KiB"),
            (1024, "1 MiB"),
            (1536, "1.5 MiB"),
            (20 << 20, "20 GiB"),
            (3 << 30, "3 TiB"),
            (u64::MAX, "17179869183 TiB"),
        ] {
            assert_eq!(size(kib), text);
        }
        assert_eq!((percent(1, 3), percent(5, 0), percent(u64::MAX, 1)), (33, 500, u64::MAX));
    }

    #[test]
    fn times_are_written_for_people() {
        let at = |secs| SystemTime::UNIX_EPOCH + Duration::from_secs(secs);
        assert_eq!(day(at(86_400)), "1970-01-02");
        assert_eq!(days_between(at(0), at(200_000)), Some(2));
        assert_eq!(days_between(at(1), at(0)), None);
        assert_eq!(span(Duration::from_millis(40)), "40 ms");
        assert_eq!(span(Duration::from_millis(2_340)), "2.3 s");
        assert_eq!(span(Duration::from_secs(3_600)), "1h");
    }
}
