//! Every interleaving of reapers, claims, a release and a person at one volume, at the boundaries of their requests. The
//! steps are those of the code that runs; only LINSTOR is a small model here: two stores, two definitions.
//!
//! A request may also be lost to its sender and arrive later, at any time. A process that ends is one that takes no more
//! steps, which is so in every prefix of a walk.

mod claimer;
mod state;

use std::collections::{BTreeSet, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use self::claimer::Claimer;
use self::state::{claimer, keeper, reaper, repeating, unlucky};
use super::keeping::{Keeping, Kept};
use super::reaping::{End, Looked, Reaping, Step};
use crate::linstor::{
    model::{Props, ResourceDefinition},
    name::ResourceName,
};
use crate::volume::{VolumeId, claims::owned_name, ending::Change, moment::Moment, record::Ledger};
use crate::workflow::{Incarnation, WorkflowRef, tag};

/// What all of them work on.
#[derive(Debug, Clone, Hash)]
struct Linstor {
    /// The instances of the volume's generations.
    stores: [Props; 3],
    /// Which incarnation each generation's definition has.
    definitions: [Option<u8>; 3],
    /// The owner's instance.
    owner: Props,
    /// How many definitions were made.
    made: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Request {
    Write(usize, Change),
    GiveUp(Change),
    Delete(usize),
    Forget(usize),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Process {
    Reaper { id: u8, attempts: u8, losses: u8, reaping: Option<Reaping>, end: Option<End> },
    Claimer(Claimer),
    Keeper { keeping: Option<Keeping>, end: Option<Kept> },
}

#[derive(Debug, Clone, Hash)]
struct State {
    linstor: Linstor,
    processes: Vec<Process>,
    /// Sent, lost to their senders, and still to arrive.
    wire: Vec<Request>,
    /// How it came to this, for whoever must understand a failure.
    trail: Trail,
}

/// Two states are one whatever led to them.
#[derive(Debug, Clone, Default)]
struct Trail(Option<Arc<(Trail, String)>>);

impl Hash for Trail {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Trail {
    fn push(&mut self, step: String) {
        *self = Self(Some(Arc::new((self.clone(), step))));
    }

    fn steps(&self) -> Vec<String> {
        let links = std::iter::successors(self.0.as_ref(), |link| link.0.0.as_ref());
        let mut steps: Vec<String> = links.map(|link| link.1.clone()).collect();
        steps.reverse();
        steps
    }
}

fn owner() -> WorkflowRef {
    WorkflowRef::parse("airflow/etl/r1").unwrap()
}

fn now() -> Moment {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn incarnation(number: u8) -> Incarnation {
    Incarnation::from_random([number; 16])
}

fn resource(generation: usize) -> ResourceName {
    owned_name(&owner(), u32::try_from(generation).unwrap())
}

impl Linstor {
    /// A volume that was used and that nobody has.
    fn new() -> Self {
        Self { stores: Default::default(), definitions: [Some(0), None, None], owner: Props::new(), made: 1 }
    }

    fn apply(&mut self, request: &Request) {
        match request {
            Request::Write(generation, change) => change_of(&mut self.stores[*generation], change),
            Request::GiveUp(change) => change_of(&mut self.owner, change),
            Request::Delete(generation) => self.definitions[*generation] = None,
            Request::Forget(generation) => self.stores[*generation].clear(),
        }
    }

    fn definition(&self, generation: usize) -> Option<ResourceDefinition> {
        let props = tag::sample(&incarnation(self.definitions[generation]?)).to_properties();
        Some(ResourceDefinition { name: resource(generation).to_string(), props, ..ResourceDefinition::default() })
    }

    fn look(&self, generation: usize, named: BTreeSet<VolumeId>) -> Looked {
        let (definition, store) = (self.definition(generation), self.stores[generation].clone());
        Looked { now: now(), definition, store, snapshots: Vec::new(), named }
    }
}

fn change_of(store: &mut Props, change: &Change) {
    store.extend(change.set.clone());
    store.retain(|key, _| !change.remove.contains(key));
}

/// What a step does: a question is answered at once, a change is a request.
fn request(step: Step) -> Option<Request> {
    Some(match step {
        Step::Look => return None,
        Step::Write(change) => Request::Write(0, change),
        Step::GiveUp(_, change) => Request::GiveUp(change),
        Step::Delete => Request::Delete(0),
        Step::Forget => Request::Forget(0),
    })
}

/// Walks every interleaving and looks at each state; answers how many there are.
fn walk(processes: Vec<Process>, mut look: impl FnMut(&State)) -> usize {
    let first = State::new(processes);
    let (mut seen, mut open) = (HashSet::from([first.hash()]), vec![first]);
    while let Some(state) = open.pop() {
        state.check();
        look(&state);
        for next in state.successors() {
            if seen.insert(next.hash()) {
                open.push(next);
            }
        }
    }
    println!("{} states", seen.len());
    seen.len()
}

/// Lets this process alone go on to its end; answers whether it comes to one.
fn ends_alone(mut state: State, at: usize) -> Option<State> {
    for _ in 0..40 {
        match state.stepped(at, false) {
            Some(next) => state = next,
            None => return Some(state),
        }
    }
    None
}

#[test]
fn no_interleaving_of_a_reaper_a_successor_and_a_claim_that_comes_and_goes_loses_data() {
    let states = walk(vec![reaper(0, 1), reaper(1, 0), claimer(1, true)], |_| {});
    assert!(states > 1_000, "{states}");
}

#[test]
fn no_interleaving_of_two_claims_and_a_late_delete_loses_data() {
    let states = walk(vec![reaper(0, 1), claimer(1, true), claimer(2, false)], |_| {});
    assert!(states > 1_000, "{states}");
}

#[test]
fn no_interleaving_with_a_claim_that_comes_again_loses_data() {
    for remembers in [true, false] {
        for losses in [0, 1] {
            let others = [claimer(2, true)].into_iter().take(1 - usize::from(losses));
            let processes = [reaper(0, losses), repeating(1, remembers)].into_iter().chain(others);
            let states = walk(processes.collect(), |_| {});
            assert!(states > 1_000, "{states}");
        }
    }
}

#[test]
fn no_interleaving_with_a_claim_whose_requests_arrive_late_loses_data() {
    let states = walk(vec![reaper(0, 1), unlucky(1)], |_| {});
    assert!(states > 1_000, "{states}");
    let states = walk(vec![reaper(0, 0), unlucky(1), claimer(2, false)], |_| {});
    assert!(states > 1_000, "{states}");
    let states = walk(vec![reaper(0, 0), unlucky(1), keeper()], |_| {});
    assert!(states > 1_000, "{states}");
}

#[test]
fn no_interleaving_with_a_person_who_keeps_loses_data() {
    let states = walk(vec![reaper(0, 1), claimer(1, true), keeper()], |_| {});
    assert!(states > 1_000, "{states}");
    let states = walk(vec![reaper(0, 0), claimer(1, true), claimer(2, false), keeper()], |_| {});
    assert!(states > 1_000, "{states}");
}

#[test]
fn whatever_came_before_a_lone_reaper_comes_to_an_end_and_takes_what_nobody_has() {
    walk(vec![reaper(0, 1), claimer(1, true), keeper()], |state| {
        let mut alone = state.clone();
        alone.wire.clear();
        alone.processes.push(reaper(3, 0));
        let successor = alone.processes.len() - 1;
        let is_had = Ledger::read("lf", &alone.linstor.stores[0], &incarnation(0));
        let is_had = is_had.is_ok_and(|ledger| !ledger.claims.is_empty() || !ledger.asking.is_empty());
        let after = ends_alone(alone, successor).expect("a lone reaper comes to an end");
        let is_gone = after.linstor.definitions[0] != Some(0);
        assert!(is_had || is_gone, "what nobody has stays: {:#?}", after.trail.steps());
    });
}

#[test]
fn whatever_came_before_a_claim_gets_a_volume_once_the_reapers_are_through() {
    walk(vec![reaper(0, 1), claimer(1, true)], |state| {
        let mut quiet = ends_alone(state.clone(), 0).expect("the reaper comes to its end");
        // A mark that arrived late is the next reaper's to finish; beside a claim it is a person's.
        quiet.processes.push(reaper(3, 0));
        let successor = quiet.processes.len() - 1;
        let mut quiet = ends_alone(quiet, successor).expect("its successor comes to its end");
        let ledger = Ledger::read("lf", &quiet.linstor.stores[0], &incarnation(0)).unwrap();
        let is_had = !ledger.claims.is_empty() || !ledger.asking.is_empty();
        if is_had && !ledger.ending.finals.is_empty() {
            return;
        }
        quiet.processes.push(claimer(5, false));
        let last = quiet.processes.len() - 1;
        let after = ends_alone(quiet, last).expect("the claim comes to its end");
        let Process::Claimer(claimer) = &after.processes[last] else { unreachable!("it was pushed there") };
        assert!(claimer.has.is_some(), "{:#?}", after.trail.steps());
    });
}
