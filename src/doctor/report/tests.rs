use super::*;
use crate::config::{Args, Command};

fn config(words: &[&str]) -> DoctorConfig {
    let words = ["linflow", "doctor", "--linstor-url", "http://linstor"].iter().chain(words);
    let args = Args::from_words(words).unwrap();
    match args.validate(&|_| None).unwrap().command {
        Command::Doctor(config) => config,
        other => panic!("{other:?}"),
    }
}

fn report(findings: Vec<Finding>, words: &[&str], in_color: bool) -> (String, u8) {
    let checked = [Checked { check: "clock", group: Group::Linstor, findings }];
    let config = config(words);
    let report = Report::new(&config, &checked);
    let mut out = Vec::new();
    report.write(&mut out, in_color).unwrap();
    (String::from_utf8(out).unwrap(), report.exit())
}

#[test]
fn the_exit_status_is_that_of_the_worst_and_a_skipped_check_is_not_one() {
    let (ok, skipped) = (Finding::ok("a"), Finding::skipped("b"));
    let (warn, fail) = (Finding::warn("c", "d"), Finding::fail("e", "f"));
    for (findings, exit) in [
        (vec![], 0),
        (vec![ok.clone(), skipped.clone()], 0),
        (vec![warn.clone(), ok.clone()], 1),
        (vec![ok, fail, warn, skipped], 2),
    ] {
        assert_eq!(report(findings, &[], false).1, exit);
    }
}

#[test]
fn colour_is_around_the_words_alone() {
    let finding = || vec![Finding::fail("e", "f").about("g")];
    let (plain, _) = report(finding(), &[], false);
    assert_eq!(
        plain,
        "LINSTOR\n  fail    clock              g: e\n                             to do: f\nfail: 0 ok, 0 skipped, 0 warn, 1 fail\n"
    );
    let (painted, _) = report(finding(), &[], true);
    assert!(painted.contains("\x1b[31mfail   \x1b[0m clock"), "{painted:?}");
    let (json, _) = report(finding(), &["--json"], true);
    assert!(!json.contains('\x1b'), "{json:?}");
}

#[test]
fn the_object_has_what_the_text_has() {
    let (json, _) = report(vec![Finding::warn("c", "d"), Finding::ok("a").about("n")], &["--json"], false);
    let object: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(object["worst"], "warn");
    assert_eq!(object["counts"], serde_json::json!({"ok": 1, "skipped": 0, "warn": 1, "fail": 0}));
    let first = serde_json::json!({"check": "clock", "group": "linstor", "level": "warn", "seen": "c", "todo": "d"});
    assert_eq!(object["findings"][0], first);
    assert_eq!(object["findings"][1]["about"], "n");
}
