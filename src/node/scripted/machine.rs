//! The played machine as a [`Host`].

use std::{path::Path, sync::Arc};

use tokio::time::Instant;

use super::{
    ScriptedHost, Step,
    state::{Mounted, State},
};
use crate::{
    node::{
        Host,
        drbd::errno,
        host::{
            BlockDevice, ByteRange, DeviceNumber, HostError, Operation, PathKind, Place, Program, ProgramEnd, Usage,
        },
        mounts::{MountEntry, MountTable},
        options::{Attribute, Attributes, MountOptions},
    },
    volume::filesystem::FsType,
};

const ENOENT: i32 = 2;
const ENXIO: i32 = 6;
const EEXIST: i32 = 17;
const EINVAL: i32 = 22;
const ELOOP: i32 = 40;

fn options(attributes: &Attributes) -> Vec<String> {
    let access = if attributes.contains(&Attribute::ReadOnly) { "ro" } else { "rw" };
    let others = attributes.iter().filter(|attribute| **attribute != Attribute::ReadOnly);
    std::iter::once(access).chain(others.map(|attribute| attribute.as_str())).map(str::to_owned).collect()
}

fn mount(
    state: &mut State,
    source: &BlockDevice,
    fs_type: FsType,
    target: &Path,
    wanted: &MountOptions,
) -> Result<(), i32> {
    state.open(source.number, !wanted.attributes.contains(&Attribute::ReadOnly))?;
    match state.kind(target) {
        Some(PathKind::Directory) => {}
        Some(PathKind::Symlink) => return Err(ELOOP),
        _ => return Err(ENOENT),
    }
    let device = state.device(source.number).ok_or(ENXIO)?;
    if !device.contents.has_filesystem(fs_type) {
        return Err(EINVAL);
    }
    let context = wanted.context.iter().map(|label| format!("context=\"{label}\""));
    let entry = MountEntry {
        id: 0,
        parent: 0,
        device: source.number,
        root: "/".into(),
        mount_point: target.to_owned(),
        options: options(&wanted.attributes),
        fs_type: fs_type.to_string(),
        source: source.path.clone(),
        super_options: std::iter::once("rw".to_owned()).chain(context).collect(),
    };
    state.push_mount(Mounted { entry, node: None });
    Ok(())
}

fn bind(state: &mut State, source: &Path, target: &Path) -> Result<(), i32> {
    let device = state.devices.iter().find(|device| device.node.path == source).map(|device| device.node.number);
    let mounted = match (state.kind(target), device) {
        (Some(PathKind::File(_)), Some(number)) => Mounted { entry: devtmpfs(source, target), node: Some(number) },
        (Some(PathKind::Directory), None) => {
            let mut copy = state.top(source).ok_or(EINVAL)?.clone();
            copy.entry.mount_point = target.to_owned();
            copy
        }
        (Some(PathKind::Symlink), _) => return Err(ELOOP),
        _ => return Err(ENOENT),
    };
    state.push_mount(mounted);
    Ok(())
}

/// The mount of a device node: of the filesystem that the node is in.
fn devtmpfs(source: &Path, target: &Path) -> MountEntry {
    MountEntry {
        id: 0,
        parent: 0,
        device: DeviceNumber { major: 0, minor: 6 },
        root: source.file_name().map(|name| Path::new("/").join(name)).unwrap_or_default(),
        mount_point: target.to_owned(),
        options: vec!["rw".to_owned()],
        fs_type: "devtmpfs".to_owned(),
        source: "devtmpfs".into(),
        super_options: vec!["rw".to_owned()],
    }
}

fn inspect(state: &State, path: &Path) -> Option<Place> {
    let parent = state.paths.get(path.parent()?)?;
    (*parent == PathKind::Directory).then(|| Place { path: path.to_owned(), kind: state.kind(path) })
}

fn create(state: &mut State, path: &Path, kind: PathKind) -> Result<(), i32> {
    match state.kind(path) {
        Some(there) if there == kind => Ok(()),
        Some(_) => Err(EEXIST),
        None => {
            state.paths.insert(path.to_owned(), kind);
            Ok(())
        }
    }
}

fn remove(state: &mut State, path: &Path) -> Result<(), i32> {
    if state.top(path).is_some() {
        return Err(errno::EBUSY);
    }
    state.paths.remove(path);
    Ok(())
}

impl ScriptedHost {
    async fn on<T>(
        &self,
        operation: Operation,
        path: &Path,
        deadline: Instant,
        act: impl FnOnce(&mut State, bool) -> Result<T, i32>,
    ) -> Result<T, HostError> {
        let played = self.play(Step::Host(operation), path, deadline, act).await;
        match played {
            Err(HostError::Refused { path, source, .. }) if source.raw_os_error() == Some(ELOOP) => {
                Err(HostError::Symlink(path))
            }
            played => played,
        }
    }

    /// A call whose half is nothing.
    async fn whole<T: Default>(
        &self,
        operation: Operation,
        path: &Path,
        deadline: Instant,
        act: impl FnOnce(&mut State) -> Result<T, i32>,
    ) -> Result<T, HostError> {
        self.on(operation, path, deadline, |state, is_half| if is_half { Ok(T::default()) } else { act(state) }).await
    }
}

impl Host for ScriptedHost {
    type Lock = Arc<DeviceNumber>;

    async fn resolve(&self, path: &Path, deadline: Instant) -> Result<Option<BlockDevice>, HostError> {
        self.whole(Operation::Resolve, path, deadline, |state| Ok(state.resolve(path))).await
    }

    async fn size(&self, device: &BlockDevice, deadline: Instant) -> Result<u64, HostError> {
        self.whole(Operation::Size, &device.path, deadline, |state| {
            state.open(device.number, false)?;
            Ok(state.device(device.number).ok_or(ENXIO)?.size)
        })
        .await
    }

    async fn read(
        &self,
        device: &BlockDevice,
        ranges: &[ByteRange],
        deadline: Instant,
    ) -> Result<Vec<Vec<u8>>, HostError> {
        self.whole(Operation::Read, &device.path, deadline, |state| {
            state.open(device.number, false)?;
            let contents = state.contents(device.number);
            Ok(ranges.iter().map(|range| contents.read(range)).collect())
        })
        .await
    }

    async fn wipe(
        &self,
        device: &BlockDevice,
        ranges: &[ByteRange],
        _lock: &Self::Lock,
        deadline: Instant,
    ) -> Result<(), HostError> {
        self.on(Operation::Wipe, &device.path, deadline, |state, is_half| {
            state.open(device.number, true)?;
            if state.is_mounted(device.number) {
                return Err(errno::EBUSY);
            }
            let contents = state.contents(device.number);
            let share = if is_half { ranges.len() / 2 } else { ranges.len() };
            ranges[..share].iter().for_each(|range| contents.wipe(range));
            contents.flush();
            Ok(())
        })
        .await
    }

    async fn sync(&self, device: &BlockDevice, _lock: &Self::Lock, deadline: Instant) -> Result<(), HostError> {
        self.whole(Operation::Sync, &device.path, deadline, |state| {
            state.open(device.number, true)?;
            state.contents(device.number).flush();
            Ok(())
        })
        .await
    }

    async fn try_lock(&self, device: &BlockDevice, deadline: Instant) -> Result<Option<Self::Lock>, HostError> {
        self.whole(Operation::Lock, &device.path, deadline, |state| Ok(state.try_lock(device.number))).await
    }

    async fn run(
        &self,
        program: Program,
        options: &[&str],
        device: &BlockDevice,
        _lock: &Self::Lock,
        deadline: Instant,
    ) -> Result<ProgramEnd, HostError> {
        self.on(Operation::Run(program), &device.path, deadline, |state, is_half| {
            Ok(state.run(program, options, device.number, is_half))
        })
        .await
    }

    async fn mount_table(&self, deadline: Instant) -> Result<MountTable, HostError> {
        self.whole(Operation::MountTable, Path::new("mountinfo"), deadline, |state| Ok(state.table())).await
    }

    async fn mount(
        &self,
        device: &BlockDevice,
        fs_type: FsType,
        target: &Path,
        options: &MountOptions,
        deadline: Instant,
    ) -> Result<(), HostError> {
        self.whole(Operation::Mount, target, deadline, |state| mount(state, device, fs_type, target, options)).await
    }

    async fn bind(&self, source: &Path, target: &Path, deadline: Instant) -> Result<(), HostError> {
        self.whole(Operation::Bind, target, deadline, |state| bind(state, source, target)).await
    }

    async fn remount_bind(&self, target: &Path, attributes: &Attributes, deadline: Instant) -> Result<(), HostError> {
        self.whole(Operation::RemountBind, target, deadline, |state| {
            let top = state.mounts.iter_mut().rfind(|mount| mount.entry.mount_point == target);
            top.ok_or(EINVAL)?.entry.options = options(attributes);
            Ok(())
        })
        .await
    }

    async fn unmount(&self, target: &Path, deadline: Instant) -> Result<(), HostError> {
        self.whole(Operation::Unmount, target, deadline, |state| {
            let top = state.mounts.iter().rposition(|mount| mount.entry.mount_point == target);
            state.mounts.remove(top.ok_or(EINVAL)?);
            Ok(())
        })
        .await
    }

    async fn usage(&self, path: &Path, deadline: Instant) -> Result<Usage, HostError> {
        let usage = self.on(Operation::Usage, path, deadline, |state, _| {
            let number = state.top(path).ok_or(ENOENT)?.entry.device;
            let total_bytes = state.device(number).ok_or(ENXIO)?.size;
            Ok(Usage {
                total_bytes,
                available_bytes: total_bytes,
                used_bytes: 0,
                total_inodes: 1024,
                available_inodes: 1013,
                used_inodes: 11,
            })
        });
        usage.await
    }

    async fn inspect(&self, path: &Path, deadline: Instant) -> Result<Option<Place>, HostError> {
        self.whole(Operation::Inspect, path, deadline, |state| Ok(inspect(state, path))).await
    }

    async fn create_directory(&self, path: &Path, deadline: Instant) -> Result<(), HostError> {
        self.whole(Operation::CreateDirectory, path, deadline, |state| create(state, path, PathKind::Directory)).await
    }

    async fn create_file(&self, path: &Path, deadline: Instant) -> Result<(), HostError> {
        self.whole(Operation::CreateFile, path, deadline, |state| create(state, path, PathKind::File(0))).await
    }

    async fn remove_directory(&self, path: &Path, deadline: Instant) -> Result<(), HostError> {
        self.whole(Operation::RemoveDirectory, path, deadline, |state| remove(state, path)).await
    }

    async fn remove_file(&self, path: &Path, deadline: Instant) -> Result<(), HostError> {
        self.whole(Operation::RemoveFile, path, deadline, |state| remove(state, path)).await
    }
}
