//! NodeGetVolumeStats.

use tokio::time::Instant;

use super::{
    AbsolutePath, Error, Host,
    host::{PathKind, Usage},
    mounts::at,
};
use crate::volume::filesystem::FsType;

/// What is known of a published or staged volume's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stats {
    /// A filesystem's usage.
    Filesystem(Usage),
    /// A raw block volume's size.
    Block {
        /// Bytes of the device.
        total_bytes: u64,
    },
}

/// Measures the volume at a path; [`Error::NotFound`] where linflow has mounted nothing there.
pub async fn stats<H: Host>(host: &H, path: &AbsolutePath, deadline: Instant) -> Result<Stats, Error> {
    let not_found = || Error::NotFound(path.as_path().to_owned());
    let place = host.inspect(path.as_path(), deadline).await?.ok_or_else(not_found)?;
    let table = host.mounts(at(&place.path), deadline).await?;
    let entry = table.top_at(&place.path).ok_or_else(not_found)?;
    if let Some(PathKind::BlockDevice(_)) = place.kind {
        let device = host.resolve(&place.path, deadline).await?.ok_or_else(not_found)?;
        return Ok(Stats::Block { total_bytes: host.size(&device, deadline).await? });
    }
    entry.fs_type.parse::<FsType>().map_err(|_| not_found())?;
    Ok(Stats::Filesystem(host.usage(&place.path, deadline).await?))
}
