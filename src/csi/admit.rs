//! Who is the pod, and may it have the volume? Asked before every NodePublishVolume; without a permit nothing is
//! mounted.

use std::collections::BTreeMap;

use crate::access::{self, Check, Claimant, Denial, Doubt, Expected, Owned, Permit, Request};
use crate::linstor::name::ResourceName;
use crate::metrics::Doubts;
use crate::workflow::{
    Confirm, Directory, DirectoryError, Instances, Notice, Object, OwnerView, PodRef, Witness, airflow::Field, hear,
    verify,
};

const POD_NAME: &str = "csi.storage.k8s.io/pod.name";
const POD_NAMESPACE: &str = "csi.storage.k8s.io/pod.namespace";
const POD_UID: &str = "csi.storage.k8s.io/pod.uid";

/// The pod as kubelet names it in the volume_context, where the CSIDriver object says `podInfoOnMount`. Parts that are
/// missing stay empty.
pub fn pod(volume_context: &BTreeMap<String, String>) -> PodRef {
    let get = |key: &str| volume_context.get(key).cloned();
    PodRef {
        namespace: get(POD_NAMESPACE).unwrap_or_default(),
        name: get(POD_NAME).unwrap_or_default(),
        uid: get(POD_UID),
    }
}

/// Where pods are confirmed.
#[derive(Debug, Clone, Copy)]
pub enum Door {
    /// ControllerPublishVolume, where the claim's pod is known.
    Attach,
    /// NodePublishVolume.
    Mount,
}

impl Door {
    fn as_str(self) -> &'static str {
        match self {
            Self::Attach => "attach",
            Self::Mount => "mount",
        }
    }
}

/// Confirms pods at one door.
#[derive(Debug)]
pub struct Guard<'a, D> {
    /// Where it stands.
    pub door: Door,
    /// Where it looks pods up.
    pub directory: &'a D,
    /// Whom it asks about those that show the owner's ids.
    pub witness: &'a dyn Witness,
    /// Which namespace belongs to which Airflow.
    pub instances: &'a Instances,
    /// How strict it is.
    pub confirm: Confirm,
    /// Who counts whom it stopped, or would have.
    pub doubts: &'a Doubts,
}

impl<D: Directory> Guard<'_, D> {
    /// Decides whether the pod may have the volume, and answers the proof. Who it was attached for is not looked up again,
    /// and the witness's word of then holds too: it was given about that very pod.
    ///
    /// # Errors
    /// `Denial` naming owner, claimant and the field that differs or what the witness says, or that a tagged volume's pod
    /// can't be looked up or the witness asked.
    pub async fn admit(
        &self,
        volume: &ResourceName,
        owner: Option<&OwnerView>,
        pod: PodRef,
        expected: Option<Expected>,
    ) -> Result<Permit, Denial> {
        let owned = match (owner, expected) {
            (None, _) => None,
            (Some(owner), Some(proof)) => Some(Owned { owner: owner.clone(), check: Check::Attached(proof) }),
            (Some(owner), None) => Some(Owned { owner: owner.clone(), check: self.check(owner, &pod).await }),
        };
        let decided = access::decide(Request { volume: volume.clone(), pod: pod.clone(), owned });
        let door = self.door.as_str();
        match &decided {
            Ok(permit) => match permit.overlooked() {
                None => tracing::info!(%volume, %pod, door, rule = %permit.rule(), "pod permitted"),
                Some(denial) => {
                    tracing::warn!(%volume, %pod, door, rule = %permit.rule(), %denial, "pod permitted that would be denied");
                    self.count(denial);
                }
            },
            Err(denial) => {
                tracing::warn!(%volume, %pod, door, rule = %denial.rule(), %denial, "pod denied");
                self.count(denial);
                self.tell(pod, denial).await;
            }
        }
        decided
    }

    async fn check(&self, owner: &OwnerView, pod: &PodRef) -> Check {
        match self.confirm {
            Confirm::Enforce => Check::Enforce(self.claimant(owner, pod).await),
            Confirm::Audit => Check::Audit(self.claimant(owner, pod).await),
            Confirm::Off => Check::Off,
        }
    }

    async fn claimant(&self, owner: &OwnerView, pod: &PodRef) -> Claimant {
        let manifest = look_up(self.directory, pod).await.map_err(Doubt::Unseen)?;
        let verified = verify(owner, &manifest, self.instances).map_err(Doubt::Mismatch)?;
        Ok(hear(self.witness, verified).await)
    }

    fn count(&self, denial: &Denial) {
        let field = match denial {
            Denial::Unseen(_) => "unseen",
            Denial::Contradicted { .. } => "witness",
            Denial::Unheard { .. } => "unheard",
            denial => denial.field().map_or("proof", Field::as_str),
        };
        self.doubts.noticed(self.door.as_str(), self.confirm.as_str(), field);
    }

    /// Whoever looks at the pod is to see why it doesn't start. What isn't known yet is kubelet's to tell.
    async fn tell(&self, pod: PodRef, denial: &Denial) {
        if matches!(denial, Denial::Unseen(_) | Denial::Unheard { .. }) {
            return;
        }
        let (about, message) = (Object::Pod(pod), denial.to_string());
        self.directory.tell(&Notice { about, is_warning: true, reason: "VolumeRefused", message }).await;
    }
}

async fn look_up(directory: &impl Directory, pod: &PodRef) -> Result<crate::workflow::Pod, DirectoryError> {
    if pod.name.is_empty() || pod.namespace.is_empty() {
        let reason =
            format!("the volume_context names no pod ({POD_NAME}); set podInfoOnMount: true in the CSIDriver object");
        return Err(DirectoryError::Unavailable { object: Object::Pod(pod.clone()), reason });
    }
    directory.pod(pod).await
}
