use super::*;
use proptest::prelude::*;

const UUID: &str = "01020304-0506-0708-090a-0b0c0d0e0f10";

fn ext4(label: &[u8], state: u8) -> Vec<u8> {
    let mut device = vec![0; EDGE as usize];
    device[1024 + 0x38..][..2].copy_from_slice(&[0x53, 0xef]);
    device[1024 + 0x3a] = state;
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
        prop_assert_eq!(identify(&contents), Found::Blank);
        let at = at.index(contents[region].len());
        contents[region][at] = 1;
        prop_assert!(matches!(identify(&contents), Found::Foreign(_)));
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
        let found = identify(&[ext4(label, state)]);
        let uuid = FsUuid::parse(UUID).unwrap();
        assert_eq!(found, Found::Filesystem(Superblock { fs_type: FsType::Ext4, uuid, is_marked, needs_check }));
    }
}

#[test]
fn an_xfs_superblock_tells_identity_and_mark() {
    let mut device = vec![0; EDGE as usize];
    device[..4].copy_from_slice(b"XFSB");
    device[32..48].copy_from_slice(&(1..=16).collect::<Vec<u8>>());
    device[108..115].copy_from_slice(b"linflow");
    let superblock =
        Superblock { fs_type: FsType::Xfs, uuid: FsUuid::parse(UUID).unwrap(), is_marked: true, needs_check: false };
    assert_eq!(identify(std::slice::from_ref(&device)), Found::Filesystem(superblock));

    device[1024 + 0x38..][..2].copy_from_slice(&[0x53, 0xef]);
    assert!(matches!(identify(&[device]), Found::Foreign(_)));
}

#[test]
fn known_foreign_data_is_named() {
    for (name, offset, magic) in SIGNATURES {
        let mut device = vec![0; EDGE as usize];
        device[offset..][..magic.len()].copy_from_slice(magic);
        assert_eq!(identify(&[device]), Found::Foreign(name));
    }
}
