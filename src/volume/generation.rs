//! The generations of an owner's volume: `lf-<hash of the owner>-<generation>` (docs/decisions.md, Names).
//!
//! Which is the present one stands in the owner's own key-value instance, `lf-<hash>`: one key for each generation after
//! the first, so that no write takes another's back. A generation is given up there before its definition is deleted, so
//! that its name is never used again and a DELETE that arrives late finds nothing.

use super::ending::Change;
use crate::linstor::{model::Props, name::ResourceName};

/// Begins the keys of generations; the number follows.
const GENERATION: &str = "generation";

/// The present generation, by the owner's instance.
pub fn current(store: &Props) -> u32 {
    let numbers =
        store.keys().filter_map(|key| key.trim_start_matches('/').strip_prefix(GENERATION)?.strip_prefix('/'));
    numbers.filter_map(|number| number.parse().ok()).max().unwrap_or(0)
}

/// What makes the generation after this one the present one, in the owner's instance.
pub fn give_up(generation: u32) -> Change {
    let key = format!("{GENERATION}/{}", generation.saturating_add(1));
    Change { set: Props::from([(key, String::from("true"))]), remove: Vec::new() }
}

/// The owner's instance and the generation, where the name is that of an owner's volume.
pub fn of(resource: &ResourceName) -> Option<(ResourceName, u32)> {
    let (owner, generation) = resource.as_str().rsplit_once('-')?;
    let hash = owner.strip_prefix("lf-")?;
    let is_hash = hash.len() == 32 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let generation = generation.parse().ok().filter(|number: &u32| number.to_string() == generation)?;
    Some((ResourceName::parse(owner).ok().filter(|_| is_hash)?, generation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::claims::{owned_name, owner_instance};
    use crate::workflow::WorkflowRef;

    #[test]
    fn the_generation_is_the_highest_whatever_is_written_when() {
        let mut store = Props::new();
        assert_eq!(current(&store), 0);
        for (given_up, expected) in [(0, 1), (9, 10), (1, 10), (0, 10)] {
            store.extend(give_up(given_up).set);
            assert_eq!(current(&store), expected);
        }
    }

    #[test]
    fn an_owners_volume_is_known_by_its_name() {
        let owner = WorkflowRef::parse("airflow/etl/r1").unwrap();
        assert_eq!(of(&owned_name(&owner, 7)), Some((owner_instance(&owner), 7)));
        for other in [owner_instance(&owner).as_str(), "pvc-1", "lf-0-1", &format!("lf-{}-07", "a".repeat(32))] {
            assert_eq!(of(&ResourceName::parse(other).unwrap()), None, "{other}");
        }
    }
}
