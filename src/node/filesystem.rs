//! Reading, making and checking filesystems on a device that was proven and locked.

use std::path::Path;

use tokio::time::Instant;

use super::{
    Error, Host,
    host::{BlockDevice, ByteRange, HostError, Program},
    imprint::Imprint,
    probe::{Found, MARK, identify, regions},
};
use crate::volume::filesystem::{FsType, FsUuid, mkfs::MkfsOptions, xfs::XfsCommand};

/// A device under its lock.
pub(super) struct Locked<'a, H: Host> {
    pub host: &'a H,
    pub device: &'a BlockDevice,
    pub lock: &'a H::Lock,
    pub uses_drbd: bool,
    pub deadline: Instant,
}

/// What was read of a device, and what it means.
pub(super) struct Probed {
    pub found: Found,
    /// The device's size in bytes.
    pub size: u64,
    regions: Vec<ByteRange>,
    contents: Vec<Imprint>,
}

impl<H: Host> Locked<'_, H> {
    /// Reads the device. It is opened read-only: read-write would promote DRBD.
    pub async fn probe(&self) -> Result<Probed, Error> {
        let size = self.host.size(self.device, self.deadline).await.map_err(|error| self.explain(error))?;
        let regions = regions(size);
        let contents = self.host.read(self.device, &regions, self.deadline).await;
        let contents = contents.map_err(|error| self.explain(error))?;
        Ok(Probed { found: identify(&contents), size, regions, contents })
    }

    /// Wipes what was judged to be no data, makes the filesystem, flushes it, marks it, and reads it back.
    pub async fn format(&self, judged: &Probed, options: &MkfsOptions, uuid: &FsUuid) -> Result<(), Error> {
        let fs_type = options.fs_type();
        let device = &self.device.path;
        tracing::info!(device = %device.display(), found = %judged.found, %fs_type, %options, %uuid, "wiping and formatting");
        let wiped = self.host.wipe(self.device, &judged.regions, &judged.contents, self.lock, self.deadline).await;
        // Held until all is done: a node that froze halfway must not go on over what another one has written since.
        let claim = wiped.map_err(|error| self.explain(error))?.ok_or_else(|| Error::Changed(device.clone()))?;
        make(self, options, uuid).await?;
        self.flush(&claim).await?;
        mark(self, fs_type).await?;
        self.flush(&claim).await?;
        match self.probe().await?.found {
            Found::Filesystem(made) if made.is_marked && made.uuid == *uuid && made.fs_type == fs_type => Ok(()),
            found => Err(Error::FormatUnconfirmed { device: device.clone(), found }),
        }
    }

    /// Flushes what a stage that was cut has left in the machine's memory, the mark perhaps: a record that outlives it
    /// in a loss of power would say that data is missing. Nothing is wiped.
    pub async fn flush_leftovers(&self) -> Result<(), Error> {
        let opened = self.host.wipe(self.device, &[], &[], self.lock, self.deadline).await;
        match opened.map_err(|error| self.explain(error))? {
            Some(claim) => self.flush(&claim).await,
            None => Err(Error::Changed(self.device.path.clone())),
        }
    }

    /// Repairs what can be repaired without a question.
    pub async fn check_ext4(&self) -> Result<(), Error> {
        tracing::info!(device = %self.device.path.display(), "checking a filesystem that was not left clean");
        self.run(Program::E2fsck, &["-p"]).await
    }

    /// Grows an ext4 filesystem that is mounted nowhere. resize2fs demands that all of it was checked first.
    pub async fn grow_unmounted_ext4(&self) -> Result<(), Error> {
        tracing::info!(device = %self.device.path.display(), "growing a filesystem that is smaller than its device");
        self.run(Program::E2fsck, &["-f", "-p"]).await?;
        self.run(Program::Resize2fs, &[]).await
    }

    /// Grows a filesystem that is mounted; one that fills its device already stays as it is.
    pub async fn grow_mounted(&self, fs_type: FsType) -> Result<(), Error> {
        let program = match fs_type {
            FsType::Ext4 => Program::Resize2fs,
            FsType::Xfs => Program::XfsGrowfs,
        };
        match self.run(program, &[]).await {
            // recordings/linstor/15_resize: what resize2fs says to the ioctl's EPERM.
            Err(Error::Program { program: Program::Resize2fs, device, stderr, .. })
                if stderr.contains("Permission denied to resize filesystem") =>
            {
                Err(Error::GrowsAtNextStage(device))
            }
            grown => grown,
        }
    }

    /// Runs the class's command on the root directory of a mounted xfs.
    pub async fn run_xfs_io(&self, command: &XfsCommand, root: &Path) -> Result<(), Error> {
        let root = BlockDevice { path: root.to_owned(), number: self.device.number };
        self.run_on(Program::XfsIo, &["-c", &command.to_string()], &root).await
    }

    async fn flush(&self, claim: &H::Claim) -> Result<(), Error> {
        self.host.sync(self.device, claim, self.deadline).await.map_err(|error| self.explain(error))
    }

    async fn run(&self, program: Program, options: &[&str]) -> Result<(), Error> {
        self.run_on(program, options, self.device).await
    }

    async fn run_on(&self, program: Program, options: &[&str], device: &BlockDevice) -> Result<(), Error> {
        let end = self.host.run(program, options, device, self.lock, self.deadline).await?;
        if end.exit.is_some_and(|exit| exit <= greatest_success(program)) {
            return Ok(());
        }
        Err(Error::Program { program, device: device.path.clone(), exit: end.exit, stderr: end.stderr })
    }

    fn explain(&self, error: HostError) -> Error {
        Error::of_device(error, self.device, self.uses_drbd)
    }
}

/// The greatest exit status that is no failure. e2fsck(8): 1 and 2 are errors corrected, from 4 on some are left.
fn greatest_success(program: Program) -> i32 {
    match program {
        Program::E2fsck => 3,
        Program::MkfsExt4
        | Program::MkfsXfs
        | Program::Tune2fs
        | Program::XfsAdmin
        | Program::Resize2fs
        | Program::XfsGrowfs
        | Program::XfsIo => 0,
    }
}

/// No discard: the device was just wiped where it matters, and discarding a replicated thin volume takes long. ext4's
/// inode tables are zeroed later by the kernel, which keeps account of it; its journal is zeroed now, because a
/// recycled device could hold an old one that looks valid. No blocks are kept back for root: there is one tenant.
/// What the class asks for prevails where it is on the list.
async fn make<H: Host>(on: &Locked<'_, H>, options: &MkfsOptions, uuid: &FsUuid) -> Result<(), Error> {
    let uuid_setting = format!("uuid={uuid}");
    let (program, fixed, defaults) = match options.fs_type() {
        FsType::Ext4 => (
            Program::MkfsExt4,
            vec!["-q", "-F", "-U", uuid.as_str()],
            &[('m', "0"), ('E', "nodiscard"), ('E', "lazy_itable_init=1"), ('E', "lazy_journal_init=0")][..],
        ),
        FsType::Xfs => (Program::MkfsXfs, vec!["-q", "-f", "-K", "-m", &uuid_setting], &[][..]),
    };
    let settings = options.arguments(defaults);
    let arguments: Vec<&str> = fixed.into_iter().chain(settings.iter().map(String::as_str)).collect();
    on.run(program, &arguments).await
}

async fn mark<H: Host>(on: &Locked<'_, H>, fs_type: FsType) -> Result<(), Error> {
    let program = match fs_type {
        FsType::Ext4 => Program::Tune2fs,
        FsType::Xfs => Program::XfsAdmin,
    };
    on.run(program, &["-L", MARK]).await
}
