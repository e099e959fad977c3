//! Quality of service: how much a volume may read and write each second, as properties that LINSTOR's satellites turn
//! into limits of the device.
//!
//! A satellite writes them into the control groups of version 1 (`blkio`). Where it has only version 2 it passes them
//! over with a warning in its answer: then they limit nothing.

use std::collections::BTreeMap;

use crate::linstor::model::Props;

/// What can be limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// Bytes read each second.
    ReadBytes,
    /// Bytes written each second.
    WriteBytes,
    /// Reads each second.
    ReadIops,
    /// Writes each second.
    WriteIops,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ReadBytes, Self::WriteBytes, Self::ReadIops, Self::WriteIops];

    /// The limit of a key without linflow's prefix, in any case; linstor-csi's `qos.linbit.com/…` are the same.
    pub fn find(key: &str) -> Option<Self> {
        let is_it = |limit: &Self| [limit.key(), limit.alias()].iter().any(|known| known.eq_ignore_ascii_case(key));
        Self::ALL.into_iter().find(is_it)
    }

    /// Its key without prefix, in the spelling of messages.
    pub const fn key(self) -> &'static str {
        match self {
            Self::ReadBytes => "qosReadBytesPerSecond",
            Self::WriteBytes => "qosWriteBytesPerSecond",
            Self::ReadIops => "qosReadIops",
            Self::WriteIops => "qosWriteIops",
        }
    }

    /// linstor-csi's key for it, which has a prefix of its own.
    pub const fn alias(self) -> &'static str {
        match self {
            Self::ReadBytes => "qos.linbit.com/rbps",
            Self::WriteBytes => "qos.linbit.com/wbps",
            Self::ReadIops => "qos.linbit.com/riops",
            Self::WriteIops => "qos.linbit.com/wiops",
        }
    }

    /// LINSTOR's property.
    pub fn property(self) -> &'static str {
        match self {
            Self::ReadBytes => "sys/fs/blkio_throttle_read",
            Self::WriteBytes => "sys/fs/blkio_throttle_write",
            Self::ReadIops => "sys/fs/blkio_throttle_read_iops",
            Self::WriteIops => "sys/fs/blkio_throttle_write_iops",
        }
    }
}

/// A limit that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QosError {
    /// No amount.
    #[error(
        "{key} {value:?} is no amount; give a whole number, also with a suffix such as k, M, Ki or Mi, or 0 for none"
    )]
    Amount {
        /// The bare key.
        key: &'static str,
        /// The value as it was sent.
        value: String,
    },
    /// One limit in two spellings.
    #[error("{key} is given twice; keep one spelling")]
    Twice {
        /// The bare key.
        key: &'static str,
    },
}

/// The limits that are named. One that isn't named is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits(BTreeMap<Limit, u64>);

impl Limits {
    /// Adds a limit: an amount each second as a Kubernetes quantity; 0 lifts what a resource group says.
    pub fn insert(&mut self, limit: Limit, value: &str) -> Result<(), QosError> {
        let key = limit.key();
        let amount = parse_quantity(value).ok_or_else(|| QosError::Amount { key, value: value.to_owned() })?;
        match self.0.insert(limit, amount) {
            Some(_) => Err(QosError::Twice { key }),
            None => Ok(()),
        }
    }

    /// LINSTOR's properties for them, on a resource definition or a resource group.
    pub fn to_properties(&self) -> Props {
        self.0.iter().map(|(limit, amount)| (limit.property().to_owned(), amount.to_string())).collect()
    }
}

/// A Kubernetes quantity that comes to a whole number, at most that of an i64, which is what LINSTOR's satellite reads.
fn parse_quantity(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    // 19 digits fit every sum below into 128 bits.
    if digits.is_empty() || digits.len() > 19 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let scaled = digits.parse::<u128>().ok()?.checked_mul(multiplier(suffix)?)?;
    let divisor = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let is_whole = scaled.is_multiple_of(divisor);
    i64::try_from(scaled / divisor).ok().filter(|_| is_whole).and_then(|amount| u64::try_from(amount).ok())
}

fn multiplier(suffix: &str) -> Option<u128> {
    let (binary, decimal) = (|power: u32| 1024_u128.pow(power), |power: u32| 1000_u128.pow(power));
    Some(match suffix {
        "" => 1,
        "k" => decimal(1),
        "M" => decimal(2),
        "G" => decimal(3),
        "T" => decimal(4),
        "P" => decimal(5),
        "E" => decimal(6),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_kubernetes_quantities() {
        for (text, amount) in [
            ("0", 0),
            ("4096", 4096),
            ("4k", 4000),
            (" 40Mi ", 40 << 20),
            ("1.5Gi", 3 << 29),
            ("2.50k", 2500),
            ("7E", 7_000_000_000_000_000_000),
            ("9223372036854775807", i64::MAX as u64),
        ] {
            assert_eq!(parse_quantity(text), Some(amount), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_whole_amount_is_refused() {
        for text in [
            "",
            ".",
            "k",
            "-1",
            "+1",
            "1.5",
            "0.0001k",
            "1 k",
            "1K",
            "1e3",
            "10m",
            "1.2.3",
            "8Ei",
            "9223372036854775808",
        ] {
            assert_eq!(parse_quantity(text), None, "{text:?}");
        }
    }

    #[test]
    fn both_spellings_of_a_key_are_one_limit_and_may_not_stand_together() {
        for limit in Limit::ALL {
            assert_eq!(Limit::find(&limit.key().to_ascii_uppercase()), Some(limit));
            assert_eq!(Limit::find(limit.alias()), Some(limit));
        }
        let mut limits = Limits::default();
        limits.insert(Limit::find("QoSReadIops").unwrap(), "5k").unwrap();
        let twice = limits.insert(Limit::find("qos.linbit.com/riops").unwrap(), "5k");
        assert_eq!(twice, Err(QosError::Twice { key: "qosReadIops" }));
        assert_eq!(Limit::find("qosReadOps"), None);
    }

    #[test]
    fn the_properties_are_the_ones_that_linstor_reads() {
        let mut limits = Limits::default();
        for limit in Limit::ALL {
            limits.insert(limit, "1Ki").unwrap();
        }
        let properties = limits.to_properties();
        let keys: Vec<&str> = properties.keys().map(String::as_str).collect();
        let names = ["read", "read_iops", "write", "write_iops"].map(|name| format!("sys/fs/blkio_throttle_{name}"));
        assert_eq!(keys, names);
        assert!(properties.values().all(|value| value == "1024"));
    }
}
