//! What `/readyz` says of each role.
//!
//! A controller does nothing without LINSTOR, so it asks. A node doesn't ask: it mounts and unmounts without LINSTOR, a
//! restart would not bring LINSTOR back, and each node's question would be one more of a cluster's.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::admin;
use crate::csi::registration::Standings;
use crate::linstor::Client;

/// How long LINSTOR may take to be called away: less than the second that a probe has, so that the reason is told.
const PATIENCE: Duration = Duration::from_millis(800);

/// What must hold for calls to be served. The CSI socket does while this can be asked.
pub(super) struct Ready {
    /// Asked where the role has a controller.
    pub(super) linstor: Option<Client>,
    /// How it stands with kubelet, where the role registers.
    pub(super) kubelet: Option<Standings>,
    /// Cancelled when calls are not taken any more.
    pub(super) shutdown: CancellationToken,
}

impl admin::Readiness for Ready {
    async fn check(&self) -> Result<(), String> {
        if self.shutdown.is_cancelled() {
            return Err("stopping: the calls that run are finished, new ones are not taken".to_owned());
        }
        if let Some(problem) = self.kubelet.as_ref().and_then(|kubelet| kubelet.now().problem()) {
            return Err(problem);
        }
        match &self.linstor {
            Some(linstor) => answers(linstor).await,
            None => Ok(()),
        }
    }
}

/// Whether LINSTOR answers.
pub(super) async fn answers(linstor: &Client) -> Result<(), String> {
    linstor.version_within(PATIENCE).await.map(|_| ()).map_err(|error| error.to_string())
}
