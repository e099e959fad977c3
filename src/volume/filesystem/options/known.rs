//! The options of a filesystem as a whole that may be asked for.

use super::super::{
    FsType,
    allow::{Entry, OptionError, Value},
};
use super::{Attribute, KIND};

const EXT4: &[FsType] = &[FsType::Ext4];
const XFS: &[FsType] = &[FsType::Xfs];
const BOTH: &[FsType] = &[FsType::Ext4, FsType::Xfs];

/// An option, and which filesystems have it.
struct Known {
    entry: Entry,
    of: &'static [FsType],
}

const fn known(of: &'static [FsType], name: &'static str, value: Value) -> Known {
    Known { entry: Entry { name, value }, of }
}

const fn plain(of: &'static [FsType], name: &'static str) -> Known {
    known(of, name, Value::None)
}

/// Left out on purpose: what ends ordering or flushing (`nobarrier`, `data=writeback`, `noauto_da_alloc`), passes over
/// the journal or damage (`noload`, `norecovery`, `errors=continue`), takes the node down (`errors=panic`), or names
/// another device (`journal_dev`, `logdev`, `rtdev`).
const KNOWN: &[Known] = &[
    plain(BOTH, "discard"),
    plain(BOTH, "nodiscard"),
    plain(BOTH, "lazytime"),
    plain(BOTH, "grpid"),
    plain(BOTH, "nogrpid"),
    plain(BOTH, "usrquota"),
    plain(BOTH, "grpquota"),
    plain(BOTH, "prjquota"),
    plain(BOTH, "noquota"),
    plain(EXT4, "acl"),
    plain(EXT4, "auto_da_alloc"),
    known(EXT4, "barrier", Value::Among(&["1"])),
    known(EXT4, "commit", Value::Number(1, 300)),
    known(EXT4, "data", Value::Among(&["ordered", "journal"])),
    plain(EXT4, "delalloc"),
    plain(EXT4, "nodelalloc"),
    plain(EXT4, "dioread_lock"),
    plain(EXT4, "dioread_nolock"),
    known(EXT4, "errors", Value::Among(&["remount-ro"])),
    plain(EXT4, "i_version"),
    known(EXT4, "init_itable", Value::Number(0, 1000)),
    plain(EXT4, "noinit_itable"),
    known(EXT4, "inode_readahead_blks", Value::Among(&["0", "1", "2", "4", "8", "16", "32", "64", "128", "256"])),
    plain(EXT4, "journal_checksum"),
    known(EXT4, "journal_ioprio", Value::Number(0, 7)),
    known(EXT4, "max_batch_time", Value::Number(0, 1_000_000)),
    known(EXT4, "min_batch_time", Value::Number(0, 1_000_000)),
    known(EXT4, "stripe", Value::Number(0, 1 << 20)),
    plain(EXT4, "user_xattr"),
    known(XFS, "allocsize", Value::Size),
    plain(XFS, "filestreams"),
    plain(XFS, "gquota"),
    plain(XFS, "inode32"),
    plain(XFS, "inode64"),
    plain(XFS, "largeio"),
    plain(XFS, "nolargeio"),
    known(XFS, "logbsize", Value::Among(&["16k", "32k", "64k", "128k", "256k", "32768", "65536", "131072", "262144"])),
    known(XFS, "logbufs", Value::Number(2, 8)),
    plain(XFS, "noalign"),
    plain(XFS, "pquota"),
    known(XFS, "sunit", Value::Number(0, 1 << 30)),
    plain(XFS, "swalloc"),
    known(XFS, "swidth", Value::Number(0, 1 << 30)),
    plain(XFS, "uquota"),
    plain(XFS, "wsync"),
];

/// Options that say what holds anyway.
pub fn is_default(option: &str) -> bool {
    matches!(option, "defaults" | "rw" | "relatime" | "nouuid")
}

pub fn is_allowed(option: &str) -> bool {
    KNOWN.iter().any(|known| known.entry.takes(option))
}

/// Whether the filesystem has this option.
pub fn is_of(option: &str, fs_type: FsType) -> bool {
    KNOWN.iter().any(|known| known.of.contains(&fs_type) && known.entry.takes(option))
}

pub fn refusal(option: &str) -> OptionError {
    if ["fscontext=", "defcontext=", "rootcontext="].iter().any(|name| option.starts_with(name)) {
        let reason = "one label is for all files of a volume; use context=LABEL";
        return OptionError::Ours { kind: KIND, option: option.to_owned(), reason };
    }
    let attributes = Attribute::ALL.map(|attribute| attribute.as_str().to_owned());
    let options = KNOWN.iter().map(|known| known.entry.shown());
    let allowed = attributes.into_iter().chain(options).collect::<Vec<_>>().join(", ");
    let allowed = format!("{allowed}, context=LABEL, defaults, rw, relatime");
    OptionError::NotAllowed { kind: KIND, option: option.to_owned(), allowed }
}
