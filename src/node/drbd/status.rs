//! What `drbdsetup status --json` says, as far as it tells a volume's health. Recorded with drbd-utils beside DRBD 9.3.3;
//! fields that are missing read as "not said".

use serde::Deserialize;

/// A resource on this node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct DrbdResource {
    /// Its name.
    pub name: String,
    /// An administrator has suspended its I/O.
    pub suspended_user: bool,
    /// I/O waits for a replica that has the data.
    pub suspended_no_data: bool,
    /// I/O waits for a peer to be fenced.
    pub suspended_fencing: bool,
    /// I/O waits for the quorum.
    pub suspended_quorum: bool,
    /// Every I/O is made to fail until the last user has closed the device.
    pub force_io_failures: bool,
    /// The volumes on this node.
    pub devices: Vec<DrbdDevice>,
    /// The peers.
    pub connections: Vec<DrbdConnection>,
}

/// A volume on this node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct DrbdDevice {
    /// Its number.
    pub volume: u32,
    /// `UpToDate`, `Inconsistent`, `Diskless`, …
    pub disk_state: String,
    /// Is it meant to have no disk here?
    pub client: bool,
    /// Does this node see a majority? None: not said.
    pub quorum: Option<bool>,
}

/// A peer.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct DrbdConnection {
    /// The peer's node.
    pub name: String,
    /// `Connected`, `Connecting`, `StandAlone`, …
    pub connection_state: String,
    /// The volumes there.
    #[serde(rename = "peer_devices")]
    pub peer_devices: Vec<DrbdPeerDevice>,
}

impl Eq for DrbdConnection {}

/// A volume on a peer.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct DrbdPeerDevice {
    /// Its number.
    pub volume: u32,
    /// The disk's state there; `DUnknown` while the peer is away.
    pub peer_disk_state: String,
    /// Is it meant to have no disk there?
    pub peer_client: bool,
    /// `Established`, `SyncSource`, `SyncTarget`, `Off`, …
    pub replication_state: String,
    /// How much of the data is in sync with this node, in percent.
    pub percent_in_sync: Option<f64>,
}

/// Output of another form.
#[derive(Debug, thiserror::Error)]
#[error("drbdsetup's answer is not of the form that linflow knows")]
pub struct UnknownStatus(#[from] serde_json::Error);

/// All resources that the output tells of.
pub fn parse(output: &str) -> Result<Vec<DrbdResource>, UnknownStatus> {
    Ok(serde_json::from_str(output)?)
}
