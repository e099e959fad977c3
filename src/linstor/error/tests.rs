use super::*;
use crate::linstor::rc::Replies;

#[derive(serde::Deserialize)]
struct Recorded {
    code: u16,
    request: String,
    status: u16,
    body: Replies,
}

fn recorded(code: u16) -> Refusal {
    let all = include_str!("../../../tests/fixtures/linstor/refusals.json");
    let all: Vec<Recorded> = serde_json::from_str(all).unwrap();
    let one = all.into_iter().find(|one| one.code == code).unwrap();
    Refusal::new(one.request, one.status, one.body.error().unwrap().clone())
}

#[test]
fn recorded_refusals_are_told_apart() {
    for (code, kind) in [
        (206, Kind::Invalid),
        (213, Kind::Invalid),
        (300, Kind::NotFound(Object::Node)),
        (301, Kind::NotFound(Object::Definition)),
        (302, Kind::NotFound(Object::Resource)),
        (303, Kind::NotFound(Object::VolumeDefinition)),
        (310, Kind::NotFound(Object::Pool)),
        (316, Kind::NotFound(Object::KeyValueStore)),
        (317, Kind::NotFound(Object::Group)),
        (500, Kind::Exists(Object::Node)),
        (501, Kind::Exists(Object::Definition)),
        (502, Kind::Exists(Object::Resource)),
        (503, Kind::Exists(Object::VolumeDefinition)),
        (510, Kind::Exists(Object::Pool)),
        (514, Kind::HasSnapshots),
        (522, Kind::Exists(Object::Group)),
        (974, Kind::NotAllUpToDate),
        (995, Kind::NotConnected),
        (996, Kind::NotEnoughNodes),
        (997, Kind::InUse),
        (998, Kind::ServerFault),
        (999, Kind::ServerFault),
    ] {
        let refusal = recorded(code);
        assert_eq!((refusal.code, refusal.kind), (code, kind));
    }
}

#[test]
fn cases_that_were_not_recorded_follow_their_range() {
    assert_eq!(Kind::of(980), Kind::NotEnoughSpace);
    assert_eq!(Kind::of(412), Kind::AccessDenied);
    assert_eq!(Kind::of(10001), Kind::AccessDenied);
    assert_eq!(Kind::of(315), Kind::NotFound(Object::Other(315)));
    assert_eq!(Kind::of(516), Kind::Exists(Object::Other(516)));
    assert_eq!(Kind::of(801), Kind::Other(801));
}

#[test]
fn a_refusal_tells_what_to_do_and_where_to_read_more() {
    let mut refusal = recorded(997);
    refusal.correction = "unmount it".to_owned();
    refusal.report_ids = vec!["ID-1".to_owned(), "ID-2".to_owned()];
    let text = Error::Refused(Box::new(refusal.clone())).to_string();
    for part in [&refusal.message, "997", "HTTP 500", "to do: unmount it", "error reports: ID-1, ID-2"] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn only_a_change_without_an_answer_has_an_unknown_outcome() {
    let (request, reason) = (String::from("POST /v1/x"), String::from("timeout"));
    assert!(Error::Unknown { request: request.clone(), reason: reason.clone() }.is_outcome_unknown());
    assert!(!Error::Unanswered { request: request.clone(), reason: reason.clone() }.is_outcome_unknown());
    assert!(!Error::Unreachable { request, reason }.is_outcome_unknown());
    let refused = Error::Refused(Box::new(recorded(301)));
    assert!(!refused.is_outcome_unknown() && refused.is_not_found() && !refused.is_exists());
    assert!(Error::Refused(Box::new(recorded(501))).is_exists());
}
