use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;

use super::{
    catalogue::MEMBERS,
    slow::{Slow, Slowness},
    *,
};
use crate::linstor::{
    Settings,
    watch::{Outcome, Route, Watch},
};

const USUAL: Duration = Duration::from_millis(300);

fn route() -> Route {
    Route::get("view/resources")
}

/// A judge that knows what is usual.
fn judge() -> (Slowness, Instant) {
    let (slowness, now) = (Slowness::default(), Instant::now());
    for _ in 0..64 {
        assert_eq!(slowness.judge(&route(), USUAL, now), None);
    }
    (slowness, now)
}

#[test]
fn every_member_is_on_the_page_with_its_kind_and_its_labels() {
    let client = Client::new(&Settings::new(vec!["http://linstor:3370".parse().unwrap()])).unwrap();
    let metrics = Metrics::new("linflow.csi").with_queue_of(client);
    metrics.operations().ended("/csi.v1.Identity/Probe", "OK", USUAL);
    metrics.lifetimes().looked(&std::collections::BTreeMap::from([("waiting", (1, 4096))]));
    metrics.doubts().noticed("mount", "enforce", "run_id");
    let requests = metrics.requests();
    requests.waited(USUAL);
    requests.repeated(&route());
    for took in [USUAL; 16].into_iter().chain([Duration::from_secs(9)]) {
        requests.attempted(&route(), Outcome::Ok, took);
    }
    let page = metrics.page();
    for member in MEMBERS {
        let (name, kind) = (member.name, member.kind);
        assert!(page.contains(&format!("# TYPE {name} {kind}\n")), "{name}: {page}");
        let suffix = match kind {
            "histogram" => "_bucket",
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        let sample = format!("{name}{suffix}");
        let line =
            page.lines().find(|line| line.strip_prefix(&sample).is_some_and(|rest| rest.starts_with(['{', ' '])));
        let line = line.unwrap_or_else(|| panic!("no sample of {name}: {page}"));
        let labels: BTreeSet<&str> =
            line.split(['{', ',', '}']).filter_map(|part| part.split_once("=\"")).map(|(label, _)| label).collect();
        let wanted = member.labels.iter().copied().chain((kind == "histogram").then_some("le")).collect();
        assert_eq!(labels, wanted, "{name}");
    }
    assert_eq!(page.matches("# TYPE").count(), MEMBERS.len());
    assert!(page.ends_with("# EOF\n"));
}

#[test]
fn a_reply_is_slow_by_its_kinds_own_measure_and_above_the_floor() {
    let (slowness, now) = judge();
    assert_eq!(slowness.judge(&route(), USUAL * 4, now), None);
    assert_eq!(slowness.judge(&route(), USUAL * 5, now), Some(Slow { usual: USUAL, untold: Some(0) }));
    let other = Route::get("nodes");
    assert_eq!(slowness.judge(&other, USUAL * 5, now), None, "nothing is known of this kind");
    for _ in 0..64 {
        slowness.judge(&other, Duration::from_millis(3), now);
    }
    assert_eq!(slowness.judge(&other, Duration::from_secs(1), now), None, "not above the floor");
}

#[test]
fn what_is_slow_is_told_once_a_minute_with_the_number_of_those_that_were_not() {
    let (slowness, now) = judge();
    let slow = |after: u64| {
        let slow = slowness.judge(&route(), Duration::from_secs(9), now + Duration::from_secs(after));
        slow.expect("nine seconds are slow").untold
    };
    assert_eq!([slow(0), slow(1), slow(59), slow(60), slow(61)], [Some(0), None, None, Some(2), None]);
}

#[test]
fn requests_that_were_not_answered_say_nothing_of_what_is_usual() {
    let metrics = Metrics::new("linflow.csi");
    let requests = metrics.requests();
    for outcome in [Outcome::Unanswered, Outcome::Unsent] {
        for _ in 0..64 {
            requests.attempted(&route(), outcome, Duration::from_secs(15));
        }
    }
    for _ in 0..16 {
        requests.attempted(&route(), Outcome::Refused, USUAL);
    }
    requests.attempted(&route(), Outcome::Ok, Duration::from_secs(2));
    let slow = "linflow_linstor_slow_replies_total{method=\"GET\",route=\"view/resources\"} 1";
    assert!(metrics.page().contains(slow), "{}", metrics.page());
}
