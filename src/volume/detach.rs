//! ControllerUnpublishVolume: takes away what attach added, and never touches a node that may still write.
//!
//! definition ‖ records, view, (delete the client), record: five requests at most. Where claims share the volume the
//! records are read once more: another controller may attach or detach one at the same time.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;

use super::{
    Error,
    id::VolumeId,
    known::Known,
    record::Attachment,
    said::Said,
    seat::{Seat, attach_entry, attach_key},
};
use crate::failover::{self, Standing, Step};
use crate::linstor::{
    Client, Kind, Object,
    model::{Resource, ViewQuery},
    name::NodeName,
};

/// How long a device may still be reported as open after its unmount.
const DEMOTION: Duration = Duration::from_secs(3);
/// How often LINSTOR is asked meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How a detach ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detached {
    /// Did a node not answer? Then its record stands until it does, or is given up (`settle` sees to it).
    pub is_pending: bool,
    /// The nodes that still have the volume: by another claim, or because they did not answer.
    pub still_on: BTreeSet<NodeName>,
}

/// Detaches the volume from one node, or from every node where none is named. What isn't attached is a success. Of an
/// owner's volume one claim leaves, and the device with the last of them.
///
/// # Errors
/// `InUse` while a live node still has it open; `NotReady` where an ONLINE node's state isn't known.
pub async fn detach(linstor: &Client, volume: &VolumeId, node: Option<&NodeName>) -> Result<Detached, Error> {
    let known = match Known::load(linstor, volume).await {
        // A definition that is gone or on its way holds nothing that could be detached.
        Err(Error::NotFound(_) | Error::Deleting(_)) => return Ok(Detached::default()),
        loaded => loaded?,
    };
    let (own, others): (Vec<&Seat>, Vec<&Seat>) =
        known.ledger.attachments.keys().partition(|seat| seat.claim.as_ref() == volume.claim());
    let still_on = others.into_iter().map(|seat| seat.node.clone()).collect();
    let mut detached = Detached { is_pending: false, still_on };
    for seat in own.into_iter().filter(|seat| node.is_none_or(|node| seat.is_on(node))) {
        if detach_from(linstor, &known, seat).await? == Left::Pending {
            detached.is_pending = true;
            detached.still_on.insert(seat.node.clone());
        }
    }
    Ok(detached)
}

/// How a volume left one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Done,
    Pending,
}

async fn detach_from(linstor: &Client, known: &Known, seat: &Seat) -> Result<Left, Error> {
    let is_shared = known.ledger.is_shared(seat);
    let resource = if is_shared {
        view(linstor, &known.volume, &seat.node).await?
    } else {
        await_closed(linstor, &known.volume, &seat.node).await?
    };
    match resource {
        Some(resource) if !resource.is_live() => return leave_pending(linstor, known, seat).await,
        resource if is_shared => leave_to_others(linstor, known, seat, resource).await?,
        resource => let_go(linstor, known, seat, resource).await?,
    }
    Ok(Left::Done)
}

/// How a pending detach ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// The volume is attached there no more.
    Done,
    /// A new attach to that node has come first.
    Cancelled,
}

/// Completes a detach on a node that is ONLINE again.
pub async fn finish(linstor: &Client, known: &Known, seat: &Seat) -> Result<Finished, Error> {
    // What another claim has there is open with good reason.
    let resource = if known.ledger.is_shared(seat) {
        view(linstor, &known.volume, &seat.node).await?
    } else {
        await_closed(linstor, &known.volume, &seat.node).await?
    };
    if resource.as_ref().is_some_and(|resource| !resource.is_live()) {
        return Err(unknown_state(&known.volume, &seat.node));
    }
    // The record was read a while ago, and another controller may have attached the volume there again.
    let ledger = known.ledger_now(linstor).await?;
    if ledger.attachments.get(seat).is_some_and(|attachment| !attachment.detaching) {
        return Ok(Finished::Cancelled);
    }
    if ledger.is_shared(seat) {
        drop_records(linstor, known, &[seat]).await?;
    } else {
        let_go(linstor, known, seat, resource).await?;
    }
    Ok(Finished::Done)
}

/// The resource on the node, once it isn't open there: LINSTOR hears of a demotion a moment after the unmount.
async fn await_closed(linstor: &Client, volume: &VolumeId, node: &NodeName) -> Result<Option<Resource>, Error> {
    let until = Instant::now() + DEMOTION;
    loop {
        let resource = view(linstor, volume, node).await?;
        if resource.as_ref().is_none_or(|resource| resource.in_use() != Some(true)) {
            return Ok(resource);
        }
        if Instant::now() >= until {
            return Err(Error::InUse { volume: volume.clone(), node: node.clone() });
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The satellite answers, and no other claim has the volume there: removes the diskless client that attach added, then
/// the record.
async fn let_go(linstor: &Client, known: &Known, seat: &Seat, resource: Option<Resource>) -> Result<(), Error> {
    let is_removed = remove_client(linstor, known, seat, resource).await?;
    // Another controller may have attached a claim there while its device went away.
    if is_removed && seat.claim.is_some() && known.ledger_now(linstor).await?.is_shared(seat) {
        make_available(linstor, known, seat).await?;
    }
    drop_records(linstor, known, &[seat]).await
}

/// Removes the diskless client that attach added, where there is one.
///
/// A replica stays, and so does a client that the class wants there. So does a tie-breaker: without it quorum would be
/// switched off (linstor-rest.md, section 9,
/// Detach).
async fn remove_client(
    linstor: &Client,
    known: &Known,
    seat: &Seat,
    resource: Option<Resource>,
) -> Result<bool, Error> {
    let (volume, node) = (&known.volume, &seat.node);
    let stays = known.tags.reach.clients.contains(node);
    let is_client =
        |resource: &Resource| resource.is_diskless() && !resource.is_tie_breaker() && !resource.is_deleting();
    let is_kept = stays || Said::wants_clients(&known.definition.props);
    if is_kept || !resource.as_ref().is_some_and(is_client) {
        return Ok(false);
    }
    match linstor.delete_resource(volume.resource(), node).await {
        Err(error) if error.kind() == Some(Kind::InUse) => {
            return Err(Error::InUse { volume: volume.clone(), node: node.clone() });
        }
        Err(error) if error.is_not_found() => {}
        deleted => drop(deleted?),
    }
    Ok(true)
}

/// The satellite answers, and other claims have the volume there: the record alone goes. Where a detach of the last
/// claim was cut after it had removed the device, and another claim came meanwhile, the device is brought back; where
/// another controller has let go of the others at the same time, it goes too.
async fn leave_to_others(
    linstor: &Client,
    known: &Known,
    seat: &Seat,
    resource: Option<Resource>,
) -> Result<(), Error> {
    if resource.is_none() {
        make_available(linstor, known, seat).await?;
    }
    drop_records(linstor, known, &[seat]).await?;
    if !known.ledger_now(linstor).await?.is_shared(seat) {
        remove_client(linstor, known, seat, resource).await?;
    }
    Ok(())
}

/// Brings the device back for the claims that have the volume on the node; without DRBD it never left.
async fn make_available(linstor: &Client, known: &Known, seat: &Seat) -> Result<(), Error> {
    if !known.definition.uses_drbd() {
        return Ok(());
    }
    match linstor.make_available(known.volume.resource(), &seat.node, false).await {
        // LINSTOR has removed the node.
        Err(error) if error.is_not_found() => Ok(()),
        made => Ok(made.map(drop)?),
    }
}

/// The satellite does not answer. Deleting there would take the tie-breaker and quorum away and let two nodes write, so
/// nothing is changed but the record, which stands until the node is back or given up.
async fn leave_pending(linstor: &Client, known: &Known, seat: &Seat) -> Result<Left, Error> {
    let nodes = linstor.nodes(&[&seat.node]).await?;
    match (failover::leave(&seat.node, &Standing::of(nodes.first())), known.ledger.attachments.get(seat)) {
        (Some(Step::Forget(_)), _) | (_, None) => drop_records(linstor, known, &[seat]).await.map(|()| Left::Done),
        (Some(Step::Finish(_)), _) => Err(unknown_state(&known.volume, &seat.node)),
        (None, Some(attachment)) if attachment.detaching => Ok(Left::Pending),
        (None, Some(attachment)) => {
            let pending = Attachment { detaching: true, ..attachment.clone() };
            let entry = attach_entry(&known.tags.incarnation, seat, &pending);
            linstor.kv_put(known.volume.resource(), &entry, &[]).await?;
            Ok(Left::Pending)
        }
    }
}

fn unknown_state(volume: &VolumeId, node: &NodeName) -> Error {
    let seen = "the node is ONLINE and has not told the state of its resource".to_owned();
    Error::NotReady { volume: volume.clone(), node: node.clone(), seen }
}

/// Removes attach records.
pub async fn drop_records(linstor: &Client, known: &Known, seats: &[&Seat]) -> Result<(), Error> {
    let keys: Vec<String> = seats.iter().map(|seat| attach_key(&known.tags.incarnation, seat)).collect();
    linstor.kv_put(known.volume.resource(), &Default::default(), &keys).await?;
    Ok(())
}

/// None where the node has no such resource, and where LINSTOR doesn't know the node any more: this list says 404 then.
async fn view(linstor: &Client, volume: &VolumeId, node: &NodeName) -> Result<Option<Resource>, Error> {
    let query = ViewQuery { resources: vec![volume.resource().clone()], nodes: vec![node.clone()] };
    match linstor.resources_view(&query).await {
        // A node that LINSTOR has removed answers 404 and took its resource along.
        Err(error) if error.kind() == Some(Kind::NotFound(Object::Node)) => Ok(None),
        resources => Ok(resources?.into_iter().next()),
    }
}
