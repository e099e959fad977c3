//! The records by which a volume of a run comes to its end (docs/decisions.md, Letting go).

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::workflow::Incarnation;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Airflow's `success`.
    Success,
    /// Airflow's `failed`.
    Failed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "success",
            Self::Failed => "failed",
        })
    }
}

/// The proof that a run is over. Any new claim of the run voids it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    /// How it ended.
    pub state: Outcome,
    /// When it was said, in RFC 3339.
    pub time: String,
    /// Who said so.
    pub by: String,
}

/// A mark of a reaper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The reaper's own random id: it withdraws no mark but its own.
    pub by: String,
    /// When, in RFC 3339.
    pub time: String,
}

/// The key of [`RunEnd`].
pub const ENDED: &str = "ended";
/// The key of the time of the last release of a claim, in RFC 3339.
pub const RELEASED: &str = "released";
/// The key of the [`Mark`] that any claim revokes.
pub const CANDIDATE: &str = "reap-candidate";
/// The key of the [`Mark`] that a claim backs off from.
pub const FINAL: &str = "reap-final";

/// The key of a record that there is once.
pub fn single_key(incarnation: &Incarnation, key: &str) -> String {
    format!("{incarnation}/{key}")
}

/// A record that there is once: the key and value to write.
pub fn single_entry(incarnation: &Incarnation, key: &str, record: &impl Serialize) -> BTreeMap<String, String> {
    let value = serde_json::to_string(record).expect("a record holds only text");
    BTreeMap::from([(single_key(incarnation, key), value)])
}
