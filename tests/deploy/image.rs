//! What the image holds. `make image` builds it and looks inside.

use std::collections::BTreeSet;

use crate::yaml::text;

/// What else is in it: the program that xfs_admin is a script around, and the script's shell.
const WITH_XFS_ADMIN: [&str; 2] = ["xfs_db", "sh"];

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before}"));
    rest.split_once(after).unwrap_or_else(|| panic!("no {after} after {before}")).0
}

/// The programs that the node's code names.
fn run_by_the_node() -> BTreeSet<String> {
    let operations = text("src/node/operation.rs");
    let names = between(&operations, "pub fn name(self)", "\n    }\n}");
    let names = names.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next());
    let asked = text("src/node/linux/asking.rs");
    names.chain([between(&asked, "ask(\"", "\"")]).map(str::to_owned).collect()
}

#[test]
fn the_image_has_the_programs_that_a_node_runs_and_no_others() {
    let collect = text("deploy/image/collect.sh");
    let packed: BTreeSet<String> =
        between(&collect, "PROGRAMS=\"", "\"").split_whitespace().map(str::to_owned).collect();
    let mut needed = run_by_the_node();
    assert!(needed.contains("mkfs.xfs") && needed.contains("drbdsetup"), "{needed:?}");
    needed.extend(WITH_XFS_ADMIN.map(str::to_owned));
    assert_eq!(packed, needed);
}

#[test]
fn the_image_is_nobodys_and_ends_from_nothing() {
    let dockerfile = text("Dockerfile");
    let last = dockerfile.rsplit("\nFROM ").next().unwrap();
    assert!(last.starts_with("scratch\n"), "{last}");
    assert!(last.contains("\nUSER 65532:65532\n"), "{last}");
    for package in ["e2fsprogs=", "xfsprogs=", "drbd-utils="] {
        assert!(dockerfile.contains(package), "{package} is not pinned");
    }
}
