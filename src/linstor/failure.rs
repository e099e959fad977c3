//! Why one request got no good answer, and what that means for its caller.

use url::Url;

use super::controllers::Controller;
use super::error::{Error, Kind, Refusal};
use super::request::Request;
use super::version::ApiVersion;

/// Why a request got no good answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was never sent.
    NotSent(String),
    /// It was sent, or may have been, and no readable answer came.
    NoAnswer(String),
    /// LINSTOR answered: no.
    Refused(Box<Refusal>),
    /// The controller is too old, so it was not sent.
    TooOld { url: Url, found: ApiVersion },
}

impl Failure {
    /// The same failure of an earlier request, which kept this one from being sent.
    pub(super) fn of_an_earlier_request(self) -> Self {
        match self {
            Self::NoAnswer(reason) => Self::NotSent(reason),
            other => other,
        }
    }

    /// This failure, told with the controller that it happened at.
    pub(super) fn at(self, controller: &Controller) -> Self {
        match self {
            Self::NotSent(reason) => Self::NotSent(format!("{controller}: {reason}")),
            Self::NoAnswer(reason) => Self::NoAnswer(format!("{controller}: {reason}")),
            verdict => verdict,
        }
    }

    /// Whether the controller has answered for itself, so that no other one is asked.
    pub(super) fn is_verdict(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::TooOld { .. })
    }

    /// Whether the same question may get an answer in a moment. The controller's own faults pass: while a node dies, a
    /// view of its resources is answered with one (recordings, d07).
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.kind == Kind::ServerFault,
            failure => !failure.is_verdict(),
        }
    }

    /// Whether the request has changed nothing for sure, so that another controller may get it.
    pub(super) fn has_done_nothing(&self, request: &Request) -> bool {
        !matches!(self, Self::NoAnswer(_)) || !request.changes()
    }

    /// This failure, with the one of the controller asked before it: a request that was sent once counts as sent.
    pub(super) fn after(self, earlier: Option<Self>) -> Self {
        let (reason, sent) = match self {
            Self::NotSent(reason) => (reason, false),
            Self::NoAnswer(reason) => (reason, true),
            verdict => return verdict,
        };
        match earlier {
            Some(Self::NotSent(before)) if !sent => Self::NotSent(format!("{before}; {reason}")),
            Some(Self::NotSent(before) | Self::NoAnswer(before)) => Self::NoAnswer(format!("{before}; {reason}")),
            _ if sent => Self::NoAnswer(reason),
            _ => Self::NotSent(reason),
        }
    }

    /// The error for the caller.
    pub(super) fn into_error(self, request: &Request) -> Error {
        let name = request.to_string();
        match self {
            Self::NotSent(reason) => Error::Unreachable { request: name, reason },
            Self::NoAnswer(reason) if request.changes() => Error::Unknown { request: name, reason },
            Self::NoAnswer(reason) => Error::Unanswered { request: name, reason },
            Self::Refused(refusal) => Error::Refused(refusal),
            Self::TooOld { url, found } => Error::TooOld { url: url.to_string(), found, needed: ApiVersion::MINIMUM },
        }
    }
}
