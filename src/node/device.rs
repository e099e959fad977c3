//! Finding a volume's device and proving that it is the one meant.

use std::path::{Path, PathBuf};

use tokio::time::Instant;

use super::{
    Error, Host, drbd,
    host::{BlockDevice, DeviceNumber},
    wait::await_some,
};
use crate::linstor::name::ResourceName;

/// What the node must know of a volume's device, from the publish_context and the volume id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceHint {
    /// The LINSTOR resource.
    pub resource: ResourceName,
    /// The number of the volume in the resource.
    pub volume: u32,
    /// The path that LINSTOR told for this node.
    pub path: PathBuf,
    /// Whether the resource has the DRBD layer.
    pub uses_drbd: bool,
    /// The size that was promised, in bytes. The device may be larger: DRBD and the pools round up.
    pub min_bytes: u64,
}

/// Looks once: the by-res link where udev makes one, else the path that LINSTOR told. Both must be one device, and a
/// path that names a DRBD minor must have it.
pub(super) async fn locate<H: Host>(
    host: &H,
    hint: &DeviceHint,
    deadline: Instant,
) -> Result<Option<BlockDevice>, Error> {
    let told = host.resolve(&hint.path, deadline).await?;
    if let (Some(device), Some(named)) = (&told, drbd::number_of(&hint.path)) {
        prove(&hint.path, device.number, named)?;
    }
    if !hint.uses_drbd {
        return Ok(told);
    }
    let link = drbd::by_res_link(&hint.resource, hint.volume);
    let linked = host.resolve(&link, deadline).await?;
    if let (Some(linked), Some(told)) = (&linked, &told) {
        prove(&link, linked.number, told.number)?;
    }
    Ok(linked.or(told))
}

fn prove(path: &Path, is: DeviceNumber, wanted: DeviceNumber) -> Result<(), Error> {
    if is == wanted { Ok(()) } else { Err(Error::WrongDevice { path: path.to_owned(), is, wanted }) }
}

/// Waits until the device is there with a size, and proves that it is as large as promised.
pub(super) async fn await_device<H: Host>(
    host: &H,
    hint: &DeviceHint,
    deadline: Instant,
) -> Result<BlockDevice, Error> {
    let start = Instant::now();
    let found = await_some(deadline, || async {
        let Some(device) = locate(host, hint, deadline).await? else { return Ok(None) };
        let size = host.size(&device, deadline).await;
        let size = size.map_err(|error| Error::of_device(error, &device, hint.uses_drbd))?;
        // A DRBD client has no size until it has met a peer that has data.
        Ok::<_, Error>((size > 0).then_some((device, size)))
    });
    match found.await? {
        Some((device, size)) if size >= hint.min_bytes => Ok(device),
        Some((device, size)) => Err(Error::DeviceTooSmall { path: device.path, size, promised: hint.min_bytes }),
        None => Err(Error::DeviceMissing { path: hint.path.clone(), waited: start.elapsed() }),
    }
}

/// Waits for the right to write to a device.
pub(super) async fn await_lock<H: Host>(host: &H, device: &BlockDevice, deadline: Instant) -> Result<H::Lock, Error> {
    let lock = await_some(deadline, || host.try_lock(device, deadline)).await?;
    lock.ok_or_else(|| Error::Busy(device.path.clone()))
}
