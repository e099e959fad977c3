//! Reading an answer. LINSTOR's status says little (every business error but "not found" is a 500), so the body
//! decides.

use serde::de::DeserializeOwned;

use super::error::{Kind, Refusal};
use super::failure::Failure;
use super::model::CloneStarted;
use super::rc::Replies;
use super::request::Request;

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// The `Location` header of a redirect.
    pub(super) location: Option<String>,
    /// The body.
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The answer's content, or the refusal that it is. What can be neither is no answer: nobody knows what it means.
    pub(super) fn decode<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Failure> {
        if (200..300).contains(&self.status) {
            return serde_json::from_slice(&self.body).map_err(|error| {
                Failure::NoAnswer(format!("HTTP {} with a body that can't be understood: {error}", self.status))
            });
        }
        if let Some(refusal) = self.refusal(request) {
            return Err(Failure::Refused(Box::new(refusal)));
        }
        match self.status {
            401 | 403 => Err(Failure::Refused(Box::new(self.foreign_refusal(request, Kind::AccessDenied)))),
            300..=499 if request.changes() => {
                Err(Failure::Refused(Box::new(self.foreign_refusal(request, Kind::Other(0)))))
            }
            // For a question this is one more controller that is not the active one.
            status => Err(Failure::NoAnswer(format!("HTTP {status}, {}", self.foreign_message()))),
        }
    }

    /// LINSTOR's own refusal: the first error of its list, which a clone's answer has within a frame.
    fn refusal(&self, request: &Request) -> Option<Refusal> {
        let bare = serde_json::from_slice(&self.body).ok();
        let framed = || serde_json::from_slice(&self.body).ok().map(|started: CloneStarted| started.messages);
        let replies: Replies = bare.or_else(framed)?;
        let error = replies.error()?.clone();
        Some(Refusal::new(request.to_string(), self.status, error))
    }

    /// A refusal by something before LINSTOR. It says nothing about LINSTOR's objects: its 404 is no "not found".
    fn foreign_refusal(&self, request: &Request, kind: Kind) -> Refusal {
        Refusal {
            request: request.to_string(),
            status: self.status,
            kind,
            code: 0,
            message: self.foreign_message(),
            cause: String::new(),
            details: String::new(),
            correction: "check that --linstor-url names LINSTOR's controller".to_owned(),
            report_ids: Vec::new(),
        }
    }

    fn foreign_message(&self) -> String {
        match &self.location {
            Some(location) => format!("redirected to {location}"),
            None => format!("an answer that is not from LINSTOR: {}", self.excerpt()),
        }
    }

    /// The beginning of a body that is not LINSTOR's.
    fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(120).collect();
        if line.is_empty() { "an empty body".to_owned() } else { format!("{line:?}") }
    }
}
