use super::*;
use proptest::prelude::*;

const UUID: &str = "01020304-0506-0708-090a-0b0c0d0e0f10";

/// What is on a device whose regions have these bytes.
fn identify_bytes(regions: &[Vec<u8>]) -> Found {
    let read = |bytes: &Vec<u8>| Imprint::read(bytes.as_slice(), bytes.len() as u64).unwrap();
    identify(&regions.iter().map(read).collect::<Vec<_>>())
}

fn ext4(label: &[u8], state: u8) -> Vec<u8> {
    let mut device = vec![0; EDGE as usize];
    device[1024 + 0x38..][..2].copy_from_slice(&[0x53, 0xef]);
    device[1024 + 0x3a] = state;
    // 5000 blocks of 1 KiB from block 1 on, in groups of 8192.
    device[1024 + 0x04..][..2].copy_from_slice(&5000_u16.to_le_bytes());
    device[1024 + 0x14] = 1;
    device[1024 + 0x20..][..2].copy_from_slice(&8192_u16.to_le_bytes());
    device[1024 + 0x68..][..16].copy_from_slice(&(1..=16).collect::<Vec<u8>>());
    device[1024 + 0x78..][..label.len()].copy_from_slice(label);
    device
}

proptest! {
    #[test]
    fn regions_ascend_within_the_device_and_hold_its_first_and_last_byte(size in prop_oneof![1u64..1 << 22, 1u64..1 << 45]) {
        let regions = regions(size);
        prop_assert_eq!(regions[0].offset, 0);
        let last = regions[regions.len() - 1];
        prop_assert_eq!(last.offset + last.length, size);
        for pair in regions.windows(2) {
            prop_assert!(pair[0].offset + pair[0].length <= pair[1].offset);
        }
        prop_assert!(regions.iter().all(|region| region.length > 0));
    }

    #[test]
    fn a_single_byte_in_any_region_is_never_blank(region in 0usize..9, at in any::<prop::sample::Index>()) {
        let mut contents: Vec<Vec<u8>> = regions(1 << 40).iter().map(|region| vec![0; region.length as usize]).collect();
        prop_assert_eq!(contents.len(), 9);
        prop_assert_eq!(identify_bytes(&contents), Found::Blank);
        let at = at.index(contents[region].len());
        contents[region][at] = 1;
        prop_assert!(matches!(identify_bytes(&contents), Found::Foreign(_)));
    }
}

#[test]
fn an_ext4_superblock_tells_identity_mark_and_state() {
    let cases: [(&[u8], u8, bool, bool); 5] = [
        (b"linflow", 1, true, false),
        (b"linflow", 0, true, true),
        (b"linflow", 3, true, true),
        (b"", 1, false, false),
        (b"linflowX", 1, false, false),
    ];
    for (label, state, is_marked, needs_check) in cases {
        let found = identify_bytes(&[ext4(label, state)]);
        let uuid = FsUuid::parse(UUID).unwrap();
        let (fs_type, bytes, least_growth) = (FsType::Ext4, 5000 << 10, 1 << 10);
        let expected = Superblock { fs_type, uuid, is_marked, needs_check, bytes, least_growth };
        assert_eq!(found, Found::Filesystem(expected));
    }
}

#[test]
fn an_xfs_superblock_tells_identity_and_mark() {
    let mut device = vec![0; EDGE as usize];
    device[..4].copy_from_slice(b"XFSB");
    device[32..48].copy_from_slice(&(1..=16).collect::<Vec<u8>>());
    device[108..115].copy_from_slice(b"linflow");
    device[4..8].copy_from_slice(&4096_u32.to_be_bytes());
    device[8..16].copy_from_slice(&81920_u64.to_be_bytes());
    let superblock = Superblock {
        fs_type: FsType::Xfs,
        uuid: FsUuid::parse(UUID).unwrap(),
        is_marked: true,
        needs_check: false,
        bytes: 320 << 20,
        least_growth: 4096,
    };
    assert_eq!(identify_bytes(std::slice::from_ref(&device)), Found::Filesystem(superblock));

    device[1024 + 0x38..][..2].copy_from_slice(&[0x53, 0xef]);
    assert!(matches!(identify_bytes(&[device]), Found::Foreign(_)));
}

#[test]
fn known_foreign_data_is_named() {
    for (name, offset, magic) in SIGNATURES {
        let mut device = vec![0; EDGE as usize];
        device[offset..][..magic.len()].copy_from_slice(magic);
        assert_eq!(identify_bytes(&[device]), Found::Foreign(name));
    }
}

/// mkfs leaves a last group out that could hold little but its own tables, so such a rest is no reason to grow.
#[test]
fn an_ext4_that_ends_with_a_whole_group_grows_only_where_another_one_has_room() {
    let mut device = ext4(b"linflow", 1);
    let superblock = &mut device[1024..2048];
    superblock[0x04..0x08].copy_from_slice(&65536_u32.to_le_bytes());
    superblock[0x14] = 0;
    superblock[0x18] = 2;
    superblock[0x20..0x24].copy_from_slice(&32768_u32.to_le_bytes());
    superblock[0x28..0x2c].copy_from_slice(&8192_u32.to_le_bytes());
    superblock[0x58..0x5a].copy_from_slice(&256_u16.to_le_bytes());
    superblock[0xce..0xd0].copy_from_slice(&63_u16.to_le_bytes());
    let Found::Filesystem(found) = identify_bytes(&[device]) else { panic!("it is an ext4") };
    assert_eq!(found.bytes, 256 << 20);
    // Two bitmaps, 512 blocks of inodes, the superblock, a block of descriptors, 63 kept for more of them, and 50.
    let needed = (2 + 512 + 1 + 1 + 63 + 50) * 4096;
    assert!(!found.can_grow_to((256 << 20) + needed - 1));
    assert!(found.can_grow_to((256 << 20) + needed));
}

#[test]
fn a_superblock_of_nonsense_is_read_without_harm() {
    let mut device = vec![0xff; EDGE as usize];
    device[1024 + 0x38..][..2].copy_from_slice(&[0x53, 0xef]);
    assert!(matches!(identify_bytes(&[device.clone()]), Found::Filesystem(_)));
    device[1024..2048].fill(0);
    device[1024 + 0x38..][..2].copy_from_slice(&[0x53, 0xef]);
    assert!(matches!(identify_bytes(&[device]), Found::Filesystem(_)));
}
