//! The ids that name a workflow, parsed once and kept as the exact UTF-8 that Airflow has.

use std::fmt;

/// The longest id, in Unicode characters: Airflow's own limit for dag_id, task_id and run_id.
pub const MAX_CHARS: usize = 250;

/// A value that names no workflow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("{what} is empty")]
    Empty {
        /// Which id.
        what: &'static str,
    },
    /// A Jinja expression that nobody rendered.
    #[error(
        "{what} {value:?} is a Jinja template, and Jinja isn't rendered there: give the value itself, or set it in \
         a field that Airflow renders, such as the operator's `annotations`"
    )]
    Unrendered {
        /// Which id.
        what: &'static str,
        /// What was given.
        value: String,
    },
    /// More than [`MAX_CHARS`] characters.
    #[error("{what} has {chars} characters; Airflow allows {MAX_CHARS}")]
    TooLong {
        /// Which id.
        what: &'static str,
        /// How many characters were given.
        chars: usize,
    },
    /// A character that Airflow doesn't allow there.
    #[error("{what} {value:?} is not valid: {rule}")]
    Malformed {
        /// Which id.
        what: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        rule: &'static str,
    },
}

/// An id that can be read from text and written back unchanged.
pub trait Id: Sized + Clone + Eq + fmt::Display + AsRef<str> {
    /// Parses the exact text. Errors name the rule that it breaks.
    fn parse(text: &str) -> Result<Self, IdError>;
}

fn check(what: &'static str, text: &str, rule: &'static str, allowed: fn(char) -> bool) -> Result<String, IdError> {
    let chars = text.chars().count();
    match text {
        "" => Err(IdError::Empty { what }),
        _ if text.contains("{{") => Err(IdError::Unrendered { what, value: text.to_owned() }),
        _ if chars > MAX_CHARS => Err(IdError::TooLong { what, chars }),
        _ if text.chars().all(allowed) => Ok(text.to_owned()),
        _ => Err(IdError::Malformed { what, value: text.to_owned(), rule }),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $type:ident, $what:literal, $rule:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(String);

        impl $type {
            /// Parses the exact text. Errors name the rule that it breaks.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check($what, text, $rule, $allowed).map(Self)
            }

            /// The exact text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Id for $type {
            fn parse(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

/// Python's `\w` as Airflow's key pattern uses it; marks that only Rust calls alphabetic are let through too.
fn is_key_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-')
}

id!(
    /// An Airflow deployment, unique in the cluster: dag_id and run_id are unique only within one.
    Instance, "instance", "letters, digits, `.`, `_` and `-`, all ASCII",
    |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
);
id!(
    /// Airflow's dag_id: `^[\w.-]+$` with Unicode's `\w`, up to 250 characters.
    DagId, "dag_id", "letters, digits, `_`, `.` and `-`", is_key_char
);
id!(
    /// Airflow's task_id, dotted within a TaskGroup; the grammar of a dag_id.
    TaskId, "task_id", "letters, digits, `_`, `.` and `-`", is_key_char
);
id!(
    /// Airflow's run_id: any text without control characters, since `[scheduler] allowed_run_id_pattern` is the user's
    /// to set.
    RunId, "run_id", "any characters but control characters", |c| !c.is_control()
);

/// Which copy of a mapped task: 0 and up, or -1 for a task that isn't mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MapIndex(i32);

impl MapIndex {
    /// A task that isn't mapped, as Airflow counts it: -1.
    pub const UNMAPPED: Self = Self(-1);

    /// Parses the decimal text in its one canonical form.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        match text.parse::<i32>() {
            Ok(index) if index >= -1 && index.to_string() == text => Ok(Self(index)),
            _ if text.contains("{{") => Err(IdError::Unrendered { what: "map_index", value: text.to_owned() }),
            _ => Err(IdError::Malformed { what: "map_index", value: text.to_owned(), rule: "a whole number from -1" }),
        }
    }

    /// The number.
    pub fn get(self) -> i32 {
        self.0
    }
}

impl fmt::Display for MapIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dag_and_task_ids_take_unicode_words_dots_and_dashes() {
        for good in ["etl_daily", "-dag.with-edges-", "données_客户.v2", "группа.задача_", "..."] {
            assert_eq!(DagId::parse(good).map(|id| id.to_string()), Ok(good.to_owned()));
            assert!(TaskId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a/b", "a:b", "a\0b", "a\n", "emoji😀"] {
            assert!(DagId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn run_ids_take_what_an_operator_may_allow_but_no_control_characters() {
        for good in ["scheduled__2025-01-01T00:00:00+00:00", "A~b:c+d", "my run/1", "données 😀"] {
            assert!(RunId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a\nb", "a\0"] {
            assert!(RunId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn length_is_counted_in_characters_not_bytes() {
        assert!(DagId::parse(&"客".repeat(250)).is_ok());
        assert_eq!(DagId::parse(&"客".repeat(251)), Err(IdError::TooLong { what: "dag_id", chars: 251 }));
    }

    #[test]
    fn an_unrendered_template_says_that_jinja_is_not_rendered_there() {
        for error in [
            RunId::parse("{{ run_id }}").expect_err("a template"),
            DagId::parse("{{dag.dag_id}}").expect_err("a template"),
            MapIndex::parse("{{ ti.map_index }}").expect_err("a template"),
        ] {
            assert!(error.to_string().contains("Jinja isn't rendered there"), "{error}");
        }
    }

    #[test]
    fn a_map_index_is_a_canonical_number_from_minus_one() {
        assert_eq!(MapIndex::parse("-1"), Ok(MapIndex::UNMAPPED));
        assert_eq!(MapIndex::parse("1023").map(MapIndex::get), Ok(1023));
        for bad in ["", "-2", "+1", "01", "-0", "1.0", "2147483648", " 1"] {
            assert!(MapIndex::parse(bad).is_err(), "{bad:?}");
        }
    }
}
