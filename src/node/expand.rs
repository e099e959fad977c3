//! NodeExpandVolume: a filesystem that is mounted grows to the size that its device has.
//!
//! Linux lets ext4 grow online only with CAP_SYS_RESOURCE. Where that is missing, the next stage grows it before the
//! mount (`stage.rs`), and [`Error::GrowsAtNextStage`] says so.

use std::path::Path;

use tokio::time::Instant;

use super::{
    AbsolutePath, Error, Host,
    device::await_lock,
    drbd,
    filesystem::Locked,
    host::{BlockDevice, DeviceNumber, PathKind},
    mounts::MountEntry,
    mounts::at,
    wait::await_some,
};
use crate::{linstor::name::ResourceName, volume::filesystem::FsType};

/// What NodeExpandVolume asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpandRequest {
    /// The LINSTOR resource.
    pub resource: ResourceName,
    /// The number of the volume in the resource.
    pub volume: u32,
    /// `volume_path`: where the volume is staged or published.
    pub volume_path: AbsolutePath,
    /// `staging_target_path`, where it was given.
    pub staging_path: Option<AbsolutePath>,
    /// The size that the device must have, in bytes; 0: the one that it has.
    pub min_bytes: u64,
}

/// Waits until the device is as large as it must be and grows the filesystem that is mounted from it. Answers the
/// device's bytes. A raw block volume has no filesystem of ours. [`Error::NotFound`] where nothing of the volume is
/// mounted.
pub async fn expand<H: Host>(host: &H, request: &ExpandRequest, deadline: Instant) -> Result<u64, Error> {
    let expand = Expand { host, request, deadline };
    let (device, fs_type) = expand.find().await?;
    expand.prove(&device).await?;
    let bytes = expand.await_size(&device).await?;
    if let Some(fs_type) = fs_type {
        let lock = await_lock(host, &device, deadline).await?;
        let on = Locked { host, device: &device, lock: &lock, uses_drbd: expand.uses_drbd(&device), deadline };
        on.grow_mounted(fs_type).await?;
    }
    Ok(bytes)
}

struct Expand<'a, H> {
    host: &'a H,
    request: &'a ExpandRequest,
    deadline: Instant,
}

impl<H: Host> Expand<'_, H> {
    /// The volume's device, and the filesystem that is mounted from it; none for a raw block volume.
    async fn find(&self) -> Result<(BlockDevice, Option<FsType>), Error> {
        let staged = self.request.staging_path.as_ref();
        for path in std::iter::once(&self.request.volume_path).chain(staged) {
            if let Some(found) = self.find_at(path).await? {
                return Ok(found);
            }
        }
        Err(Error::NotFound(self.request.volume_path.as_path().to_owned()))
    }

    async fn find_at(&self, path: &AbsolutePath) -> Result<Option<(BlockDevice, Option<FsType>)>, Error> {
        let Some(place) = self.host.inspect(path.as_path(), self.deadline).await? else { return Ok(None) };
        let table = self.host.mounts(at(&place.path), self.deadline).await?;
        let Some(entry) = table.top_at(&place.path) else { return Ok(None) };
        if let Some(PathKind::BlockDevice(_)) = place.kind {
            let device = self.host.resolve(&place.path, self.deadline).await?;
            return Ok(device.map(|device| (device, None)));
        }
        let Ok(fs_type) = entry.fs_type.parse() else { return Ok(None) };
        Ok(Some((self.device_of(entry).await?, Some(fs_type))))
    }

    /// The device that a mount was made from; the node of that name must be it still.
    async fn device_of(&self, entry: &MountEntry) -> Result<BlockDevice, Error> {
        let device = self.host.resolve(&entry.source, self.deadline).await?;
        let device = device.ok_or_else(|| Error::NotFound(entry.source.clone()))?;
        self.compare(&entry.source, device, entry.device)
    }

    /// DRBD's link, where udev makes one, names the device of the volume: what is mounted at the path must be that.
    async fn prove(&self, device: &BlockDevice) -> Result<(), Error> {
        let link = drbd::by_res_link(&self.request.resource, self.request.volume);
        match self.host.resolve(&link, self.deadline).await? {
            Some(linked) => self.compare(self.request.volume_path.as_path(), device.clone(), linked.number).map(drop),
            None => Ok(()),
        }
    }

    fn compare(&self, path: &Path, device: BlockDevice, wanted: DeviceNumber) -> Result<BlockDevice, Error> {
        let is = device.number;
        if is == wanted { Ok(device) } else { Err(Error::WrongDevice { path: path.to_owned(), is, wanted }) }
    }

    /// The device's bytes, once they are enough: DRBD tells a client of its new size a moment after the replicas have
    /// it.
    async fn await_size(&self, device: &BlockDevice) -> Result<u64, Error> {
        let wanted = self.request.min_bytes;
        let enough = await_some(self.deadline, || async {
            let size = self.size(device).await?;
            Ok::<_, Error>((size >= wanted).then_some(size))
        });
        match enough.await? {
            Some(size) => Ok(size),
            None => {
                let path = device.path.clone();
                Err(Error::NotGrownYet { path, size: self.size(device).await?, wanted })
            }
        }
    }

    async fn size(&self, device: &BlockDevice) -> Result<u64, Error> {
        self.host
            .size(device, self.deadline)
            .await
            .map_err(|error| Error::of_device(error, device, self.uses_drbd(device)))
    }

    fn uses_drbd(&self, device: &BlockDevice) -> bool {
        drbd::number_of(&device.path).is_some()
    }
}
