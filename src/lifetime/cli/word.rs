//! Sizes and spans as people read them.

use std::time::Duration;

/// `1.5 GiB`; whole below ten of a unit's thousand.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    while unit + 1 < UNITS.len() && bytes >> (10 * (unit + 1)) > 0 {
        unit += 1;
    }
    let (whole, tenth) = (bytes >> (10 * unit), ((bytes >> (10 * unit.saturating_sub(1))) % 1024) * 10 / 1024);
    match unit {
        1.. if whole < 10 && tenth > 0 => format!("{whole}.{tenth} {}", UNITS[unit]),
        _ => format!("{whole} {}", UNITS[unit]),
    }
}

/// `3d 4h`, `4h 12m`, `12m`, `5s`: the two largest units at most.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (1.., 0, _) => format!("{days}d"),
        (1.., ..) => format!("{days}d {hours}h"),
        (0, 1.., 0) => format!("{hours}h"),
        (0, 1.., _) => format!("{hours}h {minutes}m"),
        (0, 0, 1..) => format!("{minutes}m"),
        (0, 0, 0) => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans_are_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (1 << 30, "1 GiB"),
            ((10 << 30) + 1, "10 GiB"),
            (5 << 50, "5120 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        for (seconds, text) in [(5, "5s"), (60, "1m"), (3600, "1h"), (3660, "1h 1m"), (86_400, "1d"), (90_000, "1d 1h")]
        {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }
}
