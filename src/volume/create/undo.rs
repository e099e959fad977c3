//! What a CreateVolume that LINSTOR refused takes back: a final answer is given only where nothing is left.

use super::Create;
use crate::linstor::{self, Kind, model::ResourceDefinition};
use crate::volume::{Error, capacity, record::Ledger};
use crate::workflow::Tags;

impl Create<'_> {
    /// After a refusal with the definition there; anything but a refusal leaves it to the next call.
    pub(in crate::volume) async fn take_back_open(&self, tags: &Tags, size_kib: u64, error: linstor::Error) -> Error {
        if error.refusal().is_none() {
            return self.still_open(error);
        }
        self.take_back(tags, size_kib, error).await
    }

    /// After a refusal: a final answer is given only when nothing is left, for the caller won't come again after one.
    pub(in crate::volume) async fn take_back(&self, tags: &Tags, size_kib: u64, error: linstor::Error) -> Error {
        if error.refusal().is_none() {
            return Error::Linstor(error);
        }
        match self.remove_unused(tags).await {
            Ok(()) if error.is_no_room() => {
                let placement = &self.request.placement;
                let largest_kib = capacity::largest_kib(self.linstor, placement).await;
                Error::NoRoom { size_kib, placement: placement.describe(), largest_kib, source: error }
            }
            Ok(()) if error.kind() == Some(Kind::NoMasterKey) => {
                Error::NoPassphrase { resource: self.resource.clone(), source: error }
            }
            Ok(()) => Error::Linstor(error),
            Err(left) => self.unfinished(format!("{error}; and it could not be taken back: {left}")),
        }
    }

    /// Removes the definition of this incarnation, unless it was ever attached, and looks that it is gone.
    pub(in crate::volume) async fn remove_unused(&self, tags: &Tags) -> Result<(), Error> {
        let is_it = |definition: ResourceDefinition| matches!(Tags::read(&definition.props), Ok(Some(found)) if found.incarnation == tags.incarnation);
        if !self.linstor.definition(self.resource).await?.is_some_and(is_it) {
            return Ok(());
        }
        // What another incarnation or another driver left under the name says nothing of this one.
        if self.ledger(tags).await? != Ledger::default() {
            return Err(self.unfinished("it has been used".to_owned()));
        }
        self.linstor.delete_definition(self.resource).await?;
        match self.linstor.definition(self.resource).await?.is_some_and(is_it) {
            true => Err(Error::Deleting(self.resource.clone())),
            false => Ok(()),
        }
    }
}
