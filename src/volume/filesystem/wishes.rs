//! All that a class asks of its volumes' filesystem.

use super::{FsType, allow::OptionError, mkfs::MkfsOptions, options::MountOptions, xfs::XfsCommand};

/// What a class asks of a filesystem: the three parameters `fsOpts`, `mountOpts` and `postMountXfsOpts`, each of which
/// may be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FsWishes {
    /// How it is made.
    pub mkfs: MkfsOptions,
    /// How it is mounted.
    pub mount: MountOptions,
    /// What is set on its root directory after it was mounted.
    pub post_mount: Option<XfsCommand>,
}

impl FsWishes {
    /// None at all.
    pub fn none(fs_type: FsType) -> Self {
        Self { mkfs: MkfsOptions::none(fs_type), mount: MountOptions::default(), post_mount: None }
    }

    /// Parses the texts and sees that they fit the filesystem.
    pub fn parse(
        fs_type: FsType,
        mkfs: Option<&str>,
        mount: Option<&str>,
        post_mount: Option<&str>,
    ) -> Result<Self, OptionError> {
        let mount = mount.map(MountOptions::parse).transpose()?.unwrap_or_default();
        mount.fit(fs_type)?;
        match (fs_type, post_mount) {
            (FsType::Xfs, _) | (_, None) => {}
            (_, Some(command)) => {
                return Err(OptionError::OtherFilesystem { option: format!("xfs_io {command}"), fs_type });
            }
        }
        Ok(Self {
            mkfs: MkfsOptions::parse(fs_type, mkfs.unwrap_or_default())?,
            mount,
            post_mount: post_mount.map(XfsCommand::parse).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_the_filesystem_is_refused() {
        assert_eq!(FsWishes::parse(FsType::Ext4, None, None, None), Ok(FsWishes::none(FsType::Ext4)));
        let xfs = FsWishes::parse(FsType::Xfs, Some("-i size=512"), Some("noatime"), Some("extsize 2m")).unwrap();
        assert_eq!((xfs.mkfs.to_string().as_str(), xfs.post_mount.is_some()), ("-i size=512", true));
        for (mkfs, mount, post) in
            [(Some("-i size=512"), None, None), (None, Some("logbufs=8"), None), (None, None, Some("extsize 2m"))]
        {
            assert!(FsWishes::parse(FsType::Ext4, mkfs, mount, post).is_err());
        }
    }
}
