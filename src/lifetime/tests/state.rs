//! Where all of them stand, and each step from there.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::claimer::Claimer;
use super::forgetter::Forgetter;
use super::{Linstor, Process, Request, State, Trail, incarnation, now, request, resource};
use crate::lifetime::{
    keeping::{Keeping, Kept},
    reaping::{End, Reaping, Told},
};
use crate::volume::{
    VolumeId,
    ending::{Ending, Mark, Token},
};

impl State {
    pub(super) fn new(linstor: Linstor, processes: Vec<Process>) -> Self {
        Self { linstor, processes, wire: Vec::new(), trail: Trail::default() }
    }

    /// The incarnations that somebody was told they have.
    pub(super) fn live(&self) -> Vec<(usize, u8)> {
        let of = |process: &Process| match process {
            Process::Claimer(claimer) => claimer.has,
            _ => None,
        };
        self.processes.iter().filter_map(of).collect()
    }

    /// All states that one step leads to.
    pub(super) fn successors(&self) -> Vec<Self> {
        let mut next = Vec::new();
        for at in 0..self.wire.len() {
            let mut state = self.clone();
            let late = state.wire.remove(at);
            state.linstor.apply(&late);
            state.trail.push(format!("late {late:?}"));
            next.push(state);
        }
        for at in 0..self.processes.len() {
            next.extend(self.stepped(at, false));
            next.extend(self.stepped(at, true));
        }
        next
    }

    /// The same after that process's next step; with its request lost, where it may be.
    pub(super) fn stepped(&self, at: usize, is_lost: bool) -> Option<Self> {
        let mut state = self.clone();
        let was = &self.processes[at];
        match &mut state.processes[at] {
            Process::Reaper { id, attempts, losses, reaping, end } => {
                if end.is_some() || (is_lost && *losses == 0) {
                    return None;
                }
                let Some(current) = reaping else {
                    *reaping = begin(*id, *attempts);
                    return (!is_lost).then_some(state);
                };
                match request(current.step()) {
                    None if is_lost => return None,
                    None => *end = current.next(Told::Seen(&self.linstor.look(0, BTreeSet::new()))),
                    Some(lost) if is_lost => {
                        *losses -= 1;
                        current.interrupt();
                        return Some(state.losing(was, lost));
                    }
                    Some(sent) => {
                        state.linstor.apply(&sent);
                        *end = current.next(Told::Done);
                    }
                }
                go_on(attempts, reaping, end);
            }
            Process::Claimer(claimer) => {
                if !claimer.can_step() || (is_lost && claimer.losses == 0) {
                    return None;
                }
                let sent = claimer.request(&state.linstor);
                if is_lost {
                    claimer.interrupt();
                    return Some(state.losing(was, sent?));
                }
                // Who deletes a claim needs the data no more from that moment.
                claimer.advance(&mut state.linstor);
                sent.iter().for_each(|sent| state.linstor.apply(sent));
            }
            Process::Forgetter(forgetter) => {
                if !forgetter.can_step() || (is_lost && forgetter.losses == 0) {
                    return None;
                }
                let sent = forgetter.request();
                if is_lost {
                    forgetter.interrupt();
                    return Some(state.losing(was, sent?));
                }
                forgetter.advance(&state.linstor);
                sent.iter().for_each(|sent| state.linstor.apply(sent));
            }
            Process::Keeper { keeping, end } => {
                if end.is_some() || is_lost {
                    return None;
                }
                *end = self.kept(keeping, &mut state.linstor);
            }
        }
        state.trail.push(format!("{was:?}"));
        Some(state)
    }

    /// What that process sent was lost to it.
    fn losing(mut self, was: &Process, lost: Request) -> Self {
        self.trail.push(format!("{was:?} LOSES {lost:?}"));
        self.wire.push(lost);
        self
    }

    /// One step of a person who keeps the volume.
    fn kept(&self, keeping: &mut Option<Keeping>, linstor: &mut Linstor) -> Option<Kept> {
        let begin = || Keeping::new(&resource(0), &incarnation(0), Token::of([99; 16]), now());
        let keeping = keeping.get_or_insert_with(begin);
        match request(keeping.step()) {
            None => keeping.next(Told::Seen(&self.linstor.look(0, self.named()))),
            Some(sent) => {
                linstor.apply(&sent);
                keeping.next(Told::Done)
            }
        }
    }

    /// The volumes that PersistentVolumes name: those that somebody was told of. A reaper is not let into it here.
    fn named(&self) -> BTreeSet<VolumeId> {
        let of = |process: &Process| match process {
            Process::Claimer(claimer) => Some(VolumeId::of_claim(resource(claimer.has?.0), claimer.key())),
            _ => None,
        };
        self.processes.iter().filter_map(of).collect()
    }

    /// Whoever was told that they have a volume has it, and all of them one.
    pub(super) fn check(&self) {
        let live = self.live();
        assert!(live.iter().all(|one| *one == live[0]), "one owner has two volumes after {:#?}", self.trail.steps());
        for (generation, incarnation) in self.live() {
            let there = self.linstor.definitions[generation];
            assert_eq!(there, Some(incarnation), "a claim's data is gone after {:#?}", self.trail.steps());
        }
    }

    pub(super) fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        Hash::hash(self, &mut hasher);
        hasher.finish()
    }
}

/// A removal that is decided goes on; one that is not begins anew, with another mark.
fn go_on(attempts: &mut u8, reaping: &mut Option<Reaping>, end: &mut Option<End>) {
    let is_decided = reaping.as_ref().is_some_and(Reaping::is_decided);
    match end {
        Some(End::Left(_)) if is_decided => *end = None,
        Some(End::Left(_)) if *attempts > 0 => (*end, *reaping, *attempts) = (None, None, *attempts - 1),
        _ => {}
    }
}

/// A removal that rests on nothing but the marks: as if the judge were always wrong.
pub(super) fn begin(id: u8, attempt: u8) -> Option<Reaping> {
    let mark = Mark { by: format!("reaper {id}"), time: now() };
    let anothers = BTreeMap::from([(Token::of([0; 16]), mark.clone())]);
    let judged = Ending { finals: anothers, ..Ending::default() };
    Reaping::new(&resource(0), &incarnation(0), &judged, mark, Token::of([200 + id * 8 + attempt; 16]))
}

pub(super) fn reaper(id: u8, losses: u8) -> Process {
    Process::Reaper { id, attempts: 1, losses, reaping: None, end: None }
}

pub(super) fn claimer(id: u8, is_deletable: bool) -> Process {
    Process::Claimer(Claimer { is_deletable, ..Claimer::new(id) })
}

/// One of a class that its process has not met: it makes the volume before it looks.
pub(super) fn blind(id: u8) -> Process {
    Process::Claimer(Claimer { is_blind: true, ..Claimer::new(id) })
}

pub(super) fn forgetter(id: u8, losses: u8) -> Process {
    Process::Forgetter(Forgetter::new(id, losses))
}

/// One some of whose requests are lost to it, and arrive later.
pub(super) fn unlucky(id: u8) -> Process {
    Process::Claimer(Claimer { losses: 1, ..Claimer::new(id) })
}

/// One whose answer is not heard, so that it comes again: to a process that met it, or to another.
pub(super) fn repeating(id: u8, remembers: bool) -> Process {
    Process::Claimer(Claimer { repeats: 1, remembers, ..Claimer::new(id) })
}

pub(super) fn keeper() -> Process {
    Process::Keeper { keeping: None, end: None }
}
