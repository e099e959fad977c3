//! A claim of a volume that is there, beside a reaper that may be removing it (docs/decisions.md, Letting go).
//!
//! ```text
//! claim     writes that it asks ─► looks ─► no final mark: the claim stands │ a final mark: takes its question back
//! reaper    writes a final mark ─► looks ─► nobody asks or claims: removes  │ somebody: takes its mark back
//! ```
//!
//! Each writes before it looks, so that of two at least one sees the other. Nothing here does I/O: CreateVolume sends
//! what is said here, and so does the model test in `lifetime/`.

use serde::{Deserialize, Serialize};

use super::{
    Error,
    claims::{ClaimKey, ClaimRecord, claim_entry},
    ending::{self, Change, Token},
    generation,
    moment::Moment,
    record::{Ledger, RecordError},
};
use crate::linstor::{
    Client,
    model::{Props, ResourceDefinition},
    name::ResourceName,
};
use crate::workflow::{Incarnation, Tags};

/// Begins the keys of questions; the question's [`Token`] follows.
const ASKING: &str = "asking";

/// That somebody is about to claim the volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskRecord {
    /// The claim's key, or what a person does.
    pub who: String,
    /// Since when.
    pub time: Moment,
}

/// What is seen of a volume at one look: definition and records, read after the question was written.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The definition of that name.
    pub definition: Option<&'a ResourceDefinition>,
    /// The instance of that name.
    pub store: &'a Props,
}

impl Seen<'_> {
    /// Is the definition of that incarnation there, and to stay?
    pub fn stands(&self, incarnation: &Incarnation) -> bool {
        self.definition.is_some_and(|definition| {
            let tags = Tags::read(&definition.props).ok().flatten();
            !definition.is_deleting() && tags.is_some_and(|tags| tags.incarnation == *incarnation)
        })
    }
}

/// One attempt at a claim of a volume that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    incarnation: Incarnation,
    claim: ClaimKey,
    record: ClaimRecord,
    token: Token,
    time: Moment,
}

/// Whether the claim may be. The change is to be written in either case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It stands as soon as this is written.
    Granted(Change),
    /// A reaper removes the volume: try again, the next generation will be made.
    Reaped(Change),
    /// What was there is gone, or on its way: look again from the beginning.
    Gone(Change),
}

impl Asking {
    /// An attempt at this claim of that incarnation.
    pub fn new(incarnation: Incarnation, claim: ClaimKey, record: ClaimRecord, token: Token, time: Moment) -> Self {
        Self { incarnation, claim, record, token, time }
    }

    /// The first thing to write: the question, which voids whatever spoke for the volume's end.
    pub fn ask(&self) -> Change {
        let record = AskRecord { who: self.claim.to_string(), time: self.time };
        let set = ending::single_entry(&self.incarnation, &format!("{ASKING}/{}", self.token), &record);
        Change { set, remove: ending::voided_by_a_claim(&self.incarnation) }
    }

    /// What follows from a look that began after the question was written: at the volume, and at its owner's instance.
    ///
    /// # Errors
    /// A record that can't be read.
    pub fn answer(&self, resource: &ResourceName, seen: Seen<'_>, owner: &Props) -> Result<Answer, RecordError> {
        let take_back = Change { remove: vec![self.key()], ..Change::default() };
        // Under a name that was given up a DELETE may still arrive, for what had that name before.
        let is_given_up = generation::of(resource).is_some_and(|(_, own)| own < generation::current(owner));
        if is_given_up || !seen.stands(&self.incarnation) {
            return Ok(Answer::Gone(take_back));
        }
        let ledger = Ledger::read(resource.as_str(), seen.store, &self.incarnation)?;
        Ok(if ledger.ending.finals.is_empty() {
            let granted = claimed(&self.incarnation, &self.claim, &self.record, self.time);
            Answer::Granted(Change { set: granted.set, remove: take_back.remove })
        } else {
            Answer::Reaped(take_back)
        })
    }

    fn key(&self) -> String {
        asking_key(&self.incarnation, &self.token)
    }
}

/// A claim that stands. Whoever has just made the definition writes this at once, for nobody reaps what was never
/// claimed; and reads the owner's instance again before it says success: where the generation was given up meanwhile
/// ([`generation::current`]), it made its definition under a name that must not be used, and begins anew.
pub fn claimed(incarnation: &Incarnation, claim: &ClaimKey, record: &ClaimRecord, time: Moment) -> Change {
    let mut set = claim_entry(incarnation, claim, record);
    set.extend(ending::moment_entry(incarnation, ending::CLAIMED, time));
    Change { set, remove: ending::voided_by_a_claim(incarnation) }
}

/// A claim that is released: what DeleteVolume of a claim writes.
pub fn released(incarnation: &Incarnation, claim: &ClaimKey, time: Moment) -> Change {
    let remove = vec![super::claims::claim_key(incarnation, claim)];
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
    use crate::volume::ending::{FINAL, Mark, final_entry, single_key};

    fn incarnation() -> Incarnation {
        Incarnation::from_random([1; 16])
    }

    fn asking() -> Asking {
        let time = "2026-01-01T00:00:00Z".parse().unwrap();
        let record =
            ClaimRecord { name: "pvc-1".to_owned(), pvc: None, pod: None, time: "2026-01-01T00:00:00Z".to_owned() };
        Asking::new(incarnation(), ClaimKey::of("pvc-1"), record, Token::of([2; 16]), time)
    }

    fn definition(incarnation: &Incarnation, flags: &[&str]) -> ResourceDefinition {
        let props = crate::workflow::tag::sample(incarnation).to_properties();
        ResourceDefinition { props, flags: flags.iter().map(|&flag| flag.to_owned()).collect(), ..Default::default() }
    }

    fn resource() -> ResourceName {
        ResourceName::parse(&format!("lf-{}-0", "a".repeat(32))).unwrap()
    }

    fn store(change: &Change) -> Props {
        change.set.clone()
    }

    #[test]
    fn a_claim_stands_where_no_reaper_has_its_final_mark() {
        let asked = store(&asking().ask());
        let definition = definition(&incarnation(), &[]);
        let seen = Seen { definition: Some(&definition), store: &asked };
        let Ok(Answer::Granted(change)) = asking().answer(&resource(), seen, &Props::new()) else {
            panic!("nobody stands against it")
        };
        let ledger = Ledger::read("lf", &change.set, &incarnation()).unwrap();
        assert!(ledger.claims.contains_key(&ClaimKey::of("pvc-1")) && ledger.ending.claimed.is_some());
        assert_eq!(change.remove, asked.into_keys().collect::<Vec<_>>(), "the question goes in the same step");
    }

    #[test]
    fn a_claim_that_sees_a_final_mark_takes_its_own_question_back_and_nothing_else() {
        let mut asked = store(&asking().ask());
        let mark = Mark { by: "reaper".to_owned(), time: "2026-01-01T00:00:00Z".parse().unwrap() };
        asked.extend(final_entry(&incarnation(), &Token::of([3; 16]), &mark));
        let definition = definition(&incarnation(), &[]);
        let seen = Seen { definition: Some(&definition), store: &asked };
        let Ok(Answer::Reaped(change)) = asking().answer(&resource(), seen, &Props::new()) else {
            panic!("it backs off")
        };
        assert_eq!((change.set.len(), change.remove), (0, vec![asking_key(&incarnation(), &Token::of([2; 16]))]));
        assert!(asked.keys().any(|key| key.starts_with(&single_key(&incarnation(), FINAL))));
    }

    #[test]
    fn what_is_gone_or_on_its_way_or_another_is_not_claimed() {
        let asked = store(&asking().ask());
        let other = definition(&Incarnation::from_random([9; 16]), &[]);
        let going = definition(&incarnation(), &["DELETE"]);
        for definition in [None, Some(&other), Some(&going)] {
            let answer = asking().answer(&resource(), Seen { definition, store: &asked }, &Props::new());
            assert!(matches!(answer, Ok(Answer::Gone(_))), "{answer:?}");
        }
    }

    #[test]
    fn what_has_a_name_that_was_given_up_is_not_claimed() {
        let asked = store(&asking().ask());
        let definition = definition(&incarnation(), &[]);
        let seen = Seen { definition: Some(&definition), store: &asked };
        let answer = asking().answer(&resource(), seen, &generation::give_up(0).set);
        assert!(matches!(answer, Ok(Answer::Gone(_))), "{answer:?}");
    }

    #[test]
    fn a_new_claim_voids_the_proof_the_candidate_and_a_persons_word() {
        let keys = ["ended", "reap-candidate", "let-go"].map(|key| single_key(&incarnation(), key));
        let claimed = claimed(&incarnation(), &asking().claim, &asking().record, asking().time);
        for change in [asking().ask(), claimed] {
            assert!(keys.iter().all(|key| change.remove.contains(key)), "{change:?}");
        }
    }
}
