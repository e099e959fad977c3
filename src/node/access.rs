//! How a volume is used on a node.

use crate::volume::filesystem::{FsType, FsWishes, options::MountOptions};

/// How a volume is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// As a raw block device.
    Block,
    /// As a filesystem.
    Mount(FsUse),
}

/// How a filesystem is to be made and mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FsUse {
    /// What the volume's class asks for, with the capability's `mount_flags` among the mount options.
    pub wishes: FsWishes,
    /// The group that its files are to belong to: the capability's `volume_mount_group`.
    pub group: Option<u32>,
}

impl FsUse {
    /// What the class asks for, and the capability's flags, which prevail where both set the same.
    pub fn new(mut wishes: FsWishes, flags: MountOptions, group: Option<u32>) -> Self {
        wishes.mount = wishes.mount.with(flags);
        Self { wishes, group }
    }

    /// The filesystem asked for.
    pub fn fs_type(&self) -> FsType {
        self.wishes.mkfs.fs_type()
    }
}

/// How many target paths on this node a volume may be published at, at one time. CSI's table (spec, NodePublishVolume)
/// gives each access mode one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    /// One: `SINGLE_NODE_SINGLE_WRITER`, `SINGLE_NODE_WRITER`, `SINGLE_NODE_READER_ONLY`.
    One,
    /// Any number: `SINGLE_NODE_MULTI_WRITER` and `MULTI_NODE_…`.
    Many,
}
