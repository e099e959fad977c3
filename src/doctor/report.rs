//! The report: lines for people, or one JSON object for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::checks::{Checked, Group};
use super::finding::{Finding, Level};
use crate::config::{DoctorConfig, DoctorRole};

/// The version of the JSON object: raised where a field goes or changes its meaning, never for a new field, check or
/// text.
pub const SCHEMA: u32 = 1;

const BOLD: &str = "1";

/// Everything that was found.
#[derive(Debug)]
pub struct Report<'a> {
    config: &'a DoctorConfig,
    checked: &'a [Checked],
}

impl<'a> Report<'a> {
    /// The report of these checks.
    pub fn new(config: &'a DoctorConfig, checked: &'a [Checked]) -> Self {
        Self { config, checked }
    }

    /// The worst level of all findings.
    pub fn worst(&self) -> Level {
        // That a check was skipped says nothing about the cluster.
        match self.findings().map(|finding| finding.level).max() {
            None | Some(Level::Ok | Level::Skipped) => Level::Ok,
            Some(worst) => worst,
        }
    }

    /// 0 where nothing is wrong, 1 for warnings, 2 for failures.
    pub fn exit(&self) -> u8 {
        match self.worst() {
            Level::Ok | Level::Skipped => 0,
            Level::Warn => 1,
            Level::Fail => 2,
        }
    }

    fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.checked.iter().flat_map(|checked| &checked.findings)
    }

    fn count(&self, level: Level) -> usize {
        self.findings().filter(|finding| finding.level == level).count()
    }

    /// Writes the report as it was asked for.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write, in_color: bool) -> io::Result<()> {
        if self.config.json {
            serde_json::to_writer_pretty(&mut *out, &self.object())?;
            writeln!(out)?;
        } else {
            self.write_text(out, in_color)?;
        }
        out.flush()
    }

    fn write_text(&self, out: &mut impl Write, in_color: bool) -> io::Result<()> {
        let paint = |style: &str, text: &str| {
            if in_color { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
        };
        for group in Group::ALL {
            let mut checks = self.checked.iter().filter(|checked| checked.group == group).peekable();
            if checks.peek().is_some() {
                writeln!(out, "{}", paint(BOLD, group.heading()))?;
            }
            for checked in checks {
                for finding in &checked.findings {
                    let level = paint(style(finding.level), &format!("{:<7}", finding.level.word()));
                    let about = finding.about.as_ref().map_or(String::new(), |about| format!("{about}: "));
                    writeln!(out, "  {level} {:<17}  {about}{}", checked.check, finding.seen)?;
                    if let Some(todo) = &finding.todo {
                        writeln!(out, "{:29}{} {todo}", "", paint(BOLD, "to do:"))?;
                    }
                }
            }
        }
        let counts: Vec<String> =
            Level::ALL.iter().map(|level| format!("{} {}", self.count(*level), level.word())).collect();
        writeln!(out, "{}: {}", paint(style(self.worst()), self.worst().word()), counts.join(", "))
    }

    fn object(&self) -> Object<'_> {
        Object {
            schema: SCHEMA,
            linflow: env!("CARGO_PKG_VERSION"),
            role: self.config.role,
            node: self.config.node.as_ref().map(|node| node.as_str()),
            worst: self.worst(),
            counts: Counts {
                ok: self.count(Level::Ok),
                skipped: self.count(Level::Skipped),
                warn: self.count(Level::Warn),
                fail: self.count(Level::Fail),
            },
            findings: self
                .checked
                .iter()
                .flat_map(|checked| {
                    checked.findings.iter().map(|finding| Entry { check: checked.check, group: checked.group, finding })
                })
                .collect(),
        }
    }
}

/// SGR parameters.
fn style(level: Level) -> &'static str {
    match level {
        Level::Ok => "32",
        Level::Skipped => "2",
        Level::Warn => "33",
        Level::Fail => "31",
    }
}

#[derive(Serialize)]
struct Object<'a> {
    schema: u32,
    linflow: &'static str,
    role: DoctorRole,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
    worst: Level,
    counts: Counts,
    findings: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Counts {
    ok: usize,
    skipped: usize,
    warn: usize,
    fail: usize,
}

#[derive(Serialize)]
struct Entry<'a> {
    check: &'static str,
    group: Group,
    #[serde(flatten)]
    finding: &'a Finding,
}

#[cfg(test)]
mod tests;
