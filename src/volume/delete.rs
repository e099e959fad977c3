//! DeleteVolume: the definition first, its records after, and nothing that isn't ours. A claim of an owner's volume is
//! released instead.

use std::collections::BTreeSet;

use super::{
    Error,
    copy::temporary,
    id::VolumeId,
    owned::{Kept, release},
    record,
};
use crate::linstor::{self, Client, Kind, model::Props, name::NodeName};
use crate::volume::record::Ledger;
use crate::workflow::tag::Tags;

/// Deletes the volume; a claim of an owner's volume is released, and the volume that is kept is answered. One that isn't
/// there, or that LINSTOR is deleting already, is a success.
///
/// # Errors
/// `Foreign` for a definition without our tag, `StillAttached`, `InUse`, `HasSnapshots`; `NoClaim` for an owner's volume
/// by an id without a claim.
pub async fn delete(linstor: &Client, volume: &VolumeId) -> Result<Option<Kept>, Error> {
    if let Some(claim) = volume.claim() {
        return release::release(linstor, volume, claim).await;
    }
    let resource = volume.resource();
    let (definition, store) = tokio::try_join!(linstor.definition(resource), linstor.kv(resource))?;
    if let Some(definition) = definition {
        let tags = Tags::read(&definition.props)?.ok_or_else(|| Error::Foreign(resource.clone()))?;
        release::check_plain(volume, &tags)?;
        if !definition.is_deleting() {
            let store = store.clone().unwrap_or_default();
            let ledger = Ledger::read(resource.as_str(), &store, &tags.incarnation)?;
            check_detached(linstor, volume, &ledger).await?;
            remove(linstor, volume, &definition.props).await?;
        }
    }
    if store.is_some_and(|store| record::is_ours(&store)) {
        linstor.kv_delete(resource).await?;
    }
    Ok(None)
}

/// Deletes the definition, of which nobody has anything any more, with what a copy of it left at its source.
///
/// # Errors
/// `HasSnapshots`, and `StillAttached` where LINSTOR sees it open.
pub async fn remove(linstor: &Client, volume: &VolumeId, props: &Props) -> Result<(), Error> {
    temporary::leave(linstor, volume.resource(), props).await?;
    delete_definition(linstor, volume).await
}

/// LINSTOR deletes a mounted volume without DRBD and says nothing, so an attach record on a node that lives forbids it;
/// of a claim, one of its own.
pub(super) async fn check_detached(linstor: &Client, volume: &VolumeId, ledger: &Ledger) -> Result<(), Error> {
    let own = ledger.attachments.keys().filter(|seat| seat.claim.as_ref() == volume.claim());
    let recorded: BTreeSet<&NodeName> = own.map(|seat| &seat.node).collect();
    if recorded.is_empty() {
        return Ok(());
    }
    let nodes = linstor.nodes(&recorded.into_iter().collect::<Vec<_>>()).await?;
    let alive: Vec<String> = nodes.into_iter().filter(|node| node.is_online()).map(|node| node.name).collect();
    if alive.is_empty() {
        Ok(())
    } else {
        Err(Error::StillAttached { volume: volume.clone(), nodes: alive.join(", ") })
    }
}

async fn delete_definition(linstor: &Client, volume: &VolumeId) -> Result<(), Error> {
    let Err(error) = linstor.delete_definition(volume.resource()).await else { return Ok(()) };
    let error = match error.kind() {
        // Those of clones that a broken call left behind keep nobody's data.
        Some(Kind::HasSnapshots) if temporary::sweep(linstor, volume.resource()).await? => {
            let Err(error) = linstor.delete_definition(volume.resource()).await else { return Ok(()) };
            error
        }
        _ => error,
    };
    match error.kind() {
        Some(Kind::NotFound(_)) => Ok(()),
        Some(Kind::HasSnapshots) => Err(has_snapshots(linstor, volume, &error).await),
        Some(Kind::InUse) => Err(Error::StillAttached { volume: volume.clone(), nodes: error.to_string() }),
        _ => Err(error.into()),
    }
}

/// LINSTOR says that there are snapshots, and not which. Those that have become known are named; where they can't be,
/// LINSTOR's own words have to do.
async fn has_snapshots(linstor: &Client, volume: &VolumeId, error: &linstor::Error) -> Error {
    let seen = linstor.snapshots(std::slice::from_ref(volume.resource())).await.unwrap_or_default();
    let names: Vec<String> = seen.into_iter().map(|snapshot| snapshot.name).collect();
    let snapshots = if names.is_empty() { error.to_string() } else { names.join(", ") };
    Error::HasSnapshots { volume: volume.clone(), snapshots }
}
