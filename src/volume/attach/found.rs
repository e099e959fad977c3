//! The look before an attach: whose the volume is, and which pod it is for.

use super::AttachRequest;
use crate::linstor::Client;
use crate::volume::{Error, known::Known};
use crate::workflow::{Confirm, OwnerView, PodRef};

/// What is known of a volume that is to be attached: whose it is, and for which pod.
#[derive(Debug)]
pub struct Found {
    pub(super) known: Known,
}

/// Looks at the volume, before anything is decided or changed.
///
/// # Errors
/// `NotFound`, `Foreign`, `Deleting`, `Released`.
pub async fn find(linstor: &Client, request: &AttachRequest) -> Result<Found, Error> {
    let known = Known::load(linstor, &request.volume).await?;
    known.check_claim()?;
    Ok(Found { known })
}

impl Found {
    /// The owner and the pod that owns the claim, where there are both: that pod is to be confirmed before the attach.
    pub fn asker(&self) -> Option<(OwnerView, PodRef)> {
        let owner = self.known.tags.ownership.workflow()?;
        let record = self.known.volume.claim().and_then(|claim| self.known.ledger.claims.get(claim))?;
        Some((owner.into(), record.pod.clone()?))
    }

    /// How strictly its class has pods confirmed, where it says so.
    pub fn confirm(&self) -> Option<Confirm> {
        self.known.tags.confirm
    }
}
