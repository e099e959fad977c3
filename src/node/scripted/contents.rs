//! The bytes of a played device, and what mkfs and its kin do to them.

use std::collections::BTreeMap;

use crate::{
    node::{host::ByteRange, imprint::Imprint},
    volume::filesystem::{FsType, FsUuid},
};

const PAGE: u64 = 4096;

/// Where ext4 keeps its state: bit 0 means clean.
pub const EXT4_STATE: u64 = 1024 + 0x3a;

/// A device's bytes: as read and written, and as they would be after a loss of power.
#[derive(Debug, Default)]
pub struct Contents {
    current: BTreeMap<u64, Vec<u8>>,
    flushed: BTreeMap<u64, Vec<u8>>,
}

impl Contents {
    pub fn read(&self, range: &ByteRange) -> Vec<u8> {
        let end = range.offset + range.length;
        let mut bytes = vec![0; range.length as usize];
        for (page, data) in self.current.range(range.offset / PAGE..end.div_ceil(PAGE)) {
            let (from, to) = (range.offset.max(page * PAGE), end.min((page + 1) * PAGE));
            let wanted = &data[(from - page * PAGE) as usize..(to - page * PAGE) as usize];
            bytes[(from - range.offset) as usize..(to - range.offset) as usize].copy_from_slice(wanted);
        }
        bytes
    }

    pub fn imprint(&self, range: &ByteRange) -> Imprint {
        let bytes = self.read(range);
        Imprint::read(bytes.as_slice(), range.length).expect("as many bytes were read as the range has")
    }

    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        for (at, byte) in (offset..).zip(bytes) {
            let page = self.current.entry(at / PAGE).or_insert_with(|| vec![0; PAGE as usize]);
            page[(at % PAGE) as usize] = *byte;
        }
    }

    pub fn wipe(&mut self, range: &ByteRange) {
        let end = range.offset + range.length;
        let touched: Vec<u64> =
            self.current.range(range.offset / PAGE..end.div_ceil(PAGE)).map(|(page, _)| *page).collect();
        for page in touched {
            let (from, to) = (range.offset.max(page * PAGE), end.min((page + 1) * PAGE));
            self.write(from, &vec![0; (to - from) as usize]);
        }
    }

    pub fn flush(&mut self) {
        self.current.retain(|_, page| page.iter().any(|byte| *byte != 0));
        self.flushed = self.current.clone();
    }

    pub fn lose_unflushed(&mut self) {
        self.current = self.flushed.clone();
    }

    pub fn pages(&self) -> BTreeMap<u64, Vec<u8>> {
        self.current.clone().into_iter().filter(|(_, page)| page.iter().any(|byte| *byte != 0)).collect()
    }

    pub fn make_filesystem(&mut self, fs_type: FsType, uuid: &FsUuid, size: u64) {
        let identity = bytes_of(uuid);
        match fs_type {
            FsType::Ext4 => {
                self.write(1024 + 0x38, &[0x53, 0xef]);
                self.write(EXT4_STATE, &[1]);
                self.write(1024 + 0x68, &identity);
            }
            FsType::Xfs => {
                self.write(0, b"XFSB");
                self.write(32, &identity);
            }
        }
        self.set_size(fs_type, size);
        self.set_label(fs_type, "");
    }

    /// The superblock's size: blocks of 4 KiB, none left over. ext4's groups hold 32768 of them, of which 512 are inode
    /// tables.
    pub fn set_size(&mut self, fs_type: FsType, size: u64) {
        let blocks = size / PAGE;
        match fs_type {
            FsType::Ext4 => {
                let halves = blocks.to_le_bytes();
                self.write(1024 + 0x04, &halves[..4]);
                self.write(1024 + 0x150, &halves[4..]);
                self.write(1024 + 0x18, &2_u32.to_le_bytes());
                self.write(1024 + 0x20, &32768_u32.to_le_bytes());
                self.write(1024 + 0x28, &8192_u32.to_le_bytes());
                self.write(1024 + 0x58, &256_u16.to_le_bytes());
            }
            FsType::Xfs => {
                self.write(4, &4096_u32.to_be_bytes());
                self.write(8, &blocks.to_be_bytes());
            }
        }
    }

    /// The bytes that the superblock tells.
    pub fn filesystem_bytes(&self, fs_type: FsType) -> u64 {
        let number = |offset, length| self.read(&ByteRange { offset, length });
        let blocks = match fs_type {
            FsType::Ext4 => number(1024 + 0x04, 4).into_iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(byte)),
            FsType::Xfs => number(8, 8).into_iter().fold(0, |sum, byte| sum << 8 | u64::from(byte)),
        };
        blocks * PAGE
    }

    pub fn set_label(&mut self, fs_type: FsType, label: &str) {
        let (offset, length) = match fs_type {
            FsType::Ext4 => (1024 + 0x78, 16),
            FsType::Xfs => (108, 12),
        };
        let mut field = label.as_bytes().to_vec();
        field.resize(length, 0);
        self.write(offset, &field);
    }

    /// Whether the kernel would find a filesystem of this type.
    pub fn has_filesystem(&self, fs_type: FsType) -> bool {
        let (offset, magic): (u64, &[u8]) = match fs_type {
            FsType::Ext4 => (1024 + 0x38, &[0x53, 0xef]),
            FsType::Xfs => (0, b"XFSB"),
        };
        self.read(&ByteRange { offset, length: magic.len() as u64 }) == magic
    }
}

fn bytes_of(uuid: &FsUuid) -> Vec<u8> {
    let digits = uuid.as_str().bytes().filter_map(|digit| char::from(digit).to_digit(16)).collect::<Vec<_>>();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8)).collect()
}
