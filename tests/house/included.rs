//! What the binary includes besides its sources, and what an image's build is given (.dockerignore).

use std::path::{Component, Path, PathBuf};

use crate::source::Source;

/// Files that production code includes and that the build of the image does not get.
pub fn withheld(source: &Source, dockerignore: &str) -> Vec<String> {
    let given: Vec<&Path> = dockerignore.lines().filter_map(|line| line.strip_prefix('!')).map(Path::new).collect();
    let is_withheld = |path: &PathBuf| !given.iter().any(|one| path.starts_with(one));
    let withheld = included(source).into_iter().filter(is_withheld);
    withheld.map(|path| format!("{}: {} is not in .dockerignore", source.path, path.display())).collect()
}

/// The files that a source's production code includes, by their paths in the tree.
fn included(source: &Source) -> Vec<PathBuf> {
    if source.room().is_none() || !source.production.contains("include_") {
        return Vec::new();
    }
    let production = source.text.split("#[cfg(test)]").next().unwrap_or_default();
    let named = ["include_str!(\"", "include_bytes!(\"", "include!(\""]
        .into_iter()
        .flat_map(|form| production.split(form).skip(1))
        .filter_map(|rest| rest.split('"').next());
    let folder = Path::new(&source.path).parent().unwrap_or(Path::new(""));
    named.map(|name| resolve(&folder.join(name))).collect()
}

fn resolve(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut resolved, part| {
        match part {
            Component::ParentDir => drop(resolved.pop()),
            part => resolved.push(part),
        }
        resolved
    })
}

#[test]
fn a_file_that_the_image_is_not_given_is_found() {
    let text = "const A: &str = include_str!(\"../../tests/fixtures/a.yaml\");\nconst B: &str = include_str!(\"b.txt\");\n\
                #[cfg(test)]\nmod tests { const C: &str = include_str!(\"../../docs/c.md\"); }\n";
    let source = Source::new("src/demo/pods.rs", text);
    let found = withheld(&source, "*\n!src\n");
    assert_eq!(found, ["src/demo/pods.rs: tests/fixtures/a.yaml is not in .dockerignore"]);
    assert!(withheld(&source, "*\n!src\n!tests/fixtures\n").is_empty());
}
