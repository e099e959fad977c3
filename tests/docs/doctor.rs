//! docs/doctor.md and `linflow doctor`: the same checks, groups, levels and fields.

use linflow::doctor::{
    EXIT_BROKEN_OFF,
    checks::{CHECKS, Group},
    finding::Level,
    report::SCHEMA,
};

const PAGE: &str = include_str!("../../docs/doctor.md");

#[test]
fn the_doctors_page_has_every_check_under_its_group_in_the_order_of_the_report() {
    let mut wanted = Vec::new();
    for group in Group::ALL {
        wanted.push(format!("## {}", group.heading()));
        wanted.extend(CHECKS.iter().filter(|check| check.group == group).map(|check| format!("### {}", check.name)));
    }
    let headings: Vec<&str> = PAGE.lines().filter(|line| line.starts_with("##")).collect();
    let first = headings.iter().position(|heading| *heading == wanted[0]).expect("the page has the first group");
    assert_eq!(headings[first..], wanted);
}

#[test]
fn the_doctors_page_explains_each_check_level_and_exit_status() {
    for section in PAGE.split("\n### ").skip(1) {
        let (name, text) = section.split_once('\n').expect("a heading ends");
        let text = text.split("\n## ").next().unwrap_or_default();
        assert!(text.split_whitespace().count() > 15, "{name}: {text:?}");
    }
    for level in Level::ALL {
        assert!(PAGE.contains(&format!("| `{}` |", level.word())), "{level:?}");
    }
    assert!(
        PAGE.contains(&format!("\n{EXIT_BROKEN_OFF}: broken off")) && PAGE.contains(&format!("\"schema\": {SCHEMA},"))
    );
}

#[test]
fn the_doctors_page_lists_every_field_of_the_object() {
    let object = include_str!("../doctor/snapshots/doctor__output__json.snap");
    let (_, object) = object.split_once("\n---\n").expect("a snapshot has a head");
    let object: serde_json::Value = serde_json::from_str(object).expect("the snapshot is JSON");
    let findings = object["findings"].as_array().expect("it lists findings").iter();
    let fields = findings.filter_map(serde_json::Value::as_object).flat_map(|one| one.keys());
    for field in fields.chain(object.as_object().expect("it is an object").keys()) {
        assert!(PAGE.contains(&format!("\n| `{field}` | ")), "{field} is not explained");
    }
}
