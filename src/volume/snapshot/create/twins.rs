//! A CSI name is one snapshot's, whatever its volume; LINSTOR's are unique within one definition only.
//!
//! Why it is done so: docs/adr/0003-snapshots.md.

use crate::volume::snapshot::Taken;

/// Is the name unique by itself? external-snapshotter's end in a UUID. No other volume's snapshot is looked for then.
pub(super) fn is_unique(csi_name: &str) -> bool {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let Some(start) = csi_name.len().checked_sub(36) else { return false };
    let Some(tail) = csi_name.get(start..) else { return false };
    let groups: Vec<&str> = tail.split('-').collect();
    groups.iter().map(|group| group.len()).eq(GROUPS) && groups.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The snapshot of other volumes that has the name by right, being older than these: by LINSTOR's clock, and of one
/// moment by the volumes' names. One that is not taken yet is younger: whoever takes it will see these.
pub(super) fn older<'a>(members: &[Taken], others: &'a [Taken]) -> Option<&'a Taken> {
    let age = |one: &Taken| (one.created_ms.unwrap_or(u64::MAX), one.id.clone());
    let ours = members.iter().map(age).min()?;
    others.iter().find(|other| age(other) < ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::snapshot::SnapshotId;

    fn taken(id: &str, created_ms: Option<u64>) -> Taken {
        Taken {
            id: SnapshotId::parse(id).unwrap(),
            bytes: 4096,
            created_ms,
            is_ready: true,
            nodes: Vec::new(),
            usable_from: Vec::new(),
            is_partial: false,
            group: None,
        }
    }

    #[test]
    fn a_name_that_ends_in_a_uuid_is_unique_and_no_other() {
        for unique in ["snapshot-0f9a1b2c-3d4e-5f60-7182-93a4b5c6d7e8", "0F9A1B2C-3D4E-5F60-7182-93A4B5C6D7E8"] {
            assert!(is_unique(unique), "{unique}");
        }
        for other in [
            "",
            "nightly",
            "0f9a1b2c-3d4e-5f60-7182-93a4b5c6d7e",
            "0f9a1b2c-3d4e-5f60-7182-93a4b5c6d7e8-1",
            "g0000000-3d4e-5f60-7182-93a4b5c6d7e8",
            "0f9a1b2c3-d4e-5f60-7182-93a4b5c6d7e8",
            "名名名名名名名名名名名名",
        ] {
            assert!(!is_unique(other), "{other}");
        }
    }

    #[test]
    fn of_two_that_see_each_other_exactly_one_gives_way() {
        let cases = [(Some(1), Some(2)), (Some(2), Some(1)), (Some(1), Some(1)), (None, Some(1)), (None, None)];
        for (one, other) in cases {
            let (one, other) = (vec![taken("vol-a/snap", one)], vec![taken("vol-b/snap", other)]);
            assert_ne!(older(&one, &other).is_some(), older(&other, &one).is_some());
        }
        assert_eq!(older(&[taken("vol-a/snap", Some(1))], &[taken("vol-b/snap", None)]), None);
    }
}
