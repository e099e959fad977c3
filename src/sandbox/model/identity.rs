//! Identifiers and times that the cluster makes up.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// Random bytes. Without randomness there is no identity to give, and the operating system always has some.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}

/// A random UUID in its usual spelling.
pub fn uuid() -> String {
    let text = hex(&random::<16>());
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

/// A generation identifier as DRBD has them: 16 digits, upper case.
pub fn generation() -> String {
    hex(&random::<8>()).to_uppercase()
}

/// A shared secret as LINSTOR makes them: 20 characters.
pub fn secret() -> String {
    hex(&random::<10>())
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Now, as LINSTOR writes it: RFC 3339 with nanoseconds.
pub fn now_text() -> String {
    humantime::format_rfc3339_nanos(SystemTime::now()).to_string()
}
