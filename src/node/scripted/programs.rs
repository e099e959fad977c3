//! What the programs do to a played device. None flushes: that is for linflow to do.

use super::contents::{Contents, EXT4_STATE};
use crate::{
    node::host::{Program, ProgramEnd},
    volume::filesystem::{FsType, FsUuid},
};

/// Runs a program; `is_half` stops it before its end.
pub fn run(contents: &mut Contents, size: u64, program: Program, options: &[&str], is_half: bool) -> ProgramEnd {
    let is_understood = match program {
        Program::MkfsExt4 => make(contents, size, FsType::Ext4, value_of(options, "-U"), is_half),
        Program::MkfsXfs => {
            let uuid = options.iter().find_map(|option| option.strip_prefix("uuid="));
            make(contents, size, FsType::Xfs, uuid, is_half)
        }
        Program::Tune2fs => label(contents, FsType::Ext4, value_of(options, "-L"), is_half),
        Program::XfsAdmin => label(contents, FsType::Xfs, value_of(options, "-L"), is_half),
        Program::Resize2fs => grow(contents, size, FsType::Ext4, is_half),
        Program::XfsGrowfs => grow(contents, size, FsType::Xfs, is_half),
        Program::XfsIo => contents.has_filesystem(FsType::Xfs),
        Program::E2fsck => {
            contents.write(EXT4_STATE, &[1]);
            return ProgramEnd { exit: Some(1), stderr: String::new() };
        }
    };
    let (exit, stderr) = if is_understood { (0, "") } else { (1, "usage") };
    ProgramEnd { exit: Some(exit), stderr: stderr.to_owned() }
}

fn value_of<'a>(options: &[&'a str], name: &str) -> Option<&'a str> {
    options.iter().skip_while(|option| **option != name).nth(1).copied()
}

fn grow(contents: &mut Contents, size: u64, fs_type: FsType, is_half: bool) -> bool {
    if !is_half {
        contents.set_size(fs_type, size);
    }
    contents.has_filesystem(fs_type)
}

fn make(contents: &mut Contents, size: u64, fs_type: FsType, uuid: Option<&str>, is_half: bool) -> bool {
    let Some(uuid) = uuid.and_then(|text| FsUuid::parse(text).ok()) else { return false };
    if is_half {
        contents.write(64 << 10, b"inode tables without a superblock");
    } else {
        contents.make_filesystem(fs_type, &uuid, size);
    }
    true
}

fn label(contents: &mut Contents, fs_type: FsType, label: Option<&str>, is_half: bool) -> bool {
    let Some(label) = label.filter(|_| contents.has_filesystem(fs_type)) else { return false };
    if !is_half {
        contents.set_label(fs_type, label);
    }
    true
}
