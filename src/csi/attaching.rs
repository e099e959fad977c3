//! ControllerPublishVolume: a claim that a pod owns is attached for that pod alone, once it is confirmed to be of the
//! volume's owner.

use std::collections::BTreeMap;

use tonic::Code;

use super::admit::{Door, Guard};
use super::controller::ControllerService;
use super::status::Coded;
use crate::access::Denial;
use crate::volume::{
    self,
    attach::{self, AttachRequest, Found},
    context::POD_UID,
};
use crate::workflow::Directory;

/// Why a volume isn't attached.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAttached {
    /// The verb's own reasons.
    #[error(transparent)]
    Volume(#[from] volume::Error),
    /// The claim's pod may not have it.
    #[error(transparent)]
    Denied(#[from] Denial),
}

impl Coded for NotAttached {
    fn code(&self) -> Code {
        match self {
            Self::Volume(error) => error.code(),
            Self::Denied(denial) => denial.code(),
        }
    }
}

/// Looks, confirms, attaches; answers the publish_context.
pub(super) async fn attach(
    service: &ControllerService,
    request: &AttachRequest,
) -> Result<BTreeMap<String, String>, NotAttached> {
    let found = attach::find(service.linstor(), request).await?;
    let is_confirmed = confirm(service, request, &found).await?;
    let (linstor, limit, directory) = (service.linstor(), service.limit(), service.directory());
    let mut context = attach::attach(linstor, limit, directory, found, request, service.patience()).await?;
    if !is_confirmed {
        // The pod was recorded by a controller that could ask. The node must not take it for one that was confirmed.
        context.remove(POD_UID);
    }
    Ok(context)
}

/// Confirms the pod; answers whether there was one. Without a directory nothing is known of pods here, and the node confirms
/// them.
async fn confirm(service: &ControllerService, request: &AttachRequest, found: &Found) -> Result<bool, Denial> {
    let Some((owner, pod)) = found.asker().filter(|_| service.directory().is_configured()) else { return Ok(false) };
    let guard = Guard {
        door: Door::Attach,
        directory: service.directory(),
        witness: service.witness(),
        instances: service.instances(),
        confirm: found.confirm().unwrap_or(service.confirm()),
        doubts: service.doubts(),
    };
    guard.admit(request.volume.resource(), Some(&owner), pod, None).await.map(|_| true)
}
