//! When a device may be formatted: the one decision that could lose data, without I/O.
//!
//! | `formatted` record | identity and mark | blank, foreign or half-made |
//! | --- | --- | --- |
//! | unset | write the record, mount | wipe, mkfs, mark, write the record, mount |
//! | set | mount | refuse: data is missing |
//! | no identity known (static volume) | mount what is there | refuse |
//!
//! Half-made is a filesystem with our identity and without the mark, which is set after mkfs has finished and was
//! flushed.

use std::{future::Future, path::Path};

use super::{
    Error,
    probe::{Found, Superblock},
};
use crate::volume::filesystem::{FsType, FsUuid};

/// The volume's `formatted` record could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the record is out of reach")]
pub struct FormatRecordError {
    /// Why, in the words of whoever keeps the record.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Where it is kept that a volume was formatted: LINSTOR's key-value store in production.
pub trait FormatRecord: Send + Sync {
    /// The identity that the volume was formatted with, read live; `None` where it never was.
    fn read(&self) -> impl Future<Output = Result<Option<FsUuid>, FormatRecordError>> + Send;

    /// Records the identity. The caller reads it back.
    fn write(&self, uuid: &FsUuid) -> impl Future<Output = Result<(), FormatRecordError>> + Send;
}

/// What a volume's filesystem is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The device, for messages.
    pub device: &'a Path,
    /// The filesystem asked for.
    pub fs_type: FsType,
    /// The identity that the volume was given.
    pub uuid: &'a FsUuid,
    /// Whether nothing may be written to the device.
    pub is_read_only: bool,
}

/// What to do before the mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Nothing.
    Mount {
        /// Whether the filesystem says that it was not left clean.
        needs_check: bool,
    },
    /// Write the record: an earlier stage was cut between the mark and the record.
    RecordThenMount {
        /// Whether the filesystem says that it was not left clean.
        needs_check: bool,
    },
    /// Wipe, make the filesystem, mark it, write the record.
    Format,
}

/// Decides for a volume whose identity is known.
pub fn decide(found: &Found, recorded: Option<&FsUuid>, wanted: &Wanted<'_>) -> Result<Plan, Error> {
    if let Some(recorded) = recorded.filter(|recorded| *recorded != wanted.uuid) {
        return Err(Error::RecordDiffers { expected: wanted.uuid.clone(), recorded: recorded.clone() });
    }
    let (device, found_there) = (wanted.device.to_owned(), found.clone());
    match (found, recorded) {
        (Found::Filesystem(ours), _) if ours.is_marked && ours.uuid == *wanted.uuid => {
            let needs_check = ours.needs_check && !wanted.is_read_only;
            match recorded {
                _ if ours.fs_type != wanted.fs_type => {
                    Err(Error::OtherFilesystem { device, is: ours.fs_type, wanted: wanted.fs_type })
                }
                Some(_) => Ok(Plan::Mount { needs_check }),
                None => Ok(Plan::RecordThenMount { needs_check }),
            }
        }
        (_, Some(uuid)) => Err(Error::DataMissing { device, uuid: uuid.clone(), found: found_there }),
        (_, None) if wanted.is_read_only => {
            Err(Error::NothingToMount { device, found: found_there, reason: "it is read-only and was never written" })
        }
        (_, None) => Ok(Plan::Format),
    }
}

/// Decides for a volume whose identity is not known: the filesystem that is there is mounted, whatever was asked for.
pub fn decide_static<'a>(found: &'a Found, device: &Path) -> Result<&'a Superblock, Error> {
    match found {
        Found::Filesystem(superblock) => Ok(superblock),
        Found::Blank | Found::Foreign(_) => Err(Error::NothingToMount {
            device: device.to_owned(),
            found: found.clone(),
            reason: "it was not created by linflow; make an ext4 or xfs filesystem on it by hand",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uuid(byte: u8) -> FsUuid {
        FsUuid::from_random([byte; 16])
    }

    fn filesystem(fs_type: FsType, owner: u8, is_marked: bool) -> Found {
        let (bytes, least_growth) = (1 << 30, 4096);
        Found::Filesystem(Superblock { fs_type, uuid: uuid(owner), is_marked, needs_check: true, bytes, least_growth })
    }

    fn unfinished() -> [Found; 5] {
        [
            Found::Blank,
            Found::Foreign("swap space"),
            filesystem(FsType::Ext4, 2, true),
            filesystem(FsType::Xfs, 2, false),
            filesystem(FsType::Ext4, 1, false),
        ]
    }

    fn decide_for(found: &Found, recorded: Option<u8>, is_read_only: bool) -> Result<Plan, Error> {
        let (ours, recorded) = (uuid(1), recorded.map(uuid));
        let wanted = Wanted { device: Path::new("/dev/x"), fs_type: FsType::Ext4, uuid: &ours, is_read_only };
        decide(found, recorded.as_ref(), &wanted)
    }

    #[test]
    fn a_finished_filesystem_of_ours_is_mounted_and_recorded_where_it_was_not() {
        let ours = filesystem(FsType::Ext4, 1, true);
        assert_eq!(decide_for(&ours, Some(1), false).unwrap(), Plan::Mount { needs_check: true });
        assert_eq!(decide_for(&ours, None, false).unwrap(), Plan::RecordThenMount { needs_check: true });
        assert_eq!(decide_for(&ours, Some(1), true).unwrap(), Plan::Mount { needs_check: false });
    }

    #[test]
    fn what_is_not_finished_is_formatted_only_while_nothing_is_recorded() {
        for found in unfinished() {
            assert_eq!(decide_for(&found, None, false).unwrap(), Plan::Format, "{found}");
            assert!(matches!(decide_for(&found, Some(1), false), Err(Error::DataMissing { .. })), "{found}");
        }
    }

    #[test]
    fn a_read_only_volume_is_never_formatted() {
        for found in unfinished() {
            assert!(matches!(decide_for(&found, None, true), Err(Error::NothingToMount { .. })), "{found}");
        }
    }

    #[test]
    fn another_filesystem_than_asked_for_is_neither_mounted_nor_overwritten() {
        for recorded in [None, Some(1)] {
            let decided = decide_for(&filesystem(FsType::Xfs, 1, true), recorded, false);
            assert!(matches!(decided, Err(Error::OtherFilesystem { is: FsType::Xfs, .. })));
        }
    }

    #[test]
    fn a_record_of_another_identity_stops_everything() {
        for found in unfinished().into_iter().chain([filesystem(FsType::Ext4, 1, true)]) {
            assert!(matches!(decide_for(&found, Some(2), false), Err(Error::RecordDiffers { .. })), "{found}");
        }
    }

    #[test]
    fn a_static_volume_is_mounted_as_what_it_is_and_never_formatted() {
        let device = Path::new("/dev/x");
        assert_eq!(decide_static(&filesystem(FsType::Xfs, 9, false), device).unwrap().fs_type, FsType::Xfs);
        for found in [Found::Blank, Found::Foreign("a LUKS header")] {
            assert!(matches!(decide_static(&found, device), Err(Error::NothingToMount { .. })));
        }
    }
}
