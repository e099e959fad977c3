//! The rules of the house (docs/architecture.md), checked on the tree itself.
//!
//! Each rule is a pure function from text to findings, so that each is also shown to find something.

mod compared;
mod documents;
mod included;
mod named;
mod rooms;
mod security;
mod source;
mod text;

use source::Source;
use std::path::Path;

/// Fails with every finding, one a line.
fn expect_none(findings: Vec<String>) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("the file is part of the project")
}

fn all_sources() -> Vec<Source> {
    let sources = source::read_all(root());
    assert!(sources.len() > 20, "the tree was not found: {} files", sources.len());
    sources
}

#[test]
fn rooms_depend_downwards_only() {
    expect_none(all_sources().iter().flat_map(rooms::upward_uses).collect());
}

#[test]
fn each_outside_crate_is_named_in_its_room_only() {
    expect_none(all_sources().iter().flat_map(rooms::misplaced_crates).collect());
}

#[test]
fn no_file_is_over_400_lines_and_the_median_stays_small() {
    let sources = all_sources();
    expect_none(sources.iter().filter_map(text::too_long).collect());
    let median = text::median_lines(&sources);
    println!("{} files, median {median} lines", sources.len());
    assert!(median <= 150, "the median file has {median} lines; split by idea");
}

#[test]
fn production_code_neither_panics_nor_leaves_work_open() {
    expect_none(all_sources().iter().flat_map(text::panics).collect());
}

#[test]
fn no_unsafe_no_ignored_tests_no_sleeping_threads() {
    expect_none(all_sources().iter().flat_map(text::banned_everywhere).collect());
}

#[test]
fn no_path_of_a_machine_is_in_the_tree() {
    expect_none(all_sources().iter().flat_map(text::machine_paths).collect());
}

#[test]
fn the_images_build_is_given_all_that_the_binary_includes() {
    let dockerignore = read(".dockerignore");
    expect_none(all_sources().iter().flat_map(|source| included::withheld(source, &dockerignore)).collect());
}

#[test]
fn every_dependency_has_its_reason() {
    expect_none(documents::unexplained(&read("Cargo.toml"), &read("docs/adr/0002-dependencies.md")));
}

#[test]
fn links_between_documents_lead_somewhere() {
    expect_none(documents::dead_links(root()));
}

#[test]
fn what_the_comparison_claims_is_shown_by_tests_that_exist() {
    let page = read("docs/compared.md");
    expect_none(compared::unproven(&page, &named::Tests::of(&all_sources())));
    for number in 1..=24 {
        let begin = format!("| {number} ");
        assert!(compared::rows(&page).any(|row| row.starts_with(&begin)), "fault {number} of linstor-csi has no row");
    }
}

#[test]
fn every_control_of_the_security_page_is_shown_by_a_test() {
    let page = read("docs/security.md");
    expect_none(security::unproven(&page, &named::Tests::of(&all_sources())));
    assert!(page.matches("\n| ").count() > 35, "the rows were not found");
}
