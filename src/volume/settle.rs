//! Completes detaches that had to wait for a node: the controller's only work without a caller.

use std::time::Duration;

use super::{Error, detach, id::VolumeId, known::Known, record, reserve::Reservations};
use crate::linstor::{Client, name::NodeName, name::ResourceName};

/// Looks at pending detaches every `interval` until dropped. What fails is logged and tried again.
pub async fn run(linstor: Client, reservations: Reservations, interval: Duration) {
    let mut tick = tokio::time::interval(interval);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = settle(&linstor, &reservations).await {
            tracing::warn!(%error, "pending detaches could not be looked at; trying again later");
        }
    }
}

/// Completes what can be completed now; answers how many detaches it completed.
///
/// One request for all records; only volumes with a pending detach cost more.
pub async fn settle(linstor: &Client, reservations: &Reservations) -> Result<usize, Error> {
    let mut done = 0;
    for (instance, store) in linstor.kv_list().await? {
        let Ok(resource) = ResourceName::parse(&instance) else { continue };
        if !record::is_ours(&store) || !store.values().any(|value| record::is_detaching(value)) {
            continue;
        }
        // Busy: whoever works on the volume now sees the pending record too.
        let Ok(_reservation) = reservations.reserve(&resource) else { continue };
        match settle_volume(linstor, &resource.clone().into()).await {
            Ok(settled) => done += settled,
            Err(error) => tracing::info!(volume = %resource, %error, "a detach is still pending"),
        }
    }
    Ok(done)
}

async fn settle_volume(linstor: &Client, volume: &VolumeId) -> Result<usize, Error> {
    let known = Known::load(linstor, volume).await?;
    let pending: Vec<&NodeName> =
        known.ledger.attachments.iter().filter(|(_, attachment)| attachment.detaching).map(|(node, _)| node).collect();
    if pending.is_empty() {
        return Ok(0);
    }
    let online = linstor.nodes(&pending).await?;
    let mut done = 0;
    for node in pending {
        match online.iter().find(|state| crate::linstor::model::is_same_name(&state.name, node.as_str())) {
            Some(state) if state.is_online() => detach::finish(linstor, volume, &known, node).await?,
            Some(_) => continue,
            None => detach::drop_record(linstor, &known, node).await?,
        }
        tracing::info!(%volume, %node, "completed a detach that had waited for the node");
        done += 1;
    }
    Ok(done)
}
