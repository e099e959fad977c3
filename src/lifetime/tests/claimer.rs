//! CreateVolume and DeleteVolume of one claim, as far as they meet a reaper.

use super::{Linstor, Request, incarnation, now, resource};
use crate::volume::{
    claims::{ClaimKey, ClaimRecord},
    ending::Token,
    generation,
    record::Ledger,
    standing::{self, Answer, Attempt},
};

/// Where a CreateVolume stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum At {
    /// Which definition is the owner's?
    Begin,
    /// It is told of this claim before, by a record that may have gone.
    Recall,
    Claim,
    Look,
    /// It stands, if the name was not given up.
    LookAtOwner,
    /// It stands, if there is a definition and its name was not given up.
    LookAtDefinition,
    Made,
    TakeBack,
    /// The same, of a name that was given up: there is another one.
    StepAside,
    /// A later generation than the first is to be used.
    Use,
    LookAtUse,
    Make,
    FirstClaim,
    /// Made: is it still the present generation?
    Confirm,
    UseToUndo,
    LookAtUseToUndo,
    Undo,
    UndoRecords,
    /// It was told that it has the volume.
    Told,
    Over,
}

/// A claim's CreateVolume, and its DeleteVolume.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Claimer {
    pub(super) id: u8,
    pub(super) at: At,
    /// The volume that the claim was told to have.
    pub(super) has: Option<(usize, u8)>,
    pub(super) generation: usize,
    pub(super) incarnation: u8,
    pub(super) attempt: u8,
    /// How many more calls there may be after one that did not succeed.
    pub(super) calls: u8,
    /// How many of its requests may be lost to it, and arrive later.
    pub(super) losses: u8,
    pub(super) is_deletable: bool,
    /// How often its answer is not heard, so that it comes again.
    pub(super) repeats: u8,
    /// Does it make the volume before it looks?
    pub(super) is_blind: bool,
    /// Is it one process that takes all calls?
    pub(super) remembers: bool,
    pub(super) stood_by: Option<(u8, Token)>,
    pub(super) present: Option<u8>,
    /// The generation that was the present one when its own was seen to be given up.
    pub(super) current: u32,
}

impl Claimer {
    pub(super) fn new(id: u8) -> Self {
        Self {
            id,
            at: At::Begin,
            has: None,
            generation: 0,
            incarnation: 0,
            attempt: 0,
            calls: 1,
            losses: 0,
            is_deletable: false,
            repeats: 0,
            is_blind: false,
            remembers: false,
            stood_by: None,
            present: None,
            current: 0,
        }
    }

    fn attempt(&self) -> Attempt {
        let record = ClaimRecord { name: format!("pvc-{}", self.id), pvc: None, pod: None, time: now().to_string() };
        Attempt::new(incarnation(self.incarnation), self.key(), record, self.token(), now())
    }

    fn token(&self) -> Token {
        Token::of([self.id * 16 + self.attempt; 16])
    }

    pub(super) fn key(&self) -> ClaimKey {
        ClaimKey::of(&format!("pvc-{}", self.id))
    }

    /// The call ends without success, or its answer is not heard: there may be another one.
    pub(super) fn again(&mut self) {
        self.attempt += 1;
        (self.at, self.calls) = match self.calls {
            0 => (At::Over, 0),
            calls => (At::Begin, calls - 1),
        };
        if !self.remembers {
            (self.stood_by, self.present) = (None, None);
        }
    }

    /// What it sends next; none: it asks, or has nothing to do.
    pub(super) fn request(&self, linstor: &Linstor) -> Option<Request> {
        let write = |change| Some(Request::Write(self.generation, change));
        match self.at {
            At::Claim => write(self.attempt().claim()),
            At::Made => write(self.attempt().made()),
            At::TakeBack | At::StepAside => write(self.attempt().take_back()),
            At::FirstClaim => write(self.attempt().first_claim()),
            At::Use | At::UseToUndo => Some(Request::OfOwner(generation::use_now(&self.token(), now()))),
            At::Undo => Some(Request::Delete(self.generation)),
            At::UndoRecords => Some(Request::Forget(self.generation)),
            At::Told if self.is_deletable && self.repeats == 0 => {
                let (generation, number) = self.has?;
                let ledger = Ledger::read("lf", &linstor.stores[generation], &incarnation(number)).unwrap();
                let change = standing::released(&incarnation(number), &self.key(), &ledger, now());
                Some(Request::Write(generation, change))
            }
            _ => None,
        }
    }

    pub(super) fn can_step(&self) -> bool {
        match self.at {
            At::Told => self.is_deletable || self.repeats > 0,
            At::Over => false,
            _ => true,
        }
    }

    /// What it sent did not come back: it may arrive at any time.
    pub(super) fn interrupt(&mut self) {
        self.losses -= 1;
        match self.at {
            At::Told => (self.at, self.has) = (At::Over, None),
            _ => self.again(),
        }
    }

    /// After its change is done, or its question answered.
    pub(super) fn advance(&mut self, linstor: &mut Linstor) {
        self.at = match self.at {
            At::Begin if std::mem::take(&mut self.is_blind) => self.make(0),
            At::Begin => match (0..3).rev().find_map(|at| Some((at, linstor.definitions[at]?))) {
                Some((generation, number)) => self.join(generation, number),
                None => self.make(0),
            },
            At::Told if self.repeats > 0 => {
                (self.repeats, self.calls) = (self.repeats - 1, self.calls + 1);
                return self.again();
            }
            At::Told => {
                self.has = None;
                At::Over
            }
            At::TakeBack => return self.again(),
            At::Over => At::Over,
            At::Recall | At::Claim | At::Look | At::LookAtOwner | At::LookAtDefinition | At::Made => {
                self.claimed(linstor)
            }
            _ => match self.making(linstor) {
                Some(at) => at,
                None => return self.again(),
            },
        };
    }

    /// The next step of a claim of what is there.
    fn claimed(&mut self, linstor: &Linstor) -> At {
        match self.at {
            At::Recall => {
                let ledger = self.ledger(linstor);
                let is_there = self.stood_by.as_ref().is_some_and(|(_, token)| ledger.says(&self.key(), token));
                if is_there { self.told_again() } else { At::Claim }
            }
            At::Claim => At::Look,
            At::Look => match self.attempt().answer(&self.ledger(linstor)) {
                Answer::Stands if self.present == Some(self.incarnation) => self.told(),
                Answer::Stands => At::LookAtOwner,
                Answer::Unsure => At::LookAtDefinition,
                Answer::Reaped | Answer::Gone => At::TakeBack,
            },
            At::LookAtOwner if self.is_given_up(linstor) => self.given_up(linstor, At::StepAside),
            At::LookAtDefinition => {
                let there = linstor.definition(self.generation);
                match self.attempt().stands_beside(&resource(self.generation), there.as_ref(), &linstor.owner) {
                    true => At::Made,
                    false if self.is_given_up(linstor) => self.given_up(linstor, At::StepAside),
                    false => At::TakeBack,
                }
            }
            _ => self.told(),
        }
    }

    /// The next step of a volume that is being made, or taken back; none: the call ends without success.
    fn making(&mut self, linstor: &mut Linstor) -> Option<At> {
        Some(match self.at {
            At::Use => At::LookAtUse,
            At::LookAtUse => {
                let generation = u32::try_from(self.generation).unwrap();
                return generation::is_usable(generation, &linstor.owner, now()).then_some(At::Make);
            }
            At::Make => match linstor.definitions[self.generation] {
                Some(number) => self.join(self.generation, number),
                None => {
                    self.incarnation = linstor.made;
                    linstor.definitions[self.generation] = Some(linstor.made);
                    linstor.made += 1;
                    At::FirstClaim
                }
            },
            At::FirstClaim => At::Confirm,
            At::Confirm if self.is_given_up(linstor) => self.given_up(linstor, At::UseToUndo),
            At::UseToUndo => At::LookAtUseToUndo,
            At::LookAtUseToUndo => match generation::is_usable(self.current, &linstor.owner, now()) {
                true => At::Undo,
                false => At::TakeBack,
            },
            At::Undo => At::UndoRecords,
            At::UndoRecords | At::StepAside => {
                let present = usize::try_from(self.current).unwrap();
                match linstor.definitions[present] {
                    Some(number) => self.join(present, number),
                    None => self.make(present),
                }
            }
            _ => self.told(),
        })
    }

    fn is_given_up(&self, linstor: &Linstor) -> bool {
        standing::is_given_up(&resource(self.generation), &linstor.owner)
    }

    /// It keeps in mind which generation is the present one.
    fn given_up(&mut self, linstor: &Linstor, next: At) -> At {
        self.current = generation::current(&linstor.owner);
        next
    }

    fn ledger(&self, linstor: &Linstor) -> Ledger {
        Ledger::read("lf", &linstor.stores[self.generation], &incarnation(self.incarnation)).unwrap()
    }

    fn join(&mut self, generation: usize, number: u8) -> At {
        (self.generation, self.incarnation) = (generation, number);
        match self.stood_by.as_ref().is_some_and(|(by, _)| *by == number) {
            true => At::Recall,
            false => At::Claim,
        }
    }

    fn make(&mut self, generation: usize) -> At {
        self.generation = generation;
        if generation == 0 { At::Make } else { At::Use }
    }

    fn told(&mut self) -> At {
        self.stood_by = Some((self.incarnation, self.token()));
        self.told_again()
    }

    fn told_again(&mut self) -> At {
        self.present = Some(self.incarnation);
        self.has = Some((self.generation, self.incarnation));
        At::Told
    }
}
