//! DeleteVolume of a claim: it is released, and the data stays for the owner's next claim.
//!
//! Definition ‖ records, the nodes where it is attached, one write: at most four requests.

use crate::linstor::Client;
use crate::volume::{
    Error, claims::ClaimKey, delete::check_detached, generation, id::VolumeId, moment::Moment, record::Ledger, standing,
};
use crate::workflow::{ClaimRef, Tags};

use super::OwnedError;

/// A claim that let go of a volume which stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The volume, by the claim's id.
    pub volume: VolumeId,
    /// Whose it is, in words.
    pub owner: String,
    /// The PersistentVolumeClaim, where it is known.
    pub pvc: Option<ClaimRef>,
}

/// Releases the claim. One that isn't there, and one of a volume that is gone, is a success.
///
/// # Errors
/// `Foreign` for a definition without our tag, `StillAttached`.
pub(in crate::volume) async fn release(
    linstor: &Client,
    volume: &VolumeId,
    claim: &ClaimKey,
) -> Result<Option<Kept>, Error> {
    let resource = volume.resource();
    let (definition, store) = tokio::try_join!(linstor.definition(resource), linstor.kv(resource))?;
    let Some(definition) = definition else { return Ok(None) };
    let tags = Tags::read(&definition.props)?.ok_or_else(|| Error::Foreign(resource.clone()))?;
    let ledger = Ledger::read(resource.as_str(), &store.unwrap_or_default(), &tags.incarnation)?;
    let Some(record) = ledger.claims.get(claim).filter(|_| !definition.is_deleting()) else { return Ok(None) };
    check_detached(linstor, volume, &ledger).await?;
    let change = standing::released(&tags.incarnation, claim, &ledger, Moment::now());
    standing::write(linstor, resource, &change).await?;
    let owner = tags.ownership.workflow().map(ToString::to_string).unwrap_or_default();
    Ok(Some(Kept { volume: volume.clone(), owner, pvc: record.pvc.clone() }))
}

/// An owner's volume goes by its claims alone: an id without one was given to nobody.
///
/// # Errors
/// `NoClaim`.
pub(in crate::volume) fn check_plain(volume: &VolumeId, tags: &Tags) -> Result<(), Error> {
    match tags.ownership.workflow() {
        Some(owner) if generation::of(volume.resource()).is_some() => {
            Err(OwnedError::NoClaim { volume: volume.clone(), owner: owner.to_string() }.into())
        }
        _ => Ok(()),
    }
}
