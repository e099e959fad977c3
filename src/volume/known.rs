//! What LINSTOR knows of a volume: its definition, its tags and its records, read together.

use super::{Error, id::VolumeId, record::Ledger};
use crate::linstor::{Client, model::ResourceDefinition, name::ResourceName};
use crate::workflow::tag::Tags;

/// A volume of ours as LINSTOR has it now.
#[derive(Debug)]
pub struct Known {
    /// Its id.
    pub volume: VolumeId,
    /// Its resource definition, volume definitions included.
    pub definition: ResourceDefinition,
    /// Its tags: written once, in the request that made it.
    pub tags: Tags,
    /// Its records.
    pub ledger: Ledger,
}

impl Known {
    /// Reads the volume with two requests side by side.
    ///
    /// # Errors
    /// `NotFound`, `Foreign` where the driver's tag is missing, `Deleting` where LINSTOR is taking it away.
    pub async fn load(linstor: &Client, volume: &VolumeId) -> Result<Self, Error> {
        let resource = volume.resource();
        let (definition, store) = tokio::try_join!(linstor.definition(resource), linstor.kv(resource))?;
        let definition = definition.ok_or_else(|| Error::NotFound(volume.clone()))?;
        let tags = check_ours(&definition, resource)?;
        let ledger = Ledger::read(resource.as_str(), &store.unwrap_or_default(), &tags.incarnation)?;
        Ok(Self { volume: volume.clone(), definition, tags, ledger })
    }

    /// Fails where the id names a claim that was released: whoever made it may not have the volume by it any more.
    ///
    /// # Errors
    /// `Released`.
    pub fn check_claim(&self) -> Result<(), Error> {
        match self.volume.claim() {
            Some(claim) if !self.ledger.claims.contains_key(claim) => Err(Error::Released(self.volume.clone())),
            _ => Ok(()),
        }
    }

    /// The volume's records as they are now; [`Known::ledger`] has them as they were.
    pub async fn ledger_now(&self, linstor: &Client) -> Result<Ledger, Error> {
        let resource = self.volume.resource();
        let store = linstor.kv(resource).await?.unwrap_or_default();
        Ok(Ledger::read(resource.as_str(), &store, &self.tags.incarnation)?)
    }

    /// The volume's size in bytes, as it was promised.
    pub fn bytes(&self) -> u64 {
        self.definition.size_kib().unwrap_or_default() * 1024
    }
}

/// The same for who reads no records otherwise: one request where the id names a claim, else none.
pub(super) async fn check_claim(linstor: &Client, volume: &VolumeId, tags: &Tags) -> Result<(), Error> {
    let Some(claim) = volume.claim() else { return Ok(()) };
    let store = linstor.kv(volume.resource()).await?.unwrap_or_default();
    let ledger = Ledger::read(volume.resource().as_str(), &store, &tags.incarnation)?;
    if ledger.claims.contains_key(claim) { Ok(()) } else { Err(Error::Released(volume.clone())) }
}

/// The tags of a definition that is ours and stays: `Foreign` or `Deleting` else.
pub(super) fn check_ours(definition: &ResourceDefinition, resource: &ResourceName) -> Result<Tags, Error> {
    let tags = Tags::read(&definition.props)?.ok_or_else(|| Error::Foreign(resource.clone()))?;
    if definition.is_deleting() { Err(Error::Deleting(resource.clone())) } else { Ok(tags) }
}
