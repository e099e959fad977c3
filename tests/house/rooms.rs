//! Which room may use which, and who may name which outside crate.

use crate::source::Source;

/// The rooms, each with those that it may use: all of them stand above it, so that there is no cycle.
/// docs/architecture.md draws the same picture.
const ROOMS: &[(&str, &[&str])] = &[
    ("admin", &[]),
    // A word that the controller's health and the node's share.
    ("health", &[]),
    ("linstor", &[]),
    ("metrics", &["linstor"]),
    // It shares names with the client and nothing else: it stands on the other side of HTTP.
    ("sandbox", &["linstor"]),
    // Words that the tag, the verbs and the node share; the rest of volume stays out of their sight.
    (FILESYSTEM, &[]),
    ("workflow", &["linstor", FILESYSTEM]),
    ("kube", &["workflow"]),
    ("access", &["linstor", "workflow"]),
    ("failover", &["linstor"]),
    ("volume", &["failover", "health", "linstor", FILESYSTEM, "workflow"]),
    ("node", &["health", "linstor", FILESYSTEM, "workflow", "access"]),
    ("csi", &["health", "linstor", "metrics", FILESYSTEM, "workflow", "access", "volume", "node"]),
    ("config", &["kube", "linstor", "sandbox", "workflow"]),
    ("lifetime", &["linstor", "metrics", "workflow", "volume", "config"]),
    ("doctor", &["kube", "linstor", "workflow", "volume", "node", "config"]),
];

/// A room within a room.
const FILESYSTEM: &str = "volume::filesystem";

/// Rooms that put the others together, and may use any.
const TOP: &[&str] = &["demo", "run"];

/// Each outside crate (or path) with a rule, and the places that may name it.
const CRATES: &[(&str, &[&str])] = &[
    ("tonic", &["src/csi/", "src/demo", "tests/"]),
    ("tonic_prost", &["src/csi/"]),
    ("prost", &["src/csi/", "src/demo", "tests/"]),
    ("prost_types", &["src/csi/", "tests/", "build.rs"]),
    ("reqwest", &["src/linstor/"]),
    ("prometheus_client", &["src/metrics/"]),
    // The room of that name is `crate::kube`, never in braces: there the two could not be told apart.
    ("kube", &["src/kube/"]),
    ("k8s_openapi", &["src/kube/"]),
    ("nix", HOST_AND_BACKING),
    (
        "tokio::process",
        &["src/node/linux.rs", "src/node/linux/", "src/sandbox/backing.rs", "src/sandbox/backing/", "tests/"],
    ),
    ("std::process::Command", &["tests/"]),
];

const HOST_AND_BACKING: &[&str] =
    &["src/node/linux.rs", "src/node/linux/", "src/sandbox/backing.rs", "src/sandbox/backing/", "tests/"];

/// Uses of rooms that the file's own room must not know.
pub fn upward_uses(source: &Source) -> Vec<String> {
    let Some(room) = source.room() else { return Vec::new() };
    let is_filesystem = source.path.starts_with("src/volume/filesystem");
    let room = if is_filesystem { FILESYSTEM } else { room };
    if TOP.contains(&room) {
        return Vec::new();
    }
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{}: room {room} is not in the table of tests/house/rooms.rs", source.path)];
    };
    let used = used_paths(&source.production).into_iter().filter_map(room_of_path);
    used.filter(|used| *used != room && !allowed.contains(used))
        .map(|used| format!("{}: {room} must not use crate::{used}", source.path))
        .collect()
}

/// The room that a path after `crate::` leads to; `None` where it leads to none.
fn room_of_path(path: &str) -> Option<&str> {
    if path.starts_with(FILESYSTEM) {
        return Some(FILESYSTEM);
    }
    let name = word(path);
    (TOP.contains(&name) || ROOMS.iter().any(|(room, _)| *room == name)).then_some(name)
}

/// All paths after `crate::`, those in braces included.
fn used_paths(code: &str) -> Vec<&str> {
    let mut used = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let path = &code[at + "crate::".len()..];
        match path.strip_prefix('{') {
            Some(group) => used.extend(paths_in(group)),
            None => used.push(path),
        }
    }
    used
}

/// What follows at each name at the top level of `a::{b, c}, d}`.
fn paths_in(group: &str) -> Vec<&str> {
    let mut paths = Vec::new();
    let (mut depth, mut starts) = (0, true);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => starts = true,
            _ if starts && !character.is_whitespace() => {
                paths.push(&group[at..]);
                starts = false;
            }
            _ => {}
        }
    }
    paths
}

fn word(text: &str) -> &str {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default()
}

/// Crates that the file names outside their room.
pub fn misplaced_crates(source: &Source) -> Vec<String> {
    CRATES
        .iter()
        .filter(|(_, places)| !places.iter().any(|place| source.path.starts_with(place)))
        .filter(|(name, _)| names_path(&source.code, name))
        .map(|(name, places)| format!("{}: {name} may be named in {places:?} only", source.path))
        .collect()
}

/// Whether the code has the path at its start (`name::…`, or as a word of a `use`).
fn names_path(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        let is_start = !before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
        // `super::nix::` is a module of ours; `::nix::` with nothing before is the crate.
        let is_nested = code[..at].ends_with("::") && !code[..at - 2].ends_with(|c: char| c.is_whitespace());
        let is_module = code[..at].ends_with("mod ");
        let is_path = after.starts_with("::") || after.starts_with(';') || after.starts_with(" as ");
        is_start
            && !is_nested
            && !is_module
            && (is_path || (name.contains("::") && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_')))
    }) || grouped(code, name)
}

/// `tokio::{io, process}` names `tokio::process` too.
fn grouped(code: &str, name: &str) -> bool {
    let Some((parent, child)) = name.rsplit_once("::") else { return false };
    code.match_indices(&format!("{parent}::{{"))
        .any(|(at, open)| paths_in(&code[at + open.len()..]).iter().any(|path| word(path) == child))
}

#[test]
fn each_room_uses_only_those_above_it_in_the_table() {
    for (at, (room, uses)) in ROOMS.iter().enumerate() {
        let above: Vec<&str> = ROOMS[..at].iter().map(|(name, _)| *name).collect();
        assert!(uses.iter().all(|used| above.contains(used)), "{room} uses {uses:?}");
    }
}

#[test]
fn an_upward_use_is_found() {
    let find = |path: &str, text: &str| upward_uses(&Source::new(path, text)).len();
    assert_eq!(find("src/linstor/client.rs", "use crate::volume::id::VolumeId;"), 1);
    assert_eq!(find("src/volume/create.rs", "use crate::{linstor::{self, name}, csi::x,\n node};"), 2);
    assert_eq!(find("src/access/permit.rs", "fn a() { crate::csi::status::code() }"), 1);
    assert_eq!(find("src/workflow/tag.rs", "use crate::{volume::filesystem::FsUuid, volume::size};"), 1);
    assert_eq!(find("src/cellar/mod.rs", ""), 1, "a room that nobody placed");
    assert_eq!(find("src/csi/node.rs", "use crate::{node, workflow};"), 0);
    assert_eq!(
        find("src/volume/create.rs", "use crate::volume::id; // crate::csi\n#[cfg(test)]\nmod t { use crate::csi; }"),
        0
    );
}

#[test]
fn a_misplaced_crate_is_found() {
    let find = |path: &str, text: &str| misplaced_crates(&Source::new(path, text)).len();
    assert_eq!(find("src/volume/create.rs", "fn a(status: tonic::Status) {}"), 1);
    assert_eq!(find("src/node/stage.rs", "use tokio::process::Command;"), 1);
    assert_eq!(find("src/node/stage.rs", "use tokio::{io, process};"), 1);
    assert_eq!(find("src/node/stage.rs", "use nix;"), 1);
    assert_eq!(find("src/demo.rs", "use std::process::{Command, Stdio};"), 1);
    assert_eq!(find("src/run.rs", "use ::kube::Client;"), 1);
    assert_eq!(find("src/run.rs", "use kube::Client;"), 1);
    assert_eq!(find("src/lib.rs", "pub mod kube;\nuse crate::kube::Lease;"), 0);
    assert_eq!(find("src/csi/status.rs", "use tonic::Code;"), 0);
    assert_eq!(
        find("src/volume/create.rs", "// tonic::Status\nfn a(tonic: u8) { super::nix::b(\"reqwest::Client\") }"),
        0
    );
}
