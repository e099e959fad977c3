//! How a claim of a volume comes to stand, beside a reaper that may be removing it (docs/decisions.md, Letting go).
//!
//! ```text
//! claim     writes itself ─► looks ─► no final mark: it stands       │ a final mark: takes its own record back
//! reaper    writes a final mark ─► looks ─► nobody claims: removes   │ somebody: takes its mark back
//! ```
//!
//! Each writes before it looks, so that of two at least one sees the other. A record's key ends in a random word of the
//! call that wrote it, and nobody relies on another call's: it may be on its way out. Nothing here does I/O:
//! CreateVolume sends what is said here, and so does the model test in `lifetime/`.

use serde::{Deserialize, Serialize};

use super::{
    Error,
    claims::{ClaimKey, ClaimRecord, claim_entry, claim_key},
    ending::{self, Change, Token},
    generation,
    moment::Moment,
    record::Ledger,
};
use crate::linstor::{
    Client,
    model::{Props, ResourceDefinition},
    name::ResourceName,
};
use crate::workflow::{Incarnation, Tags};

/// Begins the keys of questions; the question's [`Token`] follows.
const ASKING: &str = "asking";

/// That a person works on the volume by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskRecord {
    /// What the person does.
    pub who: String,
    /// Since when.
    pub time: Moment,
}

/// Is the definition of that incarnation there, and to stay?
pub fn is_there(definition: Option<&ResourceDefinition>, incarnation: &Incarnation) -> bool {
    definition.is_some_and(|definition| {
        let tags = Tags::read(&definition.props).ok().flatten();
        !definition.is_deleting() && tags.is_some_and(|tags| tags.incarnation == *incarnation)
    })
}

/// One attempt at a claim, with a random word of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    incarnation: Incarnation,
    claim: ClaimKey,
    record: ClaimRecord,
    token: Token,
    time: Moment,
}

/// What the records say of an attempt, read after it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It stands, unless the volume has a name that was given up ([`is_given_up`]).
    Stands,
    /// Nobody was told of this volume yet, or its records are gone: the definition tells ([`Attempt::stands_beside`]).
    Unsure,
    /// A reaper removes the volume: [`Attempt::take_back`], and try again, the next generation will be made.
    Reaped,
    /// The record is gone already: look again from the beginning.
    Gone,
}

impl Attempt {
    /// An attempt at this claim of that incarnation.
    pub fn new(incarnation: Incarnation, claim: ClaimKey, record: ClaimRecord, token: Token, time: Moment) -> Self {
        Self { incarnation, claim, record, token, time }
    }

    /// The word by which it is known again.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The first thing to write, beside what is there: the claim, which voids whatever spoke for the volume's end.
    pub fn claim(&self) -> Change {
        let mut set = claim_entry(&self.incarnation, &self.claim, &self.token, &self.record);
        set.extend(ending::moment_entry(&self.incarnation, ending::CLAIMED, self.time));
        Change { set, remove: ending::voided_by_a_claim(&self.incarnation) }
    }

    /// The same of who has just made the definition, or its copy: nobody reaps what was never claimed. Before success is
    /// said [`is_given_up`] is looked at.
    pub fn first_claim(&self) -> Change {
        let mut change = self.claim();
        change.set.extend(self.made().set);
        change
    }

    /// That somebody has the volume: from now on its records alone tell that it is there.
    pub fn made(&self) -> Change {
        Change { set: ending::moment_entry(&self.incarnation, ending::MADE, self.time), ..Change::default() }
    }

    /// Takes the claim back, and no other call's.
    pub fn take_back(&self) -> Change {
        Change { remove: vec![claim_key(&self.incarnation, &self.claim, &self.token)], ..Change::default() }
    }

    /// What follows from the records, read after the claim was written.
    pub fn answer(&self, ledger: &Ledger) -> Answer {
        if !ledger.ending.finals.is_empty() {
            Answer::Reaped
        } else if ledger.ending.made.is_none() {
            // Records go after their definition, so that this one alone may be left of them.
            Answer::Unsure
        } else if ledger.says(&self.claim, &self.token) {
            Answer::Stands
        } else {
            Answer::Gone
        }
    }

    /// Does an unsure claim stand, by what is seen of the definition and the owner's instance after [`Attempt::answer`]?
    /// Where it does, [`Attempt::made`] is to be written.
    pub fn stands_beside(&self, resource: &ResourceName, there: Option<&ResourceDefinition>, owner: &Props) -> bool {
        is_there(there, &self.incarnation) && !is_given_up(resource, owner)
    }
}

/// Was this name given up? Then a DELETE may still arrive, for what had it before. Once an incarnation that bears the
/// mark [`ending::MADE`] was seen not to be, its records alone tell of its end.
pub fn is_given_up(resource: &ResourceName, owner: &Props) -> bool {
    generation::of(resource).is_some_and(|(_, own)| own < generation::current(owner))
}

/// A claim that is released, with all that it said: what DeleteVolume of a claim writes.
pub fn released(incarnation: &Incarnation, claim: &ClaimKey, ledger: &Ledger, time: Moment) -> Change {
    let remove = ledger.claim_keys(incarnation, claim).collect();
    Change { set: ending::moment_entry(incarnation, ending::RELEASED, time), remove }
}

/// The key of a question.
pub fn asking_key(incarnation: &Incarnation, token: &Token) -> String {
    format!("{incarnation}/{ASKING}/{token}")
}

/// The question of a person who works on the volume by hand.
pub fn asking_by_hand(incarnation: &Incarnation, token: &Token, who: &str, time: Moment) -> Change {
    let record = AskRecord { who: who.to_owned(), time };
    let set = ending::single_entry(incarnation, &format!("{ASKING}/{token}"), &record);
    Change { set, remove: Vec::new() }
}

/// Writes a change of a volume's records.
pub async fn write(linstor: &Client, instance: &ResourceName, change: &Change) -> Result<(), Error> {
    linstor.kv_put(instance, &change.set, &change.remove).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::ending::{Mark, final_entry, single_key};

    fn incarnation() -> Incarnation {
        Incarnation::from_random([1; 16])
    }

    fn attempt(token: u8) -> Attempt {
        let time = "2026-01-01T00:00:00Z".parse().unwrap();
        let record =
            ClaimRecord { name: "pvc-1".to_owned(), pvc: None, pod: None, time: "2026-01-01T00:00:00Z".to_owned() };
        Attempt::new(incarnation(), ClaimKey::of("pvc-1"), record, Token::of([token; 16]), time)
    }

    fn definition(incarnation: &Incarnation, flags: &[&str]) -> ResourceDefinition {
        let props = crate::workflow::tag::sample(incarnation).to_properties();
        ResourceDefinition { props, flags: flags.iter().map(|&flag| flag.to_owned()).collect(), ..Default::default() }
    }

    fn resource() -> ResourceName {
        ResourceName::parse(&format!("lf-{}-0", "a".repeat(32))).unwrap()
    }

    fn ledger(store: &Props) -> Ledger {
        Ledger::read("lf", store, &incarnation()).unwrap()
    }

    #[test]
    fn a_claim_stands_where_no_reaper_has_its_final_mark() {
        let store = attempt(2).first_claim().set;
        let ledger = ledger(&store);
        assert_eq!(attempt(2).answer(&ledger), Answer::Stands);
        assert!(ledger.claims.contains_key(&ClaimKey::of("pvc-1")) && ledger.ending.claimed.is_some());
    }

    #[test]
    fn a_claim_that_sees_a_final_mark_takes_its_own_record_back_and_no_other_calls() {
        let mut store = attempt(2).first_claim().set;
        store.extend(attempt(4).claim().set);
        let mark = Mark { by: "reaper".to_owned(), time: "2026-01-01T00:00:00Z".parse().unwrap() };
        store.extend(final_entry(&incarnation(), &Token::of([3; 16]), &mark));
        assert_eq!(attempt(4).answer(&ledger(&store)), Answer::Reaped);
        store.retain(|key, _| !attempt(4).take_back().remove.contains(key));
        let ledger = ledger(&store);
        let says = |token: u8| ledger.says(&ClaimKey::of("pvc-1"), &Token::of([token; 16]));
        assert_eq!((says(2), says(4), ledger.ending.finals.len()), (true, false, 1));
    }

    #[test]
    fn records_that_may_be_all_that_is_left_do_not_tell_that_the_volume_is_there() {
        let store = attempt(2).claim().set;
        assert_eq!(attempt(2).answer(&ledger(&store)), Answer::Unsure);
        let (there, other) = (definition(&incarnation(), &[]), definition(&Incarnation::from_random([9; 16]), &[]));
        let going = definition(&incarnation(), &["DELETE"]);
        let stands = |definition, owner: &Props| attempt(2).stands_beside(&resource(), definition, owner);
        assert!(stands(Some(&there), &Props::new()));
        assert!(
            !stands(Some(&there), &generation::give_up(0, &Token::of([5; 16]), attempt(2).time).set),
            "a DELETE of that name may still arrive"
        );
        for definition in [None, Some(&other), Some(&going)] {
            assert!(!stands(definition, &Props::new()));
        }
    }

    #[test]
    fn a_claim_does_not_stand_on_what_another_call_wrote() {
        let store = attempt(4).first_claim().set;
        assert_eq!(attempt(2).answer(&ledger(&store)), Answer::Gone);
    }

    #[test]
    fn a_release_takes_all_that_the_claim_said() {
        let mut store = attempt(2).first_claim().set;
        store.extend(attempt(4).claim().set);
        let change = released(&incarnation(), &ClaimKey::of("pvc-1"), &ledger(&store), attempt(2).time);
        store.retain(|key, _| !change.remove.contains(key));
        assert!(ledger(&store).claims.is_empty());
    }

    #[test]
    fn a_new_claim_voids_the_proof_the_candidate_and_a_persons_word() {
        let keys = ["ended", "reap-candidate", "let-go"].map(|key| single_key(&incarnation(), key));
        for change in [attempt(2).claim(), attempt(2).first_claim()] {
            assert!(keys.iter().all(|key| change.remove.contains(key)), "{change:?}");
        }
    }
}
