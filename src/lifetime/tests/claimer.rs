//! CreateVolume and DeleteVolume of one claim, as far as they meet a reaper.

use super::{Linstor, Request, incarnation, now, resource};
use crate::volume::{
    asking::{self, Answer, Asking, Seen},
    claims::{ClaimKey, ClaimRecord},
    ending::{Change, Token},
    generation,
    record::Ledger,
};

/// CreateVolume of one claim, as far as it concerns us.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Creating {
    Begin,
    Look {
        generation: usize,
    },
    Ask {
        generation: usize,
        incarnation: u8,
    },
    LookAgain {
        generation: usize,
        incarnation: u8,
    },
    Write {
        generation: usize,
        incarnation: u8,
        change: Change,
        is_granted: bool,
    },
    Make {
        generation: usize,
    },
    /// Made: is it still the generation that it was?
    Confirm {
        generation: usize,
        incarnation: u8,
    },
    Claimed {
        generation: usize,
        incarnation: u8,
    },
    Released,
    GivenUp,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Claimer {
    pub(super) id: u8,
    pub(super) attempt: u8,
    pub(super) at: Creating,
    pub(super) is_deletable: bool,
}

impl Claimer {
    fn asking(&self, incarnation_number: u8) -> Asking {
        let record = ClaimRecord { name: format!("pvc-{}", self.id), pvc: None, pod: None, time: now().to_string() };
        let token = Token::of([self.id * 16 + self.attempt; 16]);
        Asking::new(incarnation(incarnation_number), self.key(), record, token, now())
    }

    fn key(&self) -> ClaimKey {
        ClaimKey::of(&format!("pvc-{}", self.id))
    }

    fn again(&mut self) {
        self.attempt += 1;
        self.at = if self.attempt < 2 { Creating::Begin } else { Creating::GivenUp };
    }

    /// The change that it sends next; none: it asks, or waits.
    pub(super) fn request(&self) -> Option<Request> {
        match &self.at {
            Creating::Ask { generation, incarnation } => {
                Some(Request::Write(*generation, self.asking(*incarnation).ask()))
            }
            Creating::Write { generation, change, .. } => Some(Request::Write(*generation, change.clone())),
            Creating::Claimed { generation, incarnation: number } if self.is_deletable => {
                Some(Request::Write(*generation, asking::released(&incarnation(*number), &self.key(), now())))
            }
            _ => None,
        }
    }

    pub(super) fn can_step(&self) -> bool {
        match self.at {
            Creating::Claimed { .. } => self.is_deletable,
            Creating::Released | Creating::GivenUp => false,
            _ => true,
        }
    }

    /// After its change is done, or its question answered.
    pub(super) fn advance(&mut self, linstor: &mut Linstor) {
        self.at = match self.at.clone() {
            Creating::Begin => {
                Creating::Look { generation: usize::try_from(generation::current(&linstor.owner)).unwrap() }
            }
            Creating::Look { generation } => match linstor.definitions[generation] {
                None => Creating::Make { generation },
                Some(number) => {
                    let ledger = Ledger::read("lf", &linstor.stores[generation], &incarnation(number)).unwrap();
                    match ledger.claims.contains_key(&self.key()) {
                        true => Creating::Claimed { generation, incarnation: number },
                        false => Creating::Ask { generation, incarnation: number },
                    }
                }
            },
            Creating::Ask { generation, incarnation } => Creating::LookAgain { generation, incarnation },
            Creating::LookAgain { generation, incarnation } => {
                let definition = linstor.definition(generation);
                let seen = Seen { definition: definition.as_ref(), store: &linstor.stores[generation] };
                let (change, is_granted) =
                    match self.asking(incarnation).answer(&resource(generation), seen, &linstor.owner).unwrap() {
                        Answer::Granted(change) => (change, true),
                        Answer::Reaped(change) | Answer::Gone(change) => (change, false),
                    };
                Creating::Write { generation, incarnation, change, is_granted }
            }
            Creating::Write { generation, incarnation, is_granted: true, .. } => {
                Creating::Claimed { generation, incarnation }
            }
            Creating::Write { .. } => return self.again(),
            Creating::Make { generation } => {
                if linstor.definitions[generation].is_some() {
                    return self.again();
                }
                let number = linstor.made;
                linstor.definitions[generation] = Some(number);
                linstor.made += 1;
                Creating::Confirm { generation, incarnation: number }
            }
            Creating::Confirm { generation, incarnation: number } => {
                if generation::current(&linstor.owner) as usize != generation {
                    return self.again();
                }
                let record = ClaimRecord { name: "fresh".to_owned(), pvc: None, pod: None, time: now().to_string() };
                let change = asking::claimed(&incarnation(number), &self.key(), &record, now());
                Creating::Write { generation, incarnation: number, change, is_granted: true }
            }
            Creating::Claimed { .. } => Creating::Released,
            over => over,
        };
    }
}
