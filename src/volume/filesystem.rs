//! The filesystems that a volume may carry, the identity that each gets, and what a class may ask of them.

mod allow;
pub mod mkfs;
pub mod options;
mod wishes;
pub mod xfs;

use std::{fmt, str::FromStr};

pub use allow::OptionError;
pub use wishes::FsWishes;

/// A filesystem that linflow makes and mounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FsType {
    /// ext4, the default.
    Ext4,
    /// xfs, for volumes of at least 300 MiB.
    Xfs,
}

impl FsType {
    /// The name that mount(2), Kubernetes and StorageClasses use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }

    /// The smallest device, in bytes, that the filesystem can be made on.
    pub fn min_bytes(self) -> u64 {
        match self {
            Self::Ext4 => 2 << 20,
            Self::Xfs => 300 << 20,
        }
    }
}

impl fmt::Display for FsType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A filesystem that linflow does not make.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("filesystem {0:?} is not supported; use ext4 or xfs")]
pub struct UnknownFsType(String);

impl FromStr for FsType {
    type Err = UnknownFsType;

    fn from_str(name: &str) -> Result<Self, UnknownFsType> {
        match name {
            "ext4" => Ok(Self::Ext4),
            "xfs" => Ok(Self::Xfs),
            other => Err(UnknownFsType(other.to_owned())),
        }
    }
}

/// The identity of a volume's filesystem: a random UUID, written as a property in the creating request and given to
/// mkfs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FsUuid(String);

/// Text that is no UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a UUID in its 8-4-4-4-12 form")]
pub struct NotAUuid(String);

impl FsUuid {
    /// A version 4 UUID of the given 16 random bytes.
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
    }

    /// Parses the 8-4-4-4-12 form; upper case becomes lower case.
    pub fn parse(text: &str) -> Result<Self, NotAUuid> {
        let lower = text.to_ascii_lowercase();
        let groups: Vec<&str> = lower.split('-').collect();
        let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
        let is_hex = groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if lengths == [8, 4, 4, 4, 12] && is_hex { Ok(Self(lower)) } else { Err(NotAUuid(text.to_owned())) }
    }

    /// The UUID in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FsUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_uuid_is_version_4_and_parses_back() {
        let uuid = FsUuid::from_random([0xff; 16]);
        assert_eq!(uuid.as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(FsUuid::parse(&uuid.as_str().to_uppercase()), Ok(uuid));
        assert!(FsUuid::parse("ffffffff-ffff-4fff-bfff").is_err());
        assert!(FsUuid::parse("gfffffff-ffff-4fff-bfff-ffffffffffff").is_err());
    }
}
