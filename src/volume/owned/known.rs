//! What this process saw of owners' volumes and won't change any more: it saves requests, and none rests on it alone.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::volume::{claims::ClaimKey, ending::Token};
use crate::workflow::Incarnation;

/// How many volumes, and how many claims, are kept in mind; the oldest make room.
const MOST: usize = 4096;

/// Claims that were told of, and volumes that were seen to have their owner's present name. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Owners(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    present: Latest<Incarnation, ()>,
    claims: Latest<(Incarnation, ClaimKey), Token>,
}

impl Owners {
    /// Was this seen not to have a name that was given up, after it was made? Its own records tell when it goes.
    pub(super) fn is_present(&self, incarnation: &Incarnation) -> bool {
        self.seen().present.get(incarnation).is_some()
    }

    /// It was.
    pub(super) fn saw_present(&self, incarnation: &Incarnation) {
        self.seen().present.put(incarnation.clone(), ());
    }

    /// The word of the record by which this claim came to stand. It stands for as long as that record does.
    pub(super) fn stood_by(&self, incarnation: &Incarnation, claim: &ClaimKey) -> Option<Token> {
        self.seen().claims.get(&(incarnation.clone(), claim.clone())).cloned()
    }

    /// The claim stands by the record with this word.
    pub(super) fn stands(&self, incarnation: &Incarnation, claim: &ClaimKey, token: &Token) {
        self.seen().claims.put((incarnation.clone(), claim.clone()), token.clone());
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // A panic elsewhere leaves whole entries only.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entries that were made last.
#[derive(Debug)]
struct Latest<K, V> {
    entries: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Latest<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Clone + Eq + Hash, V> Latest<K, V> {
    fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    fn put(&mut self, key: K, value: V) {
        if self.entries.insert(key.clone(), value).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > MOST {
            self.order.pop_front().and_then(|oldest| self.entries.remove(&oldest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_make_room_and_what_is_put_again_counts_once() {
        let mut latest = Latest::default();
        for number in (0..=MOST).chain([MOST, MOST]) {
            latest.put(number, number);
        }
        assert_eq!((latest.get(&0), latest.get(&1), latest.get(&MOST)), (None, Some(&1), Some(&MOST)));
        assert_eq!((latest.entries.len(), latest.order.len()), (MOST, MOST));
    }
}
