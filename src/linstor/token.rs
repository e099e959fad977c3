//! The bearer token for LINSTOR's token authentication (REST API 1.28, `Authorization: Bearer`).

use std::path::PathBuf;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

/// A file that holds a token. It is read at each request: a few microseconds, and a renewed token counts at once.
#[derive(Debug)]
pub(super) struct TokenFile {
    path: PathBuf,
}

/// A token that can't be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    /// The file can't be read.
    #[error("the bearer token file {} can't be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds no text that fits a header.
    #[error("the bearer token file {} holds no token: one line of visible ASCII is expected", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

impl TokenFile {
    /// The token in this file.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Reads the token as a header value that no log shows.
    pub(super) async fn header(&self) -> Result<HeaderValue, TokenError> {
        let text = tokio::fs::read_to_string(&self.path).await.map(SecretString::from);
        self.render(text)
    }

    /// The same for a caller outside the runtime, at start-up.
    pub(super) fn check(&self) -> Result<(), TokenError> {
        self.render(std::fs::read_to_string(&self.path).map(SecretString::from)).map(drop)
    }

    fn render(&self, text: std::io::Result<SecretString>) -> Result<HeaderValue, TokenError> {
        let text = text.map_err(|source| TokenError::Unreadable { path: self.path.clone(), source })?;
        let token = text.expose_secret().trim();
        let malformed = || TokenError::Malformed { path: self.path.clone() };
        if token.is_empty() {
            return Err(malformed());
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| malformed())?;
        value.set_sensitive(true);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_does_not_show_in_debug_output() {
        let file = TokenFile::new("token".into());
        let header = file.render(Ok(SecretString::from("  hidden\n"))).unwrap();
        assert_eq!(header.to_str().unwrap(), "Bearer hidden");
        assert!(!format!("{header:?}").contains("hidden"));
    }

    #[test]
    fn text_that_fits_no_header_is_not_told() {
        let file = TokenFile::new("token".into());
        let error = file.render(Ok(SecretString::from("hid\nden"))).unwrap_err().to_string();
        assert!(error.contains("token") && !error.contains("hid\n"), "{error}");
    }
}
