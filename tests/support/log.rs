//! What linflow logs. tracing remembers, for all threads, who listens to a line, and tests beside that log without
//! listening would make it forget: a test binary that listens does nothing else.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use tracing::{Level, subscriber::DefaultGuard};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt};

/// What is logged by this thread.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Listens until the guard is dropped.
    pub fn catch() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(move || writer.clone());
        let subscriber = lines.finish().with(Targets::new().with_target("linflow", Level::INFO));
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// What was logged so far, a line each.
    pub fn lines(&self) -> Vec<String> {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(line)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
