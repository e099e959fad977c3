//! The mount options that a volume may ask for, in a capability's `mount_flags` or a class's `mountOpts`.
//!
//! Three kinds: attributes of one mount (`noatime`, `nosuid` …), among them `ro`, which makes the publish read-only; the
//! SELinux label (`context=…`); and options of the filesystem as a whole (`known.rs`). Everything else is refused by
//! name, since a filesystem's options can switch off its journal or run code of the kernel that nobody meant.

mod known;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    FsType,
    allow::{OptionError, subject, within_bounds},
};

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

/// Options that were understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MountOptions {
    /// Of the mount.
    pub attributes: Attributes,
    /// The SELinux label of the filesystem.
    pub context: Option<SelinuxContext>,
    /// Of the filesystem, by what they set.
    filesystem: BTreeMap<String, String>,
}

const KIND: &str = "mount option";

impl MountOptions {
    /// Parses `mountOpts` as a class writes it: options separated by commas, at most 512 bytes. A label with commas
    /// stands in double quotes.
    pub fn parse(text: &str) -> Result<Self, OptionError> {
        within_bounds(KIND, text)?;
        let mut is_quoted = false;
        let options = text.split(|character| {
            is_quoted ^= character == '"';
            character == ',' && !is_quoted
        });
        let options: Vec<&str> = options.map(str::trim).collect();
        if is_quoted {
            return Err(OptionError::OpenQuote(text.to_owned()));
        }
        if options == [""] { Ok(Self::default()) } else { Self::of(options) }
    }

    /// Parses the `mount_flags` of a capability.
    pub fn parse_flags(flags: &[String]) -> Result<Self, OptionError> {
        Self::of(flags.iter().map(String::as_str))
    }

    fn of<'a>(given: impl IntoIterator<Item = &'a str>) -> Result<Self, OptionError> {
        let mut options = Self::default();
        for option in given {
            options.add(option)?;
        }
        Ok(options)
    }

    fn add(&mut self, option: &str) -> Result<(), OptionError> {
        let twice = || OptionError::Twice { kind: KIND, option: option.to_owned() };
        if known::is_default(option) {
            return Ok(());
        }
        if let Some(attribute) = Attribute::of(option) {
            self.attributes.insert(attribute);
            return Ok(());
        }
        if option.starts_with("context=") {
            let context = SelinuxContext::among([&option.to_owned()]).filter(SelinuxContext::is_valid);
            let context = context.ok_or_else(|| known::refusal(option))?;
            let is_second = self.context.as_ref().is_some_and(|first| *first != context);
            self.context = Some(context);
            return if is_second { Err(twice()) } else { Ok(()) };
        }
        if !known::is_allowed(option) {
            return Err(known::refusal(option));
        }
        let before = self.filesystem.insert(subject(option).to_owned(), option.to_owned());
        if before.is_some_and(|before| before != option) { Err(twice()) } else { Ok(()) }
    }

    /// Whether the filesystem has all these options: mount(2) answers a bare EINVAL where it has not.
    pub fn fit(&self, fs_type: FsType) -> Result<(), OptionError> {
        match self.filesystem.values().find(|option| !known::is_of(option, fs_type)) {
            Some(option) => Err(OptionError::OtherFilesystem { option: option.clone(), fs_type }),
            None => Ok(()),
        }
    }

    /// These options and `closer` ones, which prevail where both set the same.
    pub fn with(mut self, closer: Self) -> Self {
        self.attributes.extend(closer.attributes);
        self.filesystem.extend(closer.filesystem);
        self.context = closer.context.or(self.context);
        self
    }

    /// The options for staging: read-only only where the volume is, since `ro` is a matter of each publish.
    pub fn for_staging(mut self, is_volume_read_only: bool) -> Self {
        self.attributes.remove(&Attribute::ReadOnly);
        if is_volume_read_only {
            self.attributes.insert(Attribute::ReadOnly);
        }
        self
    }

    /// The data argument of mount(2). xfs refuses a copy of a mounted filesystem without `nouuid`. A read-only mount
    /// leaves the journal alone: replaying it writes to the device.
    pub fn data(&self, fs_type: FsType) -> String {
        let is_read_only = self.attributes.contains(&Attribute::ReadOnly);
        let ours: &[&str] = match (fs_type, is_read_only) {
            (FsType::Ext4, false) => &[],
            (FsType::Ext4, true) => &["noload"],
            (FsType::Xfs, false) => &["nouuid"],
            (FsType::Xfs, true) => &["nouuid", "norecovery"],
        };
        ours.iter().map(|option| (*option).to_owned()).chain(self.of_filesystem()).collect::<Vec<_>>().join(",")
    }

    fn of_filesystem(&self) -> impl Iterator<Item = String> {
        let context = self.context.as_ref().map(|label| format!("context=\"{label}\""));
        self.filesystem.values().cloned().chain(context)
    }
}

impl fmt::Display for MountOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes = self.attributes.iter().map(|attribute| attribute.as_str().to_owned());
        f.write_str(&attributes.chain(self.of_filesystem()).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
#[path = "options/tests.rs"]
mod tests;
