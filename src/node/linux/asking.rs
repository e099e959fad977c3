//! Programs that are asked something and change nothing.

use std::{io, process::Stdio};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    time::{Instant, timeout_at},
};

use super::child::{Group, read_tail};
use crate::node::host::DrbdAnswer;

/// The most bytes that are read of an answer: DRBD writes about 2 KiB for each resource.
const ANSWER: u64 = 8 << 20;

/// Asks DRBD with these arguments. `None` where the program had to be killed at the deadline.
pub async fn drbdsetup(arguments: &[&str], deadline: Instant) -> io::Result<Option<DrbdAnswer>> {
    ask("drbdsetup", arguments, deadline).await
}

async fn ask(program: &str, arguments: &[&str], deadline: Instant) -> io::Result<Option<DrbdAnswer>> {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(DrbdAnswer::NoProgram)),
        spawned => spawned?,
    };
    let mut group = Group::of(&child);
    let missing = || io::Error::other("the program has no standard output");
    let (stdout, stderr) = (child.stdout.take().ok_or_else(missing)?, child.stderr.take().ok_or_else(missing)?);
    let ended = async { tokio::join!(child.wait(), read_all(stdout), read_tail(stderr)) };
    let Ok((status, stdout, stderr)) = timeout_at(deadline, ended).await else { return Ok(None) };
    group.has_ended();
    Ok(Some(DrbdAnswer::Ended { exit: status?.code(), stdout: stdout?, stderr: stderr? }))
}

async fn read_all(pipe: impl AsyncRead + Unpin) -> io::Result<String> {
    let mut bytes = Vec::new();
    pipe.take(ANSWER).read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn an_answer_a_missing_program_and_one_that_hangs_are_told_apart() {
        let later = Instant::now() + Duration::from_secs(60);
        let answer = ask("sh", &["-c", "echo answer; echo why >&2; exit 10"], later).await.unwrap();
        let (stdout, stderr) = ("answer\n".to_owned(), "why".to_owned());
        assert_eq!(answer, Some(DrbdAnswer::Ended { exit: Some(10), stdout, stderr }));
        assert_eq!(ask("drbdsetup.none", &[], later).await.unwrap(), Some(DrbdAnswer::NoProgram));
        let soon = Instant::now() + Duration::from_millis(100);
        assert_eq!(ask("sh", &["-c", "tail -f /dev/null"], soon).await.unwrap(), None);
    }
}
