//! Who is the pod, and may it have the volume? Asked before every NodePublishVolume; without a permit nothing is
//! mounted.

use std::collections::BTreeMap;

use tonic::Status;

use super::status;
use crate::access::{self, Owned, Permit, Request};
use crate::linstor::name::ResourceName;
use crate::workflow::{Directory, DirectoryError, Instances, Object, OwnerView, PodRef, verify};

const POD_NAME: &str = "csi.storage.k8s.io/pod.name";
const POD_NAMESPACE: &str = "csi.storage.k8s.io/pod.namespace";
const POD_UID: &str = "csi.storage.k8s.io/pod.uid";

/// The pod as kubelet names it in the volume_context, where the CSIDriver object says `podInfoOnMount`. Parts that are
/// missing stay empty.
pub(super) fn pod(volume_context: &BTreeMap<String, String>) -> PodRef {
    let get = |key: &str| volume_context.get(key).cloned();
    PodRef {
        namespace: get(POD_NAMESPACE).unwrap_or_default(),
        name: get(POD_NAME).unwrap_or_default(),
        uid: get(POD_UID),
    }
}

/// Decides whether the pod may have the volume, and answers the proof.
///
/// # Errors
/// PERMISSION_DENIED naming owner, claimant and the field that differs; UNAVAILABLE where a tagged volume's pod can't
/// be looked up.
pub async fn admit(
    directory: &impl Directory,
    instances: &Instances,
    volume: &ResourceName,
    owner: Option<&OwnerView>,
    volume_context: &BTreeMap<String, String>,
) -> Result<Permit, Status> {
    let pod = pod(volume_context);
    let owned = match owner {
        None => None,
        Some(owner) => {
            let manifest = look_up(directory, &pod).await.map_err(|error| status::of(&error))?;
            Some(Owned { owner: owner.clone(), claimant: verify(owner, &manifest, instances) })
        }
    };
    let decided = access::decide(Request { volume: volume.clone(), pod: pod.clone(), owned });
    match &decided {
        Ok(permit) => tracing::info!(%volume, %pod, rule = %permit.rule(), "publish permitted"),
        Err(denial) => tracing::warn!(%volume, %pod, rule = %denial.rule(), %denial, "publish denied"),
    }
    decided.map_err(|denial| status::of(&denial))
}

async fn look_up(directory: &impl Directory, pod: &PodRef) -> Result<crate::workflow::Pod, DirectoryError> {
    if pod.name.is_empty() || pod.namespace.is_empty() {
        let reason =
            format!("the volume_context names no pod ({POD_NAME}); set podInfoOnMount: true in the CSIDriver object");
        return Err(DirectoryError::Unavailable { object: Object::Pod(pod.clone()), reason });
    }
    directory.pod(pod).await
}
