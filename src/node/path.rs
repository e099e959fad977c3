//! Paths that the container orchestrator gives us.

use std::{
    fmt,
    path::{Component, Path, PathBuf},
};

/// A staging, target or volume path as CSI gives it: absolute, below the root, without `..` and NUL, at most 4095
/// bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AbsolutePath(PathBuf);

/// A path that linflow does not act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path {path:?} {reason}; give an absolute path without \"..\" and NUL")]
pub struct InvalidPath {
    /// The path that was given.
    pub path: String,
    /// The rule that it breaks.
    pub reason: &'static str,
}

/// Linux's PATH_MAX, without the terminating NUL.
const MAX_BYTES: usize = 4095;

impl AbsolutePath {
    /// Parses the path; `.` components and trailing slashes are dropped.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        let invalid = |reason| Err(InvalidPath { path: text.to_owned(), reason });
        let path = Path::new(text);
        if text.contains('\0') {
            return invalid("contains NUL");
        }
        if text.len() > MAX_BYTES {
            return invalid("is longer than 4095 bytes");
        }
        if !path.is_absolute() {
            return invalid("is not absolute");
        }
        if path.components().any(|component| component == Component::ParentDir) {
            return invalid("contains \"..\"");
        }
        if path.file_name().is_none() {
            return invalid("is the root directory");
        }
        Ok(Self(path.components().collect()))
    }

    /// The path.
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for AbsolutePath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for AbsolutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_path_below_the_root_is_kept_without_dots_and_slashes() {
        let path = AbsolutePath::parse("/var/lib//kubelet/./pods/").unwrap();
        assert_eq!(path.to_string(), "/var/lib/kubelet/pods");
    }

    #[test]
    fn a_path_that_could_lead_elsewhere_is_refused() {
        for bad in ["", "a", "./a", "/", "//", "/a/../b", "/..", "/a\0b", &format!("/{}", "a".repeat(4095))] {
            assert!(AbsolutePath::parse(bad).is_err(), "{bad:?}");
        }
    }
}
