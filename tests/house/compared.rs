//! docs/compared.md: each row that says that linflow has something names the test that shows it, and that test exists.

use crate::named::{Tests, in_backticks};

/// What a table's first line must be.
const HEAD: &str = "| what | linstor-csi 1.12 | linflow | shown by |";
/// How the tests of linstor-csi's known faults begin.
const FAULTS: &str = "peer_weakness_";

/// What is wrong with the page: rows without a test that exists, tables of another form, and tests of known faults that
/// it leaves out.
pub fn unproven(page: &str, tests: &Tests) -> Vec<String> {
    let mut wrong: Vec<String> =
        rows(page).filter_map(|row| complaint(row, tests).map(|why| format!("{row}: {why}"))).collect();
    let tables = page.lines().filter(|line| line.starts_with("|---")).count();
    let heads = page.lines().filter(|line| *line == HEAD).count();
    if heads != tables {
        wrong.push(format!("{tables} tables, {heads} with the line {HEAD}"));
    }
    let unnamed = tests.beginning(FAULTS).filter(|test| !in_backticks(page).any(|name| name == *test));
    wrong.extend(unnamed.map(|test| format!("{test} is named nowhere")));
    wrong
}

/// The rows of all tables.
pub fn rows(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter(|line| line.starts_with("| ") && *line != HEAD)
}

fn complaint(row: &str, tests: &Tests) -> Option<String> {
    let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
    let [what, theirs, ours, shown_by] = cells.as_slice() else { return Some(format!("{} cells, not 4", cells.len())) };
    if [what, theirs, ours].iter().any(|cell| cell.is_empty()) {
        return Some("an empty cell".to_owned());
    }
    if in_backticks(shown_by).next().is_none() && !ours.starts_with("no") {
        return Some("names no test".to_owned());
    }
    tests.missing(shown_by).first().map(|name| format!("there is no test {name}"))
}

#[test]
fn a_row_without_a_test_or_with_one_that_is_not_there_is_found() {
    let source = "#[test]\nfn it_works() {}\nfn helper() {}\n#[test]\nfn peer_weakness_1_is_none_of_ours() {}";
    let tests = Tests::of(&[crate::Source::new("tests/x.rs", source)]);
    let fault = "| 1 paging | broken | fine | `peer_weakness_1_is_none_of_ours` |";
    let page = |row: &str| unproven(&format!("{HEAD}\n|---|---|---|---|\n{fault}\n{row}\n"), &tests);
    for fine in ["| growth | yes | yes | `it_works` |", "| NFS | yes | no: why | |", "no row"] {
        assert_eq!(page(fine), Vec::<String>::new());
    }
    for wrong in [
        "| growth | yes | yes | |",
        "| growth | yes | yes | `helper` |",
        "| growth | yes | no: why | `it_work` |",
        "| growth | yes | yes |",
        "| growth | | yes | `it_works` |",
        "| what | theirs |\n|---|---|",
    ] {
        assert_ne!(page(wrong), Vec::<String>::new(), "{wrong}");
    }
    assert_eq!(unproven("", &tests), ["peer_weakness_1_is_none_of_ours is named nowhere"]);
}
