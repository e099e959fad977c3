//! A mistake in the configuration, and the list of all of them.

use std::fmt;

/// One mistake: where, what was given, why it can't be, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The flag, or the environment variable where the value came from an `LS_…` one.
    pub flag: &'static str,
    /// What was given; `None` where nothing was, or where it may hold a secret.
    pub value: Option<String>,
    /// Why it can't be used.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.flag)?;
        if let Some(value) = &self.value {
            write!(f, " {value:?}")?;
        }
        write!(f, ": {}; {}", self.reason, self.remedy)
    }
}

impl std::error::Error for ConfigError {}

/// Why one value can't be used, before it is known which flag it stood at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) reason: String,
    pub(super) remedy: String,
}

impl Wrong {
    pub(super) fn new(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { reason: reason.into(), remedy: remedy.into() }
    }
}

/// Collects mistakes while the parsing goes on.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Vec<ConfigError>);

impl Mistakes {
    /// The parsed value, or `None` with the mistake noted beside the value that was given.
    pub(super) fn check<T>(&mut self, flag: &'static str, value: &str, parsed: Result<T, Wrong>) -> Option<T> {
        self.note(flag, Some(value.to_owned()), parsed)
    }

    /// As [`Mistakes::check`], for a value that is absent or must not be shown.
    pub(super) fn check_unshown<T>(&mut self, flag: &'static str, parsed: Result<T, Wrong>) -> Option<T> {
        self.note(flag, None, parsed)
    }

    /// The given text parsed, or `None` with "is missing" noted.
    pub(super) fn require<T>(
        &mut self,
        flag: &'static str,
        given: Option<&str>,
        remedy: &str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        match given {
            Some(text) => self.check(flag, text, parse(text)),
            None => self.check_unshown(flag, Err(Wrong::new("is missing", remedy))),
        }
    }

    /// Parsed where given: `Some(None)` where absent, `None` with the mistake noted where wrong.
    pub(super) fn optional<T>(
        &mut self,
        flag: &'static str,
        given: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<Option<T>> {
        match given {
            Some(text) => self.check(flag, text, parse(text)).map(Some),
            None => Some(None),
        }
    }

    /// The mistakes, in the order in which they were found.
    pub(super) fn into_errors(self) -> Vec<ConfigError> {
        self.0
    }

    fn note<T>(&mut self, flag: &'static str, value: Option<String>, parsed: Result<T, Wrong>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(Wrong { reason, remedy }) => {
                self.0.push(ConfigError { flag, value, reason, remedy });
                None
            }
        }
    }
}
