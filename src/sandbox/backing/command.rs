//! The one place of the sandbox that runs child processes: losetup and blockdev, bounded in time.

use std::{
    ffi::OsStr,
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

/// losetup answers in milliseconds; a child that takes this long is stuck in the kernel.
const DEADLINE: Duration = Duration::from_secs(10);

/// Runs `program` and returns what it printed. The error of a failed one carries its stderr.
pub(super) fn run<I>(program: &str, args: I) -> io::Result<String>
where
    I: IntoIterator<Item: AsRef<OsStr>>,
{
    run_within(DEADLINE, program, args)
}

fn run_within<I>(deadline: Duration, program: &str, args: I) -> io::Result<String>
where
    I: IntoIterator<Item: AsRef<OsStr>>,
{
    let child =
        spawn(program, args).map_err(|error| io::Error::new(error.kind(), format!("run {program}: {error}")))?;
    let output = await_exit(child, deadline)
        .map_err(|error| io::Error::new(error.kind(), format!("{program} did not finish: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{program} failed ({}): {}", output.status, stderr.trim_end())))
}

#[expect(
    clippy::disallowed_methods,
    reason = "callers of the backing block by contract, and the deadline and the group kill are below"
)]
fn spawn<I>(program: &str, args: I) -> io::Result<Child>
where
    I: IntoIterator<Item: AsRef<OsStr>>,
{
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn()
}

/// Waits for the child; past the deadline its whole group is killed.
fn await_exit(child: Child, deadline: Duration) -> io::Result<Output> {
    let group = Pid::from_raw(child.id().cast_signed());
    let (done, exit) = mpsc::channel();
    // The receiver is gone only after the deadline; then nobody wants the output any more.
    thread::spawn(move || drop(done.send(child.wait_with_output())));
    match exit.recv_timeout(deadline) {
        Ok(output) => output,
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("its waiter died")),
        Err(RecvTimeoutError::Timeout) => {
            killpg(group, Signal::SIGKILL)?;
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("killed after {deadline:?}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_comes_back_and_a_failure_carries_stderr() {
        assert_eq!(run("sh", ["-c", "echo out"]).unwrap(), "out");
        let error = run("sh", ["-c", "echo why >&2; exit 3"]).unwrap_err().to_string();
        assert!(error.contains("why") && error.contains('3'), "{error}");
        assert_eq!(run("linflow-no-such-program", [""]).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_stuck_child_is_killed_at_its_deadline() {
        let error = run_within(Duration::from_millis(50), "sh", ["-c", "sleep 60 & wait"]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
