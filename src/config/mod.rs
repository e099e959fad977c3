//! The command line and the environment, turned into a [`Config`] once, at start.
//!
//! clap only splits words here: every value arrives as text and [`Args::validate`] parses all of them, so that a person
//! who made three mistakes hears of three mistakes. A flag wins over its `LINFLOW_…` variable, and that over the `LS_…`
//! names that users of LINSTOR know. A variable that is set but empty counts as absent, as Kubernetes manifests often
//! have them.

mod args;
mod directory;
mod doctor;
mod driver;
mod error;
mod lifetime;
mod linstor;
mod log;
mod manage;
mod manage_args;
mod sandbox;
mod text;

pub use args::Args;
pub use directory::DirectoryConfig;
pub use doctor::{DoctorConfig, DoctorRole};
pub use driver::{DriverConfig, DriverName, KubeletConfig, NodeConfig};
pub use error::ConfigError;
pub use lifetime::{LifetimeConfig, RunsConfig};
pub use log::{LogConfig, LogFormat};
pub use manage::{Action, Deletion, ManageConfig, Naming, RunSelection, Selection, Until};
pub use sandbox::{Color, DemoConfig, SandboxConfig};

use std::time::Duration;

use args::CommandArgs;
use error::Mistakes;

/// The exit status for a bad command line: EX_USAGE of sysexits.h.
pub const EXIT_USAGE: u8 = 64;

/// Looks up an environment variable by name; a test passes a map.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What the process was asked to do, all of it valid.
#[derive(Debug)]
pub struct Config {
    /// How to log.
    pub log: LogConfig,
    /// Which role to play.
    pub command: Command,
}

/// The role to play.
#[derive(Debug)]
pub enum Command {
    /// The CSI Identity and Controller services.
    Controller(DriverConfig),
    /// The CSI Identity and Node services, on the named node.
    Node(DriverConfig, NodeConfig),
    /// All CSI services on one socket, on the named node.
    All(DriverConfig, NodeConfig),
    /// The embedded LINSTOR.
    Sandbox(SandboxConfig),
    /// The whole story in one command.
    Demo(DemoConfig),
    /// The check of a cluster.
    Doctor(DoctorConfig),
    /// A person's word about volumes or runs.
    Manage(ManageConfig),
}

impl Command {
    /// How long what runs may take to end after a signal.
    #[must_use]
    pub fn drain_timeout(&self) -> Duration {
        match self {
            Self::Controller(driver) | Self::Node(driver, _) | Self::All(driver, _) => driver.drain_timeout,
            Self::Sandbox(_) | Self::Demo(_) | Self::Doctor(_) | Self::Manage(_) => Duration::from_secs(25),
        }
    }
}

impl Args {
    /// Parses every value. Errors: all mistakes, in the order of the flags, each with what to do.
    pub fn validate(&self, environment: Environment<'_>) -> Result<Config, Vec<ConfigError>> {
        let mut mistakes = Mistakes::default();
        // These say themselves what there is to say.
        let is_quiet = matches!(
            self.command,
            CommandArgs::Demo(_) | CommandArgs::Doctor(_) | CommandArgs::Volumes(_) | CommandArgs::Runs(_)
        );
        let default = if is_quiet { "error" } else { "info" };
        let log = log::validate(&self.log, default, &mut mistakes);
        let command = match &self.command {
            CommandArgs::Controller(args) => {
                driver::controller(args, environment, &mut mistakes).map(Command::Controller)
            }
            CommandArgs::Node(args) => {
                driver::with_node(args, environment, &mut mistakes).map(|(driver, node)| Command::Node(driver, node))
            }
            CommandArgs::All(args) => {
                driver::with_node(args, environment, &mut mistakes).map(|(driver, node)| Command::All(driver, node))
            }
            CommandArgs::Sandbox(args) => sandbox::sandbox(args, &mut mistakes).map(Command::Sandbox),
            CommandArgs::Demo(args) => sandbox::demo(args, &mut mistakes).map(Command::Demo),
            CommandArgs::Doctor(args) => doctor::doctor(args, environment, &mut mistakes).map(Command::Doctor),
            CommandArgs::Volumes(args) => manage::volumes(args, environment, &mut mistakes).map(Command::Manage),
            CommandArgs::Runs(args) => manage::runs(args, environment, &mut mistakes).map(Command::Manage),
        };
        // Both values may be there beside a mistake: a certificate without its key is two valid settings.
        match (log, command, mistakes.into_errors()) {
            (Some(log), Some(command), errors) if errors.is_empty() => Ok(Config { log, command }),
            (_, _, errors) => Err(errors),
        }
    }
}

#[cfg(test)]
mod tests;
