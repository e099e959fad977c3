//! Error reports: what LINSTOR writes down when it refuses something.

use super::identity;
use serde::{Deserialize, Serialize};

/// One report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ErrorReport {
    /// Its id, as answers name it.
    pub id: String,
    /// When, milliseconds since 1970.
    pub time_ms: u64,
    /// What was refused.
    pub message: String,
    /// Why.
    pub cause: String,
}

/// All reports since the start, oldest first.
#[derive(Debug, Clone)]
pub struct ErrorReports {
    /// Tells this start of the controller from others; the first part of every id.
    instance: String,
    reports: Vec<ErrorReport>,
}

impl Default for ErrorReports {
    fn default() -> Self {
        Self { instance: identity::generation()[..8].to_owned(), reports: Vec::new() }
    }
}

impl ErrorReports {
    /// Writes a report and says its id.
    pub fn write(&mut self, message: &str, cause: &str) -> String {
        let id = format!("{}-00000-{:06}", self.instance, self.reports.len());
        self.reports.push(ErrorReport {
            id: id.clone(),
            time_ms: identity::now_ms(),
            message: message.to_owned(),
            cause: cause.to_owned(),
        });
        id
    }

    /// Takes a report of an earlier start up again.
    pub fn add(&mut self, report: ErrorReport) {
        self.reports.push(report);
    }

    /// Every report, oldest first.
    pub fn all(&self) -> &[ErrorReport] {
        &self.reports
    }
}
