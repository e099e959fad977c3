//! What filesystem a volume carries.

use super::{Family, Given, KnownParameter, ParameterError};
use crate::volume::filesystem::{FsType, FsWishes, OptionError};

/// The table.
pub(super) const FAMILY: Family = Family {
    title: "Filesystem",
    parameters: &[
        KnownParameter {
            key: "fsType",
            aliases: &[],
            values: "`ext4` or `xfs`",
            default: "`ext4`",
            meaning: "the filesystem where the volume capability names none; xfs volumes have 300 MiB at least",
            example: "xfs",
        },
        KnownParameter {
            key: "fsOpts",
            aliases: &[],
            values: "options of `mkfs.ext4` or `mkfs.xfs` from the list below",
            default: "none",
            meaning: "how the filesystem is made",
            example: "-i 8192",
        },
        KnownParameter {
            key: "mountOpts",
            aliases: &[],
            values: "mount options from the list below, separated by commas",
            default: "none",
            meaning: "how it is mounted, beside what the claim's mountOptions say",
            example: "noatime",
        },
        KnownParameter {
            key: "postMountXfsOpts",
            aliases: &[],
            values: "a command of `xfs_io` from the list below; only with fsType `xfs`",
            default: "none",
            meaning: "done on the filesystem's root after it is mounted",
            example: "extsize 2m",
        },
    ],
};

/// What a class says of the filesystem, as it was sent: only beside the filesystem can it be judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FsTexts {
    /// `fsOpts`.
    pub mkfs: Option<String>,
    /// `mountOpts`.
    pub mount: Option<String>,
    /// `postMountXfsOpts`.
    pub post_mount: Option<String>,
}

impl FsTexts {
    /// What they ask of this filesystem.
    pub fn wishes(&self, fs_type: FsType) -> Result<FsWishes, OptionError> {
        FsWishes::parse(fs_type, self.mkfs.as_deref(), self.mount.as_deref(), self.post_mount.as_deref())
    }
}

/// Takes the family's parameters.
pub(super) fn parse(given: &mut Given) -> Result<(Option<FsType>, FsTexts), ParameterError> {
    let mut take = |key: &str| given.take(key).filter(|text| !text.trim().is_empty());
    let fs_type = take("fsType").map(|name| name.parse()).transpose()?;
    Ok((fs_type, FsTexts { mkfs: take("fsOpts"), mount: take("mountOpts"), post_mount: take("postMountXfsOpts") }))
}
