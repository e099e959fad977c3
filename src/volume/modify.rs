//! ControllerModifyVolume: other attributes for one volume, and never for the group that it shares with others.
//!
//! Properties first: LINSTOR takes or refuses them as a whole, so that nothing is changed where one is refused. Then
//! the replicas: the wish is recorded before anything is placed or removed, so that a call that is cut is completed by
//! the next, and so that health knows what is missing.

mod adding;
mod surplus;

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;

use super::{
    Error,
    attributes::Attributes,
    id::VolumeId,
    known::{check_claim, check_ours},
    patience::Patience,
    record::{self, Ledger},
    said::Said,
    warned,
};
use crate::linstor::{
    self, Client, Kind,
    model::{Node, Resource, ResourceDefinition, ViewQuery, is_same_name},
    name::NodeName,
};
use crate::workflow::{RemoteAccess, Tags};
use surplus::Pins;

/// The volume of a definition: linflow makes one in each.
const VOLUME_NUMBER: u32 = 0;

/// Gives the volume these attributes, and waits, at most `patience`, until LINSTOR shows the replicas. They may go on
/// synchronising: health tells.
///
/// # Errors
/// `NotFound`, `Foreign`, `Deleting`; `Unmodifiable` and `Bound` where the volume can't have them, and LINSTOR's own refusal of a
/// property: nothing was changed then. `NoRoom`, `Unfinished`, `NotSpare`, `NodeNotOnline`, `InUse`: call again.
pub async fn modify(linstor: &Client, volume: &VolumeId, wish: &Attributes, patience: Duration) -> Result<(), Error> {
    let resource = volume.resource();
    let query = ViewQuery { resources: vec![resource.clone()], ..ViewQuery::default() };
    let view = async {
        match wish.replicas {
            Some(_) => linstor.resources_view(&query).await,
            None => Ok(Vec::new()),
        }
    };
    let (definition, view) = tokio::try_join!(linstor.definition(resource), view)?;
    let definition = definition.ok_or_else(|| Error::NotFound(volume.clone()))?;
    let tags = check_ours(&definition, resource)?;
    check_claim(linstor, volume, &tags).await?;
    check_layers(volume, &definition, wish)?;
    let until = Instant::now() + patience;
    let replicas =
        wish.replicas.map(|wanted| Replicas { linstor, volume, definition: &definition, tags: &tags, wanted, until });
    if let Some(replicas) = &replicas {
        replicas.check(&view).await?;
    }
    let mut properties = wish.to_properties();
    properties.retain(|key, value| definition.prop(key) != Some(value));
    if !properties.is_empty() {
        warned::log(resource, &linstor.modify_definition(resource, &properties, &[]).await?);
    }
    match replicas {
        // Placing by topology makes for a large future, and each call of each verb would carry it.
        Some(replicas) => Box::pin(replicas.reach(view)).await,
        None => Ok(()),
    }
}

/// Replicas and options of DRBD are nothing that a volume without it could have.
fn check_layers(volume: &VolumeId, definition: &ResourceDefinition, wish: &Attributes) -> Result<(), Error> {
    match wish.needs_drbd() {
        Some(what) if !definition.uses_drbd() => Err(Error::Unmodifiable { volume: volume.to_string(), what }),
        _ => Ok(()),
    }
}

/// A volume on its way to another number of replicas.
struct Replicas<'a> {
    linstor: &'a Client,
    volume: &'a VolumeId,
    definition: &'a ResourceDefinition,
    tags: &'a Tags,
    wanted: u32,
    until: Instant,
}

impl Replicas<'_> {
    /// Can a volume of its class have so many at all? Nothing was changed yet.
    async fn check(&self, view: &[Resource]) -> Result<(), Error> {
        let there = disks(view).count();
        let listed = Said::listed(&self.definition.props);
        if !listed.is_empty() && self.wanted as usize > listed.len().max(there) {
            return Err(self.bound(format!(
                "its class lists its nodes (nodeList {}) and no other gets a replica",
                listed.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", ")
            )));
        }
        if self.tags.reach.remote == RemoteAccess::Anywhere || self.wanted as usize >= there {
            return Ok(());
        }
        let (ledger, nodes) = tokio::try_join!(self.ledger(), self.nodes(view))?;
        let pins = Pins { reach: &self.tags.reach, homes: &ledger.homes, nodes: &nodes };
        pins.spare(disks(view).collect(), self.wanted as usize).map_err(|pinned| {
            self.bound(format!(
                "its PersistentVolume names {pinned} for good, and allowRemoteVolumeAccess {} forbids its use there without these replicas",
                self.tags.reach.remote
            ))
        })
    }

    fn bound(&self, because: String) -> Error {
        Error::Bound { volume: self.volume.clone(), wanted: self.wanted, because }
    }

    /// `view`: the volume's resources, as just seen.
    async fn reach(&self, view: Vec<Resource>) -> Result<(), Error> {
        if disks(&view).count() < self.wanted as usize {
            let homes = self.homes(&view).await?;
            self.remember(&homes).await?;
            self.place(&view, &homes).await?;
            return self.await_devices(None).await;
        }
        let (mut view, mut ledger) = (view, self.ledger().await?);
        if ledger.replicas != Some(self.wanted) {
            let homes = self.homes_in(&ledger, &view);
            self.remember(&homes).await?;
        }
        while disks(&view).count() > self.wanted as usize {
            view = self.remove_one(&view, &ledger).await?;
            ledger = self.ledger().await?;
        }
        self.mend(&view, &ledger).await?;
        self.await_devices(Some(view)).await
    }

    /// Another controller may have attached the volume to a node in the very moment in which its replica was removed
    /// there: then its pod gets a diskless device.
    async fn mend(&self, view: &[Resource], ledger: &Ledger) -> Result<(), Error> {
        let is_on = |node: &NodeName| view.iter().any(|one| is_same_name(&one.node_name, node.as_str()));
        let attached = ledger.attachments.iter().filter(|(_, attachment)| !attachment.detaching);
        let nodes: BTreeSet<&NodeName> = attached.map(|(seat, _)| &seat.node).collect();
        for node in nodes.into_iter().filter(|node| self.definition.uses_drbd() && !is_on(node)) {
            self.linstor.make_available(self.volume.resource(), node, false).await?;
        }
        Ok(())
    }

    /// A repeat of CreateVolume and health ask for what is wished now, a later removal for the first homes.
    async fn remember(&self, homes: &BTreeSet<NodeName>) -> Result<(), Error> {
        let mut entries = record::replicas_entry(&self.tags.incarnation, self.wanted);
        if !homes.is_empty() {
            entries.extend(record::homes_entry(&self.tags.incarnation, homes));
        }
        self.linstor.kv_put(self.volume.resource(), &entries, &[]).await?;
        Ok(())
    }

    /// The nodes that a PersistentVolume may name for good; none where it names none.
    async fn homes(&self, view: &[Resource]) -> Result<BTreeSet<NodeName>, Error> {
        match self.tags.reach.remote {
            RemoteAccess::Anywhere => Ok(BTreeSet::new()),
            _ => Ok(self.homes_in(&self.ledger().await?, view)),
        }
    }

    fn homes_in(&self, ledger: &Ledger, view: &[Resource]) -> BTreeSet<NodeName> {
        if self.tags.reach.remote == RemoteAccess::Anywhere || !ledger.homes.is_empty() {
            return ledger.homes.clone();
        }
        disks(view).filter_map(|one| NodeName::parse(&one.node_name).ok()).collect()
    }

    async fn ledger(&self) -> Result<Ledger, Error> {
        let resource = self.volume.resource();
        let store = self.linstor.kv(resource).await?.unwrap_or_default();
        Ok(Ledger::read(resource.as_str(), &store, &self.tags.incarnation)?)
    }

    /// Success is said of replicas that were seen with a device, never of a 201 alone. `seen`: what was just seen.
    async fn await_devices(&self, seen: Option<Vec<Resource>>) -> Result<(), Error> {
        let (mut patience, mut seen) = (Patience::until(self.until), seen);
        loop {
            let view = match seen.take() {
                Some(view) => view,
                None => self.look().await?,
            };
            let has_device = |one: &&Resource| one.is_live() && one.device_path(VOLUME_NUMBER).is_some();
            let ready = disks(&view).filter(has_device).count();
            if ready >= self.wanted as usize {
                return Ok(());
            }
            if !patience.wait().await {
                return Err(self.unfinished(format!("{ready} of {} replicas have a device", self.wanted)));
            }
        }
    }

    /// Removes one replica too many, if that is safe by what is seen now, and answers what is left.
    async fn remove_one(&self, view: &[Resource], ledger: &Ledger) -> Result<Vec<Resource>, Error> {
        let nodes = self.nodes(view).await?;
        let surplus = surplus::choose(self.volume, view, &nodes, ledger, &self.tags.reach, self.wanted as usize)?;
        match self.linstor.delete_resource(self.volume.resource(), &surplus).await {
            Ok(_) => {}
            Err(error) if error.kind() == Some(Kind::InUse) => {
                return Err(Error::InUse { volume: self.volume.clone(), node: surplus });
            }
            Err(error @ linstor::Error::Refused(_)) => return Err(self.unfinished(error.to_string())),
            Err(error) => return Err(error.into()),
        }
        self.await_gone(&surplus).await
    }

    /// Looks until the node has no disk of the volume any more; LINSTOR may leave a tie-breaker there.
    async fn await_gone(&self, node: &NodeName) -> Result<Vec<Resource>, Error> {
        let mut patience = Patience::until(self.until);
        loop {
            let view = self.look().await?;
            let stays = |one: &Resource| is_same_name(&one.node_name, node.as_str()) && !one.is_diskless();
            if !view.iter().any(stays) {
                return Ok(view);
            }
            if !patience.wait().await {
                return Err(self.unfinished(format!("its replica on {node} is still being removed")));
            }
        }
    }

    async fn look(&self) -> Result<Vec<Resource>, Error> {
        let query = ViewQuery { resources: vec![self.volume.resource().clone()], ..ViewQuery::default() };
        Ok(self.linstor.resources_view(&query).await?)
    }

    async fn nodes(&self, view: &[Resource]) -> Result<Vec<Node>, Error> {
        let names = view.iter().map(|one| NodeName::parse(&one.node_name)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.linstor.nodes(&names.iter().collect::<Vec<_>>()).await?)
    }

    fn unfinished(&self, seen: String) -> Error {
        Error::Unfinished { resource: self.volume.resource().clone(), seen }
    }
}

/// The replicas with a disk that aren't being deleted.
fn disks(view: &[Resource]) -> impl Iterator<Item = &Resource> {
    view.iter().filter(|one| !one.is_diskless() && !one.is_deleting())
}
