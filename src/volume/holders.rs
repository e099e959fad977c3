//! Who has an owner's volume beside the claim that asks, and whether they bear each other (docs/decisions.md, Owners,
//! claims, holders).
//!
//! On one node: the claims of a run or DAG share the volume, those of two runs of a DAG take turns, and a task's volume
//! has one pod at a time. A pod that has ended, or is gone, holds nothing more here; that it has unmounted the device too
//! is the node's to see, at NodePublishVolume. On other nodes the attach records decide (`failover`).

use std::collections::BTreeSet;

use super::{Error, id::VolumeId, known::Known, record::Attachment, seat::Seat};
use crate::linstor::name::NodeName;
use crate::workflow::{Directory, Evidence, PodRef, Presence, Scope};

/// Somebody else has the volume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Held {
    /// Another pod of the task.
    #[error(
        "volume {volume} is held by {holder} on {node} since {since}, and a task's volume has one pod at a time; it is free when that pod has ended or is gone, and {node} has let go of it"
    )]
    ByPod {
        /// The volume.
        volume: VolumeId,
        /// The pod, or the claim that no pod owns.
        holder: String,
        /// The node that it has the volume on.
        node: NodeName,
        /// Since when, in RFC 3339.
        since: String,
    },
    /// Another run of the DAG, which is not over.
    #[error(
        "volume {volume} is held by {holder} on {node} since {since}, which is not known to be of the same run, and the runs of a DAG take turns; call again"
    )]
    ByRun {
        /// The volume.
        volume: VolumeId,
        /// The pod, or the claim that no pod owns.
        holder: String,
        /// The node that it has the volume on.
        node: NodeName,
        /// Since when, in RFC 3339.
        since: String,
    },
    /// Readers whose node does not open the device for writing.
    #[error(
        "volume {volume} is attached to {node} for reading alone, by {holder}, and a node has one superblock of it: a writer waits until the readers have been detached"
    )]
    ByReaders {
        /// The volume.
        volume: VolumeId,
        /// A reader, in words.
        holder: String,
        /// The node.
        node: NodeName,
    },
}

/// What an attach brings to the volume's holders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Newcomer {
    /// The pod that owns the claim, where one does.
    pub pod: Option<PodRef>,
    /// The run that the pod is of, by Airflow's label, where a DAG owns the volume.
    pub run: Option<String>,
    /// Is the device open for writing although this attachment only reads?
    pub on_writable: bool,
    /// The others on this node that it may stand beside.
    borne: BTreeSet<Seat>,
}

impl Newcomer {
    /// Looks at who has the volume on this node: of a task's and a DAG's volume, by asking whether their pods are still
    /// there.
    ///
    /// # Errors
    /// `Held`; `Directory` where Kubernetes can't be asked.
    pub async fn meet(
        directory: &impl Directory,
        known: &Known,
        seat: &Seat,
        attachment: &Attachment,
    ) -> Result<Self, Error> {
        let record = seat.claim.as_ref().and_then(|claim| known.ledger.claims.get(claim));
        let pod = record.and_then(|record| record.pod.clone());
        let run = match (scope(known), &pod) {
            (Scope::Dag, Some(pod)) => run_of(directory, pod).await?,
            _ => None,
        };
        let mut newcomer = Self { pod, run, ..Self::default() };
        // One that only reads, and is alone on its node, leaves the device to readers elsewhere.
        let shares_reading = attachment.mode.shares_with(attachment.mode);
        newcomer.on_writable = seat.claim.is_some() && attachment.read_only && !shares_reading;
        for (other, held) in beside(known.ledger.attachments_to(&seat.node), seat) {
            newcomer.on_writable |= attachment.read_only && held.opens_for_writing();
            if !attachment.read_only && !held.opens_for_writing() {
                let holder = holder(other, held);
                return Err(Held::ByReaders { volume: known.volume.clone(), holder, node: other.node.clone() }.into());
            }
            if !newcomer.bears(known, held) && !is_gone(directory, held).await? {
                return Err(newcomer.held_by(known, other, held).into());
            }
            newcomer.borne.insert(other.clone());
        }
        Ok(newcomer)
    }

    /// Somebody who has come to the node since, and does not bear this one: of two that come at once, both back off.
    pub fn rival<'a>(
        &self,
        known: &Known,
        there: impl Iterator<Item = (&'a Seat, &'a Attachment)>,
        seat: &Seat,
        attachment: &Attachment,
    ) -> Option<&'a Seat> {
        let is_rival = |(other, held): &(&Seat, &Attachment)| {
            let opens_otherwise = held.opens_for_writing() != attachment.opens_for_writing();
            opens_otherwise || (!self.borne.contains(other) && !self.bears(known, held))
        };
        beside(there, seat).find(is_rival).map(|(other, _)| other)
    }

    /// Who keeps the volume on another node, in the words of its owner's scope; none where the attach rules say it all. Of
    /// several one that is there is named, rather than a try that has ended and was kept.
    pub async fn kept_elsewhere(&self, directory: &impl Directory, known: &Known, node: &NodeName) -> Option<Held> {
        let there = known.ledger.attachments_to(node);
        let keepers = there.filter(|(seat, held)| seat.claim.is_some() && !self.bears(known, held));
        let keepers: Vec<(&Seat, &Attachment)> = keepers.collect();
        let (mut seat, mut held) = *keepers.first()?;
        for (other, keeper) in keepers {
            // One that can't be looked up may be there, and the next can't be looked up either.
            if !matches!(is_gone(directory, keeper).await, Ok(true)) {
                (seat, held) = (other, keeper);
                break;
            }
        }
        Some(self.held_by(known, seat, held))
    }

    /// May both have the volume, by what their claims say?
    fn bears(&self, known: &Known, other: &Attachment) -> bool {
        match scope(known) {
            Scope::Task => is_same_pod(self.pod.as_ref(), other.pod.as_ref()),
            // What is not known of a run is not taken for the same one.
            Scope::Dag => self.run.is_some() && self.run == other.run,
            Scope::Run | Scope::Pod | Scope::None => true,
        }
    }

    fn held_by(&self, known: &Known, seat: &Seat, held: &Attachment) -> Held {
        let (volume, holder) = (known.volume.clone(), holder(seat, held));
        let (node, since) = (seat.node.clone(), held.time.clone());
        match scope(known) {
            Scope::Dag => Held::ByRun { volume, holder, node, since },
            _ => Held::ByPod { volume, holder, node, since },
        }
    }
}

fn scope(known: &Known) -> Scope {
    known.tags.ownership.scope()
}

/// Those of other claims.
fn beside<'a>(
    there: impl Iterator<Item = (&'a Seat, &'a Attachment)>,
    seat: &Seat,
) -> impl Iterator<Item = (&'a Seat, &'a Attachment)> {
    let claim = seat.claim.clone();
    there.filter(move |(other, _)| other.claim != claim)
}

/// By UID, and by the whole name beside it. A pod that is not known is nobody's equal.
fn is_same_pod(one: Option<&PodRef>, other: Option<&PodRef>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one.uid.is_some() && one == other)
}

/// Has the pod that held the volume ended? Of a claim that no pod owns that can't be told: it goes by its record.
async fn is_gone(directory: &impl Directory, held: &Attachment) -> Result<bool, Error> {
    match &held.pod {
        Some(pod) => Ok(directory.presence(pod).await? != Presence::Alive),
        None => Ok(false),
    }
}

/// The label of the run that a pod shows; none where it shows none that can be used.
async fn run_of(directory: &impl Directory, pod: &PodRef) -> Result<Option<String>, Error> {
    let pod = directory.pod(pod).await?;
    Ok(Evidence::read(&pod).ok().and_then(|evidence| evidence.run_label()))
}

fn holder(seat: &Seat, held: &Attachment) -> String {
    match (&held.pod, &held.run) {
        (Some(pod), Some(run)) => format!("pod {pod} of run {run}"),
        (Some(pod), None) => format!("pod {pod}"),
        (None, _) => format!("claim {}", seat.claim.as_ref().map_or("of the whole volume", |claim| claim.as_str())),
    }
}
