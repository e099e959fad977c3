//! Who forgets the names that an owner's volumes had, long after anything was given up.

use super::{Linstor, Request, now};
use crate::volume::{
    ending::{Change, Token},
    generation,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum At {
    Mark,
    LookAtDefinitions,
    LookAtOwner { is_there: bool },
    Write(Change),
    Over,
}

/// One attempt to forget the owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Forgetter {
    id: u8,
    at: At,
    pub(super) losses: u8,
}

impl Forgetter {
    pub(super) fn new(id: u8, losses: u8) -> Self {
        Self { id, at: At::Mark, losses }
    }

    fn token(&self) -> Token {
        Token::of([150 + self.id; 16])
    }

    pub(super) fn can_step(&self) -> bool {
        self.at != At::Over
    }

    pub(super) fn request(&self) -> Option<Request> {
        match &self.at {
            At::Mark => Some(Request::OfOwner(generation::forgetting(&self.token(), now()))),
            At::Write(change) => Some(Request::OfOwner(change.clone())),
            _ => None,
        }
    }

    /// An attempt ends with the first request that is lost to it.
    pub(super) fn interrupt(&mut self) {
        (self.losses, self.at) = (self.losses - 1, At::Over);
    }

    pub(super) fn advance(&mut self, linstor: &Linstor) {
        self.at = match &self.at {
            At::Mark => At::LookAtDefinitions,
            At::LookAtDefinitions => At::LookAtOwner { is_there: linstor.definitions.iter().any(Option::is_some) },
            At::LookAtOwner { is_there } => {
                At::Write(generation::forgotten(&self.token(), *is_there, &linstor.owner, now()).0)
            }
            At::Write(_) | At::Over => At::Over,
        };
    }
}
