//! The `linflow` binary: configuration, logging, the runtime, signals. What each role does is in the library.

use linflow::config::{
    Args, Command, Config, ConfigError, DoctorConfig, EXIT_USAGE, LogConfig, LogFormat, ManageConfig,
};
use linflow::{demo, doctor, run};
use std::{error::Error, io::IsTerminal, process::ExitCode, time::Duration};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// Two threads keep up with gRPC and a few dozen LINSTOR requests; more would cost idle memory.
const WORKER_THREADS: usize = 2;

fn main() -> ExitCode {
    let args = match Args::from_words(std::env::args_os()) {
        Ok(args) => args,
        Err(message) => return say(&message),
    };
    match args.validate(&|name| std::env::var(name).ok()) {
        Ok(config) => serve(config),
        Err(mistakes) => list(&mistakes),
    }
}

/// Prints clap's message: help and version go to stdout and are no failure.
fn say(message: &clap::Error) -> ExitCode {
    match message.print() {
        Ok(()) if !message.use_stderr() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::from(EXIT_USAGE),
        // Nobody reads us (a closed pipe): there is nobody left to tell.
        Err(_) => ExitCode::FAILURE,
    }
}

fn list(mistakes: &[ConfigError]) -> ExitCode {
    let noun = if mistakes.len() == 1 { "mistake" } else { "mistakes" };
    eprintln!("linflow: {} {noun} in the configuration:", mistakes.len());
    for mistake in mistakes {
        eprintln!("  {mistake}");
    }
    eprintln!("See linflow --help.");
    ExitCode::from(EXIT_USAGE)
}

fn serve(config: Config) -> ExitCode {
    start_log(&config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKER_THREADS).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(until_stopped(config.command));
            // A thread that hangs in statfs on a suspended device must not keep the process.
            runtime.shutdown_timeout(Duration::from_secs(1));
            outcome
        }
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(exit) => exit,
        Err(error) => {
            error!(error = chain(error.as_ref()), "linflow stopped");
            ExitCode::FAILURE
        }
    }
}

fn start_log(log: &LogConfig) {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match log.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(log.filter.clone())).init();
}

/// Runs the role until it ends by itself, or until a signal and the end of the calls then running.
async fn until_stopped(command: Command) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (shutdown, drain) = (CancellationToken::new(), command.drain_timeout());
    let role = play(command, shutdown.clone());
    tokio::pin!(role);
    tokio::select! {
        outcome = &mut role => return outcome,
        _ = terminate.recv() => info!("SIGTERM: finishing the calls that run"),
        _ = interrupt.recv() => info!("SIGINT: finishing the calls that run"),
    }
    shutdown.cancel();
    tokio::select! {
        outcome = tokio::time::timeout(drain, role) => outcome.unwrap_or_else(|_| Err(cut(drain).into())),
        _ = terminate.recv() => Err("stopped by a second SIGTERM".into()),
        _ = interrupt.recv() => Err("stopped by a second SIGINT".into()),
    }
}

fn cut(drain: Duration) -> String {
    let drain = humantime::format_duration(drain);
    format!("calls were still running {drain} after the signal; who repeats them completes them (--drain-timeout)")
}

/// Plays the role; it ends soon after `shutdown` is cancelled.
async fn play(command: Command, shutdown: CancellationToken) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    match command {
        Command::Controller(driver) => run::controller(driver, shutdown).await?,
        Command::Node(driver, node) => run::node(driver, node, shutdown).await?,
        Command::All(driver, node) => run::all(driver, node, shutdown).await?,
        Command::Sandbox(sandbox) => run::sandbox(sandbox, shutdown).await?,
        Command::Demo(demo) => demo::run(demo, shutdown).await?,
        Command::Doctor(config) => return Ok(diagnose(&config, shutdown).await),
        Command::Manage(config) => return manage(&config, shutdown).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// A person who breaks it off is not kept waiting: what is begun is safe at every step.
async fn manage(config: &ManageConfig, shutdown: CancellationToken) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    match shutdown.run_until_cancelled(Box::pin(run::manage(config))).await {
        Some(exit) => Ok(ExitCode::from(exit?)),
        None => Err("broken off by a signal; look with linflow volumes list".into()),
    }
}

/// The doctor's exit status tells its worst finding, so that a failure of its own has another one than those of roles.
async fn diagnose(config: &DoctorConfig, shutdown: CancellationToken) -> ExitCode {
    match doctor::run(config, shutdown).await {
        Ok(exit) => ExitCode::from(exit),
        Err(error) => {
            error!(error = chain(&error), "linflow doctor has no report");
            ExitCode::from(doctor::EXIT_BROKEN_OFF)
        }
    }
}

/// The error and its causes in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
