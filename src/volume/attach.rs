//! ControllerPublishVolume: the record first, then the device, then the proof that it is there.
//!
//! Fresh: definition ‖ records, node, record, records again, view: six requests. Where the view shows no device,
//! make-available comes between it and the waiting for one. A repeat: definition ‖ records, view: three.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::{
    Error,
    context::publish_context,
    detach::{self, Finished},
    giveup::{self, Lost},
    id::VolumeId,
    known::Known,
    patience::Patience,
    record::{self, AccessMode, Attachment, Ledger},
};
use crate::linstor::{
    Client, Kind, Object,
    model::{Node, Resource, ViewQuery, is_same_name},
    name::NodeName,
};

/// A ControllerPublishVolume request, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachRequest {
    /// The volume.
    pub volume: VolumeId,
    /// The node that is to have it.
    pub node: NodeName,
    /// How it will be used.
    pub mode: AccessMode,
    /// Only for reading? Always, where the mode says so.
    pub read_only: bool,
}

/// Attaches the volume to the node and waits, at most `patience`, until LINSTOR shows its device there. Answers the
/// publish_context.
///
/// # Errors
/// `NotFound`, `NodeNotFound`, `NodeNotOnline`, `AttachedDifferently`, `AttachedElsewhere`, `NotProven`,
/// `NoReplicaHere`, `NotReady`.
pub async fn attach(
    linstor: &Client,
    request: &AttachRequest,
    patience: Duration,
) -> Result<BTreeMap<String, String>, Error> {
    let known = Known::load(linstor, &request.volume).await?;
    let attach = Attach { linstor, request, known: &known, until: Instant::now() + patience };
    if attach.is_repeat()? && known.ledger.attachments.len() == 1 {
        // Short cut of a repeat. Where the device isn't to be seen, the whole way is gone again.
        if let Some(device) = attach.view().await?.iter().find_map(|resource| attach.device_of(resource)) {
            return Ok(publish_context(&known, &device, request.read_only));
        }
    }
    let lost = attach.check_nodes().await?;
    let device = if known.definition.uses_drbd() {
        attach.ensure_replicated(&lost).await?
    } else {
        attach.ensure_local().await?
    };
    Ok(publish_context(&known, &device, request.read_only))
}

struct Attach<'a> {
    linstor: &'a Client,
    request: &'a AttachRequest,
    known: &'a Known,
    until: Instant,
}

impl Attach<'_> {
    /// Has this very attachment been recorded before?
    fn is_repeat(&self) -> Result<bool, Error> {
        match self.known.ledger.attachments.get(&self.request.node) {
            Some(existing) if existing.detaching => Ok(false),
            Some(existing) if existing.is_same(self.request.mode, self.request.read_only) => Ok(true),
            Some(existing) => {
                let field = if existing.mode == self.request.mode { "readonly flag" } else { "access mode" };
                let AttachRequest { volume, node, .. } = self.request.clone();
                Err(Error::AttachedDifferently { volume, node, field })
            }
            None => Ok(false),
        }
    }

    /// Is the target ONLINE, and what of the other nodes that have the volume? Answers those that are to be given up.
    async fn check_nodes(&self) -> Result<Vec<Lost>, Error> {
        let target = &self.request.node;
        let others = self.known.ledger.attachments_beside(target);
        let names: Vec<&NodeName> = std::iter::once(target).chain(others.iter().map(|(node, _)| *node)).collect();
        let nodes = self.linstor.nodes(&names).await?;
        let status = |name: &NodeName| nodes.iter().find(|node| is_same_name(&node.name, name.as_str()));
        let node = status(target).ok_or_else(|| Error::NodeNotFound(target.clone()))?;
        if !node.is_online() {
            return Err(Error::NodeNotOnline { node: target.clone(), status: node.connection_status.clone() });
        }
        let mut lost = Vec::new();
        for (other, attachment) in others {
            lost.extend(self.displace(other, attachment, status(other)).await?);
        }
        Ok(lost)
    }

    /// Another node has the volume. One that let go while it was away is tidied up; one that lives keeps it.
    async fn displace(
        &self,
        other: &NodeName,
        attachment: &Attachment,
        node: Option<&Node>,
    ) -> Result<Option<Lost>, Error> {
        let volume = &self.request.volume;
        match node {
            // LINSTOR has removed the node and what it held.
            None => {
                detach::drop_record(self.linstor, self.known, other).await?;
                Ok(None)
            }
            Some(node) if node.is_online() && attachment.detaching => {
                match detach::finish(self.linstor, volume, self.known, other).await? {
                    Finished::Done => Ok(None),
                    Finished::Cancelled => Err(self.attached_to(other, node)),
                }
            }
            Some(node) if node.is_online() || !self.known.definition.uses_drbd() => Err(self.attached_to(other, node)),
            Some(_) => Ok(Some(Lost(other.clone()))),
        }
    }

    fn attached_to(&self, other: &NodeName, state: &Node) -> Error {
        let status = state.connection_status.clone();
        Error::AttachedElsewhere { volume: self.request.volume.clone(), node: other.clone(), status }
    }

    /// With DRBD: what is there already, or what LINSTOR makes available; a diskless client where there is no replica.
    async fn ensure_replicated(&self, lost: &[Lost]) -> Result<String, Error> {
        if !lost.is_empty() {
            self.await_proof(lost).await?;
        }
        self.record(lost).await?;
        // What a lost node had must be proven promotable here, which takes the waiting anyway.
        let there = if lost.is_empty() { self.view().await? } else { Vec::new() };
        let device = match there.iter().find_map(|resource| self.device_of(resource)) {
            Some(device) => device,
            None => {
                let made = self.linstor.make_available(self.request.volume.resource(), &self.request.node, false).await;
                if let Err(error) = made {
                    return Err(self.withdraw(error).await);
                }
                self.await_device(!lost.is_empty()).await?
            }
        };
        for Lost(node) in lost {
            detach::drop_record(self.linstor, self.known, node).await?;
        }
        Ok(device)
    }

    /// Waits until the survivors prove that the lost nodes can't write any more: DRBD needs some seconds to notice a
    /// death.
    async fn await_proof(&self, lost: &[Lost]) -> Result<(), Error> {
        let mut patience = Patience::until(self.until);
        loop {
            let Err(doubt) = giveup::prove(&self.known.definition, &self.view().await?, lost, &self.request.node)
            else {
                return Ok(());
            };
            if !doubt.may_pass || !patience.wait().await {
                let volume = self.request.volume.clone();
                return Err(Error::NotProven { volume, node: doubt.node, seen: doubt.seen });
            }
        }
    }

    /// Without DRBD: only where the replica is. LINSTOR's make-available would make an empty twin anywhere else.
    async fn ensure_local(&self) -> Result<String, Error> {
        let replicas = self.view().await?;
        if !replicas.iter().any(|replica| self.is_here(replica)) {
            let nodes: Vec<&str> = replicas.iter().map(|replica| replica.node_name.as_str()).collect();
            let AttachRequest { volume, node, .. } = self.request.clone();
            return Err(Error::NoReplicaHere { volume, node, nodes: nodes.join(", ") });
        }
        let ready = replicas.iter().find_map(|replica| self.device_of(replica));
        self.record(&[]).await?;
        match ready {
            Some(device) => Ok(device),
            None => self.await_device(false).await,
        }
    }

    /// Writes the record, then reads all: two controllers that attach to two nodes at once both see the other's, and
    /// both back off.
    async fn record(&self, lost: &[Lost]) -> Result<(), Error> {
        if self.is_repeat()? {
            return Ok(());
        }
        self.write_record().await?;
        let resource = self.request.volume.resource();
        let store = self.linstor.kv(resource).await?.unwrap_or_default();
        let ledger = Ledger::read(resource.as_str(), &store, &self.known.tags.incarnation)?;
        let beside = ledger.attachments_beside(&self.request.node);
        match beside.into_iter().find(|(node, _)| !lost.iter().any(|Lost(given_up)| given_up == *node)) {
            None => Ok(()),
            Some((rival, _)) => {
                detach::drop_record(self.linstor, self.known, &self.request.node).await?;
                Err(Error::Contended { volume: self.request.volume.clone(), rival: rival.clone() })
            }
        }
    }

    async fn write_record(&self) -> Result<(), Error> {
        let attachment = Attachment {
            mode: self.request.mode,
            read_only: self.request.read_only,
            claim: self.request.volume.to_string(),
            time: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            detaching: false,
        };
        let entry = record::attach_entry(&self.known.tags.incarnation, &self.request.node, &attachment);
        self.linstor.kv_put(self.request.volume.resource(), &entry, &[]).await?;
        Ok(())
    }

    /// A refused attach leaves no record behind. After silence or a fault it does, for the device may yet appear; and
    /// so does one that was recorded before, for a pod may be using it.
    async fn withdraw(&self, error: crate::linstor::Error) -> Error {
        let node = &self.request.node;
        let is_new = !self.known.ledger.attachments.contains_key(node);
        if is_new
            && error.refusal().is_some_and(|refusal| !refusal.kind.may_have_acted())
            && let Err(left) = detach::drop_record(self.linstor, self.known, node).await
        {
            return left;
        }
        match error.kind() {
            Some(Kind::NotFound(Object::Node)) => Error::NodeNotFound(node.clone()),
            Some(Kind::NotFound(Object::Definition)) => Error::NotFound(self.request.volume.clone()),
            _ => error.into(),
        }
    }

    /// A 200 of make-available proves nothing: it says so for dead nodes too. The view of an answering satellite does.
    async fn await_device(&self, must_promote: bool) -> Result<String, Error> {
        let mut patience = Patience::until(self.until);
        loop {
            let resources = self.view().await?;
            let here = resources.iter().find(|resource| self.is_here(resource));
            let device = here.filter(|resource| !must_promote || resource.may_promote() == Some(true));
            if let Some(device) = device.and_then(|resource| self.device_of(resource)) {
                return Ok(device);
            }
            if !patience.wait().await {
                let AttachRequest { volume, node, .. } = self.request.clone();
                return Err(Error::NotReady { volume, node, seen: describe(here) });
            }
        }
    }

    async fn view(&self) -> Result<Vec<Resource>, Error> {
        let query = ViewQuery { resources: vec![self.request.volume.resource().clone()], ..ViewQuery::default() };
        Ok(self.linstor.resources_view(&query).await?)
    }

    fn is_here(&self, resource: &Resource) -> bool {
        is_same_name(&resource.node_name, self.request.node.as_str())
    }

    /// The path of the device on the node, where it can be used. A tie-breaker has one and must become a client first.
    fn device_of(&self, resource: &Resource) -> Option<String> {
        let is_usable =
            resource.is_live() && !resource.is_deleting() && !resource.is_inactive() && !resource.is_tie_breaker();
        let device = resource.device_path(0).filter(|_| self.is_here(resource) && is_usable)?;
        Some(device.to_owned())
    }
}

/// What was seen of the resource on the node, for people.
fn describe(resource: Option<&Resource>) -> String {
    let Some(resource) = resource else { return "LINSTOR shows no resource there".to_owned() };
    let state = resource.disk_state(0).map_or_else(|| "unknown".to_owned(), |state| state.to_string());
    format!(
        "satellite answers: {}, flags: [{}], disk: {state}, may be promoted: {}",
        resource.is_live(),
        resource.flags.join(", "),
        resource.may_promote().map_or("not said".to_owned(), |may| may.to_string()),
    )
}
