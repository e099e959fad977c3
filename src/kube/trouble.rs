//! Why Kubernetes gave no answer, in words that say what to do.

use std::fmt;

use ::kube::core::Status;

use crate::workflow::{DirectoryError, Object};

/// What is said of an object that Kubernetes does not have.
const PLACE: &str = "to Kubernetes";
/// The most of a foreign answer that is repeated: a proxy's page would fill the log.
const SAID: usize = 300;

/// What must be granted to the service account (RBAC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// The verb, such as `get`.
    pub verb: &'static str,
    /// The resource with its group, such as `leases.coordination.k8s.io`.
    pub resource: &'static str,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)
    }
}

/// Why Kubernetes gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The file or the service account that says who we are can't be used.
    #[error("{0}")]
    Credentials(String),
    /// A name that no object of Kubernetes can have, so that nothing was asked.
    #[error("{0:?} is no name that an object of Kubernetes can have")]
    Name(String),
    /// Kubernetes knows us and says no (403).
    #[error(
        "Kubernetes refuses it ({said}); grant the right to {right} to linflow's service account, as its Helm chart does"
    )]
    Forbidden {
        /// What was needed.
        right: Right,
        /// What Kubernetes said.
        said: String,
    },
    /// Kubernetes does not know us (401).
    #[error(
        "Kubernetes does not accept our credentials ({0}); see that the service account's token is mounted and valid"
    )]
    Unauthorized(String),
    /// Kubernetes says itself that there is no object of that name (404).
    #[error("there is none of that name")]
    NotFound,
    /// Somebody else has changed or made the object first (409).
    #[error("somebody else has changed it first ({0})")]
    Conflict(String),
    /// Any other answer that is none.
    #[error("Kubernetes answers {code}: {said}")]
    Refused {
        /// The HTTP status.
        code: u16,
        /// What Kubernetes, or what stands before it, said.
        said: String,
    },
    /// No answer, or one that can't be read.
    #[error("Kubernetes' API server gives no answer ({0}); see that it runs and can be reached from here")]
    Silent(String),
}

impl Trouble {
    /// What a Status says about a question for `name`.
    pub(super) fn of_status(status: &Status, right: Right, name: Option<&str>) -> Self {
        let said = shortened(&status.message);
        match status.code {
            401 => Self::Unauthorized(said),
            403 => Self::Forbidden { right, said },
            404 if is_absence(status, name) => Self::NotFound,
            409 => Self::Conflict(said),
            code => Self::Refused { code, said },
        }
    }

    /// The same for who asked about an object.
    pub(super) fn about(self, object: Object) -> DirectoryError {
        match self {
            Self::NotFound => DirectoryError::NotFound { object, place: PLACE.to_owned() },
            trouble => DirectoryError::Unavailable { object, reason: trouble.to_string() },
        }
    }
}

/// Whether it is Kubernetes' own word about this very object. A proxy's 404, or that of a path which the server does not
/// serve, says nothing about the object.
fn is_absence(status: &Status, name: Option<&str>) -> bool {
    let named = status.details.as_ref().map(|details| details.name.as_str());
    status.reason == "NotFound" && name.is_some() && named == name
}

/// At most [`SAID`] characters of it, in one line.
pub(super) fn shortened(text: &str) -> String {
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(SAID) {
        words.truncate(end);
        words.push('…');
    }
    words
}
