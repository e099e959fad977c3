//! How wide a volume's owner is.

use std::{fmt, str::FromStr};

/// How wide a volume's owner is: who, besides the pod that first had it, may have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One task instance without its try_number, so that a retry finds its data.
    Task,
    /// Every task of one DAG run.
    Run,
    /// Every run of one DAG.
    Dag,
    /// Nobody's by workflow; goes with its claim, which a pod owns.
    Pod,
    /// Nobody's by workflow; goes with its claim.
    None,
}

impl Scope {
    /// The word in tags and parameters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Run => "run",
            Self::Dag => "dag",
            Self::Pod => "pod",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no [`Scope`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("scope {0:?} is not known; use task, run, dag, pod or none")]
pub struct UnknownScope(String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(word: &str) -> Result<Self, UnknownScope> {
        let all = [Self::Task, Self::Run, Self::Dag, Self::Pod, Self::None];
        all.into_iter().find(|scope| scope.as_str() == word).ok_or_else(|| UnknownScope(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_five_words() {
        for word in ["task", "run", "dag", "pod", "none"] {
            assert_eq!(word.parse::<Scope>().map(Scope::as_str), Ok(word));
        }
        assert!("Task".parse::<Scope>().is_err());
    }
}
