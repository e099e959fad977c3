//! ControllerPublishVolume: the record first, then the device, then the proof that it is there.
//!
//! Fresh: definition ‖ records, node, record, records again, view: six requests. Where the view shows no device,
//! make-available comes between it and the waiting for one. A repeat: definition ‖ records, view: three. A volume that
//! isn't reached from everywhere takes a look at the view more, before the nodes.

mod device;
mod found;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::{
    Error,
    clear::clear,
    context::publish_context,
    detach::{self, Finished},
    filesystem::FsType,
    holders::Newcomer,
    id::VolumeId,
    known::Known,
    limit::Limit,
    patience::Patience,
    record::{AccessMode, AccessType, Attachment},
    seat::{Seat, attach_entry},
    topology,
    validate::check_use,
};
use crate::failover::{self, Decision, Doubt, Holder, Observation, Refusal, Step, Wish};
use crate::linstor::{
    Client, Kind, Object,
    model::{Node, Resource, is_same_name},
    name::NodeName,
};
use crate::workflow::{Directory, RemoteAccess};

pub use found::{Found, find};

/// A ControllerPublishVolume request, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachRequest {
    /// The volume.
    pub volume: VolumeId,
    /// The node that is to have it.
    pub node: NodeName,
    /// How it will be used.
    pub mode: AccessMode,
    /// What the node is given.
    pub access: AccessType,
    /// The filesystem that the caller names.
    pub fs_type: Option<FsType>,
    /// Only for reading? Always, where the mode says so.
    pub read_only: bool,
}

/// Attaches the volume to the node and waits, at most `patience`, until LINSTOR shows its device there. Answers the
/// publish_context. The directory is asked only about pods that have an owner's volume already.
///
/// # Errors
/// `NodeNotFound`, `NodeNotOnline`, `NotAsMade`, `AttachedDifferently`, `AttachedElsewhere`, `Held`, `Directory`,
/// `NodeFull`, `NotProven`, `NoReplicaHere`, `RemoteForbidden`, `NotReady`.
pub async fn attach(
    linstor: &Client,
    limit: &Limit,
    directory: &impl Directory,
    Found { known }: Found,
    request: &AttachRequest,
    patience: Duration,
) -> Result<BTreeMap<String, String>, Error> {
    let seat = Seat::of(&request.volume, &request.node);
    let mut wish = request.wish();
    let is_repeat = is_repeat(&known, &seat, request)?;
    let newcomer = match known.ledger.attachment_at(&seat).filter(|_| is_repeat) {
        Some((_, before)) => {
            wish = before.clone();
            Newcomer::default()
        }
        None => Newcomer::meet(directory, &known, &seat, &wish).await?,
    };
    if !is_repeat {
        check_use(&known, request.access, request.fs_type)?;
        wish = Attachment {
            pod: newcomer.pod.clone(),
            run: newcomer.run.clone(),
            on_writable: newcomer.on_writable,
            ..wish
        };
    }
    let until = Instant::now() + patience;
    let attach = Attach { linstor, directory, request, known: &known, seat, wish, newcomer, until };
    if is_repeat && attach.others().iter().all(|(_, other)| other.sharing().bears(attach.wish.sharing())) {
        // Short cut of a repeat. Where the device isn't to be seen, the whole way is gone again.
        if let Some(device) = attach.view().await?.iter().find_map(|resource| attach.device_of(resource)) {
            return Ok(publish_context(&known, &device, &attach.wish));
        }
    }
    let lost = attach.clear_way(&attach.copies().await?).await?;
    // A detach that waits for its node has its place there still, and so have other claims.
    let is_new = known.ledger.attachments_to(&request.node).next().is_none();
    let _slot = if is_new { limit.take(linstor, &request.volume, &request.node).await? } else { None };
    let device = if known.definition.uses_drbd() {
        attach.ensure_replicated(&lost).await?
    } else {
        attach.ensure_local().await?
    };
    Ok(publish_context(&known, &device, &attach.wish))
}

/// Has this very attachment been recorded before?
fn is_repeat(known: &Known, seat: &Seat, request: &AttachRequest) -> Result<bool, Error> {
    let own = known.ledger.attachment_at(seat);
    let Some((_, existing)) = own.filter(|(_, existing)| !existing.detaching) else { return Ok(false) };
    match request.difference(existing) {
        None => Ok(true),
        Some(field) => {
            let AttachRequest { volume, node, .. } = request.clone();
            Err(Error::AttachedDifferently { volume, node, field })
        }
    }
}

struct Attach<'a, D> {
    linstor: &'a Client,
    directory: &'a D,
    request: &'a AttachRequest,
    known: &'a Known,
    seat: Seat,
    /// What is recorded, or to be recorded.
    wish: Attachment,
    newcomer: Newcomer,
    until: Instant,
}

impl AttachRequest {
    /// What an attach of the same volume to the same node asks for otherwise than that one did.
    fn difference(&self, existing: &Attachment) -> Option<&'static str> {
        existing.difference(self.mode, self.access, self.read_only)
    }

    fn wish(&self) -> Attachment {
        Attachment {
            mode: self.mode,
            read_only: self.read_only,
            access: Some(self.access),
            claim: self.volume.to_string(),
            time: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            detaching: false,
            on_writable: false,
            pod: None,
            run: None,
        }
    }
}

impl<D: Directory> Attach<'_, D> {
    /// The record of the target, as it was read.
    fn own(&self) -> Option<(&Seat, &Attachment)> {
        self.known.ledger.attachment_at(&self.seat)
    }

    /// The records of all other nodes.
    fn others(&self) -> Vec<(&Seat, &Attachment)> {
        self.known.ledger.attachments_beside(&self.request.node)
    }

    /// Is the target ONLINE, may it use the volume, and do the other nodes leave it alone? Answers those that are given
    /// up: their records go when the device is here.
    async fn clear_way(&self, copies: &[NodeName]) -> Result<Vec<NodeName>, Error> {
        let target = &self.request.node;
        let others = self.others();
        let beside = others.iter().map(|(seat, _)| &seat.node).chain(copies);
        let names: BTreeSet<&NodeName> = std::iter::once(target).chain(beside).collect();
        let nodes = self.linstor.nodes(&names.into_iter().collect::<Vec<_>>()).await?;
        let mut seen = Observation::new(&self.known.definition, others.into_iter().map(holder).collect(), &nodes);
        let wish = Wish { target: target.clone(), sharing: self.wish.sharing() };
        let is_target = |node: &&Node| node.is_online() && is_same_name(&node.name, target.as_str());
        if let Some(node) = nodes.iter().find(is_target) {
            self.check_reach(node, &nodes, copies)?;
        }
        if let Decision::Refuse(refusal) = failover::decide(&seen, &wish) {
            return Err(self.refused(refusal).await);
        }
        // Whoever is to write there now must not meet the reader that was there before, nor the reverse.
        if let Some((own, before)) = self.own()
            && self.request.difference(before).is_some()
            && detach::finish(self.linstor, self.known, own).await? == Finished::Cancelled
        {
            return Err(self.contended(&own.node));
        }
        self.carry_out(&mut seen, &wish).await
    }

    /// Decides, carries out and looks again, until nobody stands in the way or it is said who does. DRBD needs some
    /// seconds to notice a death.
    async fn carry_out(&self, seen: &mut Observation, wish: &Wish) -> Result<Vec<NodeName>, Error> {
        let mut patience = Patience::until(self.until);
        loop {
            match failover::decide(seen, wish) {
                Decision::Free => return Ok(Vec::new()),
                Decision::GiveUp { nodes, proof } => {
                    tracing::info!(volume = %self.request.volume, ?nodes, %proof, "gave up nodes that do not answer");
                    return Ok(nodes);
                }
                Decision::Tidy(steps) => {
                    for step in steps {
                        if clear(self.linstor, self.known, &step).await? == Finished::Cancelled {
                            let (by, status) = (step.node().clone(), seen.standing(step.node()).to_string());
                            return Err(self.refused(Refusal::Held { by, status }).await);
                        }
                        seen.forget(step.node());
                    }
                }
                Decision::Look => seen.look(&self.view().await?),
                Decision::Wait(doubt) => {
                    if !patience.wait().await {
                        return Err(self.not_proven(doubt));
                    }
                    seen.look(&self.view().await?);
                }
                Decision::Refuse(refusal) => return Err(self.refused(refusal).await),
            }
        }
    }

    async fn refused(&self, refusal: Refusal) -> Error {
        let AttachRequest { volume, node, .. } = self.request.clone();
        match refusal {
            Refusal::NoSuchNode => Error::NodeNotFound(node),
            Refusal::TargetAway(status) => Error::NodeNotOnline { node, status },
            Refusal::Held { by, status } => match self.newcomer.kept_elsewhere(self.directory, self.known, &by).await {
                Some(held) => held.into(),
                None => {
                    let there = self.known.ledger.attachments_to(&by).next();
                    let mode = there.map_or(self.request.mode, |(_, held)| held.mode);
                    Error::AttachedElsewhere { volume, node: by, mode, status }
                }
            },
            Refusal::Unprovable(doubt) => self.not_proven(doubt),
        }
    }

    fn not_proven(&self, Doubt { node, seen }: Doubt) -> Error {
        Error::NotProven { volume: self.request.volume.clone(), node, seen }
    }

    /// The nodes with a copy of a volume that isn't reached from everywhere; none of any other.
    async fn copies(&self) -> Result<Vec<NodeName>, Error> {
        if self.known.tags.reach.remote == RemoteAccess::Anywhere || !self.known.definition.uses_drbd() {
            return Ok(Vec::new());
        }
        let has_copy = |resource: &&Resource| !resource.is_diskless() && !resource.is_deleting();
        let resources = self.view().await?;
        let nodes = resources.iter().filter(has_copy).map(|resource| NodeName::parse(&resource.node_name));
        Ok(nodes.collect::<Result<_, _>>()?)
    }

    /// May the node use the volume, as the class of its making says? What the nodes are now decides, not what they were.
    fn check_reach(&self, target: &Node, nodes: &[Node], copies: &[NodeName]) -> Result<(), Error> {
        let reach = &self.known.tags.reach;
        let is_copy = |node: &&Node| copies.iter().any(|copy| is_same_name(copy.as_str(), &node.name));
        let holders: Vec<&Node> = nodes.iter().filter(is_copy).collect();
        let AttachRequest { volume, node, .. } = self.request;
        let is_local = !self.known.definition.uses_drbd();
        if is_local || is_copy(&target) || topology::may_reach(reach, node, target, &holders) {
            return Ok(());
        }
        let nodes: Vec<&str> = copies.iter().chain(&reach.clients).map(NodeName::as_str).collect();
        let (volume, node, allowed) = (volume.clone(), node.clone(), reach.remote.to_string());
        Err(Error::RemoteForbidden { volume, node, allowed, nodes: nodes.join(", ") })
    }

    /// With DRBD: what is there already, or what LINSTOR makes available; a diskless client where there is no replica.
    async fn ensure_replicated(&self, lost: &[NodeName]) -> Result<String, Error> {
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
        for node in lost {
            clear(self.linstor, self.known, &Step::Forget(node.clone())).await?;
        }
        Ok(device)
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
    /// both back off, unless both attach readers. So do two that attach claims to one node which don't bear each other.
    async fn record(&self, lost: &[NodeName]) -> Result<(), Error> {
        if self.own().is_some_and(|(_, own)| *own == self.wish) {
            return Ok(());
        }
        let entry = attach_entry(&self.known.tags.incarnation, self.recorded(), &self.wish);
        self.linstor.kv_put(self.request.volume.resource(), &entry, &[]).await?;
        let ledger = self.known.ledger_now(self.linstor).await?;
        let there = ledger.attachments_to(&self.request.node);
        let mut beside = ledger.attachments_beside(&self.request.node).into_iter();
        let is_rival = |(seat, other): &(&Seat, &Attachment)| {
            !lost.contains(&seat.node) && !other.sharing().bears(self.wish.sharing())
        };
        let elsewhere = beside.find(is_rival).map(|(seat, _)| seat);
        let rival = elsewhere.or_else(|| self.newcomer.rival(self.known, there, &self.seat, &self.wish));
        let own = ledger.attachment_at(&self.seat);
        let is_released = self.seat.claim.as_ref().is_some_and(|claim| !ledger.claims.contains_key(claim));
        match rival {
            _ if is_released => {
                detach::drop_records(self.linstor, self.known, &[self.recorded()]).await?;
                Err(Error::Released(self.request.volume.clone()))
            }
            Some(rival) => {
                detach::drop_records(self.linstor, self.known, &[self.recorded()]).await?;
                Err(self.contended(&rival.node))
            }
            // Another controller has detached it from this node meanwhile, or attached it here in another way.
            None if own.is_none_or(|(_, own)| self.request.difference(own).is_some()) => {
                Err(self.contended(&self.request.node))
            }
            None => Ok(()),
        }
    }

    fn contended(&self, rival: &NodeName) -> Error {
        Error::Contended { volume: self.request.volume.clone(), rival: rival.clone() }
    }

    /// The target as its record names it: one record a node, even if its name comes in another case than before.
    fn recorded(&self) -> &Seat {
        self.own().map_or(&self.seat, |(recorded, _)| recorded)
    }

    /// A refused attach leaves no record behind. After silence or a fault it does, for the device may yet appear; and
    /// so does one that was recorded before, for a pod may be using it.
    async fn withdraw(&self, error: crate::linstor::Error) -> Error {
        let node = &self.request.node;
        if self.own().is_none()
            && error.refusal().is_some_and(|refusal| !refusal.kind.may_have_acted())
            && let Err(left) = detach::drop_records(self.linstor, self.known, &[&self.seat]).await
        {
            return left;
        }
        match error.kind() {
            Some(Kind::NotFound(Object::Node)) => Error::NodeNotFound(node.clone()),
            Some(Kind::NotFound(Object::Definition)) => Error::NotFound(self.request.volume.clone()),
            _ => error.into(),
        }
    }
}

/// Who has the volume on another node, as its record says.
fn holder((seat, attachment): (&Seat, &Attachment)) -> Holder {
    Holder { node: seat.node.clone(), sharing: attachment.sharing(), is_detaching: attachment.detaching }
}
