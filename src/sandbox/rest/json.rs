//! JSON as LINSTOR writes it, with empty fields left out, and reads it, with unknown fields refused.

use super::Roles;
use super::reply::unreadable;
use crate::sandbox::model::SharedCluster;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::{Map, Value};

/// Builds an object. LINSTOR leaves out nulls, empty texts, lists and maps.
#[derive(Debug, Default)]
pub struct Fields(Map<String, Value>);

impl Fields {
    /// An object without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field, unless it is empty.
    pub fn with(self, name: &str, value: impl Serialize) -> Self {
        let value = json(value);
        let empty = match &value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        };
        if empty { self } else { self.kept(name, value) }
    }

    /// Adds a field, even an empty one.
    pub fn kept(mut self, name: &str, value: impl Serialize) -> Self {
        self.0.insert(name.to_owned(), json(value));
        self
    }

    /// The object.
    pub fn done(self) -> Value {
        Value::Object(self.0)
    }
}

fn json(value: impl Serialize) -> Value {
    serde_json::to_value(value).expect("the sandbox renders maps with text keys alone, which JSON can hold")
}

/// How a body that is not JSON is answered: LINSTOR has 400 on creating a resource definition and 500 elsewhere.
pub const MALFORMED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

/// A body that can't be read.
#[derive(Debug)]
pub struct Unreadable {
    status: StatusCode,
    why: String,
}

impl Unreadable {
    /// The answer of calls that write an error report about it.
    pub async fn reported(self, cluster: &SharedCluster) -> Response {
        let (status, why) = (self.status, self.why.clone());
        let written = cluster.run(Roles::Aside, move |c| c.reports.write("Unable to parse input json.", &self.why));
        unreadable(status, &why, written.await.ok())
    }
}

impl IntoResponse for Unreadable {
    fn into_response(self) -> Response {
        unreadable(self.status, &self.why, None)
    }
}

/// Reads a body. An unknown field is a 400 everywhere; what else is wrong is answered with `malformed`.
pub fn read<T: DeserializeOwned>(body: &[u8], malformed: StatusCode) -> Result<T, Unreadable> {
    serde_json::from_slice(body).map_err(|error| {
        let why = error.to_string();
        let unknown = why.starts_with("unknown field");
        Unreadable { status: if unknown { StatusCode::BAD_REQUEST } else { malformed }, why }
    })
}

/// Reads a body that may be missing.
pub fn read_or_default<T: DeserializeOwned + Default>(body: &[u8], malformed: StatusCode) -> Result<T, Unreadable> {
    if body.is_empty() { Ok(T::default()) } else { read(body, malformed) }
}

/// A whole number, also where it is written with a fraction, which LINSTOR cuts off.
#[derive(Debug, Clone, Copy)]
pub struct Whole(pub i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        #[expect(clippy::cast_possible_truncation, reason = "LINSTOR cuts the fraction off too")]
        let cut = || number.as_f64().map(|n| n as i64);
        let out_of_range = || serde::de::Error::custom(format!("{number} is out of range"));
        number.as_i64().or_else(cut).map(Self).ok_or_else(out_of_range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_fields_are_left_out_unless_kept() {
        let object = Fields::new().with("a", "").with("b", Vec::<u8>::new()).with("c", None::<u8>).with("d", 0);
        assert_eq!(object.kept("state", Map::new()).done(), serde_json::json!({"d": 0, "state": {}}));
    }

    #[test]
    fn a_fraction_is_cut_off() {
        assert_eq!(serde_json::from_str::<Whole>("262144.5").unwrap().0, 262_144);
        assert!(serde_json::from_str::<Whole>("\"abc\"").is_err());
    }
}
