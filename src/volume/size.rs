//! How large a volume is made: CSI asks in bytes and a range, LINSTOR counts in KiB.

use super::filesystem::FsType;

/// What a volume gets whose caller names no size: 1 GiB.
pub const DEFAULT_BYTES: u64 = 1 << 30;

/// The smallest volume without a filesystem, in bytes. LINSTOR can't delete one of 1 KiB again.
pub const MIN_BYTES: u64 = 4 << 10;

/// The largest volume in KiB: "Valid sizes range from 4 to 1099511627776" (LINSTOR's answer to another size).
const MAX_KIB: u64 = 1 << 40;

/// Bytes of a KiB, in which LINSTOR counts.
pub(super) const KIB: u64 = 1 << 10;

/// A capacity range that no volume can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// CSI forbids negative values.
    #[error("{field} is {bytes}; a size can't be negative")]
    Negative {
        /// `required_bytes` or `limit_bytes`.
        field: &'static str,
        /// The value that was sent.
        bytes: i64,
    },
    /// CSI wants one of the two wherever it sends a range.
    #[error("capacity_range names neither required_bytes nor limit_bytes; give one of them or leave the range out")]
    Empty,
    /// The range holds no size.
    #[error("limit_bytes {limit} is below required_bytes {required}; raise the limit")]
    LimitBelowRequired {
        /// Bytes that the caller needs.
        required: u64,
        /// Bytes that the caller allows.
        limit: u64,
    },
    /// The range holds no size that LINSTOR (whole KiB) or the filesystem (a minimum) can have.
    #[error("no volume fits: it takes {needed} bytes at least ({reason}), and limit_bytes is {limit}; raise the limit")]
    LimitTooSmall {
        /// Bytes of the smallest volume.
        needed: u64,
        /// Bytes that the caller allows.
        limit: u64,
        /// Why it can't be smaller.
        reason: &'static str,
    },
    /// More than LINSTOR can make.
    #[error("no volume has {needed} bytes: LINSTOR's largest has 1 PiB; ask for less")]
    TooLarge {
        /// Bytes of the volume that was asked for.
        needed: u64,
    },
}

impl std::fmt::Display for CapacityRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.required, self.limit) {
            (required, 0) => write!(f, "at least {required} bytes"),
            (required, limit) => write!(f, "{required} to {limit} bytes"),
        }
    }
}

/// A range as CSI sends it (spec, CapacityRange), in bytes; 0 means not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapacityRange {
    required: u64,
    limit: u64,
}

impl CapacityRange {
    /// Checks the two numbers of a range that was sent.
    pub fn parse(required: i64, limit: i64) -> Result<Self, SizeError> {
        let unsigned = |field, bytes: i64| u64::try_from(bytes).map_err(|_| SizeError::Negative { field, bytes });
        let (required, limit) = (unsigned("required_bytes", required)?, unsigned("limit_bytes", limit)?);
        match (required, limit) {
            (0, 0) => Err(SizeError::Empty),
            (_, 1..) if limit < required => Err(SizeError::LimitBelowRequired { required, limit }),
            _ => Ok(Self { required, limit }),
        }
    }

    /// The range of a caller that sent none.
    pub fn any() -> Self {
        Self { required: 0, limit: 0 }
    }

    /// The size to create, in KiB: what is required, rounded up to whole KiB and to what the filesystem needs.
    pub fn choose_kib(self, fs_type: Option<FsType>) -> Result<u64, SizeError> {
        let (floor, reason) = match fs_type {
            Some(FsType::Xfs) => (FsType::Xfs.min_bytes(), "mkfs.xfs makes none below 300 MiB"),
            Some(FsType::Ext4) => (FsType::Ext4.min_bytes(), "ext4 needs 2 MiB for its journal"),
            None => (MIN_BYTES, "LINSTOR handles none below 4 KiB"),
        };
        let wanted = match (self.required, self.limit) {
            (0, 0) => DEFAULT_BYTES,
            (0, limit) => DEFAULT_BYTES.min(limit / KIB * KIB),
            (required, _) => required,
        };
        let kib = wanted.max(floor).div_ceil(KIB);
        let needed = kib.saturating_mul(KIB);
        if kib > MAX_KIB {
            return Err(SizeError::TooLarge { needed });
        }
        if self.limit != 0 && needed > self.limit {
            let reason = if wanted >= floor { "whole KiB" } else { reason };
            return Err(SizeError::LimitTooSmall { needed, limit: self.limit, reason });
        }
        Ok(kib)
    }

    /// The size of a volume after growth, in KiB: the one it has where that is enough. "If a volume … is already larger
    /// than or equal to the target capacity …, the plugin SHOULD reply 0 OK" (CSI, ControllerExpandVolume), unless the
    /// caller forbids so much.
    pub fn grow_kib(self, is_kib: u64) -> Result<u64, SizeError> {
        let needed = is_kib.saturating_mul(KIB);
        match (self.required, self.limit) {
            (required, _) if required > needed => self.choose_kib(None),
            (_, limit) if limit != 0 && needed > limit => {
                Err(SizeError::LimitTooSmall { needed, limit, reason: "it has them already and never shrinks" })
            }
            _ => Ok(is_kib),
        }
    }

    /// The range of exactly that size or more, in KiB.
    pub(super) fn of_kib(kib: u64) -> Self {
        Self { required: kib.saturating_mul(KIB), limit: 0 }
    }

    /// The size of a copy, in KiB: its source's, or more where that is required.
    pub fn copy_kib(self, source_kib: u64) -> Result<u64, SizeError> {
        self.grow_kib(source_kib).map_err(|error| match error {
            SizeError::LimitTooSmall { needed, limit, .. } if self.required <= source_kib.saturating_mul(KIB) => {
                SizeError::LimitTooSmall { needed, limit, reason: "its source has them" }
            }
            other => other,
        })
    }

    /// The bytes that the caller needs; 0: none were named.
    pub fn required(self) -> u64 {
        self.required
    }

    /// Would a volume of that many bytes do?
    pub fn holds(self, bytes: u64) -> bool {
        bytes >= self.required && (self.limit == 0 || bytes <= self.limit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_negative_an_empty_and_a_crossed_range_are_refused() {
        assert!(matches!(CapacityRange::parse(-1, 0), Err(SizeError::Negative { field: "required_bytes", .. })));
        assert!(matches!(CapacityRange::parse(0, -5), Err(SizeError::Negative { field: "limit_bytes", .. })));
        assert_eq!(CapacityRange::parse(0, 0), Err(SizeError::Empty));
        assert!(matches!(CapacityRange::parse(10, 9), Err(SizeError::LimitBelowRequired { .. })));
    }

    #[test]
    fn xfs_is_rounded_up_to_300_mib_within_the_limit() {
        let small = CapacityRange::parse(16 << 20, 0).unwrap();
        assert_eq!(small.choose_kib(Some(FsType::Xfs)), Ok(300 << 10));
        let tight = CapacityRange::parse(16 << 20, 32 << 20).unwrap();
        assert!(matches!(tight.choose_kib(Some(FsType::Xfs)), Err(SizeError::LimitTooSmall { .. })));
        assert_eq!(tight.choose_kib(Some(FsType::Ext4)), Ok(16 << 10));
    }

    #[test]
    fn a_volume_grows_to_what_is_required_and_never_shrinks() {
        let range = |required, limit| CapacityRange::parse(required, limit).unwrap();
        assert_eq!(range(8 << 20, 0).grow_kib(4 << 10), Ok(8 << 10));
        assert_eq!(range((8 << 20) + 1, 0).grow_kib(4 << 10), Ok((8 << 10) + 1));
        for smaller in [range(1 << 20, 0), range(4 << 20, 4 << 20), range(0, 1 << 30)] {
            assert_eq!(smaller.grow_kib(4 << 10), Ok(4 << 10));
        }
        assert!(matches!(range(0, 1 << 20).grow_kib(4 << 10), Err(SizeError::LimitTooSmall { .. })));
        assert!(matches!(range(5000, 5001).grow_kib(4), Err(SizeError::LimitTooSmall { needed: 5120, .. })));
    }

    #[test]
    fn who_names_no_size_gets_one_gib_or_the_limit() {
        assert_eq!(CapacityRange::any().choose_kib(None), Ok(1 << 20));
        assert_eq!(CapacityRange::parse(0, 8 << 20).unwrap().choose_kib(None), Ok(8 << 10));
    }

    #[test]
    fn a_volume_is_at_most_as_large_as_linstor_makes_one() {
        let largest = i64::try_from(MAX_KIB * KIB).unwrap();
        assert_eq!(CapacityRange::parse(largest, 0).unwrap().choose_kib(None), Ok(MAX_KIB));
        let larger = CapacityRange::parse(largest + 1, 0).unwrap();
        assert!(matches!(larger.choose_kib(None), Err(SizeError::TooLarge { .. })));
    }

    proptest! {
        #[test]
        fn the_chosen_size_is_never_below_what_is_required_nor_above_the_limit(required in 0..i64::MAX / 2, room in 0..i64::MAX / 2) {
            prop_assume!(required + room > 0);
            let range = CapacityRange::parse(required, required + room).unwrap();
            if let Ok(kib) = range.choose_kib(None) {
                prop_assert!(range.holds(kib * KIB));
            }
        }
    }
}
