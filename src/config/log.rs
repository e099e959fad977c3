//! How and what to log.

use super::{
    args::LogArgs,
    error::{Mistakes, Wrong},
    text,
};
use tracing_subscriber::filter::Targets;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people; in colour where stderr is a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

/// How and what to log.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// How lines look.
    pub format: LogFormat,
    /// What passes, by module.
    pub filter: Targets,
}

/// Parses both settings, noting each mistake. `default`: what to log where nothing is said.
pub(super) fn validate(args: &LogArgs, default: &str, mistakes: &mut Mistakes) -> Option<LogConfig> {
    let format = mistakes.check("--log-format", &args.log_format, format(&args.log_format));
    let log = text::given(&args.log).unwrap_or(default);
    let filter = mistakes.check("--log", log, filter(log));
    Some(LogConfig { format: format?, filter: filter? })
}

fn format(text: &str) -> Result<LogFormat, Wrong> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(Wrong::new("is not a log format", "choose text or json")),
    }
}

fn filter(text: &str) -> Result<Targets, Wrong> {
    text.parse::<Targets>().map_err(|error| {
        Wrong::new(error.to_string(), "give a level or module=level pairs, such as info,linflow=debug")
    })
}
