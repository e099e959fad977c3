//! The records by which a volume of a workflow comes to its end (docs/decisions.md, Letting go).
//!
//! Keys that several may write at once, marks and claims, have a random part of their own: LINSTOR can't compare and
//! swap, so a removal that arrives late must not hit what somebody else has written since.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Error, moment::Moment};
use crate::linstor::model::Props;
use crate::workflow::Incarnation;

/// A word that says what somebody is about to do, and is older, is that of a process that ended: no command lives so long.
pub const ABANDONED: Duration = Duration::from_secs(3600);

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
    /// When it did, or was said to.
    pub time: Moment,
    /// Who said so.
    pub by: String,
}

/// A person's word that a volume is not needed any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetGo {
    /// When it was said.
    pub time: Moment,
    /// Is it not to be kept for a while either?
    pub now: bool,
}

/// A mark of a reaper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The reaper, for people.
    pub by: String,
    /// When.
    pub time: Moment,
}

/// The random part of a key: who wrote the key knows it, and nobody else removes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(String);

impl Token {
    /// A new one. Errors: the operating system gives no random bytes.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
        Ok(Self::of(bytes))
    }

    /// One that stands in a key.
    pub(super) fn read(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// That of these bytes.
    pub fn of(bytes: [u8; 16]) -> Self {
        Self(Incarnation::from_random(bytes).to_string())
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A change of an instance's keys: all of it happens, or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Change {
    /// What is set.
    pub set: Props,
    /// The keys that go.
    pub remove: Vec<String>,
}

/// The key of [`RunEnd`].
pub const ENDED: &str = "ended";
/// The key of the time of the last release of a claim.
pub const RELEASED: &str = "released";
/// The key of the time of the last claim, which outlives it.
pub const CLAIMED: &str = "claimed";
/// The key of the time at which somebody first had the volume: where it stands, the volume was made whole, and these
/// records are not what is left of one that is gone.
pub const MADE: &str = "made";
/// The key of [`LetGo`].
pub const LET_GO: &str = "let-go";
/// The key of the time until which a person wants the volume held.
pub const HOLD: &str = "hold";
/// The key of the [`Mark`] that any claim revokes.
pub const CANDIDATE: &str = "reap-candidate";
/// Begins the keys of the [`Mark`]s that a claim backs off from; the mark's [`Token`] follows.
pub const FINAL: &str = "reap-final";

/// All of these records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ending {
    /// When somebody first had it.
    pub made: Option<Moment>,
    /// When a claim was last made.
    pub claimed: Option<Moment>,
    /// When a claim was last released.
    pub released: Option<Moment>,
    /// The proof that its run is over.
    pub ended: Option<RunEnd>,
    /// A person needs it no more.
    pub let_go: Option<LetGo>,
    /// A person wants it held until then.
    pub hold: Option<Moment>,
    /// A reaper has its eye on it.
    pub candidate: Option<Mark>,
    /// Reapers that are about to remove it. Only the one that wrote a mark knows whether it still may.
    pub finals: BTreeMap<Token, Mark>,
}

impl Ending {
    /// Takes a record; false where the key is another's.
    pub(super) fn take(&mut self, key: &str, value: &str) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
        fn json<T: DeserializeOwned>(value: &str) -> Result<Option<T>, serde_json::Error> {
            serde_json::from_str(value).map(Some)
        }
        match key {
            MADE => self.made = Some(value.parse()?),
            CLAIMED => self.claimed = Some(value.parse()?),
            RELEASED => self.released = Some(value.parse()?),
            HOLD => self.hold = Some(value.parse()?),
            ENDED => self.ended = json(value)?,
            LET_GO => self.let_go = json(value)?,
            CANDIDATE => self.candidate = json(value)?,
            _ => match key.strip_prefix(FINAL).and_then(|rest| rest.strip_prefix('/')) {
                Some(token) => {
                    self.finals.insert(Token::read(token), serde_json::from_str(value)?);
                }
                None => return Ok(false),
            },
        }
        Ok(true)
    }
}

/// The key of a record that there is once.
pub fn single_key(incarnation: &Incarnation, key: &str) -> String {
    format!("{incarnation}/{key}")
}

/// A record that there is once: the key and value to write.
pub fn single_entry(incarnation: &Incarnation, key: &str, record: &impl Serialize) -> BTreeMap<String, String> {
    BTreeMap::from([(single_key(incarnation, key), to_json(record))])
}

/// A moment that there is once: the key and value to write.
pub fn moment_entry(incarnation: &Incarnation, key: &str, moment: Moment) -> BTreeMap<String, String> {
    BTreeMap::from([(single_key(incarnation, key), moment.to_string())])
}

/// The key of a final mark.
pub fn final_key(incarnation: &Incarnation, token: &Token) -> String {
    format!("{incarnation}/{FINAL}/{token}")
}

/// A final mark: the key and value to write.
pub fn final_entry(incarnation: &Incarnation, token: &Token, mark: &Mark) -> BTreeMap<String, String> {
    BTreeMap::from([(final_key(incarnation, token), to_json(mark))])
}

/// The keys that a new claim removes: it revokes the candidate's mark, voids the proof and overrules the person who let
/// go. What a person holds stays held.
pub fn voided_by_a_claim(incarnation: &Incarnation) -> Vec<String> {
    [CANDIDATE, ENDED, LET_GO].map(|key| single_key(incarnation, key)).into()
}

fn to_json(record: &impl Serialize) -> String {
    serde_json::to_string(record).expect("a record holds only text and truth values")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_comes_back_and_one_that_cannot_be_read_is_an_error() {
        let (now, token) = (Incarnation::from_random([1; 16]), Token::of([2; 16]));
        let time: Moment = "2026-01-01T00:00:00Z".parse().unwrap();
        let (end, mark) =
            (RunEnd { state: Outcome::Failed, time, by: "cli".to_owned() }, Mark { by: "reaper".to_owned(), time });
        let mut written = single_entry(&now, ENDED, &end);
        written.extend(single_entry(&now, LET_GO, &LetGo { time, now: true }));
        written.extend(single_entry(&now, CANDIDATE, &mark));
        written.extend(final_entry(&now, &token, &mark));
        written.extend([MADE, CLAIMED, RELEASED, HOLD].into_iter().flat_map(|key| moment_entry(&now, key, time)));
        let mut ending = Ending::default();
        for (key, value) in &written {
            let key = key.split_once('/').unwrap().1;
            assert!(ending.take(key, value).unwrap(), "{key}");
            assert!(Ending::default().take(key, "{").is_err(), "{key}");
        }
        let expected = Ending {
            made: Some(time),
            claimed: Some(time),
            released: Some(time),
            ended: Some(end),
            let_go: Some(LetGo { time, now: true }),
            hold: Some(time),
            candidate: Some(mark.clone()),
            finals: BTreeMap::from([(token, mark)]),
        };
        assert_eq!(ending, expected);
        assert!(!ending.take("formatted", "").unwrap());
    }
}
