//! The `formatted` mark, live in LINSTOR: read before a filesystem is made, written after, and read back
//! (docs/decisions.md, Formatting).

use super::{Error, VolumeId, filesystem::FsUuid, record};
use crate::linstor::Client;
use crate::workflow::Incarnation;

/// The mark of one volume.
#[derive(Debug, Clone)]
pub struct FormattedMark {
    linstor: Client,
    volume: VolumeId,
    incarnation: Incarnation,
}

impl FormattedMark {
    /// The mark of that incarnation of the volume.
    pub fn new(linstor: Client, volume: VolumeId, incarnation: Incarnation) -> Self {
        Self { linstor, volume, incarnation }
    }

    /// Which filesystem was finished on the volume, if any. One request.
    pub async fn read(&self) -> Result<Option<FsUuid>, Error> {
        let resource = self.volume.resource();
        let store = self.linstor.kv(resource).await?.unwrap_or_default();
        Ok(record::Ledger::read(resource.as_str(), &store, &self.incarnation)?.formatted)
    }

    /// Says that this filesystem is finished. One request; whoever writes it reads it back.
    pub async fn write(&self, uuid: &FsUuid) -> Result<(), Error> {
        let entry = [(record::formatted_key(&self.incarnation), uuid.to_string())].into();
        self.linstor.kv_put(self.volume.resource(), &entry, &[]).await?;
        Ok(())
    }
}
