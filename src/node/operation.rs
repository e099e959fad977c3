//! What can be asked of the machine, by name.

use std::fmt;

/// A program that works on a filesystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Program {
    /// Makes an ext4 filesystem.
    MkfsExt4,
    /// Makes an xfs filesystem.
    MkfsXfs,
    /// Sets the label of an ext4 filesystem.
    Tune2fs,
    /// Sets the label of an xfs filesystem.
    XfsAdmin,
    /// Checks an ext4 filesystem.
    E2fsck,
    /// Grows an ext4 filesystem, mounted or not.
    Resize2fs,
    /// Grows an xfs filesystem that is mounted.
    XfsGrowfs,
    /// Sets attributes of an xfs filesystem's root directory, on which it is run.
    XfsIo,
}

impl Program {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::MkfsExt4,
        Self::MkfsXfs,
        Self::Tune2fs,
        Self::XfsAdmin,
        Self::E2fsck,
        Self::Resize2fs,
        Self::XfsGrowfs,
        Self::XfsIo,
    ];

    /// The name to look up in PATH.
    pub fn name(self) -> &'static str {
        match self {
            Self::MkfsExt4 => "mkfs.ext4",
            Self::MkfsXfs => "mkfs.xfs",
            Self::Tune2fs => "tune2fs",
            Self::XfsAdmin => "xfs_admin",
            Self::E2fsck => "e2fsck",
            Self::Resize2fs => "resize2fs",
            Self::XfsGrowfs => "xfs_growfs",
            Self::XfsIo => "xfs_io",
        }
    }
}

/// One kind of call to the host, for errors and for the log of the scripted host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Look up a block device.
    Resolve,
    /// Tell its size.
    Size,
    /// Read from it.
    Read,
    /// Write zeros to it.
    Wipe,
    /// Flush it.
    Sync,
    /// Take its lock.
    Lock,
    /// Read the mount table.
    MountTable,
    /// Mount a filesystem.
    Mount,
    /// Bind-mount.
    Bind,
    /// Change the attributes of a mount.
    RemountBind,
    /// Unmount.
    Unmount,
    /// Run a program.
    Run(Program),
    /// Tell how full a filesystem is.
    Usage,
    /// Give its files to a group.
    HandOver,
    /// Ask DRBD for its state.
    AskDrbd,
    /// Tell what stands at a path.
    Inspect,
    /// Make a directory.
    CreateDirectory,
    /// Make an empty file.
    CreateFile,
    /// Remove an empty directory.
    RemoveDirectory,
    /// Remove a file.
    RemoveFile,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "look up",
            Self::Size => "open to tell the size of",
            Self::Read => "read",
            Self::Wipe => "wipe",
            Self::Sync => "flush",
            Self::Lock => "lock",
            Self::MountTable => "read the mount table at",
            Self::Mount => "mount on",
            Self::Bind => "bind-mount on",
            Self::RemountBind => "remount",
            Self::Unmount => "unmount",
            Self::Run(program) => return write!(f, "run {} on", program.name()),
            Self::Usage => "statfs",
            Self::HandOver => "give to its group",
            Self::AskDrbd => "ask DRBD with",
            Self::Inspect => "inspect",
            Self::CreateDirectory => "create directory",
            Self::CreateFile => "create file",
            Self::RemoveDirectory => "remove directory",
            Self::RemoveFile => "remove file",
        })
    }
}
