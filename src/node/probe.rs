//! What is on a device, read by ourselves.
//!
//! blkid can't be asked: it exits with 2 both for an unformatted device and for one that DRBD does not let it open.
//! Here an open or read error is an error, and blank means that every region below was read and holds zeros only.
//!
//! | region | what would be there |
//! | --- | --- |
//! | first 1 MiB | MBR, GPT, ext, xfs, LVM, LUKS, swap, btrfs, ZFS, MD 1.1/1.2, bcachefs, f2fs, JFS, ReiserFS, GFS2,
//! OCFS2 |
//! | 4 KiB at 1, 2, 4 MiB | copies of the LUKS2 header |
//! | 4 KiB at 8 MiB, 128 MiB | copies of the ext superblock, for blocks of 1 and 4 KiB |
//! | 4 KiB at 64 MiB, 256 GiB | copies of the btrfs superblock |
//! | last 1 MiB | DRBD metadata, MD 0.90/1.0, the GPT copy, ZFS, NILFS2, bcachefs |

use std::fmt;

use super::{host::ByteRange, imprint::Imprint};
use crate::volume::filesystem::{FsType, FsUuid};

/// The label that says that mkfs had finished and its work was flushed.
pub const MARK: &str = "linflow";

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const EDGE: u64 = MIB;
const COPIES: [u64; 7] = [MIB, 2 * MIB, 4 * MIB, 8 * MIB, 64 * MIB, 128 * MIB, 256 << 30];

/// The regions of a device of `size` bytes: ascending, within the device, without overlap, the first from byte 0.
pub fn regions(size: u64) -> Vec<ByteRange> {
    let first = [(0, EDGE)].into_iter();
    let last = size.saturating_sub(EDGE);
    let copies = COPIES.into_iter().map(|offset| (offset, offset + 4 * KIB)).filter(|(start, _)| *start < last);
    let mut regions: Vec<ByteRange> = Vec::new();
    for (start, end) in first.chain(copies).chain([(last, size)]) {
        let start = start.max(regions.last().map_or(0, |region| region.offset + region.length));
        let end = end.min(size);
        if start < end {
            regions.push(ByteRange { offset: start, length: end - start });
        }
    }
    regions
}

/// A filesystem that linflow can mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superblock {
    /// Its type; ext2 and ext3 count as ext4, whose driver mounts them.
    pub fs_type: FsType,
    /// Its identity.
    pub uuid: FsUuid,
    /// Whether it has linflow's mark.
    pub is_marked: bool,
    /// Whether ext4 says that it was not unmounted cleanly or has errors. xfs replays its log when it is mounted.
    pub needs_check: bool,
    /// The bytes that it fills from the device's first on.
    pub bytes: u64,
    /// The bytes by which a device must be larger before ext4 makes use of them: a last block group that could hold
    /// little but its own tables is left out. One block where that group is there already, and for xfs.
    pub least_growth: u64,
}

impl Superblock {
    /// Whether the filesystem would grow on a device of that many bytes.
    pub fn can_grow_to(&self, device: u64) -> bool {
        device >= self.bytes.saturating_add(self.least_growth)
    }
}

/// What is on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Zeros in every region.
    Blank,
    /// An ext4 or xfs filesystem, whosever.
    Filesystem(Superblock),
    /// Anything else, by its name.
    Foreign(&'static str),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => f.write_str("nothing"),
            Self::Filesystem(Superblock { fs_type, uuid, is_marked: true, .. }) => {
                write!(f, "{fs_type} {uuid}, labelled {MARK}")
            }
            Self::Filesystem(Superblock { fs_type, uuid, .. }) => write!(f, "{fs_type} {uuid}, not labelled {MARK}"),
            Self::Foreign(name) => f.write_str(name),
        }
    }
}

/// Names what the regions hold; `contents` are the imprints of [`regions`], in their order.
pub fn identify(contents: &[Imprint]) -> Found {
    let first = contents.first();
    match (first.and_then(ext_superblock), first.and_then(xfs_superblock)) {
        (Some(_), Some(_)) => Found::Foreign("an ext and an xfs superblock at once"),
        (Some(superblock), None) | (None, Some(superblock)) => Found::Filesystem(superblock),
        (None, None) if contents.iter().all(Imprint::is_zero) => Found::Blank,
        (None, None) => Found::Foreign(first.and_then(signature).unwrap_or("data of an unknown kind")),
    }
}

/// ext4's superblock: 1 KiB in, numbers little-endian (kernel documentation, "ext4 Data Structures").
fn ext_superblock(device: &Imprint) -> Option<Superblock> {
    let block = device.bytes(1024, 1024)?;
    if block[0x38..0x3a] != [0x53, 0xef] {
        return None;
    }
    let state = u16::from_le_bytes([block[0x3a], block[0x3b]]);
    let (is_clean, has_errors) = (state & 1 != 0, state & 2 != 0);
    let (bytes, least_growth) = ext_size(block);
    Some(Superblock {
        fs_type: FsType::Ext4,
        uuid: uuid(&block[0x68..0x78]),
        is_marked: is_mark(&block[0x78..0x88]),
        needs_check: !is_clean || has_errors,
        bytes,
        least_growth,
    })
}

/// The bytes of an ext4 filesystem, and the least by which it can grow. Where it ends with a whole block group, mkfs
/// and resize2fs start another one only if 50 blocks are left in it beside its tables and, perhaps, a copy of the
/// superblock and of all descriptors.
fn ext_size(block: &[u8]) -> (u64, u64) {
    let short = |at: usize| u64::from(u16::from_le_bytes([block[at], block[at + 1]]));
    let long = |at: usize| short(at) | short(at + 2) << 16;
    // At most 64 KiB, whatever is written there.
    let block_bytes = KIB << block[0x18].min(6);
    let (blocks, per_group) = (long(0x04) | long(0x150) << 32, long(0x20).max(1));
    let is_whole = blocks.saturating_sub(long(0x14)) % per_group == 0;
    let inode_tables = (long(0x28) * short(0x58)).div_ceil(block_bytes);
    // The descriptor of a group has 32 bytes, or 64.
    let descriptors = (blocks / per_group + 2).saturating_mul(64).div_ceil(block_bytes);
    let least = if is_whole { 2 + inode_tables + 1 + descriptors + short(0xce) + 50 } else { 1 };
    (blocks.saturating_mul(block_bytes), least.saturating_mul(block_bytes))
}

/// xfs's superblock: at the start ("XFS Algorithms & Data Structures", 3rd edition, chapter 10).
fn xfs_superblock(device: &Imprint) -> Option<Superblock> {
    let block = device.bytes(0, 512)?;
    block.starts_with(b"XFSB").then(|| Superblock {
        fs_type: FsType::Xfs,
        uuid: uuid(&block[32..48]),
        is_marked: is_mark(&block[108..120]),
        needs_check: false,
        bytes: xfs_bytes(block),
        least_growth: u64::from(big_endian(block, 4)),
    })
}

/// sb_dblocks times sb_blocksize; xfs writes its numbers big-endian.
fn xfs_bytes(block: &[u8]) -> u64 {
    let blocks = u64::from(big_endian(block, 8)) << 32 | u64::from(big_endian(block, 12));
    blocks.saturating_mul(u64::from(big_endian(block, 4)))
}

fn big_endian(block: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
}

fn uuid(bytes: &[u8]) -> FsUuid {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
    FsUuid::parse(&text).expect("16 bytes written as 8-4-4-4-12 hex digits are a UUID")
}

fn is_mark(label: &[u8]) -> bool {
    label.split(|byte| *byte == 0).next() == Some(MARK.as_bytes())
}

/// (name, offset, magic), the more telling first. For messages only: whatever is not zero is foreign.
const SIGNATURES: [(&str, usize, &[u8]); 8] = [
    ("a LUKS header", 0, b"LUKS\xba\xbe"),
    ("an LVM physical volume", 512, b"LABELONE"),
    ("swap space", 4086, b"SWAPSPACE2"),
    ("a btrfs filesystem", 0x10040, b"_BHRfS_M"),
    ("an MD RAID member", 4096, b"\xfc\x4e\x2b\xa9"),
    ("a ReiserFS filesystem", 0x10034, b"ReIsEr"),
    ("a GPT partition table", 512, b"EFI PART"),
    ("a boot sector or MBR partition table", 510, b"\x55\xaa"),
];

fn signature(device: &Imprint) -> Option<&'static str> {
    let known = SIGNATURES.iter().find(|(_, offset, magic)| device.bytes(*offset, magic.len()) == Some(magic));
    known.map(|(name, ..)| *name)
}

#[cfg(test)]
#[path = "probe/tests.rs"]
mod tests;
