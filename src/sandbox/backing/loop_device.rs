//! One loop device: attach, size, caches, who has it open, detach.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, PosixFadviseAdvice, posix_fadvise},
};

use super::command::run;

/// How long the kernel may take to show what losetup has done.
const SETTLE: Duration = Duration::from_secs(5);
/// Between two looks at a condition that the kernel tells nobody about.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// What became of a device that was told to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detached {
    /// It is free.
    Gone,
    /// Somebody has it open; the kernel detaches it at the last close.
    AtLastClose,
}

/// A loop device and the file that it was attached to.
#[derive(Debug, Clone)]
pub(super) struct LoopDevice {
    name: String,
    file: PathBuf,
}

impl LoopDevice {
    /// Attaches a free loop device to `file` and waits until it shows the file's size.
    pub(super) fn attach(file: &Path) -> io::Result<Self> {
        let node = run("losetup", ["-f".as_ref(), "--show".as_ref(), file.as_os_str()])?;
        let name = node.strip_prefix("/dev/").ok_or_else(|| io::Error::other(format!("losetup named {node:?}")))?;
        let device = Self { name: name.to_owned(), file: file.to_owned() };
        // The kernel keeps a read-only mark of the device's last user.
        let settled =
            fs::metadata(file).and_then(|meta| device.await_size(meta.len())).and_then(|()| device.unprotect());
        if let Err(error) = settled {
            device.detach()?;
            return Err(error);
        }
        Ok(device)
    }

    /// Every attached loop device of the machine. A deleted file's name ends in ` (deleted)`.
    pub(super) fn list() -> io::Result<Vec<Self>> {
        let mut devices = Vec::new();
        for entry in fs::read_dir("/sys/block")? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if let Some(file) = backing_file(&name)? {
                devices.push(Self { name, file });
            }
        }
        Ok(devices)
    }

    /// `/dev/loopN`.
    pub(super) fn node(&self) -> String {
        format!("/dev/{}", self.name)
    }

    /// The file that it was attached to.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Is it mounted or held exclusively? The kernel's claim on a block device is one for the whole machine, so mounts
    /// in other namespaces count. A bind mount of the device node and a plain open(2) make no claim and are not seen.
    ///
    /// The question itself makes the claim for some microseconds: a mount at that very moment is told EBUSY.
    pub(super) fn is_open(&self) -> io::Result<bool> {
        match OpenOptions::new().read(true).custom_flags(OFlag::O_EXCL.bits()).open(self.node()) {
            Ok(_) => Ok(false),
            Err(error) if error.kind() == ErrorKind::ResourceBusy => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Does it refuse writes?
    pub(super) fn is_read_only(&self) -> io::Result<bool> {
        Ok(fs::read_to_string(format!("/sys/block/{}/ro", self.name))?.trim() == "1")
    }

    /// Refuses writes and read-write mounts from now on; a filesystem that is mounted read-write goes on writing.
    pub(super) fn write_protect(&self) -> io::Result<()> {
        self.flush()?;
        run("blockdev", ["--setro", &self.node()]).map(drop)
    }

    /// Allows writes.
    pub(super) fn unprotect(&self) -> io::Result<()> {
        run("blockdev", ["--setrw", &self.node()]).map(drop)
    }

    /// Takes over a new size of the file.
    pub(super) fn refresh_size(&self) -> io::Result<()> {
        run("losetup", ["-c", &self.node()])?;
        self.await_size(fs::metadata(&self.file)?.len())
    }

    /// Writes what was written to the device, and is still in its cache, to the file. A mounted filesystem is not
    /// synced: what it has not written yet would be lost with its node, too.
    pub(super) fn flush(&self) -> io::Result<()> {
        self.open()?.sync_all()
    }

    /// Forgets the device's clean cached pages, so that the next read sees the file.
    pub(super) fn drop_cache(&self) -> io::Result<()> {
        Ok(posix_fadvise(self.open()?, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?)
    }

    /// An opener of it: as long as it is there, the device stays attached, also one that is to go at its last close.
    /// None where it is gone already.
    pub(super) fn hold(&self) -> io::Result<Option<File>> {
        match self.open() {
            Ok(hold) => Ok(self.is_attached()?.then_some(hold)),
            // Being detached at this moment, or without a node any more.
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Detaches it. One that is gone already, or that now serves another file, is left alone.
    pub(super) fn detach(&self) -> io::Result<Detached> {
        if !self.is_attached()? {
            return Ok(Detached::Gone);
        }
        let was_open = self.is_open()?;
        if !was_open && self.is_read_only()? {
            // The mark would outlive us and surprise the device's next user.
            self.unprotect()?;
        }
        run("losetup", ["-d", &self.node()])?;
        if was_open {
            return Ok(Detached::AtLastClose);
        }
        match await_condition(|| Ok(!self.is_attached()?)) {
            Err(error) if error.kind() == ErrorKind::TimedOut => Ok(Detached::AtLastClose),
            outcome => outcome.map(|()| Detached::Gone),
        }
    }

    fn is_attached(&self) -> io::Result<bool> {
        let Some(now) = backing_file(&self.name)? else { return Ok(false) };
        let mut deleted = self.file.clone().into_os_string();
        deleted.push(" (deleted)");
        Ok(now == self.file || now.as_os_str() == deleted)
    }

    fn await_size(&self, bytes: u64) -> io::Result<()> {
        await_condition(|| match self.open().and_then(|mut device| device.seek(SeekFrom::End(0))) {
            Ok(size) => Ok(size == bytes),
            // Without udev the node may come a little after the device.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        })
        .map_err(|error| io::Error::new(error.kind(), format!("{} with {bytes} bytes: {error}", self.node())))
    }

    fn open(&self) -> io::Result<File> {
        File::open(self.node())
    }
}

fn backing_file(name: &str) -> io::Result<Option<PathBuf>> {
    match fs::read_to_string(format!("/sys/block/{name}/loop/backing_file")) {
        Ok(text) => Ok(Some(PathBuf::from(text.trim_end_matches('\n')))),
        // A loop device detached while it is being read answers ENXIO, ENODEV or an empty folder.
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::ENOENT | Errno::ENXIO | Errno::ENODEV))
}

pub(super) fn await_condition(mut is_met: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let deadline = Instant::now() + SETTLE;
    while !is_met()? {
        if Instant::now() >= deadline {
            return Err(io::Error::new(ErrorKind::TimedOut, format!("not there after {SETTLE:?}")));
        }
        thread::park_timeout(LOOK_AGAIN);
    }
    Ok(())
}
