use std::time::Duration;

use super::*;
use crate::doctor::facts::Untold;
use crate::doctor::finding::Level::{self, Fail, Ok as Fine, Skipped, Warn};
use crate::doctor::samples::{self, controller, days, found, levels, now, unreachable};
use crate::linstor::{Refusal, ShownCertificate};

fn with(controllers: Vec<ControllerFacts>) -> Facts {
    Facts { controllers, ..samples::healthy() }
}

fn failing(url: &str, error: Error) -> ControllerFacts {
    ControllerFacts { version: Err(error), cluster_id: None, ..controller(url) }
}

fn silent(url: &str) -> ControllerFacts {
    let reason = "no answer until the deadline".to_owned();
    failing(url, Error::Unreachable { request: "GET /v1/controller/version".to_owned(), reason })
}

fn refusal(kind: Kind) -> Error {
    let refusal = Refusal {
        request: "GET /v1/controller/version".to_owned(),
        status: 401,
        kind,
        code: 412,
        message: "no".to_owned(),
        cause: String::new(),
        details: String::new(),
        correction: String::new(),
        report_ids: Vec::new(),
    };
    Error::Refused(Box::new(refusal))
}

fn too_old() -> Error {
    let found = ApiVersion { major: 1, minor: 20 };
    Error::TooOld { url: "http://a/".to_owned(), found, needed: ApiVersion::MINIMUM }
}

#[test]
fn one_controller_that_answers_is_enough_and_a_silent_one_is_told() {
    for (controllers, expected) in [
        (vec![controller("http://a/")], vec![Fine]),
        (vec![failing("http://a/", unreachable("a"))], vec![Fail]),
        (vec![failing("http://a/", unreachable("a")), controller("http://b/")], vec![Fine, Fine]),
        (vec![silent("http://a/"), controller("http://b/")], vec![Warn, Fine]),
        (vec![silent("http://a/"), failing("http://b/", refusal(Kind::AccessDenied))], vec![Warn, Fine]),
        (vec![failing("http://a/", too_old())], vec![Fine]),
        (vec![failing("http://a/", refusal(Kind::Other(0)))], vec![Fail]),
    ] {
        let told = format!("{controllers:?}");
        assert_eq!(levels(reachable(&with(controllers))), expected, "{told}");
    }
}

#[test]
fn controllers_of_two_clusters_in_one_list_fail() {
    let other = ControllerFacts { cluster_id: Some("id-2".to_owned()), ..controller("http://b/") };
    assert_eq!(levels(reachable(&with(vec![controller("http://a/"), other]))), [Fine, Fine, Fail]);
    assert_eq!(levels(reachable(&with(vec![controller("http://a/"), controller("http://b/")]))), [Fine, Fine]);
}

#[test]
fn a_version_is_judged_where_it_was_told() {
    assert_eq!(levels(version(&with(vec![controller("http://a/")]))), [Fine]);
    assert_eq!(levels(version(&with(vec![failing("http://a/", too_old())]))), [Fail]);
    assert_eq!(levels(version(&with(vec![silent("http://a/"), controller("http://b/")]))), [Fine]);
    assert_eq!(levels(version(&with(vec![silent("http://a/")]))), [Skipped]);
}

fn of_certificate(distrust: Option<DistrustKind>, expires: Option<SystemTime>) -> Finding {
    let distrust = distrust.map(|kind| Distrust { kind, reason: "why".to_owned() });
    let certificate = Some(ShownCertificate { distrust, expires });
    let one = ControllerFacts { certificate, ..controller("https://a/") };
    found(tls(&with(vec![one]))).remove(0)
}

#[test]
fn a_certificate_is_judged_by_trust_first_and_by_its_end_then() {
    let in_days = |number| Some(now() + days(number));
    let past = Some(now() - Duration::from_secs(1));
    for (distrust, expires, level) in [
        (None, in_days(90), Fine),
        (None, None, Fine),
        (None, in_days(13), Warn),
        (None, past, Fail),
        (Some(DistrustKind::Expired), past, Fail),
        (Some(DistrustKind::OtherName), in_days(90), Fail),
        (Some(DistrustKind::UnknownIssuer), in_days(90), Fail),
    ] {
        assert_eq!(of_certificate(distrust, expires).level, level, "{distrust:?} {expires:?}");
    }
    let hint = |kind| of_certificate(Some(kind), None).todo.unwrap();
    assert!(hint(DistrustKind::UnknownIssuer).contains("--root-ca"));
    assert!(hint(DistrustKind::OtherName).contains("--linstor-url"));
    assert!(hint(DistrustKind::NotYetValid).contains("clock"));
}

#[test]
fn over_http_and_without_a_connection_no_certificate_is_judged() {
    assert_eq!(levels(tls(&with(vec![controller("http://a/"), silent("https://b/")]))), [Skipped, Skipped]);
    let mut facts = with(vec![controller("http://a/")]);
    facts.credentials.certificate_expires = Ok(Some(now() + days(3)));
    assert_eq!(levels(tls(&facts)), [Skipped, Warn]);
}

fn of_token(url: &str, has_token: bool, answers_without: bool) -> Vec<Level> {
    let mut facts = with(vec![controller(url)]);
    facts.credentials.has_token = has_token;
    facts.credentials.answers_without_token = Ok(answers_without);
    levels(token(&facts))
}

#[test]
fn a_token_is_of_use_where_linstor_asks_for_it() {
    assert_eq!(of_token("https://a/", true, false), [Fine]);
    assert_eq!(of_token("https://a/", true, true), [Warn]);
    assert_eq!(of_token("http://a/", true, false), [Fine, Warn]);
    assert_eq!(of_token("http://a/", false, true), [Fine]);
}

#[test]
fn a_token_that_is_missing_or_refused_fails() {
    for has_token in [false, true] {
        let mut facts = with(vec![failing("http://a/", refusal(Kind::AccessDenied))]);
        facts.credentials.has_token = has_token;
        let finding = found(token(&facts)).remove(0);
        assert_eq!(finding.level, Fail);
        assert_eq!(finding.todo.unwrap().starts_with("put a token"), has_token);
    }
    assert_eq!(levels(token(&with(vec![silent("http://a/")]))), [Skipped]);
    let mut facts = with(vec![controller("http://a/")]);
    facts.credentials.has_token = true;
    facts.credentials.answers_without_token = Err(Untold::NoAnswer("gone".to_owned()));
    assert_eq!(levels(token(&facts)), [Fail]);
}
