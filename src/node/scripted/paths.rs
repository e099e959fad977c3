//! Mounts and paths of the played machine.

use std::path::Path;

use super::state::{Mounted, State};
use crate::{
    node::{
        drbd::errno,
        host::{BlockDevice, DeviceNumber, PathKind, Place},
        mounts::MountEntry,
        options::{Attribute, Attributes, MountOptions},
    },
    volume::filesystem::FsType,
};

pub const ENOENT: i32 = 2;
pub const ENXIO: i32 = 6;
pub const EINVAL: i32 = 22;
pub const ELOOP: i32 = 40;
const EEXIST: i32 = 17;

pub fn options(attributes: &Attributes) -> Vec<String> {
    let access = if attributes.contains(&Attribute::ReadOnly) { "ro" } else { "rw" };
    let others = attributes.iter().filter(|attribute| **attribute != Attribute::ReadOnly);
    std::iter::once(access).chain(others.map(|attribute| attribute.as_str())).map(str::to_owned).collect()
}

pub fn mount(
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
    if state.is_claimed(source.number) {
        // As kernels without BLK_DEV_WRITE_MOUNTED answer.
        return Err(errno::EBUSY);
    }
    let device = state.device(source.number).ok_or(ENXIO)?;
    if !device.contents.has_filesystem(fs_type) {
        return Err(EINVAL);
    }
    let is_read_only = wanted.attributes.contains(&Attribute::ReadOnly);
    // All mounts of a device have one superblock.
    if state.table(|_| true).of_device(source.number).any(|entry| entry.has_read_only_superblock() != is_read_only) {
        return Err(errno::EBUSY);
    }
    let context = wanted.context.iter().map(|label| format!("context=\"{label}\""));
    let entry = MountEntry {
        id: 0,
        parent: 0,
        device: source.number,
        root: "/".into(),
        mount_point: target.to_owned(),
        options: options(&wanted.attributes),
        is_shared: false,
        fs_type: fs_type.to_string(),
        source: source.path.clone(),
        super_options: std::iter::once(if is_read_only { "ro" } else { "rw" }.to_owned()).chain(context).collect(),
    };
    state.push_mount(Mounted { entry, node: None });
    Ok(())
}

pub fn bind(state: &mut State, source: &Path, target: &Path) -> Result<(), i32> {
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
        is_shared: false,
        fs_type: "devtmpfs".to_owned(),
        source: "devtmpfs".into(),
        super_options: vec!["rw".to_owned()],
    }
}

pub fn inspect(state: &State, path: &Path) -> Option<Place> {
    let parent = state.paths.get(path.parent()?)?;
    (*parent == PathKind::Directory).then(|| Place { path: path.to_owned(), kind: state.kind(path) })
}

pub fn create(state: &mut State, path: &Path, kind: PathKind) -> Result<(), i32> {
    match state.kind(path) {
        Some(there) if there == kind => Ok(()),
        Some(_) => Err(EEXIST),
        None => {
            state.paths.insert(path.to_owned(), kind);
            Ok(())
        }
    }
}

pub fn remove(state: &mut State, path: &Path) -> Result<(), i32> {
    if state.top(path).is_some() {
        return Err(errno::EBUSY);
    }
    state.paths.remove(path);
    Ok(())
}
