//! The state of a replica's disk.

use std::fmt;
use std::str::FromStr;

/// DRBD's state of the disk under a volume, as LINSTOR reports it in `volumes[].state.disk_state`.
///
/// A node that returns may say `UpToDate` with stale data for a moment: whether it may be written is told by
/// [`Resource::may_promote`](super::Resource::may_promote) alone.
#[derive(Debug, Clone, PartialEq)]
pub enum DiskState {
    /// Has all data.
    UpToDate,
    /// Has consistent, but old data.
    Outdated,
    /// Has data that does not fit together.
    Inconsistent,
    /// Has consistent data; whether it is current will be known when a peer connects.
    Consistent,
    /// Has no disk here.
    Diskless,
    /// The disk reported an error.
    Failed,
    /// DRBD does not know.
    Unknown,
    /// The disk is being attached.
    Attaching,
    /// The disk is being detached.
    Detaching,
    /// The state is being agreed on with the peers.
    Negotiating,
    /// Data is being copied here; percent done (`0.0..=100.0`) where told.
    SyncTarget(Option<f32>),
    /// Any other text.
    Other(String),
}

impl FromStr for DiskState {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "UpToDate" => Self::UpToDate,
            "Outdated" => Self::Outdated,
            "Inconsistent" => Self::Inconsistent,
            "Consistent" => Self::Consistent,
            "Diskless" => Self::Diskless,
            "Failed" => Self::Failed,
            "DUnknown" => Self::Unknown,
            "Attaching" => Self::Attaching,
            "Detaching" => Self::Detaching,
            "Negotiating" => Self::Negotiating,
            "SyncTarget" => Self::SyncTarget(None),
            other => sync_target(other).unwrap_or_else(|| Self::Other(other.to_owned())),
        })
    }
}

/// `SyncTarget(44.81%)`
fn sync_target(text: &str) -> Option<DiskState> {
    let percent = text.strip_prefix("SyncTarget(")?.strip_suffix("%)")?;
    percent.parse().ok().map(|percent| DiskState::SyncTarget(Some(percent)))
}

impl fmt::Display for DiskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("DUnknown"),
            Self::SyncTarget(Some(percent)) => write!(f, "SyncTarget({percent:.2}%)"),
            Self::SyncTarget(None) => f.write_str("SyncTarget"),
            Self::Other(text) => f.write_str(text),
            named => write!(f, "{named:?}"),
        }
    }
}
