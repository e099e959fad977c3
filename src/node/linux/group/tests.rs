use super::*;
use std::{os::unix::fs::symlink, time::Duration};

fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Only root may give files to any group. Its own group can be given by anybody.
fn some_group() -> u32 {
    if nix::unistd::geteuid().is_root() { 4321 } else { nix::unistd::getegid().as_raw() }
}

fn group_and_mode(path: &Path) -> (u32, u32) {
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.gid(), metadata.mode() & 0o7777)
}

fn tree() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::write(root.join("a/file"), b"x").unwrap();
    fs::set_permissions(root.join("a/file"), Permissions::from_mode(0o4711)).unwrap();
    fs::write(root.join("a/b/secret"), b"x").unwrap();
    fs::set_permissions(root.join("a/b/secret"), Permissions::from_mode(0o600)).unwrap();
    directory
}

#[test]
fn files_and_directories_get_the_group_and_what_it_needs_and_keep_the_rest() {
    let (directory, group) = (tree(), some_group());
    let root = directory.path();
    assert_eq!(hand_over(root, group, later()).unwrap(), Handover::Done { changed: 5 });
    assert_eq!(group_and_mode(root).0, group);
    assert_eq!(group_and_mode(&root.join("a")).1 & 0o2770, 0o2770);
    assert_eq!(group_and_mode(&root.join("a/file")), (group, 0o4771));
    assert_eq!(group_and_mode(&root.join("a/b/secret")), (group, 0o660));
    assert_eq!(hand_over(root, group, later()).unwrap(), Handover::Done { changed: 0 });
}

#[test]
fn a_root_that_has_the_group_says_that_all_below_it_was_done() {
    let (directory, group) = (tree(), some_group());
    let root = directory.path();
    hand_over(root, group, later()).unwrap();
    let own = root.join("a/b/secret");
    fs::set_permissions(&own, Permissions::from_mode(0o600)).unwrap();
    hand_over(root, group, later()).unwrap();
    assert_eq!(group_and_mode(&own).1, 0o600, "a workload's own choice stays");
}

#[test]
fn what_stops_at_its_time_leaves_the_root_for_last_and_a_repeat_ends_it() {
    let (directory, group) = (tree(), some_group());
    let before = group_and_mode(directory.path()).1;
    let stopped = hand_over(directory.path(), group, Instant::now()).unwrap();
    assert_eq!(stopped, Handover::Unfinished { changed: 0 });
    assert_eq!(group_and_mode(directory.path()).1, before);
    assert_eq!(hand_over(directory.path(), group, later()).unwrap(), Handover::Done { changed: 5 });
}

#[test]
fn links_are_given_themselves_and_never_followed() {
    let (directory, outside, group) = (tree(), tree(), some_group());
    symlink(outside.path(), directory.path().join("a/out")).unwrap();
    symlink(outside.path().join("a/file"), directory.path().join("a/file-out")).unwrap();
    symlink("nowhere", directory.path().join("a/dangling")).unwrap();
    let before = [outside.path().to_owned(), outside.path().join("a/file")].map(|path| group_and_mode(&path));
    hand_over(directory.path(), group, later()).unwrap();
    let after = [outside.path().to_owned(), outside.path().join("a/file")].map(|path| group_and_mode(&path));
    assert_eq!(before, after);
    assert_eq!(group_and_mode(&directory.path().join("a/out")).0, group);
}

#[test]
fn a_link_or_a_file_in_place_of_the_root_is_refused() {
    let (directory, outside) = (tree(), tree());
    let link = directory.path().join("link");
    symlink(outside.path(), &link).unwrap();
    for wrong in [link, directory.path().join("a/file")] {
        assert_eq!(hand_over(&wrong, some_group(), later()).unwrap_err().raw_os_error(), Some(Errno::ENOTDIR as i32));
    }
}
