use proptest::prelude::*;

use super::*;

fn replies(json: &str) -> Replies {
    serde_json::from_str(json).unwrap()
}

#[test]
fn recorded_codes_are_told_apart() {
    for (ret_code, severity, code) in [
        (20447233, Severity::Success, 1),
        (4611686018448621568, Severity::Info, 0),
        (-9223372036800771144, Severity::Warning, code::WARN_NOT_FOUND),
        (-4611686018427387603, Severity::Error, code::FAIL_NOT_FOUND_DEFINITION),
        (-4611686018373647387, Severity::Error, code::FAIL_IN_USE),
        (-4611686018406153244, Severity::Error, code::FAIL_NOT_ENOUGH_NODES),
    ] {
        assert_eq!((RetCode(ret_code).severity(), RetCode(ret_code).code()), (severity, code), "{ret_code}");
    }
}

proptest! {
    #[test]
    fn operation_and_object_bits_change_nothing(severity in 0..4_u64, code in 0..0x8000_u16, middle in 0..1_u64 << 47) {
        let bits = severity << 62 | middle << 15 | u64::from(code);
        let severity = [Severity::Success, Severity::Info, Severity::Warning, Severity::Error][severity as usize];
        let ret_code = RetCode(bits.cast_signed());
        prop_assert_eq!(ret_code.severity(), severity);
        prop_assert_eq!(ret_code.code(), code);
        prop_assert_eq!(ret_code.severity() >= Severity::Warning, ret_code.0 < 0);
    }
}

#[test]
fn an_accepted_change_keeps_its_remarks() {
    let spawned = replies(include_str!("../../../tests/fixtures/linstor/spawn_replies.json"));
    assert!(!spawned.is_error());
    assert_eq!((spawned.warnings().count(), spawned.infos().count()), (0, 2));
    assert!(spawned.0[0].message.contains("'vol1'"));
}

#[test]
fn deleting_what_is_not_there_is_a_warning() {
    let replies = recorded_warning(code::WARN_NOT_FOUND);
    assert!(replies.was_not_found() && !replies.waits_for_satellite() && !replies.is_error());
}

#[test]
fn a_change_that_waits_for_a_satellite_says_so() {
    let replies = recorded_warning(code::WARN_NOT_CONNECTED);
    assert!(replies.waits_for_satellite() && !replies.was_not_found() && !replies.is_error());
}

#[test]
fn a_case_number_counts_at_its_severity_only() {
    let replies = recorded_warning(code::WARN_NOT_FOUND);
    assert!(!replies.has(Severity::Error, code::WARN_NOT_FOUND));
    assert!(!replies.has(Severity::Info, code::WARN_NOT_FOUND));
}

fn recorded_warning(code: u16) -> Replies {
    #[derive(serde::Deserialize)]
    struct Recorded {
        code: u16,
        body: Replies,
    }
    let recorded = include_str!("../../../tests/fixtures/linstor/warnings.json");
    let recorded: Vec<Recorded> = serde_json::from_str(recorded).unwrap();
    recorded.into_iter().find(|one| one.code == code).unwrap().body
}
