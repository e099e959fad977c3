//! What DRBD looks like on a node: its device names, and what its error numbers mean.
//!
//! Recorded with DRBD 9.3.3: while another node is primary, mount(2) read-write gives EROFS after 2-3 s and read-only
//! EMEDIUMTYPE at once; without quorum both give ENODATA. blkid and mkfs report the same as for an unformatted device,
//! so only the error numbers of our own calls are believed.

pub mod status;

use crate::linstor::name::ResourceName;
use std::path::{Path, PathBuf};

use super::host::DeviceNumber;

/// The block major number that Linux reserves for DRBD.
pub const MAJOR: u32 = 147;

/// Why DRBD refused to open a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Another node is primary.
    PrimaryElsewhere,
    /// This node has no quorum or no up-to-date data within reach.
    NoQuorum,
}

/// Error numbers of Linux (asm-generic/errno.h) that DRBD answers with.
pub mod errno {
    /// Permission denied.
    pub const EACCES: i32 = 13;
    /// Device or resource busy.
    pub const EBUSY: i32 = 16;
    /// Read-only file system.
    pub const EROFS: i32 = 30;
    /// No data available.
    pub const ENODATA: i32 = 61;
    /// Wrong medium type.
    pub const EMEDIUMTYPE: i32 = 124;
}

/// What an error number of open(2) or mount(2) on a DRBD device means; `None` where it is not DRBD's.
pub fn refusal(error: i32) -> Option<Refusal> {
    match error {
        errno::EROFS | errno::EMEDIUMTYPE | errno::EACCES => Some(Refusal::PrimaryElsewhere),
        errno::ENODATA => Some(Refusal::NoQuorum),
        _ => None,
    }
}

/// The link that udev makes for a volume: `/dev/drbd/by-res/<resource>/<volume>`.
pub fn by_res_link(resource: &ResourceName, volume: u32) -> PathBuf {
    PathBuf::from(format!("/dev/drbd/by-res/{resource}/{volume}"))
}

/// The number that a path of the form `/dev/drbd<minor>` promises; `None` for any other path.
pub fn number_of(path: &Path) -> Option<DeviceNumber> {
    let minor = path.to_str()?.strip_prefix("/dev/drbd")?;
    let is_decimal = !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal.then(|| minor.parse().ok()).flatten().map(|minor| DeviceNumber { major: MAJOR, minor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drbd_path_promises_its_minor() {
        assert_eq!(number_of(Path::new("/dev/drbd1000")), Some(DeviceNumber { major: 147, minor: 1000 }));
        for other in ["/dev/drbd", "/dev/drbd+1", "/dev/drbd/by-res/a/0", "/dev/loop0", "/dev/drbd99999999999"] {
            assert_eq!(number_of(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn the_recorded_error_numbers_are_told_apart() {
        for held in [30, 124, 13] {
            assert_eq!(refusal(held), Some(Refusal::PrimaryElsewhere));
        }
        assert_eq!(refusal(61), Some(Refusal::NoQuorum));
        assert_eq!(refusal(5), None);
    }
}
