//! A device's lock outlives a plugin that is killed while its mkfs still works.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{os::unix::fs::PermissionsExt, path::Path, process::Stdio, time::Duration};

use linflow::node::{
    Host,
    host::{BlockDevice, DeviceNumber, Program},
    linux::LinuxHost,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::unix::pipe,
    time::{Instant, timeout_at},
};

/// Set in the process that plays the plugin: the directory of the test.
const PLUGIN: &str = "LINFLOW_TEST_PLUGIN_DIRECTORY";

fn device() -> BlockDevice {
    BlockDevice { path: "/dev/null".into(), number: DeviceNumber { major: 147, minor: 1000 } }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

/// Takes the lock and runs mkfs, until it is killed.
async fn play_plugin(directory: &Path) {
    let host = LinuxHost::new(directory.join("locks"));
    let lock = host.try_lock(&device(), soon()).await.unwrap().unwrap();
    host.run(Program::MkfsExt4, &[], &device(), &lock, soon()).await.unwrap();
}

#[tokio::test]
async fn a_mkfs_that_outlives_its_killed_plugin_keeps_the_lock_until_it_ends() {
    if let Some(directory) = std::env::var_os(PLUGIN) {
        return play_plugin(Path::new(&directory)).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let [started, end] = ["started", "end"].map(|name| directory.path().join(name));
    for fifo in [&started, &end] {
        nix::unistd::mkfifo(fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    let mkfs = directory.path().join("mkfs.ext4");
    let script = format!("#!/bin/sh\necho > '{}'\nread line < '{}'\n", started.display(), end.display());
    std::fs::write(&mkfs, script).unwrap();
    std::fs::set_permissions(&mkfs, std::fs::Permissions::from_mode(0o700)).unwrap();

    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
    let mut plugin = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_mkfs_that_outlives_its_killed_plugin_keeps_the_lock_until_it_ends"])
        .env(PLUGIN, directory.path())
        .env("PATH", path)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // Opened for both directions, a fifo waits for bytes instead of for its other end.
    let mut start = pipe::OpenOptions::new().read_write(true).open_receiver(&started).unwrap();
    timeout_at(soon(), start.read_u8()).await.expect("the plugin starts mkfs").unwrap();
    plugin.kill().await.unwrap();

    let host = LinuxHost::new(directory.path().join("locks"));
    assert!(host.try_lock(&device(), soon()).await.unwrap().is_none());
    let mut end = pipe::OpenOptions::new().read_write(true).open_sender(&end).unwrap();
    end.write_all(b"\n").await.unwrap();
    let deadline = soon();
    while host.try_lock(&device(), deadline).await.unwrap().is_none() {
        assert!(Instant::now() < deadline, "the lock is free once mkfs has ended");
        tokio::task::yield_now().await;
    }
}
