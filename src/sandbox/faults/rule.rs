//! What a fault rule says: which requests, and what happens to them. The JSON of the admin endpoint is these types.

use std::time::Duration;

use axum::http::{Method, Uri};
use serde::{Deserialize, Serialize};

/// One fault: requests that match `when` get `then`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which requests.
    #[serde(default)]
    pub when: Matcher,
    /// What happens to them.
    pub then: Action,
}

/// Selects requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Matcher {
    /// The HTTP method, in capitals; none means any.
    pub method: Option<String>,
    /// Which paths.
    pub path: PathMatch,
    /// How many matching requests pass untouched first.
    pub skip: u64,
    /// How many matching requests after those are hit; none means all.
    pub times: Option<u64>,
}

/// Selects by path and query as sent, for example `/v1/view/resources?resources=pvc-1`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathMatch {
    /// Every path.
    #[default]
    Any,
    /// Paths that begin so.
    Prefix(String),
    /// Paths that have this in them.
    Contains(String),
}

impl Matcher {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests whose path begins with `path`.
    pub fn prefix(path: &str) -> Self {
        Self { path: PathMatch::Prefix(path.to_owned()), ..Self::default() }
    }

    /// Requests whose path or query has `text` in it.
    pub fn contains(text: &str) -> Self {
        Self { path: PathMatch::Contains(text.to_owned()), ..Self::default() }
    }

    /// Only those with this method.
    pub fn method(self, method: &Method) -> Self {
        Self { method: Some(method.as_str().to_owned()), ..self }
    }

    /// Lets the first `count` pass untouched.
    pub fn skip(self, count: u64) -> Self {
        Self { skip: count, ..self }
    }

    /// Hits no more than `count`.
    pub fn times(self, count: u64) -> Self {
        Self { times: Some(count), ..self }
    }

    /// Does a request match, by its method and path alone?
    pub(super) fn selects(&self, method: &Method, uri: &Uri) -> bool {
        let path = uri.path_and_query().map_or(uri.path(), |path| path.as_str());
        let is_path = match &self.path {
            PathMatch::Any => true,
            PathMatch::Prefix(prefix) => path.starts_with(prefix.as_str()),
            PathMatch::Contains(text) => path.contains(text.as_str()),
        };
        is_path && self.method.as_deref().is_none_or(|wanted| wanted == method.as_str())
    }
}

/// On which side of the act a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// The request arrived and nothing was done yet.
    Before,
    /// It was done and nobody was told yet.
    After,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// LINSTOR's way of saying no: nothing is done.
    Refuse {
        /// The HTTP status, 100 to 999; LINSTOR uses 500 for most refusals.
        status: u16,
        /// The `ret_code` of the answer's only entry.
        ret_code: i64,
        /// Its message.
        message: String,
    },
    /// Waits, then acts and answers.
    Delay(#[serde(with = "milliseconds")] Duration),
    /// The connection is closed without an answer.
    Drop(Moment),
    /// A proxy's HTML page in place of the answer.
    ServerError {
        /// The HTTP status, 100 to 999; 502 is a proxy's for "no answer from behind", 504 for "none in time".
        status: u16,
        /// Was the request done behind the proxy?
        at: Moment,
    },
    /// Acts, and answers 200 with JSON that is cut off.
    Malformed,
    /// No answer, ever: the connection stays open until the rule is removed or the server stops.
    Hang(Moment),
    /// Holds the request until it is released (then it goes on) or severed (then its connection is closed).
    Gate(Moment),
}

/// A duration as a whole number of milliseconds.
mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matcher_looks_at_method_path_and_query() {
        let uri: Uri = "/v1/view/resources?resources=pvc-1".parse().unwrap();
        assert!(Matcher::any().selects(&Method::GET, &uri));
        assert!(Matcher::prefix("/v1/view/").method(&Method::GET).selects(&Method::GET, &uri));
        assert!(Matcher::contains("resources=pvc-1").selects(&Method::GET, &uri));
        assert!(!Matcher::any().method(&Method::PUT).selects(&Method::GET, &uri));
        assert!(!Matcher::prefix("/view/").selects(&Method::GET, &uri));
        assert!(!Matcher::contains("pvc-2").selects(&Method::GET, &uri));
    }

    #[test]
    fn every_action_has_the_json_that_the_manual_shows() {
        let manual = include_str!("../../../docs/faults.md");
        let shown = [
            Action::Refuse { status: 500, ret_code: -4611686018427386924, message: "Not enough free space".to_owned() },
            Action::Delay(Duration::from_millis(250)),
            Action::Drop(Moment::Before),
            Action::Drop(Moment::After),
            Action::ServerError { status: 504, at: Moment::After },
            Action::Malformed,
            Action::Hang(Moment::After),
            Action::Gate(Moment::Before),
        ];
        for action in shown {
            let json = serde_json::to_string(&action).unwrap();
            assert!(manual.contains(&json), "docs/faults.md lacks {json}");
            assert_eq!(serde_json::from_str::<Action>(&json).unwrap(), action);
        }
    }

    #[test]
    fn a_misspelt_rule_is_refused() {
        for json in [r#"{"then":"nothing"}"#, r#"{"when":{"pth":"any"},"then":"malformed"}"#, r#"{"when":{}}"#] {
            assert!(serde_json::from_str::<Rule>(json).is_err(), "{json}");
        }
    }
}
