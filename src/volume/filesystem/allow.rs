//! Allow-lists of options, and the error of what is not on them.

use super::FsType;

/// The most bytes that a class may spend on one kind of options: the volume_context has room for 4 KiB in all.
pub(super) const MAX_BYTES: usize = 512;

/// Options that linflow does not pass on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// One that is not on the list.
    #[error("{kind} {option:?} is not allowed; allowed are {allowed}")]
    NotAllowed {
        /// What kind of option, such as "ext4 mkfs option".
        kind: &'static str,
        /// The option as it was given.
        option: String,
        /// The list, for people.
        allowed: String,
    },
    /// One that linflow sets itself.
    #[error("{kind} {option:?} is linflow's own to set: {reason}; leave it out")]
    Ours {
        /// What kind of option.
        kind: &'static str,
        /// The option as it was given.
        option: String,
        /// What linflow does with it.
        reason: &'static str,
    },
    /// One that another filesystem has.
    #[error("{option:?} is nothing for {fs_type}; leave it out or ask for the other filesystem")]
    OtherFilesystem {
        /// The option.
        option: String,
        /// The filesystem that the volume has.
        fs_type: FsType,
    },
    /// Two that contradict each other, or the same twice.
    #[error("{kind} {option:?} sets what another one sets as well; keep one of them")]
    Twice {
        /// What kind of option.
        kind: &'static str,
        /// The second of them.
        option: String,
    },
    /// A quote without its partner.
    #[error("{0:?} has a quote that is not closed")]
    OpenQuote(String),
    /// More text than a volume_context has room for.
    #[error("{kind}s have {bytes} bytes in all; at most {MAX_BYTES} are kept with a volume")]
    TooLong {
        /// What kind of option.
        kind: &'static str,
        /// Their length.
        bytes: usize,
    },
}

/// What may be given with an option.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    /// Nothing.
    None,
    /// A whole number within these bounds.
    Number(u64, u64),
    /// A whole number of at most twelve digits, with a unit where one is given.
    Size,
    /// One of these words.
    Among(&'static [&'static str]),
}

impl Value {
    pub fn takes(self, value: &str) -> bool {
        match self {
            Self::None => false,
            Self::Number(least, most) => {
                is_number(value) && value.parse().is_ok_and(|number| (least..=most).contains(&number))
            }
            Self::Size => is_number(value.strip_suffix(|unit: char| "bskmgtKMGT".contains(unit)).unwrap_or(value)),
            Self::Among(words) => words.contains(&value),
        }
    }

    fn shown(self) -> String {
        match self {
            Self::None => String::new(),
            Self::Number(least, most) => format!("{least}..{most}"),
            Self::Size => "SIZE".to_owned(),
            Self::Among(words) => words.join("|"),
        }
    }
}

fn is_number(text: &str) -> bool {
    (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `name`, `name=value`, or a bare value where the name is empty.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub name: &'static str,
    pub value: Value,
}

impl Entry {
    pub fn takes(&self, option: &str) -> bool {
        match self.value {
            Value::None => option == self.name,
            value if self.name.is_empty() => value.takes(option),
            value => option.split_once('=').is_some_and(|(name, given)| name == self.name && value.takes(given)),
        }
    }

    pub fn shown(&self) -> String {
        match self.value {
            Value::None => self.name.to_owned(),
            value if self.name.is_empty() => value.shown(),
            value => format!("{}={}", self.name, value.shown()),
        }
    }
}

/// What an option sets, whichever way: `nodiscard` and `discard` are one, so are `^quota` and `quota`.
pub(super) fn subject(option: &str) -> &str {
    let name = option.split_once('=').map_or(option, |(name, _)| name);
    let positive = name.strip_prefix('^').unwrap_or(name);
    positive.strip_prefix("no").unwrap_or(positive)
}

/// Splits at blanks, but not within single or double quotes, which are taken away. Nothing else is special: no shell
/// ever sees the words.
pub(super) fn words(text: &str) -> Result<Vec<String>, OptionError> {
    let (mut words, mut word, mut quote) = (Vec::new(), None, None);
    for character in text.chars() {
        match quote {
            Some(open) if open == character => quote = None,
            None if matches!(character, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_with(String::new);
            }
            None if character.is_ascii_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_with(String::new).push(character),
        }
    }
    words.extend(word);
    if quote.is_some() { Err(OptionError::OpenQuote(text.to_owned())) } else { Ok(words) }
}

pub(super) fn within_bounds(kind: &'static str, text: &str) -> Result<(), OptionError> {
    if text.len() > MAX_BYTES { Err(OptionError::TooLong { kind, bytes: text.len() }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_at_blanks_outside_of_quotes() {
        assert_eq!(words(" -E  'stride=16, x' \"\" a'b 'c").unwrap(), ["-E", "stride=16, x", "", "ab c"]);
        assert_eq!(words("$(reboot) ; `x` \\").unwrap(), ["$(reboot)", ";", "`x`", "\\"]);
        assert_eq!(words("-E 'x"), Err(OptionError::OpenQuote("-E 'x".into())));
    }

    #[test]
    fn values_are_taken_within_their_bounds_only() {
        assert!(Value::Number(1, 300).takes("300") && !Value::Number(1, 300).takes("301"));
        assert!(!Value::Number(0, 9).takes("+1") && !Value::Number(0, 9).takes(""));
        for (size, is_fine) in [("4096", true), ("64k", true), ("k", false), ("1kk", false), ("-1", false)] {
            assert_eq!(Value::Size.takes(size), is_fine, "{size}");
        }
    }
}
