//! ControllerUnpublishVolume: takes away what attach added, and never touches a node that may still write.
//!
//! definition ‖ records, view, (delete the client), record: five requests at most.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Error,
    id::VolumeId,
    known::Known,
    record::{self, Attachment, Ledger},
    said::Said,
};
use crate::failover::{self, Standing, Step};
use crate::linstor::{
    Client, Kind, Object,
    model::{Resource, ViewQuery, is_same_name},
    name::NodeName,
};

/// How long a device may still be reported as open after its unmount.
const DEMOTION: Duration = Duration::from_secs(3);
/// How often LINSTOR is asked meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How a detach ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detached {
    /// The volume is attached no more.
    Done,
    /// A node does not answer: its record stands until it does, or is given up (`settle` sees to it).
    Pending,
}

/// Detaches the volume from one node, or from every node where none is named. What isn't attached is a success.
///
/// # Errors
/// `InUse` while a live node still has it open; `NotReady` where an ONLINE node's state isn't known.
pub async fn detach(linstor: &Client, volume: &VolumeId, node: Option<&NodeName>) -> Result<Detached, Error> {
    let known = match Known::load(linstor, volume).await {
        // A definition that is gone or on its way holds nothing that could be detached.
        Err(Error::NotFound(_) | Error::Deleting(_)) => return Ok(Detached::Done),
        loaded => loaded?,
    };
    let recorded = known.ledger.attachments.keys();
    let is_same = |a: &NodeName, b: &NodeName| is_same_name(a.as_str(), b.as_str());
    let mut outcome = Detached::Done;
    for attached in recorded.filter(|recorded| node.is_none_or(|node| is_same(node, recorded))) {
        if detach_from(linstor, volume, &known, attached).await? == Detached::Pending {
            outcome = Detached::Pending;
        }
    }
    Ok(outcome)
}

async fn detach_from(linstor: &Client, volume: &VolumeId, known: &Known, node: &NodeName) -> Result<Detached, Error> {
    match await_closed(linstor, volume, node).await? {
        Some(resource) if !resource.is_live() => leave_pending(linstor, volume, known, node).await,
        resource => let_go(linstor, volume, known, node, resource).await.map(|()| Detached::Done),
    }
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
pub async fn finish(linstor: &Client, volume: &VolumeId, known: &Known, node: &NodeName) -> Result<Finished, Error> {
    let resource = await_closed(linstor, volume, node).await?;
    if resource.as_ref().is_some_and(|resource| !resource.is_live()) {
        return Err(unknown_state(volume, node));
    }
    // The record was read a while ago, and another controller may have attached the volume there again.
    let store = linstor.kv(volume.resource()).await?.unwrap_or_default();
    let ledger = Ledger::read(volume.resource().as_str(), &store, &known.tags.incarnation)?;
    if ledger.attachments.get(node).is_some_and(|attachment| !attachment.detaching) {
        return Ok(Finished::Cancelled);
    }
    let_go(linstor, volume, known, node, resource).await?;
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

/// The satellite answers: removes the diskless client that attach added, then the record.
///
/// A replica stays, and so does a client that the class wants there. So does a tie-breaker: without it quorum would be
/// switched off (linstor-rest.md, section 9,
/// Detach).
async fn let_go(
    linstor: &Client,
    volume: &VolumeId,
    known: &Known,
    node: &NodeName,
    resource: Option<Resource>,
) -> Result<(), Error> {
    let stays = known.tags.reach.clients.contains(node);
    let is_client =
        |resource: &Resource| resource.is_diskless() && !resource.is_tie_breaker() && !resource.is_deleting();
    let is_kept = stays || Said::wants_clients(&known.definition.props);
    if !is_kept && resource.as_ref().is_some_and(is_client) {
        match linstor.delete_resource(volume.resource(), node).await {
            Err(error) if error.kind() == Some(Kind::InUse) => {
                return Err(Error::InUse { volume: volume.clone(), node: node.clone() });
            }
            Err(error) if error.is_not_found() => {}
            deleted => drop(deleted?),
        }
    }
    drop_record(linstor, known, node).await
}

/// The satellite does not answer. Deleting there would take the tie-breaker and quorum away and let two nodes write, so
/// nothing is changed but the record, which stands until the node is back or given up.
async fn leave_pending(linstor: &Client, volume: &VolumeId, known: &Known, node: &NodeName) -> Result<Detached, Error> {
    let nodes = linstor.nodes(&[node]).await?;
    match (failover::leave(node, &Standing::of(nodes.first())), known.ledger.attachments.get(node)) {
        (Some(Step::Forget(_)), _) | (_, None) => drop_record(linstor, known, node).await.map(|()| Detached::Done),
        (Some(Step::Finish(_)), _) => Err(unknown_state(volume, node)),
        (None, Some(attachment)) if attachment.detaching => Ok(Detached::Pending),
        (None, Some(attachment)) => {
            let pending = Attachment { detaching: true, ..attachment.clone() };
            let entry = record::attach_entry(&known.tags.incarnation, node, &pending);
            linstor.kv_put(volume.resource(), &entry, &[]).await?;
            Ok(Detached::Pending)
        }
    }
}

fn unknown_state(volume: &VolumeId, node: &NodeName) -> Error {
    let seen = "the node is ONLINE and has not told the state of its resource".to_owned();
    Error::NotReady { volume: volume.clone(), node: node.clone(), seen }
}

/// Removes the attach record of a node.
pub async fn drop_record(linstor: &Client, known: &Known, node: &NodeName) -> Result<(), Error> {
    let key = record::attach_key(&known.tags.incarnation, node);
    linstor.kv_put(known.volume.resource(), &Default::default(), &[key]).await?;
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
