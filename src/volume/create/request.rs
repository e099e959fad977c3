//! What CreateVolume is asked for, and what it answers.

use crate::linstor::{model::Props, name::ResourceName};
use crate::volume::{
    Error,
    attributes::Attributes,
    claims::ClaimKey,
    copy::Source,
    filesystem::{FsType, FsWishes},
    id::VolumeId,
    place::Placement,
    said::Said,
    size::CapacityRange,
    spread::Policy,
    topology::{Segments, Term},
};
use crate::workflow::{Claim, Reach, Tags};

/// A CreateVolume request, parsed.
#[derive(Debug, Clone)]
pub struct CreateRequest {
    /// The CSI name: 1 to 128 characters.
    pub name: String,
    /// The name of its resource definition.
    pub resource: ResourceName,
    /// The size.
    pub range: CapacityRange,
    /// What it is made from; none: it begins empty.
    pub source: Option<Source>,
    /// The filesystem that it will carry; none for raw block.
    pub fs_type: Option<FsType>,
    /// Did the capability or the class name that filesystem? Else a copy has its source's.
    pub is_fs_named: bool,
    /// How that is made and mounted; none for raw block.
    pub wishes: Option<FsWishes>,
    /// Where the replicas go.
    pub placement: Placement,
    /// Who chooses the nodes.
    pub policy: Policy,
    /// Who may use it over the network.
    pub reach: Reach,
    /// Properties of LINSTOR that it gets.
    pub properties: Props,
    /// What its class said.
    pub said: Said,
    /// The places one of which must reach the volume; empty: any.
    pub requisite: Vec<Term>,
    /// The same in order of preference: the first is where the pod is going to run.
    pub preferred: Vec<Term>,
    /// What its VolumeAttributesClass says; `placement` and `properties` have it already.
    pub attributes: Attributes,
    /// Whose volume it is, and the PersistentVolumeClaim that it is made for.
    pub claim: Claim,
}

/// A volume that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its id.
    pub id: VolumeId,
    /// Its size in bytes: what LINSTOR's volume definition says.
    pub bytes: u64,
    /// Where it can be reached from: nodes that have all segments of one of these; empty: every node, over the network.
    pub reachable_from: Vec<Segments>,
    /// How its filesystem is made and mounted; none for raw block.
    pub wishes: Option<FsWishes>,
    /// What it was made from; none: it began empty.
    pub source: Option<Source>,
}

impl CreateRequest {
    /// The same with a placement that heeds the administrator's group. `Unmodifiable` where the attributes need DRBD
    /// and it has none.
    pub(in crate::volume) fn heeding(&self, placement: Placement) -> Result<Self, Error> {
        match self.attributes.needs_drbd().filter(|_| !placement.may_use_drbd()) {
            Some(what) => Err(Error::Unmodifiable { volume: self.name.clone(), what }),
            None => Ok(Self { placement, ..self.clone() }),
        }
    }

    /// What its definition says of itself: its tags, what its class said, and what that sets.
    pub(in crate::volume) fn definition_properties(&self, tags: &Tags) -> Props {
        let mut properties = tags.to_properties();
        properties.extend([self.said.to_property()]);
        properties.extend(self.properties.clone());
        properties
    }

    /// The claim of an owner's volume that asks; none: the volume is a claim's own.
    pub(in crate::volume) fn claim_key(&self) -> Option<ClaimKey> {
        self.claim.ownership.workflow().map(|_| ClaimKey::of(&self.name))
    }

    /// The id that the volume has for whoever asks.
    pub(in crate::volume) fn id(&self) -> VolumeId {
        match self.claim_key() {
            Some(claim) => VolumeId::of_claim(self.resource.clone(), claim),
            None => self.resource.clone().into(),
        }
    }
}
