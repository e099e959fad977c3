//! Volume ids, and the LINSTOR name that a CSI name becomes.

use std::fmt;

use super::claims::ClaimKey;
use crate::linstor::name::{NameError, ResourceName};
use crate::workflow::reference::sha256_hex;

/// The id of a volume: the name of its resource definition, and of an owner's volume `@` and the claim that has it
/// (docs/decisions.md, Names). At most 81 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VolumeId {
    resource: ResourceName,
    claim: Option<ClaimKey>,
}

/// An id that no volume of ours can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("volume id is not one that linflow gives: {0}; pass the id that CreateVolume answered")]
pub struct VolumeIdError(NotAnId);

/// What is wrong with an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnId {
    /// No name of a resource.
    #[error(transparent)]
    Resource(#[from] NameError),
    /// What follows the `@`.
    #[error("{0:?} after the @ is not 32 lower-case hex digits")]
    Claim(String),
}

impl VolumeId {
    /// Parses an id that a caller gives. Anything but a LINSTOR resource name, with a claim or without, is refused, `..`,
    /// `/` and NUL included. LINSTOR takes names without case and ours have only lower case, so that one volume has one
    /// id here too.
    pub fn parse(id: &str) -> Result<Self, VolumeIdError> {
        let lower = id.to_ascii_lowercase();
        let (resource, claim) = match lower.split_once('@') {
            Some((resource, claim)) => (resource, Some(claim)),
            None => (lower.as_str(), None),
        };
        let not_a_claim = |claim: &str| VolumeIdError(NotAnId::Claim(claim.to_owned()));
        let claim = claim.map(|claim| ClaimKey::parse(claim).ok_or_else(|| not_a_claim(claim))).transpose()?;
        let resource = ResourceName::parse(resource).map_err(|error| VolumeIdError(error.into()))?;
        Ok(Self { resource, claim })
    }

    /// The id of a claim of an owner's volume.
    pub fn of_claim(resource: ResourceName, claim: ClaimKey) -> Self {
        Self { resource, claim: Some(claim) }
    }

    /// The resource definition that the volume is.
    pub fn resource(&self) -> &ResourceName {
        &self.resource
    }

    /// The claim, where the volume is an owner's.
    pub fn claim(&self) -> Option<&ClaimKey> {
        self.claim.as_ref()
    }
}

impl From<ResourceName> for VolumeId {
    fn from(resource: ResourceName) -> Self {
        Self { resource, claim: None }
    }
}

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.resource.fmt(f)?;
        self.claim.as_ref().map_or(Ok(()), |claim| write!(f, "@{claim}"))
    }
}

/// The name of the resource definition for a CSI volume name.
///
/// LINSTOR's names are at most 48 characters and compared without case; CSI's may have 128 of any script. A name that
/// LINSTOR would keep exactly, and that can't be taken for one of ours, stays as it is; every other becomes `lf-` and
/// 32 hex digits of its SHA-256.
pub fn resource_name(csi_name: &str) -> ResourceName {
    let keeps = !csi_name.bytes().any(|byte| byte.is_ascii_uppercase()) && !csi_name.starts_with("lf-");
    match ResourceName::parse(csi_name) {
        Ok(name) if keeps => name,
        _ => ResourceName::parse(&format!("lf-{}", short_hash(csi_name)))
            .expect("lf- and 32 hex digits make a resource name"),
    }
}

/// The name of the resource definition for a claim's volume, where the class wants it called after the claim.
///
/// Neither a namespace's name nor a claim's can hold `_`, so that no two claims make one text: with `-` between them
/// the claims a/b-c and a-b/c would share a volume.
pub fn pvc_resource_name(namespace: &str, claim: &str) -> ResourceName {
    resource_name(&format!("{namespace}_{claim}"))
}

/// The first 32 hex digits (128 bits) of the text's SHA-256.
pub fn short_hash(text: &str) -> String {
    let mut hex = sha256_hex(text);
    hex.truncate(32);
    hex
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_lower_case_name_stays_and_every_other_is_hashed() {
        let pvc = "pvc-8d7c2a4e-0f4b-4a3c-9a52-3a8d1d2f7e11";
        assert_eq!(resource_name(pvc).as_str(), pvc);
        for hashed in ["PVC-1", "lf-0", "a", "1st", "名前", "with space", &"a".repeat(49), &"a".repeat(128)] {
            let name = resource_name(hashed);
            assert!(name.as_str().starts_with("lf-") && name.as_str().len() == 35, "{hashed} became {name}");
        }
    }

    #[test]
    fn names_that_differ_in_case_alone_do_not_meet() {
        assert_ne!(resource_name("Data"), resource_name("data"));
        assert_ne!(resource_name("DATA"), resource_name("Data"));
    }

    #[test]
    fn an_id_with_dots_slashes_or_nul_is_refused() {
        for bad in ["", "..", "../x", "a/b", "a\0b", "a@b", "x y"] {
            assert!(VolumeId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_id_of_a_claim_is_the_resource_and_the_hash_of_its_name() {
        let resource = ResourceName::parse(&format!("lf-{}-{}", "a".repeat(32), u32::MAX)).unwrap();
        let id = VolumeId::of_claim(resource.clone(), ClaimKey::of("pvc-1"));
        let text = id.to_string();
        assert_eq!((text.len() <= 81, VolumeId::parse(&text)), (true, Ok(id.clone())));
        assert_eq!((id.resource(), id.claim()), (&resource, Some(&ClaimKey::of("pvc-1"))));
        for bad in ["vol1@", "vol1@abc", "@0123", &format!("{text}@{}", "0".repeat(32))] {
            assert!(VolumeId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_id_in_another_case_is_the_same_volume() {
        assert_eq!(VolumeId::parse("PVC-1"), VolumeId::parse("pvc-1"));
    }

    #[test]
    fn a_claims_volume_is_called_after_it_where_linstor_takes_the_name() {
        assert_eq!(pvc_resource_name("team-a", "data-0").as_str(), "team-a_data-0");
        for (namespace, claim) in [("1st", "data"), ("team", "data.v1"), ("team", &"d".repeat(44))] {
            let name = pvc_resource_name(namespace, claim);
            assert!(name.as_str().starts_with("lf-") && name.as_str().len() == 35, "{namespace}/{claim}: {name}");
        }
    }

    proptest! {
        #[test]
        fn two_claims_never_become_one_resource(
            a in "[a-z0-9-]{1,30}", b in "[a-z0-9.-]{1,30}", c in "[a-z0-9-]{1,30}", d in "[a-z0-9.-]{1,30}",
        ) {
            prop_assume!((&a, &b) != (&c, &d));
            prop_assert_ne!(pvc_resource_name(&a, &b), pvc_resource_name(&c, &d));
        }

        #[test]
        fn two_csi_names_never_become_one_resource(a in "\\PC{1,128}", b in "\\PC{1,128}") {
            prop_assume!(a != b);
            prop_assert_ne!(resource_name(&a).as_str().to_lowercase(), resource_name(&b).as_str().to_lowercase());
        }

        #[test]
        fn a_resource_name_parses_back_as_the_volume_id(name in "\\PC{1,128}") {
            let resource = resource_name(&name);
            prop_assert_eq!(VolumeId::parse(resource.as_str()).map(|id| id.resource().clone()), Ok(resource));
        }
    }
}
