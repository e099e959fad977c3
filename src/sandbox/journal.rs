//! A file of changes that is only ever appended to: one line for all that one request changed, synced before the
//! request is answered. A line that was cut off by a kill is dropped at the next start; nobody was told of it.
//!
//! `<checksum> <JSON>\n`, the first line being the header. Once it has grown to several times what it has to say, it is
//! written anew beside itself and renamed.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const FILE: &str = "cluster.journal";
const LOCK: &str = "cluster.lock";
/// What this program reads and writes.
const VERSION: u32 = 1;
/// Below this it is not worth writing anew, bytes.
const SMALL: u64 = 4 << 20;
/// It is written anew when it is so many times as large as it was after that.
const GROWTH: u64 = 3;

/// What a state folder holds, in its first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    version: u32,
    /// Are there files of replicas beside it?
    pub has_bytes: bool,
}

/// Why a state folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The filesystem refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it.
    #[error("{} is used by another sandbox; stop that one, or choose another folder", .0.display())]
    Locked(PathBuf),
    /// It was written by a later version.
    #[error(
        "{} was written by a later version of linflow (format {found}, this one reads {VERSION}); use that version, or \
         choose another folder", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// A line is not what was written there.
    #[error(
        "{} is damaged in line {line}; restore it from a copy, or remove the folder to begin anew (its volumes go with it)",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// There are replicas and no journal.
    #[error("{} holds replicas without {FILE}; choose another folder, or remove this one", .0.display())]
    Orphans(PathBuf),
}

/// An open journal. Its folder is locked until it is dropped.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    header: Header,
    file: File,
    size: u64,
    size_when_new: u64,
    is_broken: bool,
    lock: File,
}

impl Drop for Journal {
    /// To close the file is not enough: a child that is being started holds a copy of it for a moment.
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "the state folder stays locked until this process ends");
        }
    }
}

/// A journal, and what it says; nothing in a new folder.
pub struct Opened<R> {
    /// The journal.
    pub journal: Journal,
    /// Its lines; `None` where it was made just now.
    pub lines: Option<Vec<R>>,
}

impl Journal {
    /// Opens the journal of a folder, or makes it. `has_bytes` is noted in a new one.
    pub fn open<R: DeserializeOwned>(folder: &Path, has_bytes: bool) -> Result<Opened<R>, JournalError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| JournalError::Io { path, source }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let lock = lock(folder)?;
        let path = folder.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&path)(error)),
        };
        let fresh = Header { version: VERSION, has_bytes };
        let (header, lines, size) = match text {
            Some(text) => {
                let read = read::<R>(&path, &text)?;
                (read.header, Some(read.lines), read.size)
            }
            None if holds_folders(folder).map_err(failed(folder))? => {
                return Err(JournalError::Orphans(folder.to_owned()));
            }
            None => (fresh, None, write_anew::<()>(&path, fresh, std::iter::empty()).map_err(failed(&path))?),
        };
        let file = OpenOptions::new().append(true).open(&path).map_err(failed(&path))?;
        // What was cut off goes, or the next line would be glued to it.
        file.set_len(size).map_err(failed(&path))?;
        let journal = Self { path, header, file, size, size_when_new: size, is_broken: false, lock };
        Ok(Opened { journal, lines })
    }

    /// What its folder holds.
    pub fn header(&self) -> Header {
        self.header
    }

    /// Appends a line and makes it durable.
    pub fn append(&mut self, line: &impl Serialize) -> io::Result<()> {
        if self.is_broken {
            return Err(io::Error::other("an earlier change could not be written; restart the sandbox"));
        }
        let line = seal(line)?;
        // Until all of it is on the disk, nothing may be put behind it.
        self.is_broken = true;
        self.file.write_all(line.as_bytes())?;
        self.file.sync_data()?;
        self.is_broken = false;
        self.size += line.len() as u64;
        Ok(())
    }

    /// Has it grown so much that it should be written anew?
    pub fn is_bloated(&self) -> bool {
        self.size > SMALL && self.size > self.size_when_new.saturating_mul(GROWTH)
    }

    /// Replaces it by lines that say the same.
    pub fn rewrite<R: Serialize>(&mut self, lines: impl Iterator<Item = R>) -> io::Result<()> {
        self.size = write_anew(&self.path, self.header, lines)?;
        self.size_when_new = self.size;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        Ok(())
    }
}

fn lock(folder: &Path) -> Result<File, JournalError> {
    let path = folder.join(LOCK);
    let failed = |source| JournalError::Io { path: path.clone(), source };
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(JournalError::Locked(folder.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn holds_folders(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && fs::read_dir(path)?.next().is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes a whole journal, durably and at once; answers its size.
fn write_anew<R: Serialize>(path: &Path, header: Header, lines: impl Iterator<Item = R>) -> io::Result<u64> {
    let beside = path.with_extension("new");
    let mut file = io::BufWriter::new(File::create(&beside)?);
    file.write_all(seal(&header)?.as_bytes())?;
    for line in lines {
        file.write_all(seal(&line)?.as_bytes())?;
    }
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    let size = file.metadata()?.len();
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
    Ok(size)
}

struct Read<R> {
    header: Header,
    lines: Vec<R>,
    /// Up to the last whole line, bytes.
    size: u64,
}

fn read<R: DeserializeOwned>(path: &Path, text: &[u8]) -> Result<Read<R>, JournalError> {
    let damaged = |line| JournalError::Damaged { path: path.to_owned(), line };
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let mut lines = text[..whole].split_inclusive(|byte| *byte == b'\n').zip(1..);
    let first = lines.next().and_then(|(line, _)| unseal(line)).ok_or_else(|| damaged(1))?;
    #[derive(Deserialize)]
    struct Any {
        version: u32,
    }
    let Any { version: found } = serde_json::from_slice(first).map_err(|_| damaged(1))?;
    if found > VERSION {
        return Err(JournalError::Newer { path: path.to_owned(), found });
    }
    let header = serde_json::from_slice(first).map_err(|_| damaged(1))?;
    let parse = |(line, number)| {
        let json = unseal(line).ok_or_else(|| damaged(number))?;
        serde_json::from_slice(json).map_err(|_| damaged(number))
    };
    Ok(Read { header, lines: lines.map(parse).collect::<Result<_, _>>()?, size: whole as u64 })
}

fn seal(line: &impl Serialize) -> io::Result<String> {
    let json = serde_json::to_string(line)?;
    Ok(format!("{:016x} {json}\n", checksum(json.as_bytes())))
}

fn unseal(line: &[u8]) -> Option<&[u8]> {
    let (sum, json) = line.strip_suffix(b"\n")?.split_at_checked(17)?;
    let sum = u64::from_str_radix(std::str::from_utf8(sum).ok()?.strip_suffix(' ')?, 16).ok()?;
    (sum == checksum(json)).then_some(json)
}

/// FNV-1a: notices damage, and is no protection against anybody.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn open(folder: &TempDir) -> Result<Opened<String>, JournalError> {
        Journal::open(folder.path(), false)
    }

    fn with(lines: &[&str]) -> TempDir {
        let folder = TempDir::new().unwrap();
        let mut journal = open(&folder).unwrap().journal;
        lines.iter().for_each(|line| journal.append(&line).unwrap());
        folder
    }

    fn spoil(folder: &TempDir, change: impl FnOnce(&mut Vec<u8>)) {
        let path = folder.path().join(FILE);
        let mut text = fs::read(&path).unwrap();
        change(&mut text);
        fs::write(&path, text).unwrap();
    }

    #[test]
    fn what_was_appended_is_read_again() {
        let folder = with(&["one", "two"]);
        assert_eq!(open(&folder).unwrap().lines.unwrap(), ["one", "two"]);
        assert!(open(&TempDir::new().unwrap()).unwrap().lines.is_none());
    }

    #[test]
    fn a_line_that_was_cut_off_is_dropped_and_the_next_stands_on_its_own() {
        let folder = with(&["one", "two"]);
        spoil(&folder, |text| text.truncate(text.len() - 3));
        let mut opened = open(&folder).unwrap();
        assert_eq!(opened.lines.unwrap(), ["one"]);
        opened.journal.append(&"three").unwrap();
        drop(opened.journal);
        assert_eq!(open(&folder).unwrap().lines.unwrap(), ["one", "three"]);
    }

    #[test]
    fn damage_is_told_with_its_line_and_nothing_is_changed() {
        let folder = with(&["one", "two"]);
        spoil(&folder, |text| {
            let at = text.windows(3).position(|word| word == b"one").unwrap();
            text[at] = b'O';
        });
        assert!(matches!(open(&folder), Err(JournalError::Damaged { line: 2, .. })));
        spoil(&folder, Vec::clear);
        assert!(matches!(open(&folder), Err(JournalError::Damaged { line: 1, .. })));
    }

    #[test]
    fn a_later_format_a_second_process_and_a_foreign_folder_are_refused() {
        let folder = with(&[]);
        let first = open(&folder).unwrap();
        assert!(matches!(open(&folder), Err(JournalError::Locked(_))));
        drop(first);
        spoil(&folder, |text| {
            *text = seal(&serde_json::json!({"version": 2, "has_bytes": false, "more": 1})).unwrap().into_bytes();
        });
        assert!(matches!(open(&folder), Err(JournalError::Newer { found: 2, .. })));
        fs::remove_file(folder.path().join(FILE)).unwrap();
        fs::create_dir_all(folder.path().join("node-1/x")).unwrap();
        assert!(matches!(open(&folder), Err(JournalError::Orphans(_))));
    }

    #[test]
    fn it_is_written_anew_and_goes_on() {
        let folder = with(&["one", "two"]);
        let mut journal = open(&folder).unwrap().journal;
        journal.rewrite(["both"].iter()).unwrap();
        journal.append(&"three").unwrap();
        drop(journal);
        assert_eq!(open(&folder).unwrap().lines.unwrap(), ["both", "three"]);
    }
}
