//! Programs that work on a device.

use std::{fs::File, io, path::Path, process::Stdio, time::Duration};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    time::{Instant, timeout, timeout_at},
};

use crate::node::host::ProgramEnd;

const STDERR_TAIL: usize = 2048;

/// How long a killed program may take to be gone before it is left to itself: one that waits for a suspended device
/// can't die. It keeps its lock.
const GRACE: Duration = Duration::from_secs(1);

/// A process group that is killed when this is dropped.
pub(super) struct Group(Option<Pid>);

impl Group {
    /// That of a program that was started with `process_group(0)`.
    pub(super) fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }

    /// Says that nobody of it is left to be killed.
    pub(super) fn has_ended(&mut self) {
        self.0 = None;
    }

    fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            // ESRCH: everyone in it has ended by now.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs `program options… device` in a process group of its own, the lock as its standard input. `None` where it had to
/// be killed at the deadline.
pub async fn run(
    program: &str,
    options: &[&str],
    device: &Path,
    lock: File,
    deadline: Instant,
) -> io::Result<Option<ProgramEnd>> {
    let mut command = Command::new(program);
    command.args(options).arg(device).env("LC_ALL", "C").process_group(0).kill_on_drop(true);
    command.stdin(Stdio::from(lock)).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| name_missing(error, program))?;
    // The command holds the lock as well, and would hold it while a child that can't die is waited for.
    drop(command);
    let mut group = Group::of(&child);
    let stderr = child.stderr.take().ok_or_else(|| io::Error::other("the program has no standard error"))?;
    let ended = async { tokio::join!(child.wait(), read_tail(stderr)) };
    match timeout_at(deadline, ended).await {
        Ok((status, stderr)) => {
            // Everyone who held standard error has ended, so nobody of the group is left to kill.
            group.has_ended();
            Ok(Some(ProgramEnd { exit: status?.code(), stderr: stderr? }))
        }
        Err(_elapsed) => {
            group.kill();
            let is_gone = timeout(GRACE, child.wait()).await.is_ok();
            tracing::warn!(program, device = %device.display(), is_gone, "killed at its deadline");
            Ok(None)
        }
    }
}

/// Says which program is missing, since the error that is made of this names the device only.
fn name_missing(error: io::Error, program: &str) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotFound => io::Error::new(error.kind(), format!("{program} is not installed or not in PATH")),
        _ => error,
    }
}

pub(super) async fn read_tail(mut pipe: impl AsyncRead + Unpin) -> io::Result<String> {
    let (mut tail, mut chunk) = (Vec::new(), [0; STDERR_TAIL]);
    loop {
        let length = pipe.read(&mut chunk).await?;
        if length == 0 {
            return Ok(String::from_utf8_lossy(&tail).trim().to_owned());
        }
        tail.extend_from_slice(&chunk[..length]);
        tail.drain(..tail.len().saturating_sub(STDERR_TAIL));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::wait::await_some;

    fn in_seconds(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    fn lock_file() -> File {
        let file = tempfile::tempfile().unwrap();
        file.try_lock().unwrap();
        file
    }

    #[tokio::test]
    async fn the_exit_status_and_the_end_of_standard_error_are_told() {
        let script =
            "i=0; while [ $i -lt 500 ]; do echo 0123456789 >&2; i=$((i+1)); done; echo \"last $0\" >&2; exit 4";
        let end = run("sh", &["-c", script], Path::new("/dev/x"), lock_file(), in_seconds(60)).await.unwrap().unwrap();
        assert_eq!(end.exit, Some(4));
        assert!(end.stderr.ends_with("last /dev/x"));
        assert!(end.stderr.len() <= STDERR_TAIL);
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let missing = run("mkfs.none", &[], Path::new("/dev/x"), lock_file(), in_seconds(60)).await.unwrap_err();
        assert_eq!(missing.to_string(), "mkfs.none is not installed or not in PATH");
    }

    async fn assert_gets_free(lock: &Path) {
        let is_free = || File::open(lock).is_ok_and(|other| other.try_lock().is_ok());
        let freed = await_some(in_seconds(30), || async { Ok::<_, ()>(is_free().then_some(())) });
        assert_eq!(freed.await, Ok(Some(())));
    }

    #[tokio::test]
    async fn a_program_past_its_deadline_or_given_up_is_killed_with_its_children() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let options = ["-c", "tail -f /dev/null & tail -f /dev/null"];
        let take_lock = || {
            let lock = File::create(&path).unwrap();
            lock.try_lock().unwrap();
            lock
        };
        let soon = Instant::now() + Duration::from_millis(100);
        assert_eq!(run("sh", &options, Path::new("x"), take_lock(), soon).await.unwrap(), None);
        assert_gets_free(&path).await;

        let given_up = run("sh", &options, Path::new("x"), take_lock(), in_seconds(60));
        assert!(timeout(Duration::from_millis(100), given_up).await.is_err());
        assert_gets_free(&path).await;
    }
}
