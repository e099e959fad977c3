//! docs/security.md: each line of its tables names what shows it, and the tests among that exist.

use crate::named::{Tests, in_backticks};

/// Checks that are no Rust tests: these names are steps of the Makefile.
const STEPS: [&str; 2] = ["make chart", "make image"];

/// Lines of tables whose last cell names nothing that shows them, or a test that is not there.
pub fn unproven(page: &str, tests: &Tests) -> Vec<String> {
    page.lines().filter(|line| line.starts_with("| ")).filter_map(|row| complaint(row, tests)).collect()
}

fn complaint(row: &str, tests: &Tests) -> Option<String> {
    let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
    let shown_by = cells.last().expect("a split has one part at least");
    if *shown_by == "shown by" {
        return None;
    }
    if cells.iter().any(|cell| cell.is_empty()) || cells.len() < 3 {
        return Some(format!("{row}: an empty cell, or fewer than 3"));
    }
    if in_backticks(shown_by).next().is_none() {
        return Some(format!("{row}: names no test"));
    }
    let missing: Vec<&str> = tests.missing(shown_by).into_iter().filter(|name| !STEPS.contains(name)).collect();
    (!missing.is_empty()).then(|| format!("{row}: there is no test {}", missing.join(", ")))
}

#[test]
fn a_control_without_a_test_that_exists_is_found() {
    let tests = Tests::of(&[crate::Source::new("tests/x.rs", "#[test]\nfn it_holds() {}")]);
    let page = |row: &str| unproven(&format!("| control | linflow | shown by |\n|---|---|---|\n{row}"), &tests);
    for fine in ["| RBAC | narrow | `it_holds`, and `make chart` |", "text"] {
        assert_eq!(page(fine), Vec::<String>::new());
    }
    for wrong in
        ["| RBAC | narrow | yes |", "| RBAC | narrow | `it_hold` |", "| RBAC | | `it_holds` |", "| RBAC | `it_holds` |"]
    {
        assert_eq!(page(wrong).len(), 1, "{wrong}");
    }
}
