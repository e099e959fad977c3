//! `linflow doctor`: checks a cluster before anyone blames it.
//!
//! ```text
//! gather   asks LINSTOR and Kubernetes  ┐
//! machine  looks at files               ┴─► facts ─► checks: pure functions, a file for each sort ─► report: text or JSON
//! ```
//!
//! What was seen and what it means are apart: each check is a function from [`facts::Facts`] to [`finding::Finding`]s.
//! Nothing is changed but one instance of the key-value store and one file below kubelet's directory, both for a moment,
//! and neither with `--read-only`. docs/doctor.md is the manual.

pub mod checks;
mod connection;
mod encryption;
pub mod facts;
pub mod finding;
mod gather;
mod kubernetes;
pub mod machine;
mod node;
mod pools;
mod progress;
mod quorum;
pub mod report;
#[cfg(test)]
#[path = "tests/samples.rs"]
mod samples;
mod satellites;
mod store;
mod volumes;
mod words;

use std::io::{self, IsTerminal};

use tokio_util::sync::CancellationToken;

use crate::config::DoctorConfig;
use crate::linstor::SettingsError;
use progress::Progress;
use report::Report;

/// The exit status where there is no report: 1 and 2 are its levels.
pub const EXIT_BROKEN_OFF: u8 = 3;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// LINSTOR can't be asked with these settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A signal came first.
    #[error("broken off by a signal; nothing was decided, so run it again")]
    Interrupted,
    /// Nobody takes the report.
    #[error("the report can't be written; give linflow doctor an output that is read to its end")]
    Print(#[from] io::Error),
}

/// Looks, judges and prints. The exit status follows from the worst finding.
///
/// # Errors
/// There is no report, or nobody takes it: [`EXIT_BROKEN_OFF`].
pub async fn run(config: &DoctorConfig, shutdown: CancellationToken) -> Result<u8, DoctorError> {
    let progress = Progress::start(io::stderr(), io::stderr().is_terminal() && !config.json);
    let seen = tokio::select! {
        // Boxed: it holds all questions at once.
        facts = Box::pin(gather::gather(config)) => facts.map_err(DoctorError::from),
        () = shutdown.cancelled() => Err(DoctorError::Interrupted),
    };
    progress.finish();
    let checked = checks::run(&seen?, config);
    let report = Report::new(config, &checked);
    report.write(&mut io::stdout().lock(), config.color.is_for_stdout())?;
    Ok(report.exit())
}
