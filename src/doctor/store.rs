//! Checks that write something: LINSTOR's key-value store, and its clock.

use std::time::Duration;

use super::facts::{Facts, TrialFault, Untold, known};
use super::finding::{Finding, Found};
use super::words::span;

/// Clocks that are further apart than this are told of.
const APART: Duration = Duration::from_secs(5);
/// From here on certificates and tokens fail by the clock alone.
const FAR_APART: Duration = Duration::from_secs(300);

/// Whether linflow's records can be written, read and removed.
pub fn key_value_store(facts: &Facts) -> Found {
    let trial = known(&facts.cluster.trial)?;
    let name = &trial.instance;
    let access = "look at the controller's log and the disk of its database; linflow keeps its records here";
    Ok(vec![match &trial.outcome {
        Ok(()) => Finding::ok("an instance was written, read and removed"),
        Err(TrialFault::Write(error)) => Finding::fail(format!("it can't be written: {error}"), access),
        Err(TrialFault::Read(error)) => Finding::fail(format!("it can't be read: {error}"), access),
        Err(TrialFault::Different) => Finding::fail("what was written is not what is read", access),
        Err(TrialFault::Remove(error)) => Finding::warn(
            format!("instance {name} was written and read, and can't be removed: {error}"),
            format!("remove it: curl -X DELETE LINSTOR/v1/key-value-store/{name}"),
        ),
    }])
}

/// Whether LINSTOR's clock and ours agree.
pub fn clock(facts: &Facts) -> Found {
    let clock = match &facts.cluster.trial {
        Ok(trial) => trial.clock.ok_or_else(|| Finding::skipped("LINSTOR's answer told no time"))?,
        Err(Untold::NotAsked(reason)) => return Err(Finding::skipped(reason)),
        // Told by the check before.
        Err(Untold::NoAnswer(_)) => return Err(Finding::skipped("LINSTOR gave no answer to the write")),
    };
    // The answer was made at some moment between question and answer: what lies in between is no difference.
    let end = clock.asked + clock.took;
    let (apart, way) = match (clock.asked.duration_since(clock.theirs), clock.theirs.duration_since(end)) {
        (Ok(behind), _) => (behind, "behind"),
        (_, Ok(ahead)) => (ahead, "ahead of"),
        _ => (Duration::ZERO, ""),
    };
    let todo = "synchronise the clocks of both machines (chrony, systemd-timesyncd)";
    Ok(vec![if apart > FAR_APART {
        Finding::fail(format!("LINSTOR's clock is {} {way} ours", span(apart)), todo)
    } else if apart > APART {
        Finding::warn(format!("LINSTOR's clock is {} {way} ours", span(apart)), todo)
    } else {
        Finding::ok(format!("LINSTOR's is within {} s of ours", APART.as_secs()))
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::facts::{Clock, Trial};
    use crate::doctor::finding::Level;
    use crate::doctor::samples;
    use std::time::SystemTime;

    fn judged(theirs: i64, took: u64) -> (Level, String) {
        let asked = SystemTime::UNIX_EPOCH + Duration::from_secs(100_000);
        let shift = Duration::from_secs(theirs.unsigned_abs());
        let theirs = if theirs < 0 { asked - shift } else { asked + shift };
        let mut facts = samples::healthy();
        let clock = Some(Clock { asked, theirs, took: Duration::from_secs(took) });
        facts.cluster.trial = facts.cluster.trial.map(|trial| Trial { clock, ..trial });
        let found = clock_of(&facts);
        (found.level, found.seen)
    }

    fn clock_of(facts: &Facts) -> Finding {
        super::clock(facts).unwrap_or_else(|finding| vec![finding]).remove(0)
    }

    #[test]
    fn clocks_are_compared_with_what_the_way_takes() {
        assert_eq!(judged(3, 0).0, Level::Ok);
        assert_eq!(judged(8, 4).0, Level::Ok, "it may have been answered after 4 s");
        assert_eq!(judged(8, 1), (Level::Warn, "LINSTOR's clock is 7.0 s ahead of ours".to_owned()));
        assert_eq!(judged(-8, 4), (Level::Warn, "LINSTOR's clock is 8.0 s behind ours".to_owned()));
        assert_eq!(judged(-3_600, 0), (Level::Fail, "LINSTOR's clock is 1h behind ours".to_owned()));
        let mut facts = samples::healthy();
        facts.cluster.trial = facts.cluster.trial.map(|trial| Trial { clock: None, ..trial });
        assert_eq!(clock_of(&facts).level, Level::Skipped);
        facts.cluster.trial = Err(Untold::NoAnswer("too slow".to_owned()));
        assert_eq!(clock_of(&facts).level, Level::Skipped);
        assert_eq!(samples::levels(key_value_store(&facts)), [Level::Fail]);
    }

    #[test]
    fn a_trial_that_leaves_its_instance_warns_and_any_other_fault_fails() {
        let error = || samples::unreachable("http://linstor:3370");
        for (fault, level) in [
            (TrialFault::Write(error()), Level::Fail),
            (TrialFault::Read(error()), Level::Fail),
            (TrialFault::Different, Level::Fail),
            (TrialFault::Remove(error()), Level::Warn),
        ] {
            let mut facts = samples::healthy();
            facts.cluster.trial = facts.cluster.trial.map(|trial| Trial { outcome: Err(fault.clone()), ..trial });
            assert_eq!(key_value_store(&facts).unwrap()[0].level, level, "{fault:?}");
        }
    }
}
