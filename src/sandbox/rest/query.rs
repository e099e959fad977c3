//! Query parameters: repeated filters, `props=`, and paging.

use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::name::Key;
use crate::sandbox::model::props::{self, Props};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde_json::Value;
use std::convert::Infallible;

/// The parameters of a request, decoded, in their order.
#[derive(Debug, Clone)]
pub struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

impl Params {
    fn parse(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// Every value of a parameter.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    }

    /// The first value of a parameter.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Is a flag set?
    pub fn is_set(&self, name: &str) -> bool {
        self.first(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Does a name pass a filter by names? No filter lets all pass.
    pub fn lets(&self, parameter: &str, name: &str) -> bool {
        let wanted = self.all(parameter);
        wanted.is_empty() || wanted.iter().any(|value| Key::of(value) == Key::of(name))
    }

    /// Do properties pass the `props=` filters?
    pub fn lets_props(&self, props: &Props) -> bool {
        props::matches(props, &self.all("props"))
    }

    /// The page that was asked for, rendered: what is on no page costs nothing. `offset` counts only beside a `limit`.
    pub fn page<T>(&self, all: impl Iterator<Item = T>, render: impl Fn(T) -> Value) -> Result<Value, Fault> {
        let limit = self.number("limit")?;
        let offset = self.number("offset")?;
        if limit <= 0 {
            return Ok(all.map(render).collect());
        }
        let offset = usize::try_from(offset).map_err(|_| Fault::new(code::UNKNOWN, offset.to_string()).reported())?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(all.skip(offset).take(limit).map(render).collect())
    }

    /// A number, 0 where there is none.
    pub fn number(&self, name: &str) -> Result<i64, Fault> {
        let unreadable =
            |_| Fault::new(code::UNKNOWN, "An unknown error occurred.").detailed("HTTP 404 Not Found").reported();
        self.first(name).map_or(Ok(0), |value| value.parse().map_err(unreadable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn page(query: &str) -> Result<Value, Fault> {
        Params::parse(query).page([1, 2, 3].into_iter(), Value::from)
    }

    #[test]
    fn offset_counts_only_beside_a_limit() {
        assert_eq!(page("offset=1").unwrap(), json!([1, 2, 3]));
        assert_eq!(page("limit=1&offset=1").unwrap(), json!([2]));
        assert_eq!(page("limit=-3").unwrap(), json!([1, 2, 3]));
        assert_eq!(page("limit=5&offset=99").unwrap(), json!([]));
    }

    #[test]
    fn a_number_that_is_none_is_refused() {
        assert!(page("limit=x").is_err());
        assert!(page("limit=3&offset=-1").is_err());
    }

    #[test]
    fn filters_repeat_and_ignore_case() {
        let params = Params::parse("resources=a&resources=B%2Db");
        assert!(params.lets("resources", "b-b") && params.lets("resources", "A") && !params.lets("resources", "c"));
        assert!(params.lets("nodes", "anything"));
    }
}
