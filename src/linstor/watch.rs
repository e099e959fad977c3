//! What the client tells of its requests, to whoever wants to count and time them.

use std::{fmt, time::Duration};

use reqwest::Method;

/// A kind of request: few, whatever the number of volumes is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
}

impl Route {
    /// Questions on that path below `/v1/`.
    #[must_use]
    pub fn get(path: &'static str) -> Self {
        Self { method: Method::GET, path }
    }

    /// The HTTP method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// The path below `/v1/`, with `{…}` in the place of each name.
    #[must_use]
    pub fn path(&self) -> &'static str {
        self.path
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} /v1/{}", self.method, self.path)
    }
}

/// What came of one attempt to have a request answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// LINSTOR did it, or told what was asked.
    Ok,
    /// LINSTOR answered: no.
    Refused,
    /// It was sent, or may have been, and no readable answer came.
    Unanswered,
    /// It was never sent.
    Unsent,
}

/// Told of requests while they are made. It is called on their way, so it must be quick.
pub trait Watch: fmt::Debug + Send + Sync {
    /// A request has waited so long for its turn.
    fn waited(&self, took: Duration);

    /// One controller was asked, and that came of it after so long, the wait for the turn not counted.
    fn attempted(&self, route: &Route, outcome: Outcome, took: Duration);

    /// A request is sent once more.
    fn repeated(&self, route: &Route);
}

/// For clients that nobody watches.
#[derive(Debug)]
pub(super) struct Unwatched;

impl Watch for Unwatched {
    fn waited(&self, _: Duration) {}

    fn attempted(&self, _: &Route, _: Outcome, _: Duration) {}

    fn repeated(&self, _: &Route) {}
}
