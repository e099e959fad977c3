//! The generations of an owner's volume: `lf-<hash of the owner>-<generation>` (docs/decisions.md, Names).
//!
//! Which is the present one stands in the owner's own key-value instance, `lf-<hash>`: one key for each generation after
//! the first, so that no write takes another's back. A generation is given up there before its definition is deleted, so
//! that its name is not used again and a DELETE that arrives late finds nothing.
//!
//! After [`KEPT`] no request is on its way any more and the owner's names are forgotten, or LINSTOR would keep an
//! instance for every run that there ever was. Whoever takes a later generation than the first says so first
//! ([`use_now`]) and looks then; whoever forgets marks the instance first ([`forgetting`]) and looks then.

use std::time::Duration;

use super::{
    ending::{ABANDONED, Change, Token},
    moment::Moment,
};
use crate::linstor::{model::Props, name::ResourceName};

/// Begins the keys of generations; the number follows, then the [`Token`] of who gave the one before up.
const GENERATION: &str = "generation";
/// Begins the keys by which a call says that it uses a generation; its [`Token`] follows.
const USED: &str = "used";
/// Begins the marks of who forgets the owner; its [`Token`] follows.
const FORGETTING: &str = "forgetting";
/// How long names are not used again: requests to LINSTOR end after minutes, answered or not.
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// The present generation, by the owner's instance.
pub fn current(store: &Props) -> u32 {
    let numbers = keys(store, GENERATION).map(|(rest, _)| rest.split_once('/').map_or(rest, |(number, _)| number));
    numbers.filter_map(|number| number.parse().ok()).max().unwrap_or(0)
}

/// What makes the generation after this one the present one, in the owner's instance.
pub fn give_up(generation: u32, token: &Token, now: Moment) -> Change {
    entry(format!("{GENERATION}/{}/{token}", generation.saturating_add(1)), now)
}

/// That a call is about to make or take away something of the owner's, by a generation that it read: to be written, and
/// the instance to be read again, before it does. Then [`is_usable`] tells.
pub fn use_now(token: &Token, now: Moment) -> Change {
    entry(format!("{USED}/{token}"), now)
}

/// Is this generation still the present one, with nobody about to forget it? After [`use_now`] was written.
pub fn is_usable(generation: u32, store: &Props, now: Moment) -> bool {
    let is_marked = keys(store, FORGETTING).any(|(_, since)| !is_abandoned(since, now));
    !is_marked && current(store) == generation
}

/// May the owner be forgotten, as far as its instance tells?
pub fn is_forgettable(store: &Props, now: Moment) -> bool {
    let times = keys(store, GENERATION).chain(keys(store, USED)).map(|(_, time)| time.parse::<Moment>());
    let is_owners = store.keys().all(|key| [GENERATION, USED, FORGETTING].contains(&head(key)));
    is_owners && times.into_iter().all(|time| time.is_ok_and(|time| time.after(KEPT) <= now))
}

/// The mark of who forgets the owner, to be written before the definitions and then the instance are looked at.
pub fn forgetting(token: &Token, now: Moment) -> Change {
    entry(format!("{FORGETTING}/{token}"), now)
}

/// What to write after that look, and whether the owner is forgotten by it. Only what was seen goes.
pub fn forgotten(token: &Token, is_there: bool, store: &Props, now: Moment) -> (Change, bool) {
    let own = format!("{FORGETTING}/{token}");
    let is_marked = store.keys().any(|key| trimmed(key) == own);
    let is_forgotten = is_marked && !is_there && is_forgettable(store, now);
    let goes = |(key, value): &(&String, &String)| {
        is_forgotten || trimmed(key) == own || (head(key) == FORGETTING && is_abandoned(value, now))
    };
    let remove = store.iter().filter(goes).map(|(key, _)| trimmed(key).to_owned()).collect();
    (Change { set: Props::new(), remove }, is_forgotten)
}

/// The names that the owner's volumes had, the present one included.
pub fn names(owner: &ResourceName, store: &Props) -> impl Iterator<Item = ResourceName> {
    let name = move |generation| ResourceName::parse(&format!("{owner}-{generation}")).ok();
    (0..=current(store)).filter_map(name)
}

/// Is this the name of an owner's instance?
pub fn is_owner(instance: &str) -> bool {
    instance.strip_prefix("lf-").is_some_and(is_hash)
}

fn is_hash(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn entry(key: String, now: Moment) -> Change {
    Change { set: Props::from([(key, now.to_string())]), remove: Vec::new() }
}

fn is_abandoned(since: &str, now: Moment) -> bool {
    since.parse::<Moment>().is_ok_and(|since| since.age(now) >= ABANDONED)
}

fn trimmed(key: &str) -> &str {
    key.trim_start_matches('/')
}

fn head(key: &str) -> &str {
    trimmed(key).split('/').next().unwrap_or_default()
}

/// The pairs whose keys begin so, without that beginning.
fn keys<'a>(store: &'a Props, begin: &'static str) -> impl Iterator<Item = (&'a str, &'a String)> {
    store.iter().filter_map(move |(key, value)| Some((trimmed(key).strip_prefix(begin)?.strip_prefix('/')?, value)))
}

/// The owner's instance and the generation, where the name is that of an owner's volume.
pub fn of(resource: &ResourceName) -> Option<(ResourceName, u32)> {
    let (owner, generation) = resource.as_str().rsplit_once('-')?;
    let hash = owner.strip_prefix("lf-")?;
    let generation = generation.parse().ok().filter(|number: &u32| number.to_string() == generation)?;
    Some((ResourceName::parse(owner).ok().filter(|_| is_hash(hash))?, generation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::claims::{owned_name, owner_instance};
    use crate::workflow::WorkflowRef;

    fn at(day: u64) -> Moment {
        let start: Moment = "2026-01-01T00:00:00Z".parse().unwrap();
        start.after(Duration::from_secs(day * 24 * 3600))
    }

    fn token(digit: u8) -> Token {
        Token::of([digit; 16])
    }

    #[test]
    fn the_generation_is_the_highest_whatever_is_written_when() {
        let mut store = Props::new();
        assert_eq!(current(&store), 0);
        for (given_up, expected) in [(0, 1), (9, 10), (1, 10), (0, 10)] {
            store.extend(give_up(given_up, &token(1), at(0)).set);
            assert_eq!(current(&store), expected);
        }
    }

    #[test]
    fn an_owner_is_forgotten_after_thirty_days_in_which_nothing_was_made_or_given_up() {
        let mut store = give_up(0, &token(1), at(0)).set;
        store.extend(use_now(&token(2), at(3)).set);
        store.extend(forgetting(&token(3), at(33)).set);
        assert!(!forgotten(&token(3), false, &store, at(32)).1, "it was used three days after");
        assert!(!forgotten(&token(3), true, &store, at(33)).1, "a definition is there");
        assert!(!forgotten(&token(4), false, &store, at(33)).1, "its own mark is not there");
        let (change, is_forgotten) = forgotten(&token(3), false, &store, at(33));
        assert!(is_forgotten);
        assert_eq!(change.remove.len(), store.len());
    }

    #[test]
    fn who_forgets_in_vain_takes_its_own_mark_back_and_those_of_processes_that_ended() {
        let mut store = give_up(0, &token(1), at(0)).set;
        for (digit, day) in [(3, 1), (4, 1), (5, 0)] {
            store.extend(forgetting(&token(digit), at(day)).set);
        }
        let (change, _) = forgotten(&token(3), false, &store, at(1));
        let gone: Vec<String> = [3, 5].map(|digit| format!("forgetting/{}", token(digit))).into();
        assert_eq!(change.remove, gone);
    }

    #[test]
    fn a_generation_may_be_used_while_nobody_forgets_it() {
        let mut store = give_up(0, &token(1), at(0)).set;
        assert!(is_usable(1, &store, at(1)) && !is_usable(0, &store, at(1)) && !is_usable(2, &store, at(1)));
        store.extend(forgetting(&token(3), at(1)).set);
        assert!(!is_usable(1, &store, at(1)));
        assert!(is_usable(1, &store, at(2)), "who left that mark ended");
    }

    #[test]
    fn what_is_not_understood_is_not_forgotten() {
        let old = give_up(0, &token(1), at(0)).set;
        assert!(is_forgettable(&old, at(30)));
        for (key, value) in [("generation/2/x", "soon"), ("note", "2026-01-01T00:00:00Z")] {
            let mut store = old.clone();
            store.insert(key.to_owned(), value.to_owned());
            assert!(!is_forgettable(&store, at(90)), "{key}");
        }
    }

    #[test]
    fn an_owners_volume_is_known_by_its_name() {
        let owner = WorkflowRef::parse("airflow/etl/r1").unwrap();
        assert_eq!(of(&owned_name(&owner, 7)), Some((owner_instance(&owner), 7)));
        assert!(is_owner(owner_instance(&owner).as_str()) && !is_owner(owned_name(&owner, 0).as_str()));
        for other in [owner_instance(&owner).as_str(), "pvc-1", "lf-0-1", &format!("lf-{}-07", "a".repeat(32))] {
            assert_eq!(of(&ResourceName::parse(other).unwrap()), None, "{other}");
        }
    }
}
