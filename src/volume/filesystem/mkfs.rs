//! `fsOpts`: what a class may ask of mkfs.
//!
//! Allowed is what shapes the filesystem. Refused is what picks another device or an outside journal, skips zeroing
//! that a recycled device needs, or leaves the journal out, and everything that is not known here.

use std::{collections::BTreeMap, fmt};

use super::{
    FsType,
    allow::{Entry, OptionError, Value, subject, within_bounds, words},
};

/// Options of mkfs that were understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MkfsOptions {
    fs_type: FsType,
    /// What follows each flag, in parts: of `-E stride=16,nodiscard` there are two.
    settings: BTreeMap<char, Vec<String>>,
}

/// A flag with what may follow it.
struct Flag {
    letter: char,
    entries: &'static [Entry],
}

const fn entry(name: &'static str, value: Value) -> Entry {
    Entry { name, value }
}

const fn plain(name: &'static str) -> Entry {
    entry(name, Value::None)
}

const BLOCK_BYTES: Value = Value::Among(&["1024", "2048", "4096"]);
const SWITCH: Value = Value::Among(&["0", "1"]);
const ANY: Value = Value::Number(0, 999_999_999_999);

const EXT4: &[Flag] = &[
    Flag { letter: 'b', entries: &[entry("", BLOCK_BYTES)] },
    Flag { letter: 'i', entries: &[entry("", Value::Number(1024, 64 << 20))] },
    Flag { letter: 'I', entries: &[entry("", Value::Among(&["128", "256", "512", "1024"]))] },
    Flag { letter: 'N', entries: &[entry("", ANY)] },
    Flag { letter: 'G', entries: &[entry("", ANY)] },
    Flag { letter: 'm', entries: &[entry("", Value::Number(0, 50))] },
    Flag {
        letter: 'T',
        entries: &[entry("", Value::Among(&["default", "small", "big", "huge", "news", "largefile", "largefile4"]))],
    },
    Flag { letter: 'J', entries: &[entry("size", ANY), entry("fast_commit_size", ANY)] },
    Flag {
        letter: 'E',
        entries: &[
            entry("stride", ANY),
            entry("stripe_width", ANY),
            entry("stripe-width", ANY),
            entry("lazy_itable_init", SWITCH),
            // A journal that is not zeroed may be an old one that looks valid.
            entry("lazy_journal_init", Value::Among(&["0"])),
            entry("num_backup_sb", Value::Among(&["0", "1", "2"])),
            entry("packed_meta_blocks", SWITCH),
            entry("resize", Value::Size),
            plain("discard"),
            plain("nodiscard"),
        ],
    },
    Flag { letter: 'O', entries: EXT4_FEATURES },
];

const EXT4_FEATURES: &[Entry] = &[
    plain("64bit"),
    plain("casefold"),
    plain("^casefold"),
    plain("dir_index"),
    plain("ea_inode"),
    plain("encrypt"),
    plain("extra_isize"),
    plain("fast_commit"),
    plain("^fast_commit"),
    plain("flex_bg"),
    plain("huge_file"),
    plain("inline_data"),
    plain("^inline_data"),
    plain("large_dir"),
    plain("large_file"),
    plain("metadata_csum"),
    plain("metadata_csum_seed"),
    plain("^metadata_csum_seed"),
    plain("orphan_file"),
    plain("^orphan_file"),
    plain("project"),
    plain("quota"),
    plain("sparse_super"),
    plain("stable_inodes"),
    plain("verity"),
];

const XFS: &[Flag] = &[
    Flag { letter: 'b', entries: &[entry("size", BLOCK_BYTES)] },
    Flag {
        letter: 'd',
        entries: &[
            entry("agcount", Value::Number(1, 1_000_000)),
            entry("agsize", Value::Size),
            entry("su", Value::Size),
            entry("sw", Value::Number(0, 4096)),
            entry("sunit", ANY),
            entry("swidth", ANY),
            plain("noalign"),
            entry("extszinherit", ANY),
            entry("cowextsize", ANY),
        ],
    },
    Flag {
        letter: 'i',
        entries: &[
            entry("size", Value::Among(&["512", "1024", "2048"])),
            entry("maxpct", Value::Number(0, 100)),
            entry("align", SWITCH),
            entry("sparse", SWITCH),
            entry("nrext64", SWITCH),
        ],
    },
    Flag {
        letter: 'l',
        entries: &[
            entry("size", Value::Size),
            entry("su", Value::Size),
            entry("sunit", ANY),
            entry("internal", Value::Among(&["1"])),
            entry("lazy-count", Value::Among(&["1"])),
        ],
    },
    Flag {
        letter: 'm',
        entries: &[
            // Without checksums damage goes unseen, and kernels give that format up.
            entry("crc", Value::Among(&["1"])),
            entry("bigtime", SWITCH),
            entry("finobt", SWITCH),
            entry("inobtcount", SWITCH),
            entry("reflink", SWITCH),
            entry("rmapbt", SWITCH),
        ],
    },
    Flag { letter: 'n', entries: &[entry("size", Value::Size), entry("ftype", Value::Among(&["1"]))] },
    Flag { letter: 's', entries: &[entry("size", Value::Among(&["512", "4096"]))] },
];

/// Flags that linflow gives mkfs anyway; a class that has them too says nothing new.
fn is_given_anyway(fs_type: FsType, letter: char) -> bool {
    match fs_type {
        FsType::Ext4 => "qFj".contains(letter),
        FsType::Xfs => "qfK".contains(letter),
    }
}

fn flags(fs_type: FsType) -> &'static [Flag] {
    match fs_type {
        FsType::Ext4 => EXT4,
        FsType::Xfs => XFS,
    }
}

fn kind(fs_type: FsType) -> &'static str {
    match fs_type {
        FsType::Ext4 => "ext4 mkfs option",
        FsType::Xfs => "xfs mkfs option",
    }
}

impl MkfsOptions {
    /// No options.
    pub fn none(fs_type: FsType) -> Self {
        Self { fs_type, settings: BTreeMap::new() }
    }

    /// Parses `fsOpts` as a class writes it: mkfs's arguments, at most 512 bytes, quoted as for a shell where they hold
    /// blanks.
    pub fn parse(fs_type: FsType, text: &str) -> Result<Self, OptionError> {
        within_bounds(kind(fs_type), text)?;
        let mut options = Self::none(fs_type);
        let mut words = words(text)?.into_iter();
        while let Some(word) = words.next() {
            let refused = || not_allowed(fs_type, word.clone());
            let mut characters = word.strip_prefix('-').ok_or_else(refused)?.chars();
            let letter = characters.next().ok_or_else(refused)?;
            let attached = characters.as_str();
            if is_given_anyway(fs_type, letter) && attached.is_empty() {
                continue;
            }
            refuse_ours(fs_type, letter, &word)?;
            let flag = flags(fs_type).iter().find(|flag| flag.letter == letter).ok_or_else(refused)?;
            let value = if attached.is_empty() { words.next().ok_or_else(refused)? } else { attached.to_owned() };
            options.add(flag, &value)?;
        }
        Ok(options)
    }

    fn add(&mut self, flag: &Flag, value: &str) -> Result<(), OptionError> {
        for part in value.split(',') {
            let shown = || format!("-{} {part}", flag.letter);
            if part.starts_with("uuid=") {
                refuse_ours(self.fs_type, 'U', &shown())?;
            }
            if !flag.entries.iter().any(|entry| entry.takes(part)) {
                return Err(not_allowed(self.fs_type, shown()));
            }
            if self.sets(flag.letter, part) {
                return Err(OptionError::Twice { kind: kind(self.fs_type), option: shown() });
            }
            self.settings.entry(flag.letter).or_default().push(part.to_owned());
        }
        Ok(())
    }

    /// The filesystem that they are for.
    pub fn fs_type(&self) -> FsType {
        self.fs_type
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty()
    }

    fn sets(&self, flag: char, part: &str) -> bool {
        let is_bare = flags(self.fs_type)
            .iter()
            .any(|known| known.letter == flag && known.entries.iter().all(|entry| entry.name.is_empty()));
        let mut set = self.settings.get(&flag).into_iter().flatten();
        set.any(|set| is_bare || subject(set) == subject(part))
    }

    /// The arguments for mkfs, each flag once: these options, and those of `defaults` (a flag's letter and one part of
    /// what follows it) that they don't settle.
    pub fn arguments(&self, defaults: &[(char, &str)]) -> Vec<String> {
        let mut settings = self.settings.clone();
        for (flag, part) in defaults.iter().filter(|(flag, part)| !self.sets(*flag, part)) {
            settings.entry(*flag).or_default().push((*part).to_owned());
        }
        settings.into_iter().flat_map(|(flag, parts)| [format!("-{flag}"), parts.join(",")]).collect()
    }
}

fn refuse_ours(fs_type: FsType, letter: char, option: &str) -> Result<(), OptionError> {
    let reason = match (fs_type, letter) {
        (_, 'L') => "the label is the mark of a finished filesystem",
        (_, 'U') => "the UUID tells the volume's filesystem from another's",
        _ => return Ok(()),
    };
    Err(OptionError::Ours { kind: kind(fs_type), option: option.to_owned(), reason })
}

fn not_allowed(fs_type: FsType, option: String) -> OptionError {
    let shown = |flag: &Flag| {
        let entries: Vec<String> = flag.entries.iter().map(Entry::shown).collect();
        format!("-{} {}", flag.letter, entries.join(","))
    };
    let allowed = flags(fs_type).iter().map(shown).collect::<Vec<_>>().join("; ");
    OptionError::NotAllowed { kind: kind(fs_type), option, allowed }
}

impl fmt::Display for MkfsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arguments(&[]).join(" "))
    }
}

#[cfg(test)]
#[path = "mkfs/tests.rs"]
mod tests;
