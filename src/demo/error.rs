//! What can go wrong in the demo.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{csi::socket::SocketError, linstor, node::host::HostError};

/// Why the demo did not tell its story to the end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The embedded LINSTOR.
    #[error("the sandbox: {0}")]
    Sandbox(Box<dyn std::error::Error + Send + Sync>),
    /// A CSI service can't be served.
    #[error("a CSI socket")]
    Socket(#[from] SocketError),
    /// A CSI service can't be called.
    #[error("gRPC")]
    Transport(#[from] tonic::transport::Error),
    /// A CSI call was refused.
    #[error("{call} answered {:?}: {}", .status.code(), .status.message())]
    Call {
        /// The call.
        call: &'static str,
        /// Its answer.
        status: Box<tonic::Status>,
    },
    /// What must be refused was not.
    #[error("{0} was done, and had to be refused")]
    NotRefused(&'static str),
    /// LINSTOR, asked by the demo itself.
    #[error(transparent)]
    Linstor(#[from] linstor::Error),
    /// The settings of LINSTOR's client.
    #[error(transparent)]
    Settings(#[from] linstor::SettingsError),
    /// The machine.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A file.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A volume could not be let go.
    #[error("letting the volume go: {0}")]
    Lifetime(Box<dyn std::error::Error + Send + Sync>),
    /// The system's random numbers.
    #[error("no random numbers: {0}")]
    Random(getrandom::Error),
    /// Nobody reads what the demo prints.
    #[error("cannot print")]
    Print(#[source] io::Error),
    /// A recorded pod is not as the demo needs it.
    #[error("the recorded pod: {0}")]
    Pod(serde_norway::Error),
    /// What was read is not what was written.
    #[error("read {read}, but {written} was written")]
    Checksum {
        /// SHA-256 of what was written, hex.
        written: String,
        /// SHA-256 of what was read, hex.
        read: String,
    },
    /// The story can't go on from what was seen.
    #[error("expected {expected}, but saw {seen}")]
    Unexpected {
        /// What had to be there.
        expected: &'static str,
        /// What was.
        seen: String,
    },
    /// Something is left on the machine or in LINSTOR.
    #[error("left over: {}", .0.join(", "))]
    LeftOver(Vec<String>),
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
    /// A step panicked, which is a defect of the demo's.
    #[error("a step broke off")]
    Broken(#[from] tokio::task::JoinError),
}

impl Error {
    /// For `map_err` on what was done to a file.
    pub fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }

    /// The error and its causes in one line.
    pub fn chain(&self) -> String {
        let causes = std::iter::successors(Some(self as &dyn std::error::Error), |error| error.source());
        let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
        texts.dedup();
        texts.join(": ")
    }
}
