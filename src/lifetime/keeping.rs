//! A person keeps a volume that bears a final mark beside a claim: the mark goes, the claim stays (`linflow volumes
//! keep`). As pure as [`super::reaping`].
//!
//! A claim that stands beside a mark was there before the mark, for none comes to stand after it. Whoever wrote the mark
//! saw it, or will, unless it is released first: so this asks before it looks. That a record stands is told by what
//! follows from a CreateVolume that was answered, an attachment or a PersistentVolume: the record alone may be one that
//! saw the mark and is about to be taken back.

use super::reaping::{Looked, Step, Told};
use crate::linstor::name::ResourceName;
use crate::volume::{
    VolumeId,
    ending::{self, Change, Token},
    moment::Moment,
    record::Ledger,
    standing,
};
use crate::workflow::Incarnation;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kept {
    /// So many marks are withdrawn.
    Withdrawn(usize),
    /// No mark stands there.
    Unmarked,
    /// No claim of it is known to stand, so that its removal may be under way.
    Unclaimed,
    /// It is gone, or on its way.
    Gone,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum At {
    Ask,
    Look,
    Write(Change, Kept),
}

/// One attempt to keep a volume.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Keeping {
    resource: ResourceName,
    incarnation: Incarnation,
    token: Token,
    time: Moment,
    at: At,
}

impl Keeping {
    /// An attempt at that incarnation.
    pub fn new(resource: &ResourceName, incarnation: &Incarnation, token: Token, time: Moment) -> Self {
        Self { resource: resource.clone(), incarnation: incarnation.clone(), token, time, at: At::Ask }
    }

    /// What to send now.
    pub fn step(&self) -> Step {
        match &self.at {
            At::Ask => {
                Step::Write(standing::asking_by_hand(&self.incarnation, &self.token, "linflow volumes keep", self.time))
            }
            At::Look => Step::Look,
            At::Write(change, _) => Step::Write(change.clone()),
        }
    }

    /// Takes what came of the step; answers the end where this is it.
    pub fn next(&mut self, told: Told<'_>) -> Option<Kept> {
        match (&self.at, told) {
            (At::Ask, _) => self.at = At::Look,
            (At::Look, Told::Seen(looked)) => {
                let (kept, marks) = self.judge(looked);
                let remove = marks.into_iter().chain([standing::asking_key(&self.incarnation, &self.token)]).collect();
                self.at = At::Write(Change { remove, ..Change::default() }, kept);
            }
            (At::Look, Told::Done) => {}
            (At::Write(_, kept), _) => return Some(kept.clone()),
        }
        None
    }

    fn judge(&self, looked: &Looked) -> (Kept, Vec<String>) {
        let ledger = Ledger::read(self.resource.as_str(), &looked.store, &self.incarnation);
        match ledger {
            Ok(ledger) if standing::is_there(looked.definition.as_ref(), &self.incarnation) => {
                let finals = &ledger.ending.finals;
                let keys = finals.keys().map(|token| ending::final_key(&self.incarnation, token));
                if finals.is_empty() {
                    (Kept::Unmarked, Vec::new())
                } else if !has_claim_that_stands(&ledger, looked) {
                    (Kept::Unclaimed, Vec::new())
                } else {
                    (Kept::Withdrawn(finals.len()), keys.collect())
                }
            }
            _ => (Kept::Gone, Vec::new()),
        }
    }
}

/// Has a claim that somebody was told of? It is attached, or a PersistentVolume names it.
fn has_claim_that_stands(ledger: &Ledger, looked: &Looked) -> bool {
    let attached = ledger.attachments.keys().filter_map(|seat| seat.claim.as_ref());
    let named = looked.named.iter().filter_map(VolumeId::claim);
    attached.chain(named).any(|claim| ledger.claims.contains_key(claim))
}
