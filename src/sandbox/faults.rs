//! Faults on request: rules that refuse, delay, cut, garble or hold requests to the sandbox.
//!
//! Tests hold a [`Faults`] handle, scripts use the admin endpoint (docs/faults.md). [`crate::sandbox::serve::serve`]
//! asks the rules before and after each request, below HTTP, so that a dropped connection is really closed with no
//! answer. Paths under `/sandbox/` are never hit: the way to take a fault back stays open.

mod admin;
mod gate;
mod inject;
mod rule;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{Method, Uri};
use serde::Serialize;

use self::gate::{Hold, Verdict};
pub use self::{
    admin::{NodeFaults, admin_router, node_router},
    gate::Gate,
    inject::Severed,
    rule::{Action, Matcher, Moment, PathMatch, Rule},
};

/// Names a rule within its [`Faults`]; never used twice.
pub type RuleId = u64;

/// The fault rules of one server. Clones are handles of the same rules.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Rules>>);

#[derive(Debug, Default)]
struct Rules {
    next_id: RuleId,
    active: Vec<Active>,
}

#[derive(Debug)]
struct Active {
    id: RuleId,
    rule: Rule,
    matched: u64,
    hit: u64,
    hold: Hold,
}

/// A rule and what it has done so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleState {
    /// Its name.
    pub id: RuleId,
    /// The rule as given.
    #[serde(flatten)]
    pub rule: Rule,
    /// How many requests were hit.
    pub hit: u64,
    /// True when `times` is used up.
    pub is_spent: bool,
}

impl Faults {
    /// Adds a rule behind the others. The first rule that hits a request is the only one that sees it.
    pub fn add(&self, rule: Rule) -> RuleId {
        self.insert(rule).0
    }

    /// Adds a rule for `when`.
    pub fn inject(&self, when: Matcher, then: Action) -> RuleId {
        self.add(Rule { when, then })
    }

    /// Puts a gate in the way of the requests that match.
    pub fn gate(&self, when: Matcher, at: Moment) -> Gate {
        let (id, hold) = self.insert(Rule { when, then: Action::Gate(at) });
        Gate::new(self.clone(), id, hold)
    }

    /// The rules in order, spent ones too.
    pub fn list(&self) -> Vec<RuleState> {
        self.rules().active.iter().map(Active::state).collect()
    }

    /// Takes a rule away: held requests go on, hanging ones are closed. False when there is no such rule.
    pub fn release(&self, id: RuleId) -> bool {
        self.remove(id, Verdict::GoOn)
    }

    /// Takes all rules away, as [`Self::release`] does.
    pub fn clear(&self) {
        self.remove_all(Verdict::GoOn);
    }

    /// Takes all rules away and closes the connections of held requests.
    pub fn sever(&self) {
        self.remove_all(Verdict::Close);
    }

    fn remove_all(&self, verdict: Verdict) {
        let active = std::mem::take(&mut self.rules().active);
        active.iter().for_each(|rule| rule.hold.tell(verdict));
    }

    fn insert(&self, rule: Rule) -> (RuleId, Hold) {
        let (mut rules, hold) = (self.rules(), Hold::new());
        let id = rules.next_id;
        rules.next_id += 1;
        rules.active.push(Active { id, rule, matched: 0, hit: 0, hold: hold.clone() });
        (id, hold)
    }

    fn remove(&self, id: RuleId, verdict: Verdict) -> bool {
        let mut rules = self.rules();
        let Some(index) = rules.active.iter().position(|active| active.id == id) else { return false };
        rules.active.remove(index).hold.tell(verdict);
        true
    }

    /// What hits this request, if anything does.
    fn strike(&self, method: &Method, uri: &Uri) -> Option<(Action, Hold)> {
        if uri.path().starts_with("/sandbox/") {
            return None;
        }
        self.rules().active.iter_mut().find_map(|active| active.strike(method, uri))
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        // Every change is a single push, remove or count, so the rules are whole after a panic, too.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Active {
    fn strike(&mut self, method: &Method, uri: &Uri) -> Option<(Action, Hold)> {
        if self.is_spent() || !self.rule.when.selects(method, uri) {
            return None;
        }
        self.matched += 1;
        if self.matched <= self.rule.when.skip {
            return None;
        }
        self.hit += 1;
        Some((self.rule.then.clone(), self.hold.clone()))
    }

    fn is_spent(&self) -> bool {
        self.rule.when.times.is_some_and(|times| self.hit >= times)
    }

    fn state(&self) -> RuleState {
        RuleState { id: self.id, rule: self.rule.clone(), hit: self.hit, is_spent: self.is_spent() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(faults: &Faults, count: usize) -> Vec<bool> {
        let uri = Uri::from_static("/v1/nodes");
        (0..count).map(|_| faults.strike(&Method::GET, &uri).is_some()).collect()
    }

    #[test]
    fn a_rule_skips_then_hits_then_is_spent() {
        let faults = Faults::default();
        faults.inject(Matcher::prefix("/v1/nodes").skip(1).times(2), Action::Malformed);
        assert_eq!(hits(&faults, 5), [false, true, true, false, false]);
        let state = &faults.list()[0];
        assert!(state.is_spent && state.hit == 2);
    }

    #[test]
    fn the_first_rule_that_hits_is_the_only_one_that_sees_a_request() {
        let faults = Faults::default();
        faults.inject(Matcher::any().times(1), Action::Malformed);
        faults.inject(Matcher::any().times(1), Action::Drop(Moment::Before));
        assert_eq!(hits(&faults, 3), [true, true, false]);
    }

    #[test]
    fn the_admin_endpoint_is_never_hit() {
        let faults = Faults::default();
        faults.inject(Matcher::any(), Action::Drop(Moment::Before));
        assert!(faults.strike(&Method::DELETE, &Uri::from_static("/sandbox/faults")).is_none());
        faults.clear();
        assert_eq!(hits(&faults, 1), [false]);
    }
}
