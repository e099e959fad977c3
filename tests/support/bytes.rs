//! Worlds with real bytes: devices and mounts, which take root and are to be put away.

use std::{
    io::Write,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::Arc,
};

use nix::mount::{MntFlags, umount2};

use super::World;

/// May this process make devices and mounts?
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Tells the person who runs the tests. Not by `eprintln!`, which the test runner keeps to itself.
pub fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Runs a test on the world, and puts away what it leaves mounted and attached, also when it fails.
pub async fn put_away_after<F: Future<Output = ()> + Send + 'static>(world: Arc<World>, test: F) {
    let outcome = tokio::spawn(test).await;
    unmount_below(world.folder());
    let stopped = world.sandbox.clone().stop().await;
    if let Err(failed) = outcome {
        resume_unwind(failed.into_panic());
    }
    stopped.unwrap();
}

/// The mount points under a folder, the innermost first.
pub fn mounts_below(folder: &Path) -> Vec<PathBuf> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let points = table.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from);
    let mut below: Vec<PathBuf> = points.filter(|point| point.starts_with(folder)).collect();
    below.sort_by_key(|point| std::cmp::Reverse(point.as_os_str().len()));
    below
}

/// Takes every mount under a folder away, in use or not, as a power cut does.
pub fn unmount_below(folder: &Path) {
    for point in mounts_below(folder) {
        umount2(&point, MntFlags::MNT_DETACH).unwrap();
    }
}
