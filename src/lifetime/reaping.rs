//! The removal of one volume, step by step: what to send next, by what was seen. Nothing here does I/O: the reaper sends
//! what is said here, and the model test walks it (docs/decisions.md, Letting go).
//!
//! ```text
//! write the final mark ─► look ─► nobody has it ─► give the generation up ─► delete the definition ─► forget its records
//!                              └► somebody has ──► take the mark back
//! ```
//!
//! The look at which nobody has it, while the mark stands, is the point of no return: from then on every claim sees the
//! mark and backs off, so the mark is never taken back, for the DELETE may be on its way.

use std::collections::BTreeSet;

use super::judge::{claimants, is_asked};
use crate::linstor::{
    model::{Props, ResourceDefinition},
    name::ResourceName,
};
use crate::volume::{
    VolumeId,
    ending::{self, Change, Ending, Mark, Token},
    generation,
    moment::Moment,
    record::{self, Ledger},
    standing,
};
use crate::workflow::Incarnation;

/// Why a volume stays that a PersistentVolume names.
pub(super) const NAMED: &str = "a PersistentVolume names it";

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A change of the volume's records.
    Write(Change),
    /// A look: definition and records, then snapshots, then PersistentVolumes.
    Look,
    /// A change of the owner's records, which has the next generation made under another name.
    GiveUp(ResourceName, Change),
    /// `DELETE` of the definition.
    Delete,
    /// `DELETE` of the records.
    Forget,
}

/// What is seen at a look.
#[derive(Debug, Clone)]
pub struct Looked {
    /// When.
    pub now: Moment,
    /// The definition of that name.
    pub definition: Option<ResourceDefinition>,
    /// The instance of that name.
    pub store: Props,
    /// Its snapshots.
    pub snapshots: Vec<String>,
    /// The ids by which PersistentVolumes name it.
    pub named: BTreeSet<VolumeId>,
}

/// What came of a step.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    /// It is done.
    Done,
    /// This was seen.
    Seen(&'a Looked),
}

/// How a removal ended, or came to a halt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum End {
    /// The volume is gone.
    Reaped,
    /// It was gone, or on its way, before.
    Gone,
    /// It stays: this is why.
    Left(String),
}

/// Which step is next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum At {
    Mark,
    Look,
    GiveUp,
    Delete,
    Forget,
    TakeBack(String),
}

/// One removal of one incarnation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reaping {
    resource: ResourceName,
    incarnation: Incarnation,
    owner: ResourceName,
    generation: u32,
    token: Token,
    by: String,
    time: Moment,
    /// What spoke for its end when it was judged; none: another's final mark, which is to be finished.
    ground: Option<Grounds>,
    is_decided: bool,
    may_forget: bool,
    at: At,
}

/// The records that a verdict rests on: where they have changed, it is void.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Grounds(String);

impl Grounds {
    fn of(ending: &Ending) -> Self {
        let Ending { made: _, claimed, released, ended, let_go, hold, candidate: _, finals: _ } = ending;
        Self(format!("{claimed:?} {released:?} {ended:?} {let_go:?} {hold:?}"))
    }
}

impl Reaping {
    /// The removal of that incarnation, judged by these records. None where the name is no owner's volume.
    pub fn new(
        resource: &ResourceName,
        incarnation: &Incarnation,
        judged: &Ending,
        mark: Mark,
        token: Token,
    ) -> Option<Self> {
        let (owner, generation) = generation::of(resource)?;
        Some(Self {
            resource: resource.clone(),
            incarnation: incarnation.clone(),
            owner,
            generation,
            token,
            by: mark.by,
            time: mark.time,
            ground: judged.finals.is_empty().then(|| Grounds::of(judged)),
            is_decided: false,
            may_forget: false,
            at: At::Mark,
        })
    }

    /// The volume.
    pub fn resource(&self) -> &ResourceName {
        &self.resource
    }

    /// Is there no way back? Then this removal must not be dropped: nobody else may take its mark away.
    pub fn is_decided(&self) -> bool {
        self.is_decided
    }

    /// What to send now.
    pub fn step(&self) -> Step {
        match &self.at {
            At::Mark => {
                let mark = Mark { by: self.by.clone(), time: self.time };
                let set = ending::final_entry(&self.incarnation, &self.token, &mark);
                Step::Write(Change { set, remove: Vec::new() })
            }
            At::Look => Step::Look,
            At::GiveUp => {
                Step::GiveUp(self.owner.clone(), generation::give_up(self.generation, &self.token, self.time))
            }
            At::Delete => Step::Delete,
            At::Forget => Step::Forget,
            At::TakeBack(_) => {
                let remove = vec![ending::final_key(&self.incarnation, &self.token)];
                Step::Write(Change { remove, ..Change::default() })
            }
        }
    }

    /// A step did not succeed, or may not have: the next one is a look, unless the mark isn't known to stand, or is being
    /// taken back. What was sent may arrive at any time, so that a mark that was once to go is never relied on again.
    pub fn interrupt(&mut self) {
        if !matches!(self.at, At::Mark | At::TakeBack(_)) {
            self.at = At::Look;
        }
    }

    /// Takes what came of the step; answers the end where this is it.
    pub fn next(&mut self, told: Told<'_>) -> Option<End> {
        let (at, end) = match (&self.at, told) {
            (At::Look, Told::Seen(looked)) => return self.saw(looked),
            (At::Mark, _) => (At::Look, None),
            (At::GiveUp, _) => (At::Delete, None),
            (At::Delete, _) if self.may_forget => (At::Forget, None),
            (At::Delete | At::Forget, _) => (At::Look, Some(End::Reaped)),
            (At::TakeBack(why), _) => (At::Look, Some(End::Left(why.clone()))),
            (At::Look, Told::Done) => (At::Look, None),
        };
        self.at = at;
        end
    }

    fn saw(&mut self, looked: &Looked) -> Option<End> {
        self.may_forget = record::is_ours(&looked.store);
        if !standing::is_there(looked.definition.as_ref(), &self.incarnation) {
            // The name is given up, so that the records are those of what is gone, or going.
            if self.is_decided && self.may_forget && !looked.store.is_empty() {
                self.at = At::Forget;
                return None;
            }
            return Some(End::Gone);
        }
        let ledger = match Ledger::read(self.resource.as_str(), &looked.store, &self.incarnation) {
            Ok(ledger) => ledger,
            Err(error) => return Some(End::Left(error.to_string())),
        };
        let objection = self.objection(looked, &ledger);
        let is_marked = ledger.ending.finals.contains_key(&self.token);
        match (objection, is_marked) {
            // Claims since are none: they see the mark. What is left is what LINSTOR might not refuse.
            (Some(why), _) if self.is_decided => return Some(End::Left(why)),
            (Some(why), true) => self.at = At::TakeBack(why),
            (Some(why), false) => return Some(End::Left(why)),
            (None, false) if self.is_decided => return Some(End::Left("its final mark was withdrawn".to_owned())),
            (None, false) => self.at = At::Mark,
            // With the time of now, for what is sent after it may still be on its way for long.
            (None, true) => (self.is_decided, self.time, self.at) = (true, looked.now, At::GiveUp),
        }
        None
    }

    /// What stands against it; nothing where it may go.
    fn objection(&self, looked: &Looked, ledger: &Ledger) -> Option<String> {
        let claims = claimants(ledger);
        if !self.is_decided && !claims.is_empty() {
            Some(format!("it is claimed by {}", claims.join(", ")))
        } else if !self.is_decided && is_asked(ledger, looked.now) {
            Some("a person works on it".to_owned())
        } else if !looked.named.is_empty() {
            Some(NAMED.to_owned())
        } else if !ledger.attachments.is_empty() {
            let nodes: Vec<&str> = ledger.nodes().into_iter().map(|node| node.as_str()).collect();
            Some(format!("it is attached to {}", nodes.join(", ")))
        } else if !looked.snapshots.is_empty() {
            Some(format!("it has snapshots: {}", looked.snapshots.join(", ")))
        } else if !self.is_decided && self.ground.as_ref().is_some_and(|judged| *judged != Grounds::of(&ledger.ending))
        {
            Some("what spoke for its end has changed".to_owned())
        } else {
            None
        }
    }
}
