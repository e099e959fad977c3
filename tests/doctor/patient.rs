//! Calls the doctor, and reads what it says.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::support::World;

/// What the doctor said, and its exit status.
pub struct Said {
    pub stdout: String,
    pub stderr: String,
    pub exit: i32,
}

impl Said {
    /// The level, subject, words and remedy of each finding of a check.
    pub fn of(&self, check: &str) -> Vec<(String, String)> {
        let object: Value = serde_json::from_str(&self.stdout).unwrap();
        let findings = object["findings"].as_array().unwrap();
        let of_check = findings.iter().filter(|finding| finding["check"] == check);
        let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
        let line = |finding| {
            let (about, seen) = (text(finding, "about"), text(finding, "seen"));
            (text(finding, "level"), if about.is_empty() { seen } else { format!("{about}: {seen}") })
        };
        of_check.map(line).collect()
    }

    /// The levels alone.
    pub fn levels(&self, check: &str) -> Vec<String> {
        self.of(check).into_iter().map(|(level, _)| level).collect()
    }

    /// The text with what differs from run to run in other words.
    pub fn masked(&self, words: &[(&str, &str)]) -> String {
        words.iter().fold(self.stdout.clone(), |text, (found, mask)| text.replace(found, mask))
    }
}

/// Runs the doctor with nothing but `variables` in its environment.
pub async fn doctor_in(words: &[&str], variables: &[(&str, &str)]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_linflow"))
        .arg("doctor")
        .args(words)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    Said {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        exit: output.status.code().unwrap(),
    }
}

/// Runs the doctor on a LINSTOR, for its object.
pub async fn doctor(url: &str, words: &[&str]) -> Said {
    doctor_in(&[&["--linstor-url", url, "--json"], words].concat(), &[]).await
}

/// The same on that of a world.
pub async fn examine(world: &World, words: &[&str]) -> Said {
    doctor(&world.sandbox.url(), words).await
}
