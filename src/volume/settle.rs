//! Completes detaches that had to wait for a node: the controller's only work without a caller.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    Error, clear::clear, detach::Finished, id::VolumeId, known::Known, limit::Limit, record, reserve::Reservations,
};
use crate::failover::{self, Standing};
use crate::linstor::{
    Client,
    model::is_same_name,
    name::{NodeName, ResourceName},
};

/// How often it is looked for what another controller left pending.
const PATROL: Duration = Duration::from_secs(300);
/// How often a detach is tried again that is known to be pending.
const RETRY: Duration = Duration::from_secs(15);

/// What a look at the pending detaches came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settled {
    /// Detaches that were completed.
    pub done: usize,
    /// Volumes with a detach that still waits for its node.
    pub pending: usize,
}

/// Looks at pending detaches at the start, when it is told of one, and from time to time, until `stop`; a detach that is
/// being completed then is completed. What fails is logged and tried again.
pub async fn run(
    linstor: Client,
    reservations: Reservations,
    limit: Limit,
    told: Arc<Notify>,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        let wait = match settle_until(&linstor, &reservations, &limit, &stop).await {
            Ok(Settled { pending: 0, .. }) => PATROL,
            Ok(_) => RETRY,
            Err(error) => {
                tracing::warn!(%error, "pending detaches could not be looked at; trying again later");
                RETRY
            }
        };
        tokio::select! {
            // An end of the wait and a word of a new one lead to the same.
            _ = tokio::time::timeout(wait, told.notified()) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Completes what can be completed now. One request for all records, which tells the limit of what other controllers
/// did, too; only volumes with a pending detach cost more.
pub async fn settle(linstor: &Client, reservations: &Reservations, limit: &Limit) -> Result<Settled, Error> {
    settle_until(linstor, reservations, limit, &CancellationToken::new()).await
}

async fn settle_until(
    linstor: &Client,
    reservations: &Reservations,
    limit: &Limit,
    stop: &CancellationToken,
) -> Result<Settled, Error> {
    let mut settled = Settled::default();
    let look = limit.look();
    let Some(stores) = stop.run_until_cancelled(linstor.kv_list()).await.transpose()? else { return Ok(settled) };
    limit.learn(look, &stores);
    for (instance, store) in stores {
        if stop.is_cancelled() {
            break;
        }
        let Ok(resource) = ResourceName::parse(&instance) else { continue };
        if !record::is_ours(&store) || !store.values().any(|value| record::is_detaching(value)) {
            continue;
        }
        let left = match reservations.reserve(&resource) {
            Ok(_reservation) => settle_volume(linstor, &resource.clone().into(), &mut settled.done).await,
            // Whoever works on the volume now sees the pending record too.
            Err(busy) => Err(busy.into()),
        };
        if let Err(error) = &left {
            tracing::info!(volume = %resource, %error, "a detach is still pending");
        }
        settled.pending += usize::from(!matches!(left, Ok(0)));
    }
    Ok(settled)
}

/// Completes what it can of one volume; answers how many detaches are left.
async fn settle_volume(linstor: &Client, volume: &VolumeId, done: &mut usize) -> Result<usize, Error> {
    let known = match Known::load(linstor, volume).await {
        // Its records go with it.
        Err(Error::NotFound(_) | Error::Deleting(_)) => return Ok(0),
        loaded => loaded?,
    };
    let waits = known.ledger.attachments.iter().filter(|(_, attachment)| attachment.detaching);
    let waiting: BTreeSet<&NodeName> = waits.map(|(seat, _)| &seat.node).collect();
    if waiting.is_empty() {
        return Ok(0);
    }
    let states = linstor.nodes(&waiting.iter().copied().collect::<Vec<_>>()).await?;
    let mut left = 0;
    for node in waiting {
        let state = states.iter().find(|state| is_same_name(&state.name, node.as_str()));
        let Some(step) = failover::leave(node, &Standing::of(state)) else {
            left += 1;
            continue;
        };
        let outcome = clear(linstor, &known, &step).await;
        match outcome {
            Ok(Finished::Done) => {
                tracing::info!(%volume, %node, "completed a detach that had waited for the node");
                *done += 1;
            }
            Ok(Finished::Cancelled) => {}
            // One node's trouble must not keep the volume's other nodes waiting.
            Err(error) => {
                tracing::info!(%volume, %node, %error, "a detach is still pending");
                left += 1;
            }
        }
    }
    Ok(left)
}
