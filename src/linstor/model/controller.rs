//! The controller.

use serde::Deserialize;

/// The state of LINSTOR's master passphrase, which opens the keys of encrypted volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MasterPassphrase {
    /// There is none yet.
    Unset,
    /// There is one, and it was not entered since the controller's start.
    Locked,
    /// It was entered.
    Unlocked,
}
