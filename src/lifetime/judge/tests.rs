use std::collections::BTreeMap;

use super::*;
use crate::volume::{
    claims::{ClaimKey, ClaimRecord},
    ending::{Ending, LetGo, Mark, Token},
    record::{AccessMode, Attachment},
    seat::Seat,
    standing::AskRecord,
};
use crate::workflow::{Incarnation, Ownership, tag};

const HOUR: u64 = 3600;

/// That many hours after the beginning.
fn at(hours: u64) -> Moment {
    "2026-01-01T00:00:00Z".parse::<Moment>().unwrap().after(Duration::from_secs(hours * HOUR))
}

fn tags(owner: &str) -> Tags {
    let ownership = Ownership::Workflow(WorkflowRef::parse(owner).unwrap());
    Tags { ownership, ..tag::sample(&Incarnation::from_random([1; 16])) }
}

/// The records of a volume that was claimed at the beginning and released an hour later.
fn released() -> Ledger {
    let ending = Ending { claimed: Some(at(0)), released: Some(at(1)), ..Ending::default() };
    Ledger { ending, ..Ledger::default() }
}

fn ended(hours: u64, state: Outcome) -> Ledger {
    let mut ledger = released();
    ledger.ending.ended = Some(RunEnd { state, time: at(hours), by: "test".to_owned() });
    ledger
}

fn claim(ledger: &mut Ledger) {
    let record = ClaimRecord { name: "pvc-1".to_owned(), pvc: None, pod: None, time: String::new() };
    ledger.claims.insert(ClaimKey::of("pvc-1"), record);
}

fn marked(ledger: &mut Ledger) {
    let mark = Mark { by: "another".to_owned(), time: at(2) };
    ledger.ending.finals = BTreeMap::from([(Token::of([1; 16]), mark)]);
}

fn subject<'a>(tags: &'a Tags, ledger: &'a Ledger) -> Subject<'a> {
    Subject { tags, ledger, is_deleting: false, snapshots: &[], is_named: false }
}

fn verdict(subject: Subject<'_>, now: Moment) -> Verdict {
    judge(subject, &Runs::of([subject]), now)
}

#[test]
fn a_runs_volume_goes_only_when_its_run_is_proven_over_and_its_retention_has_passed() {
    for owner in ["airflow/etl/r1", "airflow/etl/r1/load/-1"] {
        let tags = tags(owner);
        let silent = released();
        assert_eq!(verdict(subject(&tags, &silent), at(100_000)), Verdict::Waiting, "silence proves nothing");
        for (state, hours) in [(Outcome::Success, 1), (Outcome::Failed, 168)] {
            let ledger = ended(2, state);
            assert_eq!(verdict(subject(&tags, &ledger), at(2)), Verdict::Retained(at(2 + hours)));
            let due = verdict(subject(&tags, &ledger), at(2 + hours));
            assert!(matches!(due, Verdict::Reapable(Ground::RunOver(_))), "{due:?}");
        }
    }
}

#[test]
fn a_class_says_how_long_and_the_last_release_counts_too() {
    let tags = Tags { retain: Some("success=5h,failure=9h".parse().unwrap()), ..tags("airflow/etl/r1") };
    assert_eq!(verdict(subject(&tags, &ended(2, Outcome::Success)), at(6)), Verdict::Retained(at(7)));
    assert_eq!(verdict(subject(&tags, &ended(2, Outcome::Failed)), at(6)), Verdict::Retained(at(11)));
    let mut late = ended(2, Outcome::Success);
    late.ending.released = Some(at(4));
    assert_eq!(verdict(subject(&tags, &late), at(8)), Verdict::Retained(at(9)));
}

#[test]
fn a_dags_volume_is_never_reaped_by_a_runs_end_only_by_a_person_or_reap_unproven() {
    let dags = tags("airflow/etl");
    assert_eq!(verdict(subject(&dags, &ended(2, Outcome::Success)), at(100_000)), Verdict::KeptByScope);
    let mut let_go = released();
    let_go.ending.let_go = Some(LetGo { time: at(2), now: false });
    assert_eq!(verdict(subject(&dags, &let_go), at(2)), Verdict::Retained(at(3)));
    assert_eq!(verdict(subject(&dags, &let_go), at(3)), Verdict::Reapable(Ground::LetGo));
    let span = Duration::from_secs(30 * 24 * HOUR);
    let tags = Tags { reap_unproven: Some(span), ..dags };
    assert_eq!(verdict(subject(&tags, &released()), at(30 * 24)), Verdict::KeptByScope);
    assert_eq!(verdict(subject(&tags, &released()), at(1 + 30 * 24)), Verdict::Reapable(Ground::Unproven(span)));
}

#[test]
fn a_thirty_hour_gap_and_a_day_of_retry_delay_lose_nothing() {
    let tags = tags("airflow/etl/r1/load/7");
    for hours in [24, 30, 24 * 365] {
        assert_eq!(verdict(subject(&tags, &released()), at(hours)), Verdict::Waiting);
    }
}

#[test]
fn any_later_claim_of_the_run_voids_the_proof_also_at_another_volume() {
    let (mine, other) = (tags("airflow/etl/r1/load/-1"), tags("airflow/etl/r1/check/-1"));
    let elsewhere = tags("airflow/etl/r2/check/-1");
    let proof = ended(2, Outcome::Success);
    let mut later = released();
    later.ending.claimed = Some(at(3));
    let judged = |other| judge(subject(&mine, &proof), &Runs::of([subject(&mine, &proof), other]), at(9));
    assert_eq!(judged(subject(&other, &later)), Verdict::Waiting);
    assert!(Runs::of([subject(&other, &later)]).is_void(subject(&mine, &proof)));
    assert!(matches!(judged(subject(&elsewhere, &later)), Verdict::Reapable(_)), "another run's claims say nothing");
    let mut same = released();
    same.ending.claimed = Some(at(2));
    assert_eq!(judged(subject(&other, &same)), Verdict::Waiting, "at the very moment of the proof, too");
    let mut before = released();
    before.ending.claimed = Some(at(1));
    assert!(matches!(judged(subject(&other, &before)), Verdict::Reapable(_)));
}

#[test]
fn a_run_that_is_seen_to_run_voids_the_proof() {
    let (mine, other) = (tags("airflow/etl/r1/load/-1"), tags("airflow/etl/r1/check/-1"));
    let proof = ended(2, Outcome::Success);
    let mut running = released();
    let attachment = Attachment {
        mode: AccessMode::SingleNodeWriter,
        read_only: false,
        access: None,
        claim: "x".to_owned(),
        time: at(3).to_string(),
        detaching: false,
        on_writable: false,
        pod: None,
        run: None,
    };
    running.attachments.insert(Seat { node: "node-1".parse().unwrap(), claim: None }, attachment);
    let runs = Runs::of([subject(&mine, &proof), subject(&other, &running)]);
    assert_eq!(judge(subject(&mine, &proof), &runs, at(9)), Verdict::Waiting);
    assert!(matches!(verdict(subject(&other, &running), at(9)), Verdict::Attached(_)));
}

#[test]
fn whoever_has_it_keeps_it_whatever_proves_its_end() {
    let (tags, over) = (tags("airflow/etl/r1"), ended(2, Outcome::Success));
    let now = at(9);
    let mut claimed = over.clone();
    claim(&mut claimed);
    assert_eq!(verdict(subject(&tags, &claimed), now), Verdict::Claimed(vec!["pvc-1".to_owned()]));
    let mut asked = over.clone();
    let asking = |time| AskRecord { who: "pvc-2".to_owned(), time };
    asked.asking.insert("x".to_owned(), asking(now));
    assert_eq!(verdict(subject(&tags, &asked), now), Verdict::Asked);
    asked.asking.insert("x".to_owned(), asking(at(8)));
    assert!(matches!(verdict(subject(&tags, &asked), now), Verdict::Reapable(_)), "no CreateVolume asks for an hour");
    let named = Subject { is_named: true, ..subject(&tags, &over) };
    assert_eq!(verdict(named, now), Verdict::Named);
    let snapshots = ["s1".to_owned()];
    let snapped = Subject { snapshots: &snapshots, ..subject(&tags, &over) };
    assert_eq!(verdict(snapped, now), Verdict::Snapshots(vec!["s1".to_owned()]));
    let mut held = over.clone();
    held.ending.hold = Some(at(10));
    assert_eq!(verdict(subject(&tags, &held), now), Verdict::Held(at(10)));
    assert!(matches!(verdict(subject(&tags, &held), at(10)), Verdict::Reapable(_)));
}

#[test]
fn a_person_may_let_it_go_at_once() {
    let tags = tags("airflow/etl/r1");
    let mut ledger = released();
    ledger.ending.let_go = Some(LetGo { time: at(2), now: true });
    assert_eq!(verdict(subject(&tags, &ledger), at(2)), Verdict::Reapable(Ground::LetGo));
}

#[test]
fn a_final_mark_is_finished_where_nobody_claims_it_and_reported_beside_a_claim() {
    let tags = tags("airflow/etl/r1");
    let mut ledger = released();
    marked(&mut ledger);
    assert_eq!(verdict(subject(&tags, &ledger), at(2)), Verdict::Final);
    claim(&mut ledger);
    let contested = verdict(subject(&tags, &ledger), at(2));
    assert!(matches!(contested, Verdict::Contested(_)) && contested.to_string().contains("linflow volumes keep"));
}

#[test]
fn what_no_workflow_owns_and_what_is_going_is_left_alone() {
    let nobodys = Tags { ownership: Ownership::None, ..tags("airflow/etl/r1") };
    let ledger = ended(2, Outcome::Success);
    assert_eq!(verdict(subject(&nobodys, &ledger), at(9)), Verdict::Ordinary);
    let tags = tags("airflow/etl/r1");
    let going = Subject { is_deleting: true, ..subject(&tags, &ledger) };
    assert_eq!(verdict(going, at(9)), Verdict::Deleting);
}
