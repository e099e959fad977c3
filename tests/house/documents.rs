//! Rules about documents: each dependency has its reason, and links lead somewhere.

use std::{collections::BTreeSet, path::Path};

/// Dependencies without a line of reason, and lines without a dependency.
pub fn unexplained(cargo_toml: &str, record: &str) -> Vec<String> {
    let used = dependencies(cargo_toml);
    let explained: BTreeSet<String> = record.lines().filter_map(explained_crate).collect();
    let missing = used.difference(&explained).map(|name| format!("{name}: no reason in docs/adr/0002-dependencies.md"));
    let stale = explained.difference(&used).map(|name| format!("{name}: explained, but not a dependency"));
    missing.chain(stale).collect()
}

/// The names in all tables of dependencies.
fn dependencies(cargo_toml: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in cargo_toml.lines() {
        if line.starts_with('[') {
            inside = line.trim_end().ends_with("dependencies]");
        } else if let (true, Some((name, _))) = (inside, line.split_once('=')) {
            names.insert(name.trim().trim_matches('"').to_owned());
        }
    }
    names
}

/// The crate of a line such as "| `axum` | the reason |"; `None` without a reason.
fn explained_crate(line: &str) -> Option<String> {
    let (name, reason) = line.strip_prefix("| `")?.split_once("` | ")?;
    (reason.trim_end_matches('|').trim().len() > 10).then(|| name.to_owned())
}

/// Relative links of the project's documents whose file is not there.
pub fn dead_links(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for document in documents(root) {
        let text = std::fs::read_to_string(&document).expect("documents are UTF-8");
        let folder = document.parent().expect("a document lies in a folder");
        let dead = links(&text).into_iter().filter(|link| !folder.join(link).exists());
        found.extend(dead.map(|link| format!("{}: {link} is not there", document.display())));
    }
    found
}

/// Where documents lie.
const FOLDERS: [&str; 6] = ["", "docs", "docs/adr", "deploy", "deploy/examples/airflow", "airflow"];

fn documents(root: &Path) -> Vec<std::path::PathBuf> {
    let folders = FOLDERS.map(|folder| root.join(folder));
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("the project has these folders"));
    let paths = entries.map(|entry| entry.expect("its entries are readable").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// The targets of `[text](target)` that are neither web addresses nor anchors.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    let files = targets.map(|target| target.split('#').next().unwrap_or_default());
    files.filter(|file| !file.is_empty() && !file.contains("://")).collect()
}

#[test]
fn an_unexplained_dependency_and_a_stale_reason_are_found() {
    let cargo_toml = "[package]\nname = \"x\"\n[dependencies]\naxum = \"1\"\n[dev-dependencies]\ninsta = { version = \"1\" }\n[profile.dev]\ndebug = 1";
    let good = "| `axum` | serves health over HTTP |\n| `insta` | golden texts in tests |";
    assert_eq!(unexplained(cargo_toml, good).len(), 0);
    assert_eq!(
        unexplained(cargo_toml, "| `axum` | serves health over HTTP |\n| `insta` | - |"),
        ["insta: no reason in docs/adr/0002-dependencies.md"]
    );
    assert_eq!(unexplained("", good).len(), 2);
}

#[test]
fn links_are_files_without_their_anchors() {
    let text = "[a](docs/a.md#part), [b](https://example.org/b.md), [c](#here)";
    assert_eq!(links(text), ["docs/a.md"]);
}

#[test]
fn a_dead_link_is_found() {
    let root = tempfile::tempdir().expect("a temporary folder");
    for folder in FOLDERS {
        std::fs::create_dir_all(root.path().join(folder)).expect("it is writable");
    }
    std::fs::write(root.path().join("README.md"), "[a](docs/a.md) [b](README.md)").expect("it is writable");
    assert_eq!(dead_links(root.path()).len(), 1);
}
