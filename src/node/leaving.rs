//! The end of a claim on a node where other claims of its volume go on.
//!
//! kubelet unstages a claim only while nobody else has its device mounted (`HasMountRefs`), and takes the staging mount of
//! another claim for such a somebody: of two claims on one node it would unstage neither. So the last pod of a claim takes
//! the claim's staging mount along, where the device has others; kubelet then finds nothing to wait for. Should it publish
//! the claim for one more pod instead, it is staged again by that publish.

use std::path::Path;

use tokio::time::Instant;

use super::{AbsolutePath, Error, Host, fence, mounts::MountEntry, stage::unmount_all};
use crate::workflow::reference::sha256_hex;

/// After a claim was unpublished at this target: takes its staging mount away, unless another pod has the claim here, or
/// nobody else has the device.
pub async fn leave_to_others<H: Host>(
    host: &H,
    volume_id: &str,
    target: &AbsolutePath,
    deadline: Instant,
) -> Result<(), Error> {
    // kubelet stages a volume at `…/<SHA-256 of its id, in hex>/globalmount`.
    let folder = sha256_hex(volume_id);
    let wanted = folder.clone();
    let own = host.mounts(move |entry| is_staging(entry, &wanted), deadline).await?;
    let Some(staged) = own.0.last() else { return Ok(()) };
    let device = staged.device;
    let mounts = host.mounts(move |entry| entry.device == device, deadline).await?;
    let is_used = mounts.0.iter().any(|entry| fence::is_same_volume(&entry.mount_point, target.as_path()));
    let has_others = mounts.0.iter().any(|entry| !is_staging(entry, &folder));
    if is_used || !has_others {
        return Ok(());
    }
    match host.inspect(&staged.mount_point, deadline).await? {
        Some(place) => unmount_all(host, &place, deadline).await,
        None => Ok(()),
    }
}

fn is_staging(entry: &MountEntry, folder: &str) -> bool {
    entry.mount_point.parent().and_then(Path::file_name).is_some_and(|name| name == folder)
}
