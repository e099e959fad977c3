//! May a volume go? A pure function of what was seen of it and of its run (docs/decisions.md, Letting go).

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::linstor::name::NodeName;
use crate::volume::{
    ending::{ABANDONED, Outcome, RunEnd},
    moment::Moment,
    record::Ledger,
};
use crate::workflow::{DagId, Instance, RunId, Tags, WorkflowRef};

/// What is seen of one volume.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its tag.
    pub tags: &'a Tags,
    /// Its records.
    pub ledger: &'a Ledger,
    /// Does LINSTOR delete it?
    pub is_deleting: bool,
    /// Its snapshots, whosever.
    pub snapshots: &'a [String],
    /// Does a PersistentVolume name it?
    pub is_named: bool,
}

/// A run.
pub type Run = (Instance, DagId, RunId);

/// When each run was last seen to do something: a claim of any of its volumes, or an attachment.
#[derive(Debug, Clone, Default)]
pub struct Runs(BTreeMap<String, Moment>);

/// Why a volume may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// Its run is over, and it was kept as long as it should be.
    RunOver(RunEnd),
    /// A person let it go.
    LetGo,
    /// Its class has it go after so long without a claim, whatever its run does.
    Unproven(Duration),
}

/// What is to become of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No workflow owns it: it goes with its claim.
    Ordinary,
    /// LINSTOR deletes it already.
    Deleting,
    /// These have it.
    Claimed(Vec<String>),
    /// A person works on it.
    Asked,
    /// A PersistentVolume names it, whatever LINSTOR says.
    Named,
    /// It is attached there.
    Attached(Vec<NodeName>),
    /// A reaper's final mark stands beside a claim: a person decides.
    Contested(Vec<String>),
    /// It has snapshots, which would go with it.
    Snapshots(Vec<String>),
    /// A reaper's final mark stands and nobody claims it: its removal is to be finished.
    Final,
    /// A person wants it held until then.
    Held(Moment),
    /// It is the DAG's, and no run's end is its end.
    KeptByScope,
    /// Nothing proves that its run is over.
    Waiting,
    /// Its run is over; it is kept until then.
    Retained(Moment),
    /// It may go.
    Reapable(Ground),
}

impl Verdict {
    /// One word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Deleting => "deleting",
            Self::Claimed(_) => "claimed",
            Self::Asked => "asked",
            Self::Named => "named",
            Self::Attached(_) => "attached",
            Self::Contested(_) => "contested",
            Self::Snapshots(_) => "snapshots",
            Self::Final => "final",
            Self::Held(_) => "held",
            Self::KeptByScope => "kept",
            Self::Waiting => "waiting",
            Self::Retained(_) => "retained",
            Self::Reapable(_) => "reapable",
        }
    }
}

/// Why, in an engineer's words.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ordinary => f.write_str("goes with its claim"),
            Self::Deleting => f.write_str("LINSTOR deletes it"),
            Self::Claimed(who) => write!(f, "claimed by {}", who.join(", ")),
            Self::Asked => f.write_str("a person works on it"),
            Self::Named => f.write_str("a PersistentVolume names it"),
            Self::Attached(nodes) => {
                write!(f, "attached to {}", nodes.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", "))
            }
            Self::Contested(who) => write!(
                f,
                "a reaper's final mark stands beside the claim of {}; linflow volumes keep withdraws it",
                who.join(", ")
            ),
            Self::Snapshots(names) => write!(f, "has snapshots: {}", names.join(", ")),
            Self::Final => f.write_str("is being removed"),
            Self::Held(until) => write!(f, "held until {until}"),
            Self::KeptByScope => f.write_str("the DAG's: kept until a person lets it go"),
            Self::Waiting => f.write_str("nothing proves that its run is over"),
            Self::Retained(until) => write!(f, "kept until {until}"),
            Self::Reapable(Ground::RunOver(end)) => write!(f, "its run ended ({}) at {}", end.state, end.time),
            Self::Reapable(Ground::LetGo) => f.write_str("a person let it go"),
            Self::Reapable(Ground::Unproven(span)) => {
                write!(f, "without a claim for {} (reapUnproven)", humantime::format_duration(*span))
            }
        }
    }
}

impl Runs {
    /// What the volumes tell of their runs.
    pub fn of<'a>(subjects: impl IntoIterator<Item = Subject<'a>>) -> Self {
        let mut seen = BTreeMap::new();
        for subject in subjects {
            let Some(run) = run_key(subject.tags) else { continue };
            // A time that can't be read may be any.
            let attached =
                subject.ledger.attachments.values().map(|it| it.time.parse().unwrap_or_else(|_| Moment::now()));
            for moment in attached.chain(subject.ledger.ending.claimed) {
                let last = seen.entry(run.clone()).or_insert(moment);
                *last = moment.max(*last);
            }
        }
        Self(seen)
    }

    /// The proof that a volume's run is over, unless the run was seen to go on since.
    pub fn proof<'a>(&self, subject: Subject<'a>) -> Option<&'a RunEnd> {
        let end = subject.ledger.ending.ended.as_ref()?;
        let last = run_key(subject.tags).and_then(|run| self.0.get(&run).copied());
        last.is_none_or(|last| last < end.time).then_some(end)
    }

    /// Does a proof stand there that the run's going on has made void?
    pub fn is_void(&self, subject: Subject<'_>) -> bool {
        subject.ledger.ending.ended.is_some() && self.proof(subject).is_none()
    }
}

/// The run that a volume belongs to, as a text that no two runs share.
fn run_key(tags: &Tags) -> Option<String> {
    let workflow = tags.ownership.workflow()?;
    let run = workflow.run()?.clone();
    WorkflowRef::new(workflow.instance().clone(), workflow.dag().clone(), Some(run), None).map(|run| run.canonical())
}

/// Who has a claim of it, in words.
pub fn claimants(ledger: &Ledger) -> Vec<String> {
    let name = |record: &crate::volume::claims::ClaimRecord| match &record.pvc {
        Some(pvc) => format!("{}/{}", pvc.namespace, pvc.name),
        None => record.name.clone(),
    };
    ledger.claims.values().map(name).collect()
}

/// Does a person work on it?
pub fn is_asked(ledger: &Ledger, now: Moment) -> bool {
    ledger.asking.values().any(|asking| asking.time.age(now) < ABANDONED)
}

/// Since when nobody has claimed it; none where nobody ever did.
pub fn idle_since(ledger: &Ledger) -> Option<Moment> {
    ledger.ending.claimed.max(ledger.ending.released)
}

/// May it go?
pub fn judge(subject: Subject<'_>, runs: &Runs, now: Moment) -> Verdict {
    let Some(workflow) = subject.tags.ownership.workflow() else { return Verdict::Ordinary };
    if let Some(objection) = objection(subject, now) {
        return objection;
    }
    let ending = &subject.ledger.ending;
    if !ending.finals.is_empty() {
        return Verdict::Final;
    }
    if let Some(until) = ending.hold.filter(|until| *until > now) {
        return Verdict::Held(until);
    }
    let retain = subject.tags.retain.unwrap_or_default();
    let kept = |since: Moment, span: Duration, ground: Ground| {
        let until = ending.released.map_or(since, |released| released.max(since)).after(span);
        if until > now { Verdict::Retained(until) } else { Verdict::Reapable(ground) }
    };
    match &ending.let_go {
        Some(word) if word.now => return Verdict::Reapable(Ground::LetGo),
        Some(word) => return kept(word.time, retain.success, Ground::LetGo),
        None => {}
    }
    let is_dags = workflow.run().is_none();
    if let Some(end) = runs.proof(subject).filter(|_| !is_dags) {
        let span = if end.state == Outcome::Success { retain.success } else { retain.failure };
        return kept(end.time, span, Ground::RunOver(end.clone()));
    }
    match (subject.tags.reap_unproven, idle_since(subject.ledger)) {
        (Some(span), Some(idle)) if idle.after(span) <= now => Verdict::Reapable(Ground::Unproven(span)),
        _ if is_dags => Verdict::KeptByScope,
        _ => Verdict::Waiting,
    }
}

/// What keeps it, whatever proves its end.
fn objection(subject: Subject<'_>, now: Moment) -> Option<Verdict> {
    let Subject { ledger, snapshots, .. } = subject;
    let claims = claimants(ledger);
    Some(if subject.is_deleting {
        Verdict::Deleting
    } else if !claims.is_empty() && !ledger.ending.finals.is_empty() {
        Verdict::Contested(claims)
    } else if !claims.is_empty() {
        Verdict::Claimed(claims)
    } else if is_asked(ledger, now) {
        Verdict::Asked
    } else if subject.is_named {
        Verdict::Named
    } else if !ledger.attachments.is_empty() {
        Verdict::Attached(ledger.nodes().into_iter().cloned().collect())
    } else if !snapshots.is_empty() {
        Verdict::Snapshots(snapshots.to_vec())
    } else {
        return None;
    })
}

#[cfg(test)]
mod tests;
