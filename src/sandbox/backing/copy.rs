//! Copying a sparse file over another one in place.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::fd::AsFd,
};

use nix::{
    errno::Errno,
    fcntl::{FallocateFlags, fallocate},
    unistd::{Whence, lseek},
};

/// Gives `to` the bytes of `from`. Holes stay holes, and the inode stays, so that devices on it do, too. A longer `to`
/// keeps its length, with zeros behind the copy.
pub(super) fn copy_in_place(from: &File, to: &File) -> io::Result<()> {
    let (from_len, to_len) = (from.metadata()?.len(), to.metadata()?.len());
    if to_len > 0 {
        let all = i64::try_from(to_len).map_err(io::Error::other)?;
        fallocate(to, FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, all)?;
    }
    if to_len < from_len {
        to.set_len(from_len)?;
    }
    let mut position = 0;
    while let Some((start, end)) = next_data(from, position)? {
        copy_range(from, to, start, end)?;
        position = end;
    }
    Ok(())
}

/// The next stretch of data at or after `position`; what follows the last one is a hole.
fn next_data(file: &File, position: i64) -> io::Result<Option<(i64, i64)>> {
    match lseek(file.as_fd(), position, Whence::SeekData) {
        Ok(start) => Ok(Some((start, lseek(file.as_fd(), start, Whence::SeekHole)?))),
        Err(Errno::ENXIO) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// std copies between two files with copy_file_range(2), within the kernel.
fn copy_range(mut from: &File, mut to: &File, start: i64, end: i64) -> io::Result<()> {
    let (at, length) = (unsigned(start)?, unsigned(end - start)?);
    from.seek(SeekFrom::Start(at))?;
    to.seek(SeekFrom::Start(at))?;
    if io::copy(&mut from.take(length), &mut to)? < length {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the source shrank while it was copied"));
    }
    Ok(())
}

fn unsigned(offset: i64) -> io::Result<u64> {
    u64::try_from(offset).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileExt, MetadataExt};

    use super::*;

    fn open(path: &std::path::Path) -> File {
        File::options().read(true).write(true).create(true).truncate(false).open(path).unwrap()
    }

    #[test]
    fn holes_stay_holes_and_old_bytes_go() {
        const MIB: u64 = 1 << 20;
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (open(&folder.path().join("from")), open(&folder.path().join("to")));
        from.set_len(64 * MIB).unwrap();
        from.write_all_at(b"first", 3 * MIB).unwrap();
        from.write_all_at(b"last", 64 * MIB - 4).unwrap();
        to.write_all_at(&[7; 4096], 0).unwrap();
        let inode = to.metadata().unwrap().ino();

        copy_in_place(&from, &to).unwrap();

        let copied = std::fs::read(folder.path().join("to")).unwrap();
        assert_eq!(copied, std::fs::read(folder.path().join("from")).unwrap());
        assert_eq!(&copied[3 * MIB as usize..][..5], b"first");
        let meta = to.metadata().unwrap();
        assert_eq!(meta.ino(), inode);
        assert!(meta.blocks() * 512 < MIB, "{} bytes were allocated", meta.blocks() * 512);
    }

    #[test]
    fn a_longer_target_keeps_its_length() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (open(&folder.path().join("from")), open(&folder.path().join("to")));
        from.write_all_at(b"data", 0).unwrap();
        to.write_all_at(&[7; 16], 0).unwrap();
        copy_in_place(&from, &to).unwrap();
        assert_eq!(std::fs::read(folder.path().join("to")).unwrap(), b"data\0\0\0\0\0\0\0\0\0\0\0\0");
    }
}
