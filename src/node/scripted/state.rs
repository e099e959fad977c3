//! What the played machine consists of.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use super::{Cut, Fault, Reach, Step, contents::Contents, programs};
use crate::{
    node::{
        drbd::{errno, number_of},
        host::{BlockDevice, DeviceNumber, Operation, PathKind, Program, ProgramEnd},
        mounts::{MountEntry, MountTable},
    },
    volume::filesystem::FsUuid,
};

/// The block major number of experimental devices.
const EXPERIMENTAL: u32 = 240;

#[derive(Debug)]
pub struct Device {
    pub node: BlockDevice,
    pub size: u64,
    pub contents: Contents,
}

#[derive(Debug, Clone)]
pub struct Mounted {
    pub entry: MountEntry,
    /// The device whose node is bound here.
    pub node: Option<DeviceNumber>,
}

#[derive(Debug)]
pub struct State {
    pub devices: Vec<Device>,
    pub links: BTreeMap<PathBuf, PathBuf>,
    pub paths: BTreeMap<PathBuf, PathKind>,
    pub mounts: Vec<Mounted>,
    pub reach: HashMap<DeviceNumber, Reach>,
    pub recorded: Option<FsUuid>,
    pub faults: Vec<(Step, Fault)>,
    pub intrusions: Vec<(Step, DeviceNumber, u64, Vec<u8>)>,
    pub kill: Option<(usize, Cut)>,
    pub is_killed: bool,
    pub groups: BTreeMap<PathBuf, u32>,
    pub has_little_time: bool,
    pub drbd: Option<String>,
    pub log: Vec<Step>,
    locks: HashMap<DeviceNumber, Weak<DeviceNumber>>,
    claims: HashMap<DeviceNumber, Weak<DeviceNumber>>,
    last_mount: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            devices: Vec::new(),
            links: BTreeMap::new(),
            paths: [(PathBuf::from("/"), PathKind::Directory)].into(),
            mounts: Vec::new(),
            reach: HashMap::new(),
            recorded: None,
            faults: Vec::new(),
            intrusions: Vec::new(),
            kill: None,
            is_killed: false,
            groups: BTreeMap::new(),
            has_little_time: false,
            drbd: None,
            log: Vec::new(),
            locks: HashMap::new(),
            claims: HashMap::new(),
            last_mount: 100,
        }
    }
}

impl State {
    pub fn add_device(&mut self, path: &Path, size: u64) -> BlockDevice {
        let next = u32::try_from(self.devices.len()).unwrap_or(u32::MAX);
        let number = number_of(path).unwrap_or(DeviceNumber { major: EXPERIMENTAL, minor: next });
        let node = BlockDevice { path: path.to_owned(), number };
        self.devices.push(Device { node: node.clone(), size, contents: Contents::default() });
        node
    }

    pub fn device(&self, number: DeviceNumber) -> Option<&Device> {
        self.devices.iter().find(|device| device.node.number == number)
    }

    /// The contents of a device that [`Self::add_device`] made.
    pub fn contents(&mut self, number: DeviceNumber) -> &mut Contents {
        let device = self.devices.iter_mut().find(|device| device.node.number == number);
        &mut device.expect("a BlockDevice of this host was made by add_device, and none is ever removed").contents
    }

    pub fn resolve(&self, path: &Path) -> Option<BlockDevice> {
        let path = self.links.get(path).map_or(path, PathBuf::as_path);
        let bound = self.top(path).and_then(|mount| mount.node);
        let named = self.devices.iter().find(|device| device.node.path == path).map(|device| device.node.number);
        bound.or(named).map(|number| BlockDevice { path: path.to_owned(), number })
    }

    /// DRBD's answer to an open: recordings/linstor-drbd/d04b.
    pub fn open(&self, number: DeviceNumber, is_write: bool) -> Result<(), i32> {
        match self.reach.get(&number) {
            None | Some(Reach::Open) => Ok(()),
            Some(Reach::PrimaryElsewhere) if is_write => Err(errno::EROFS),
            Some(Reach::PrimaryElsewhere) => Err(errno::EMEDIUMTYPE),
            Some(Reach::NoQuorum) => Err(errno::ENODATA),
        }
    }

    pub fn is_mounted(&self, number: DeviceNumber) -> bool {
        self.mounts.iter().any(|mount| mount.entry.device == number)
    }

    pub fn table(&self, is_wanted: impl Fn(&MountEntry) -> bool) -> MountTable {
        let entries = self.mounts.iter().map(|mount| &mount.entry);
        MountTable(entries.filter(|entry| is_wanted(entry)).cloned().collect())
    }

    pub fn top(&self, path: &Path) -> Option<&Mounted> {
        self.mounts.iter().rfind(|mount| mount.entry.mount_point == path)
    }

    pub fn kind(&self, path: &Path) -> Option<PathKind> {
        let bound = self.top(path).and_then(|mount| mount.node);
        bound.map(PathKind::BlockDevice).or_else(|| self.paths.get(path).copied())
    }

    pub fn push_mount(&mut self, mut mount: Mounted) {
        self.last_mount += 1;
        mount.entry.id = self.last_mount;
        mount.entry.parent = self.top(&mount.entry.mount_point).map_or(1, |below| below.entry.id);
        self.mounts.push(mount);
    }

    pub fn try_lock(&mut self, number: DeviceNumber) -> Option<Arc<DeviceNumber>> {
        let is_held = self.locks.get(&number).is_some_and(|lock| lock.strong_count() > 0);
        (!is_held).then(|| {
            let lock = Arc::new(number);
            self.locks.insert(number, Arc::downgrade(&lock));
            lock
        })
    }

    /// Opens a device for writing.
    pub fn claim(&mut self, number: DeviceNumber) -> Arc<DeviceNumber> {
        let claim = Arc::new(number);
        self.claims.insert(number, Arc::downgrade(&claim));
        claim
    }

    pub fn is_claimed(&self, number: DeviceNumber) -> bool {
        self.claims.get(&number).is_some_and(|claim| claim.strong_count() > 0)
    }

    /// Plays what another node writes just before this step; DRBD does not let it while the device is claimed here.
    pub fn intrude(&mut self, step: Step) {
        let (now, later) = std::mem::take(&mut self.intrusions).into_iter().partition(|(at, ..)| *at == step);
        self.intrusions = later;
        let now: Vec<_> = now;
        for (_, number, offset, bytes) in now {
            if !self.is_claimed(number) {
                self.contents(number).write(offset, &bytes);
            }
        }
    }

    pub fn take_errno(&mut self, step: Step) -> Option<i32> {
        let at = self.faults.iter().position(|(of, fault)| *of == step && matches!(fault, Fault::Errno(_)))?;
        match self.faults.remove(at).1 {
            Fault::Errno(errno) => Some(errno),
            Fault::Hang | Fault::Program(_) => None,
        }
    }

    fn take_end(&mut self, step: Step) -> Option<ProgramEnd> {
        let at = self.faults.iter().position(|(of, fault)| *of == step && matches!(fault, Fault::Program(_)))?;
        match self.faults.remove(at).1 {
            Fault::Program(end) => Some(end),
            Fault::Errno(_) | Fault::Hang => None,
        }
    }

    /// Runs a program on a device that this machine may open.
    pub fn run(&mut self, program: Program, options: &[&str], device: DeviceNumber, is_half: bool) -> ProgramEnd {
        let failed = |stderr: &str| ProgramEnd { exit: Some(1), stderr: stderr.to_owned() };
        if let Some(end) = self.take_end(Step::Host(Operation::Run(program))) {
            return end;
        }
        let is_mounted = self.is_mounted(device);
        match program {
            Program::Resize2fs => {}
            Program::XfsGrowfs if !is_mounted => return failed("not a mounted XFS filesystem"),
            Program::XfsGrowfs | Program::XfsIo => {}
            _ if is_mounted => return failed("the device is mounted"),
            _ => {}
        }
        if self.open(device, true).is_err() {
            return failed("Wrong medium type while trying to open the device");
        }
        let size = self.device(device).map_or(0, |device| device.size);
        programs::run(self.contents(device), size, program, options, is_half)
    }
}
