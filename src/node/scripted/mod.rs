//! A host that is played, for tests: devices with contents, a mount table, a log, and a script of what goes wrong.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use linflow::node::{Host, host::Operation, scripted::{Fault, ScriptedHost, Step}};
//! let host = ScriptedHost::new();
//! let device = host.add_device("/dev/drbd1000", 64 << 20);
//! host.fail(Step::Host(Operation::Read), Fault::Errno(5));
//! let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(1);
//! assert_eq!(host.read(&device, &[], deadline).await.unwrap_err().errno(), Some(5));
//! # });
//! ```
//!
//! What it plays that a loop device can't: DRBD's refusals while another node is primary or quorum is gone, calls that
//! hang, a process killed before, within or after any call, and power lost before a flush.

mod contents;
mod machine;
mod paths;
mod programs;
mod record;
mod state;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::{Instant, timeout_at};

pub use self::record::ScriptedRecord;
use self::state::State;
use super::host::{BlockDevice, DeviceNumber, HostError, Operation, PathKind, ProgramEnd};
use crate::volume::filesystem::{FsType, FsUuid};

/// One call, as the log and the script name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A call to the host.
    Host(Operation),
    /// [`FormatRecord::read`](super::FormatRecord::read).
    ReadRecord,
    /// [`FormatRecord::write`](super::FormatRecord::write).
    WriteRecord,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Linux answers with this errno, and nothing is done.
    Errno(i32),
    /// There is no answer, and nothing is done.
    Hang,
    /// The program is not run and ends so.
    Program(ProgramEnd),
}

/// At which point of a call the process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing of it was done.
    Before,
    /// Half of it was done: a wipe of some regions, a filesystem that mkfs had not finished.
    Within,
    /// All of it was done, but nobody heard so.
    After,
}

/// Who may open a device, as DRBD sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This node.
    Open,
    /// Another node is primary.
    PrimaryElsewhere,
    /// There is no quorum.
    NoQuorum,
}

/// The played host.
#[derive(Debug, Default)]
pub struct ScriptedHost {
    state: Mutex<State>,
}

impl ScriptedHost {
    /// A machine with the directory `/` and nothing else.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked within a call has failed already; the rest may look at what it left.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a blank device of `size` bytes. A path `/dev/drbd<minor>` gets DRBD's number, any other one of its own.
    pub fn add_device(&self, path: &str, size: u64) -> BlockDevice {
        self.state().add_device(Path::new(path), size)
    }

    /// Adds a link, such as DRBD's by-res link.
    pub fn add_link(&self, link: &str, target: &str) {
        self.state().links.insert(link.into(), target.into());
    }

    /// Puts something at a path; its parents become directories.
    pub fn add_path(&self, path: &str, kind: PathKind) {
        let mut state = self.state();
        let parents = Path::new(path).ancestors().skip(1);
        state.paths.extend(parents.map(|parent| (parent.to_owned(), PathKind::Directory)));
        state.paths.insert(path.into(), kind);
    }

    /// What stands at a path, mounts aside.
    pub fn path(&self, path: &str) -> Option<PathKind> {
        self.state().paths.get(Path::new(path)).copied()
    }

    /// Writes bytes to a device, flushed.
    pub fn write(&self, device: &BlockDevice, offset: u64, bytes: &[u8]) {
        self.state().contents(device.number).write(offset, bytes);
        self.state().contents(device.number).flush();
    }

    /// Another node writes to a device just before the next call of this kind, if DRBD lets it.
    pub fn write_before(&self, step: Step, device: &BlockDevice, offset: u64, bytes: &[u8]) {
        self.state().intrusions.push((step, device.number, offset, bytes.to_vec()));
    }

    /// Puts a filesystem on a device, flushed.
    pub fn put_filesystem(&self, device: &BlockDevice, fs_type: FsType, uuid: &FsUuid, label: &str) {
        let mut state = self.state();
        let size = state.device(device.number).map_or(0, |device| device.size);
        let contents = state.contents(device.number);
        contents.make_filesystem(fs_type, uuid, size);
        contents.set_label(fs_type, label);
        contents.flush();
    }

    /// Gives a device another size; its filesystem stays as it is.
    pub fn set_size(&self, device: &BlockDevice, size: u64) {
        let mut state = self.state();
        let found = state.devices.iter_mut().find(|known| known.node.number == device.number);
        found.expect("a BlockDevice of this host was made by add_device, and none is ever removed").size = size;
    }

    /// The bytes that the superblock of a device's filesystem tells.
    pub fn filesystem_bytes(&self, device: &BlockDevice, fs_type: FsType) -> u64 {
        self.state().contents(device.number).filesystem_bytes(fs_type)
    }

    /// Says of an ext4 filesystem that it was not unmounted cleanly.
    pub fn dirty_ext4(&self, device: &BlockDevice) {
        self.write(device, contents::EXT4_STATE, &[0]);
    }

    /// All bytes of a device that are not zero, by their 4 KiB page: equal for equal contents.
    pub fn pages(&self, device: &BlockDevice) -> BTreeMap<u64, Vec<u8>> {
        self.state().contents(device.number).pages()
    }

    /// The filesystem on a device meets an I/O error and takes no more writes.
    pub fn turn_read_only(&self, device: &BlockDevice) {
        let mut state = self.state();
        let mounts = state.mounts.iter_mut().filter(|mount| mount.entry.device == device.number);
        mounts.for_each(|mount| mount.entry.super_options[0] = "ro".to_owned());
    }

    /// Whether there are too many files to be given to a group in time.
    pub fn set_little_time(&self, has_little_time: bool) {
        self.state().has_little_time = has_little_time;
    }

    /// The group that what is mounted at a path was given to.
    pub fn group_of(&self, path: &str) -> Option<u32> {
        self.state().groups.get(Path::new(path)).copied()
    }

    /// What `drbdsetup status --json` prints; without that the program is missing.
    pub fn set_drbd(&self, output: &str) {
        self.state().drbd = Some(output.to_owned());
    }

    /// Says who may open a device.
    pub fn set_reach(&self, device: &BlockDevice, reach: Reach) {
        self.state().reach.insert(device.number, reach);
    }

    /// Takes a device's lock, as a mkfs that outlived its plugin has it, until the value is dropped.
    pub fn hold_lock(&self, device: &BlockDevice) -> Option<Arc<DeviceNumber>> {
        self.state().try_lock(device.number)
    }

    /// The next call of this kind goes wrong. Several add up, one for each call.
    pub fn fail(&self, step: Step, fault: Fault) {
        self.state().faults.push((step, fault));
    }

    /// Kills the process at the call of this number, counted from 0 from now on; every later call fails.
    pub fn kill_at(&self, call: usize, cut: Cut) {
        let mut state = self.state();
        state.kill = Some((state.log.len() + call, cut));
    }

    /// Whether the process was killed.
    pub fn is_killed(&self) -> bool {
        self.state().is_killed
    }

    /// Starts the process again. Mounts and devices are as they were.
    pub fn restart(&self) {
        let mut state = self.state();
        state.is_killed = false;
        state.kill = None;
    }

    /// Power was lost and has returned: mounts, and whatever was not flushed, are gone.
    pub fn lose_power(&self) {
        let mut state = self.state();
        state.mounts.clear();
        state.devices.iter_mut().for_each(|device| device.contents.lose_unflushed());
    }

    /// The volume's `formatted` record, whose calls are part of the script.
    pub fn record(&self) -> ScriptedRecord<'_> {
        ScriptedRecord::new(self)
    }

    /// What the record says.
    pub fn recorded(&self) -> Option<FsUuid> {
        self.state().recorded.clone()
    }

    /// Sets the record.
    pub fn set_recorded(&self, uuid: Option<FsUuid>) {
        self.state().recorded = uuid;
    }

    /// All calls so far.
    pub fn log(&self) -> Vec<Step> {
        self.state().log.clone()
    }

    /// Mount points and their options, in mounting order.
    pub fn mounts(&self) -> Vec<(PathBuf, Vec<String>)> {
        let state = self.state();
        state.mounts.iter().map(|mount| (mount.entry.mount_point.clone(), mount.entry.options.clone())).collect()
    }

    /// Plays one call: `act` is told whether to do half of it only, and answers with an errno where Linux would.
    async fn play<T>(
        &self,
        step: Step,
        path: &Path,
        deadline: Instant,
        act: impl FnOnce(&mut State, bool) -> Result<T, i32>,
    ) -> Result<T, HostError> {
        // The record is no operation of the host; its errors say that it can't be read.
        let Step::Host(operation) = step else { return self.answer(Operation::Read, step, path, act) };
        if self.hangs(step) {
            self.state().log.push(step);
            let never = timeout_at(deadline, std::future::pending::<()>()).await;
            debug_assert!(never.is_err(), "nothing ends a pending future but its deadline");
            return Err(HostError::Overdue { operation, path: path.to_owned() });
        }
        self.answer(operation, step, path, act)
    }

    fn hangs(&self, step: Step) -> bool {
        let mut state = self.state();
        let next = state.faults.iter().position(|(at, _)| *at == step);
        let hung = next.filter(|at| state.faults[*at].1 == Fault::Hang);
        hung.map(|at| state.faults.remove(at)).is_some()
    }

    fn answer<T>(
        &self,
        operation: Operation,
        step: Step,
        path: &Path,
        act: impl FnOnce(&mut State, bool) -> Result<T, i32>,
    ) -> Result<T, HostError> {
        let refused = |source| HostError::Refused { operation, path: path.to_owned(), source };
        let killed = || refused(io::Error::other("the process was killed"));
        let mut state = self.state();
        if state.is_killed {
            return Err(killed());
        }
        let cut = state.kill.filter(|(at, _)| *at == state.log.len()).map(|(_, cut)| cut);
        state.log.push(step);
        state.is_killed = cut.is_some();
        state.intrude(step);
        if cut == Some(Cut::Before) {
            return Err(killed());
        }
        let done = match state.take_errno(step) {
            Some(errno) => Err(errno),
            None => act(&mut state, cut == Some(Cut::Within)),
        };
        if cut.is_some() {
            return Err(killed());
        }
        done.map_err(|errno| refused(io::Error::from_raw_os_error(errno)))
    }
}
