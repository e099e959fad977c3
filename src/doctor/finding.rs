//! What a check found: one line of the report.

use serde::Serialize;

/// How a finding is meant. The greater, the worse; a skipped check says nothing about the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Not looked at; the finding says why.
    Skipped,
    /// It works, and something should be done.
    Warn,
    /// Something does not work, or data may be lost.
    Fail,
}

impl Level {
    /// All of them, the best first.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Skipped, Self::Warn, Self::Fail];

    /// Its word in the report.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it is meant.
    pub level: Level,
    /// The node, pool, URL or path that it is about; none: the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What was seen; of a skipped check why nothing was.
    pub seen: String,
    /// What to do; there is something exactly where a finding is `Warn` or `Fail`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub todo: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(seen: impl Into<String>) -> Self {
        Self { level: Level::Ok, about: None, seen: seen.into(), todo: None }
    }

    /// Not looked at.
    pub fn skipped(reason: impl Into<String>) -> Self {
        Self { level: Level::Skipped, about: None, seen: reason.into(), todo: None }
    }

    /// It works, and something should be done.
    pub fn warn(seen: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { level: Level::Warn, about: None, seen: seen.into(), todo: Some(todo.into()) }
    }

    /// It does not work.
    pub fn fail(seen: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { level: Level::Fail, about: None, seen: seen.into(), todo: Some(todo.into()) }
    }

    /// Says what it is about.
    pub fn about(self, what: impl Into<String>) -> Self {
        Self { about: Some(what.into()), ..self }
    }
}

/// What a check found, or the one finding that says why it could not look.
pub type Found = Result<Vec<Finding>, Finding>;
