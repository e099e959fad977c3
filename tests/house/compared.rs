//! docs/compared.md: each row that says that linflow has something names the test that shows it, and that test exists.

use std::collections::BTreeSet;

/// What a table's first line must be.
const HEAD: &str = "| what | linstor-csi 1.12 | linflow | shown by |";

/// Rows that break the rule, and the number of rows.
pub fn unproven(page: &str, tests: &BTreeSet<String>) -> (Vec<String>, usize) {
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ") && *line != HEAD).collect();
    let broken = rows.iter().filter_map(|row| complaint(row, tests).map(|why| format!("{row}: {why}")));
    (broken.collect(), rows.len())
}

fn complaint(row: &str, tests: &BTreeSet<String>) -> Option<String> {
    let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
    let [_, _, ours, shown_by] = cells.as_slice() else { return Some(format!("{} cells instead of 4", cells.len())) };
    let named: Vec<&str> = shown_by.split('`').skip(1).step_by(2).collect();
    if named.is_empty() && !ours.starts_with("no") {
        return Some("names no test".to_owned());
    }
    let missing = named.iter().find(|name| !tests.contains(**name));
    missing.map(|name| format!("there is no test {name}"))
}

/// The names of all test functions.
pub fn test_names<'a>(files: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for text in files {
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if let Some(rest) = line.trim_start_matches("async ").strip_prefix("fn ") {
                if is_test {
                    names.extend(rest.split('(').next().map(str::to_owned));
                }
                is_test = false;
            }
        }
    }
    names
}

#[test]
fn a_row_without_a_test_or_with_one_that_is_not_there_is_found() {
    let tests = test_names(["#[test]\nfn it_works() {}\nfn helper() {}\n#[tokio::test]\nasync fn it_waits() {}\n"]);
    assert_eq!(tests.iter().collect::<Vec<_>>(), ["it_waits", "it_works"]);
    let page = |row: &str| unproven(&format!("{HEAD}\n|---|---|---|---|\n{row}\n"), &tests).0.len();
    assert_eq!(page("| growth | yes | yes | `it_works`, `it_waits` |"), 0);
    assert_eq!(page("| NFS | yes | no: why | |"), 0);
    assert_eq!(page("| growth | yes | yes | |"), 1);
    assert_eq!(page("| growth | yes | yes | `helper` |"), 1);
    assert_eq!(page("| growth | yes | yes |"), 1);
}
