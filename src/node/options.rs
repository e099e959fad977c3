//! The mount flags that a volume may ask for.
//!
//! Allowed: `noatime`, `nodiratime`, `relatime`, `nosuid`, `nodev`, `noexec` (of one mount); `ro`, `rw` (`ro` makes the
//! publish read-only); `discard`, `context=…` (of the filesystem as a whole). Everything else is refused by name, since
//! a filesystem's options can switch off its journal or run code of the kernel that nobody meant.

use std::{collections::BTreeSet, fmt};

use crate::volume::filesystem::FsType;

/// An attribute of one mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attribute {
    /// No writes.
    ReadOnly,
    /// Access times are not kept.
    NoAtime,
    /// Access times of directories are not kept.
    NoDirAtime,
    /// Set-user-ID bits have no effect.
    NoSuid,
    /// Device nodes can't be opened.
    NoDev,
    /// Programs can't be run.
    NoExec,
}

/// A set of them.
pub type Attributes = BTreeSet<Attribute>;

impl Attribute {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::ReadOnly, Self::NoAtime, Self::NoDirAtime, Self::NoSuid, Self::NoDev, Self::NoExec];

    /// As mount(8) and the mount table write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "ro",
            Self::NoAtime => "noatime",
            Self::NoDirAtime => "nodiratime",
            Self::NoSuid => "nosuid",
            Self::NoDev => "nodev",
            Self::NoExec => "noexec",
        }
    }

    fn of(flag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.as_str() == flag)
    }

    /// Those that a list of flags or mount options names.
    pub fn among<'a>(flags: impl IntoIterator<Item = &'a String>) -> Attributes {
        flags.into_iter().filter_map(|flag| Self::of(flag)).collect()
    }
}

/// An SELinux label for all files of a filesystem, without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelinuxContext(String);

impl SelinuxContext {
    /// The label that one of the flags or mount options sets.
    pub fn among<'a>(flags: impl IntoIterator<Item = &'a String>) -> Option<Self> {
        flags.into_iter().find_map(|flag| flag.strip_prefix("context=")).map(|text| Self(text.replace('"', "")))
    }

    fn is_valid(&self) -> bool {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":_.,-".contains(&byte);
        !self.0.is_empty() && self.0.bytes().all(allowed)
    }
}

impl fmt::Display for SelinuxContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Flags that were understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MountOptions {
    /// Of the mount.
    pub attributes: Attributes,
    /// Freed blocks are told to the device.
    pub has_discard: bool,
    /// The SELinux label of the filesystem.
    pub context: Option<SelinuxContext>,
}

/// A mount flag that linflow does not pass on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "mount flag {0:?} is not allowed; use any of noatime, nodiratime, relatime, nosuid, nodev, noexec, ro, rw, \
     discard, context=LABEL"
)]
pub struct InvalidFlag(pub String);

impl MountOptions {
    /// Parses the `mount_flags` of a capability.
    pub fn parse(flags: &[String]) -> Result<Self, InvalidFlag> {
        let mut options = Self::default();
        for flag in flags {
            options.add(flag).ok_or_else(|| InvalidFlag(flag.clone()))?;
        }
        Ok(options)
    }

    fn add(&mut self, flag: &str) -> Option<()> {
        match flag {
            "rw" | "relatime" => {}
            "discard" => self.has_discard = true,
            _ if flag.starts_with("context=") => {
                let context = SelinuxContext::among([&flag.to_owned()])?;
                let is_second = self.context.as_ref().is_some_and(|first| *first != context);
                if is_second || !context.is_valid() {
                    return None;
                }
                self.context = Some(context);
            }
            _ => {
                self.attributes.insert(Attribute::of(flag)?);
            }
        }
        Some(())
    }

    /// The options for staging: read-only only where the volume is, since `ro` is a matter of each publish.
    pub fn for_staging(mut self, is_volume_read_only: bool) -> Self {
        self.attributes.remove(&Attribute::ReadOnly);
        if is_volume_read_only {
            self.attributes.insert(Attribute::ReadOnly);
        }
        self
    }

    /// The data argument of mount(2). xfs refuses a copy of a mounted filesystem without `nouuid`.
    pub fn data(&self, fs_type: FsType) -> String {
        let nouuid = (fs_type == FsType::Xfs).then(|| "nouuid".to_owned());
        let discard = self.has_discard.then(|| "discard".to_owned());
        let context = self.context.as_ref().map(|label| format!("context=\"{label}\""));
        [nouuid, discard, context].into_iter().flatten().collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(flags: &[&str]) -> Result<MountOptions, InvalidFlag> {
        MountOptions::parse(&flags.iter().map(|flag| (*flag).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn allowed_flags_become_attributes_and_data() {
        let options = parse(&["noatime", "discard", "ro", "context=\"system_u:object_r:t:s0:c1,c2\""]).unwrap();
        assert_eq!(options.attributes, [Attribute::ReadOnly, Attribute::NoAtime].into());
        assert_eq!(options.data(FsType::Ext4), "discard,context=\"system_u:object_r:t:s0:c1,c2\"");
        assert_eq!(parse(&[]).unwrap().data(FsType::Xfs), "nouuid");
    }

    #[test]
    fn any_other_flag_is_refused_by_name() {
        for bad in [
            "",
            "noload",
            "nobarrier",
            "data=writeback",
            "noatime,suid",
            "context=",
            "context=a\",logdev=/x",
            "_netdev",
        ] {
            assert_eq!(parse(&["noatime", bad]), Err(InvalidFlag(bad.to_owned())), "{bad}");
        }
        assert!(parse(&["context=a:b", "context=c:d"]).is_err());
    }

    #[test]
    fn staging_is_read_write_unless_the_volume_is_read_only() {
        let options = parse(&["ro", "nosuid"]).unwrap();
        assert_eq!(options.clone().for_staging(false).attributes, [Attribute::NoSuid].into());
        assert!(options.for_staging(true).attributes.contains(&Attribute::ReadOnly));
    }
}
