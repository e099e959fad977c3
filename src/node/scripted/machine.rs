//! The played machine as a [`Host`].

use std::{path::Path, sync::Arc};

use tokio::time::Instant;

use super::{
    ScriptedHost, Step,
    paths::{self, EINVAL, ELOOP, ENOENT, ENXIO},
    state::State,
};
use crate::{
    linstor::name::ResourceName,
    node::{
        Host,
        drbd::errno,
        host::{
            BlockDevice, ByteRange, DeviceNumber, DrbdAnswer, Handover, HostError, Operation, PathKind, Place, Program,
            ProgramEnd, Usage,
        },
        imprint::Imprint,
        mounts::{MountEntry, MountTable},
        options::{Attributes, MountOptions},
    },
    volume::filesystem::FsType,
};

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
    type Claim = Arc<DeviceNumber>;

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
    ) -> Result<Vec<Imprint>, HostError> {
        self.whole(Operation::Read, &device.path, deadline, |state| {
            state.open(device.number, false)?;
            let contents = state.contents(device.number);
            Ok(ranges.iter().map(|range| contents.imprint(range)).collect())
        })
        .await
    }

    async fn wipe(
        &self,
        device: &BlockDevice,
        ranges: &[ByteRange],
        judged: &[Imprint],
        _lock: &Self::Lock,
        deadline: Instant,
    ) -> Result<Option<Self::Claim>, HostError> {
        self.on(Operation::Wipe, &device.path, deadline, |state, is_half| {
            state.open(device.number, true)?;
            if state.is_mounted(device.number) {
                return Err(errno::EBUSY);
            }
            let contents = state.contents(device.number);
            if ranges.iter().zip(judged).any(|(range, judged)| contents.imprint(range) != *judged) {
                return Ok(None);
            }
            let share = if is_half { ranges.len() / 2 } else { ranges.len() };
            ranges[..share].iter().for_each(|range| contents.wipe(range));
            contents.flush();
            Ok(Some(state.claim(device.number)))
        })
        .await
    }

    async fn sync(&self, device: &BlockDevice, _claim: &Self::Claim, deadline: Instant) -> Result<(), HostError> {
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

    async fn mounts(
        &self,
        is_wanted: impl Fn(&MountEntry) -> bool + Send + 'static,
        deadline: Instant,
    ) -> Result<MountTable, HostError> {
        let select = |state: &mut State| Ok(state.table(is_wanted));
        self.whole(Operation::MountTable, Path::new("mountinfo"), deadline, select).await
    }

    async fn mount(
        &self,
        device: &BlockDevice,
        fs_type: FsType,
        target: &Path,
        options: &MountOptions,
        deadline: Instant,
    ) -> Result<(), HostError> {
        self.whole(Operation::Mount, target, deadline, |state| paths::mount(state, device, fs_type, target, options))
            .await
    }

    async fn bind(&self, source: &Path, target: &Path, deadline: Instant) -> Result<(), HostError> {
        self.whole(Operation::Bind, target, deadline, |state| paths::bind(state, source, target)).await
    }

    async fn remount_bind(&self, target: &Path, attributes: &Attributes, deadline: Instant) -> Result<(), HostError> {
        self.whole(Operation::RemountBind, target, deadline, |state| {
            let top = state.mounts.iter_mut().rfind(|mount| mount.entry.mount_point == target);
            top.ok_or(EINVAL)?.entry.options = paths::options(attributes);
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

    async fn hand_over(&self, directory: &Path, group: u32, deadline: Instant) -> Result<Handover, HostError> {
        let handed = self.on(Operation::HandOver, directory, deadline, |state, is_half| {
            state.top(directory).ok_or(ENOENT)?;
            if is_half || state.has_little_time {
                return Ok(Handover::Unfinished { changed: 7 });
            }
            let before = state.groups.insert(directory.to_owned(), group);
            Ok(Handover::Done { changed: u64::from(before != Some(group)) })
        });
        handed.await
    }

    async fn drbd_status(&self, resource: Option<&ResourceName>, deadline: Instant) -> Result<DrbdAnswer, HostError> {
        let answer = |state: &mut State, _| match (&state.drbd, resource) {
            (None, _) => Ok(DrbdAnswer::NoProgram),
            (Some(known), Some(asked)) if !known.contains(&format!("\"{asked}\"")) => {
                let (stdout, stderr) = ("[\n]\n".to_owned(), format!("{asked}: No such resource"));
                Ok(DrbdAnswer::Ended { exit: Some(10), stdout, stderr })
            }
            (Some(known), _) => Ok(DrbdAnswer::Ended { exit: Some(0), stdout: known.clone(), stderr: String::new() }),
        };
        self.on(Operation::AskDrbd, Path::new("drbdsetup"), deadline, answer).await
    }

    async fn inspect(&self, path: &Path, deadline: Instant) -> Result<Option<Place>, HostError> {
        self.whole(Operation::Inspect, path, deadline, |state| Ok(paths::inspect(state, path))).await
    }

    async fn create_directory(&self, path: &Path, deadline: Instant) -> Result<(), HostError> {
        self.whole(Operation::CreateDirectory, path, deadline, |state| paths::create(state, path, PathKind::Directory))
            .await
    }

    async fn create_file(&self, path: &Path, deadline: Instant) -> Result<(), HostError> {
        self.whole(Operation::CreateFile, path, deadline, |state| paths::create(state, path, PathKind::File(0))).await
    }

    async fn remove_directory(&self, path: &Path, deadline: Instant) -> Result<(), HostError> {
        self.whole(Operation::RemoveDirectory, path, deadline, |state| paths::remove(state, path)).await
    }

    async fn remove_file(&self, path: &Path, deadline: Instant) -> Result<(), HostError> {
        self.whole(Operation::RemoveFile, path, deadline, |state| paths::remove(state, path)).await
    }
}
