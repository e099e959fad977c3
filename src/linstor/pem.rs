//! Where certificates and keys come from.

use std::{fmt, io, path::PathBuf};

use secrecy::SecretString;

/// PEM text, given as a file or as itself: LINSTOR's users know both (`LS_USER_KEY_FILE`, `LS_USER_KEY`).
#[derive(Clone)]
pub enum Pem {
    /// A file with the text.
    File(PathBuf),
    /// The text. It may be a private key: `Debug` shows nothing of it.
    Text(SecretString),
}

impl Pem {
    /// The text. Errors: the file can't be read.
    pub fn read(&self) -> io::Result<SecretString> {
        match self {
            Self::File(path) => std::fs::read_to_string(path).map(SecretString::from),
            Self::Text(text) => Ok(text.clone()),
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "Pem({})", path.display()),
            Self::Text(_) => f.write_str("Pem(text)"),
        }
    }
}

impl From<PathBuf> for Pem {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}
