//! When a node that does not answer may be taken its volume away (docs/decisions.md, Attaching and leaving).
//!
//! A silent node may be dead, cut off or frozen, and a frozen one may still write. DRBD's quorum is the proof: while a
//! majority of at least three voters lets another node promote, the silent one can't complete a write.

use std::fmt;

use super::observe::{Kind, Link, Observation, Replica};
use crate::linstor::{
    model::{DiskState, is_same_name},
    name::NodeName,
};

/// The fewest voters of which a majority outvotes one that is lost.
const VOTERS: usize = 3;

/// Why nodes that don't answer can't write any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// A survivor that is up to date and that DRBD would promote.
    pub witness: String,
    /// How many vote, the lost ones included.
    pub voters: usize,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is up to date and may be promoted, by a majority of {} voters", self.witness, self.voters)
    }
}

/// Why there is no proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// The resources were not looked at.
    Unseen,
    /// What was seen may pass by itself within seconds.
    Passing(String),
    /// What was seen stays so.
    Lasting(String),
}

/// Proves that the lost nodes can't write any more, or says what was seen instead.
///
/// Where the target has a disk it must be the one that may be promoted; else any survivor is a witness, and the target
/// is looked at once more when it has been made available.
pub fn prove(seen: &Observation, lost: &[NodeName], target: &NodeName) -> Result<Proof, Gap> {
    if !seen.has_majority_quorum {
        return Err(Gap::Lasting("quorum is off, so that nothing keeps it from writing".to_owned()));
    }
    let replicas = seen.replicas.as_deref().ok_or(Gap::Unseen)?;
    let voters = count_voters(replicas);
    if voters < VOTERS {
        return Err(Gap::Lasting(format!("it takes three voters to tell, and there are {voters}")));
    }
    let is_lost = |replica: &Replica| lost.iter().any(|node| replica.is_on(node));
    // So none of them is a witness below.
    if replicas.iter().any(|replica| is_lost(replica) && replica.report.is_some()) {
        return Err(Gap::Passing("its satellite still reports the resource".to_owned()));
    }
    let mut disks = replicas.iter().filter(|replica| replica.kind == Kind::Disk);
    let witness = match disks.clone().find(|replica| replica.is_on(target)) {
        Some(here) => Some(here).filter(|here| may_take_over(here)),
        None => disks.find(|replica| may_take_over(replica)),
    };
    match witness {
        Some(witness) => Ok(Proof { witness: witness.node.clone(), voters }),
        None => Err(Gap::Passing(format!("no up-to-date replica may be promoted yet{}", Told(replicas)))),
    }
}

/// Replicas with a disk vote; of those without, the tie-breaker (or the client that it became) votes once.
fn count_voters(replicas: &[Replica]) -> usize {
    let present = || replicas.iter().filter(|replica| !replica.is_deleting);
    let is_diskless = |replica: &Replica| replica.kind != Kind::Disk;
    present().filter(|replica| !is_diskless(replica)).count() + usize::from(present().any(is_diskless))
}

/// DRBD's own word counts, not the disk state: a node that returns says UpToDate of stale data for a moment.
fn may_take_over(replica: &Replica) -> bool {
    let report = replica.report.as_ref();
    report.is_some_and(|report| report.may_promote == Some(true) && report.disk == Some(DiskState::UpToDate))
}

/// What keeps the survivors from promoting, as far as they tell: in brackets, for people.
struct Told<'a>(&'a [Replica]);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut seen = Vec::new();
        for (node, report) in self.0.iter().filter_map(|one| Some((&one.node, one.report.as_ref()?))) {
            if report.is_open == Some(true) {
                seen.push(format!("{node} has it open"));
            }
            for (peer, link) in &report.links {
                match link {
                    Link::StandAlone => seen.push(format!("{node} is StandAlone from {peer}")),
                    Link::Connected if self.is_silent(peer) => seen.push(format!("{node} is connected to {peer}")),
                    Link::Connected | Link::Down => {}
                }
            }
        }
        if seen.is_empty() { Ok(()) } else { write!(f, " ({})", seen.join(", ")) }
    }
}

impl Told<'_> {
    /// Does the satellite of that node tell nothing, so that a connection to it says that it lives?
    fn is_silent(&self, node: &str) -> bool {
        self.0.iter().any(|replica| is_same_name(&replica.node, node) && replica.report.is_none())
    }
}
