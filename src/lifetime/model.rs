//! Every interleaving of reapers, claims, a release and a person at one volume, at the boundaries of their requests. The
//! steps are those of the code that runs; only LINSTOR is a small model here: two stores, two definitions.
//!
//! A request may also be lost to its sender and arrive later, at any time. A process that ends is one that takes no more
//! steps, which is so in every prefix of a walk.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::keeping::{Keeping, Kept};
use super::reaping::{End, Looked, Reaping, Step, Told};
use crate::linstor::{
    model::{Props, ResourceDefinition},
    name::ResourceName,
};
use crate::volume::{
    asking::{self, Answer, Asking, Seen},
    claims::{ClaimKey, ClaimRecord, owned_name},
    ending::{Change, Ending, Mark, Token},
    generation,
    moment::Moment,
    record::Ledger,
};
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

/// CreateVolume of one claim, as far as it concerns us.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Creating {
    Begin,
    Look { generation: usize },
    Ask { generation: usize, incarnation: u8 },
    LookAgain { generation: usize, incarnation: u8 },
    Write { generation: usize, incarnation: u8, change: Change, is_granted: bool },
    Make { generation: usize },
    Claimed { generation: usize, incarnation: u8 },
    Released,
    GivenUp,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Claimer {
    id: u8,
    attempt: u8,
    at: Creating,
    is_deletable: bool,
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

    fn apply(&mut self, request: &Request, live: &[(usize, u8)]) {
        match request {
            Request::Write(generation, change) => change_of(&mut self.stores[*generation], change),
            Request::GiveUp(change) => change_of(&mut self.owner, change),
            Request::Delete(generation) => {
                let goes = self.definitions[*generation].take();
                let is_live = live.iter().any(|(at, incarnation)| (*at, Some(*incarnation)) == (*generation, goes));
                assert!(!is_live, "data with a live claim is deleted");
            }
            Request::Forget(generation) => self.stores[*generation].clear(),
        }
    }

    fn definition(&self, generation: usize) -> Option<ResourceDefinition> {
        let props = tag::sample(&incarnation(self.definitions[generation]?)).to_properties();
        Some(ResourceDefinition { name: resource(generation).to_string(), props, ..ResourceDefinition::default() })
    }

    fn look(&self, generation: usize) -> Looked {
        let (definition, store) = (self.definition(generation), self.stores[generation].clone());
        Looked { now: now(), definition, store, snapshots: Vec::new(), is_named: false }
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
    fn request(&self) -> Option<Request> {
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

    fn can_step(&self) -> bool {
        match self.at {
            Creating::Claimed { .. } => self.is_deletable,
            Creating::Released | Creating::GivenUp => false,
            _ => true,
        }
    }

    /// After its change is done, or its question answered.
    fn advance(&mut self, linstor: &mut Linstor) {
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
                let (change, is_granted) = match self.asking(incarnation).answer("lf", seen).unwrap() {
                    Answer::Granted(change) => (change, true),
                    Answer::Reaped(change) | Answer::Gone(change) => (change, false),
                };
                Creating::Write { generation, incarnation, change, is_granted }
            }
            Creating::Write { generation, incarnation, is_granted: true, .. } => {
                assert_eq!(linstor.definitions[generation], Some(incarnation), "success is said of what is gone");
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
                let record = ClaimRecord { name: "fresh".to_owned(), pvc: None, pod: None, time: now().to_string() };
                let change = asking::claimed(&incarnation(number), &self.key(), &record, now());
                Creating::Write { generation, incarnation: number, change, is_granted: true }
            }
            Creating::Claimed { .. } => Creating::Released,
            over => over,
        };
    }
}

impl State {
    fn new(processes: Vec<Process>) -> Self {
        Self { linstor: Linstor::new(), processes, wire: Vec::new() }
    }

    /// The incarnations that somebody was told they have.
    fn live(&self) -> Vec<(usize, u8)> {
        let of = |process: &Process| match process {
            Process::Claimer(Claimer { at: Creating::Claimed { generation, incarnation }, .. }) => {
                Some((*generation, *incarnation))
            }
            _ => None,
        };
        self.processes.iter().filter_map(of).collect()
    }

    /// All states that one step leads to.
    fn successors(&self) -> Vec<Self> {
        let mut next = Vec::new();
        for at in 0..self.wire.len() {
            let mut state = self.clone();
            let late = state.wire.remove(at);
            state.linstor.apply(&late, &self.live());
            next.push(state);
        }
        for at in 0..self.processes.len() {
            next.extend(self.stepped(at, false));
            next.extend(self.stepped(at, true));
        }
        next
    }

    /// The same after that process's next step; with its request lost, where it may be.
    fn stepped(&self, at: usize, is_lost: bool) -> Option<Self> {
        let mut state = self.clone();
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
                    None => *end = current.next(Told::Seen(&self.linstor.look(0))),
                    Some(lost) if is_lost => {
                        *losses -= 1;
                        current.interrupt();
                        state.wire.push(lost);
                        return Some(state);
                    }
                    Some(sent) => {
                        state.linstor.apply(&sent, &self.live());
                        *end = current.next(Told::Done);
                    }
                }
                // One that is decided goes on; one that is not begins anew, with another mark.
                if matches!(end, Some(End::Left(_))) && current.is_decided() {
                    *end = None;
                } else if matches!(end, Some(End::Left(_))) && *attempts > 0 {
                    (*end, *reaping, *attempts) = (None, None, *attempts - 1);
                }
            }
            Process::Claimer(claimer) => {
                if !claimer.can_step() {
                    return None;
                }
                match claimer.request() {
                    _ if is_lost => return None,
                    Some(sent) => {
                        // Who deletes a claim needs the data no more from that moment.
                        claimer.advance(&mut state.linstor);
                        let live = state.live();
                        state.linstor.apply(&sent, &live);
                    }
                    None => claimer.advance(&mut state.linstor),
                }
            }
            Process::Keeper { keeping, end } => {
                if end.is_some() || is_lost {
                    return None;
                }
                let keeping = keeping
                    .get_or_insert_with(|| Keeping::new(&resource(0), &incarnation(0), Token::of([99; 16]), now()));
                match request(keeping.step()) {
                    None => *end = keeping.next(Told::Seen(&self.linstor.look(0))),
                    Some(sent) => {
                        state.linstor.apply(&sent, &self.live());
                        *end = keeping.next(Told::Done);
                    }
                }
            }
        }
        Some(state)
    }

    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        Hash::hash(self, &mut hasher);
        hasher.finish()
    }
}

/// A removal that rests on nothing but the marks: as if the judge were always wrong.
fn begin(id: u8, attempt: u8) -> Option<Reaping> {
    let mark = Mark { by: format!("reaper {id}"), time: now() };
    let anothers = BTreeMap::from([(Token::of([0; 16]), mark.clone())]);
    let judged = Ending { finals: anothers, ..Ending::default() };
    Reaping::new(&resource(0), &incarnation(0), &judged, mark, Token::of([200 + id * 8 + attempt; 16]))
}

fn reaper(id: u8, losses: u8) -> Process {
    Process::Reaper { id, attempts: 1, losses, reaping: None, end: None }
}

fn claimer(id: u8, is_deletable: bool) -> Process {
    Process::Claimer(Claimer { id, attempt: 0, at: Creating::Begin, is_deletable })
}

fn keeper() -> Process {
    Process::Keeper { keeping: None, end: None }
}

/// Walks every interleaving and looks at each state; answers how many there are.
fn walk(processes: Vec<Process>, mut look: impl FnMut(&State)) -> usize {
    let first = State::new(processes);
    let (mut seen, mut open) = (HashSet::from([first.hash()]), vec![first]);
    while let Some(state) = open.pop() {
        look(&state);
        for next in state.successors() {
            if seen.insert(next.hash()) {
                open.push(next);
            }
        }
    }
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
fn no_interleaving_of_two_reapers_and_two_claims_loses_data() {
    let states = walk(vec![reaper(0, 1), reaper(1, 0), claimer(1, true), claimer(2, false)], |_| {});
    println!("{states} states");
    assert!(states > 10_000, "{states}");
}

#[test]
fn no_interleaving_with_a_person_who_keeps_loses_data() {
    let states = walk(vec![reaper(0, 1), claimer(1, true), keeper(), claimer(2, false)], |_| {});
    println!("{states} states");
    assert!(states > 10_000, "{states}");
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
        assert!(is_had || after.linstor.definitions[0].is_none(), "what nobody has is gone: {after:#?}");
    });
}

#[test]
fn whatever_came_before_a_claim_gets_a_volume_once_the_reapers_are_through() {
    walk(vec![reaper(0, 1), claimer(1, true)], |state| {
        let mut quiet = ends_alone(state.clone(), 0).expect("the reaper comes to its end");
        quiet.processes.push(claimer(5, false));
        let last = quiet.processes.len() - 1;
        let after = ends_alone(quiet, last).expect("the claim comes to its end");
        let Process::Claimer(claimer) = &after.processes[last] else { unreachable!("it was pushed there") };
        assert!(matches!(claimer.at, Creating::Claimed { .. }), "{after:#?}");
    });
}
