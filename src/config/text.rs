//! Values from text: each parser says why a text can't be used and what to do.

use super::error::Wrong;
use crate::linstor::name::NameError;
use std::{
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

/// The longest path that a unix socket's address holds: `sun_path` is 108 bytes with its NUL (unix(7)).
const MAX_SOCKET_PATH: usize = 107;

/// The text where it is not empty: a set but empty variable counts as absent.
pub(super) fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// A whole number within the range.
pub(super) fn number(text: &str, range: RangeInclusive<u32>) -> Result<u32, Wrong> {
    let remedy = || format!("give a whole number from {} to {}", range.start(), range.end());
    let number: u32 = text.trim().parse().map_err(|_| Wrong::new("is not a number that fits", remedy()))?;
    if range.contains(&number) { Ok(number) } else { Err(Wrong::new("is out of range", remedy())) }
}

/// `true` or `false`.
pub(super) fn truth(text: &str) -> Result<bool, Wrong> {
    text.trim().parse().map_err(|_| Wrong::new("is neither true nor false", "write true or false"))
}

/// A duration such as `15s` or `1m 30s`, from 100 ms to 10 minutes.
pub(super) fn timeout(text: &str) -> Result<Duration, Wrong> {
    let remedy = "give a duration from 100ms to 10m, such as 15s";
    let duration = humantime::parse_duration(text.trim()).map_err(|error| Wrong::new(error.to_string(), remedy))?;
    if (Duration::from_millis(100)..=Duration::from_secs(600)).contains(&duration) {
        Ok(duration)
    } else {
        Err(Wrong::new("is out of range", remedy))
    }
}

/// A size in bytes: a whole number with KiB, MiB, GiB or TiB, or without a unit.
pub(super) fn size(text: &str, range: RangeInclusive<u64>) -> Result<u64, Wrong> {
    let remedy = || {
        let (min, max) = (range.start() >> 20, range.end() >> 20);
        format!("give a whole number with KiB, MiB, GiB or TiB, from {min}MiB to {max}MiB, such as 20GiB")
    };
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match text[digits.len()..].trim() {
        "" => 0,
        "KiB" | "Ki" => 10,
        "MiB" | "Mi" => 20,
        "GiB" | "Gi" => 30,
        "TiB" | "Ti" => 40,
        _ => return Err(Wrong::new("has a unit that is not known", remedy())),
    };
    let number: u64 = digits.parse().map_err(|_| Wrong::new("is not a size", remedy()))?;
    match number.checked_mul(1 << shift) {
        Some(bytes) if range.contains(&bytes) => Ok(bytes),
        _ => Err(Wrong::new("is out of range", remedy())),
    }
}

/// An IP address and a port to listen on.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, Wrong> {
    text.trim()
        .parse()
        .map_err(|_| Wrong::new("is not an IP address and a port", "write it as 127.0.0.1:9808 or [::1]:9808"))
}

/// The path of a CSI endpoint: `unix:///PATH`, `unix:/PATH` or `/PATH`.
pub(super) fn socket_path(text: &str) -> Result<PathBuf, Wrong> {
    let remedy = "write it as unix:///run/linflow/csi.sock";
    let path = text.strip_prefix("unix://").or_else(|| text.strip_prefix("unix:")).unwrap_or(text);
    if !path.starts_with('/') || path.ends_with('/') {
        return Err(Wrong::new("is not a unix socket with an absolute path", remedy));
    }
    if path.len() > MAX_SOCKET_PATH || path.contains('\0') {
        return Err(Wrong::new(format!("is longer than a socket's {MAX_SOCKET_PATH} bytes or holds a NUL"), remedy));
    }
    Ok(PathBuf::from(path))
}

/// A folder that exists.
pub(super) fn existing_folder(text: &str) -> Result<PathBuf, Wrong> {
    match std::fs::metadata(text) {
        Ok(metadata) if metadata.is_dir() => Ok(PathBuf::from(text)),
        Ok(_) => Err(Wrong::new("is not a folder", "name a folder of YAML manifests")),
        Err(error) => Err(Wrong::new(format!("can't be read ({error})"), "create the folder or correct the path")),
    }
}

/// A folder that exists or can be made: no file stands in its place.
pub(super) fn state_folder(text: &str) -> Result<PathBuf, Wrong> {
    if Path::new(text).is_file() {
        return Err(Wrong::new("is a file", "name a folder; it is made where it is absent"));
    }
    Ok(PathBuf::from(text))
}

/// A LINSTOR name; the rule that it breaks is in the reason.
pub(super) fn linstor_name<T>(parsed: Result<T, NameError>) -> Result<T, Wrong> {
    parsed.map_err(|error| Wrong::new(error.to_string(), "name it as LINSTOR does"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_binary_unit_and_a_range() {
        let parse = |text| size(text, 1 << 20..=1 << 50).ok();
        assert_eq!(parse("20GiB"), Some(20 << 30));
        assert_eq!(parse(" 64 Mi"), Some(64 << 20));
        assert_eq!(parse("1048576"), Some(1 << 20));
        for bad in ["", "GiB", "20GB", "-1GiB", "1.5GiB", "1KiB", "99999999999999999999", "18446744073709551615TiB"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_socket_path_is_absolute_and_fits_its_address() {
        for good in ["unix:///csi/csi.sock", "unix:/csi/csi.sock", "/csi/csi.sock"] {
            assert_eq!(socket_path(good), Ok(PathBuf::from("/csi/csi.sock")), "{good}");
        }
        let long = format!("unix:///{}", "s".repeat(107));
        for bad in ["", "unix://", "unix://csi.sock", "tcp://127.0.0.1:1", "csi.sock", "unix:///csi/", &long] {
            assert!(socket_path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_and_timeouts_have_ranges() {
        assert_eq!(number("16", 1..=256), Ok(16));
        for bad in ["0", "257", "-1", "many", "4294967296"] {
            assert!(number(bad, 1..=256).is_err(), "{bad}");
        }
        assert_eq!(timeout("1m 30s"), Ok(Duration::from_secs(90)));
        for bad in ["", "15", "1ms", "1h", "soon"] {
            assert!(timeout(bad).is_err(), "{bad}");
        }
    }
}
