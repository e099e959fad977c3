//! How to reach LINSTOR.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::pem::Pem;

/// How to reach LINSTOR. Users know most of it under the names that other LINSTOR clients read from the environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The controllers, `http://` or `https://`, of which one is active (`LS_CONTROLLERS`).
    pub urls: Vec<Url>,
    /// The authorities that sign the controllers' certificates; none: the system's (`LS_ROOT_CA`).
    pub root_ca: Option<Pem>,
    /// Our certificate, and those that signed it (`LS_USER_CERTIFICATE`).
    pub user_certificate: Option<Pem>,
    /// Our certificate's key (`LS_USER_KEY`).
    pub user_key: Option<Pem>,
    /// File with a bearer token, read at each request, so that it can be renewed (`LS_BEARER_TOKEN_FILE`).
    pub bearer_token_file: Option<PathBuf>,
    /// Requests under way at once, at least 1; the others wait in order.
    pub max_in_flight: usize,
    /// The time for a controller to accept a connection, and again to tell its version, after which the next is tried.
    pub connect_timeout: Duration,
    /// The time for a question, from the call to the answer, waiting and retries included.
    pub read_timeout: Duration,
    /// The time for a change, likewise. LINSTOR itself waits up to 15 s for each new DRBD resource.
    pub write_timeout: Duration,
    /// The `User-Agent` header, which appears in LINSTOR's access log.
    pub user_agent: String,
}

impl Settings {
    /// The defaults for these controllers: no TLS files, no token, 16 requests at once, 15 s to ask, 90 s to change.
    pub fn new(urls: Vec<Url>) -> Self {
        Self {
            urls,
            root_ca: None,
            user_certificate: None,
            user_key: None,
            bearer_token_file: None,
            max_in_flight: 16,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(90),
            user_agent: concat!("linflow/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// What is wrong with the settings themselves, without a look at any file.
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        if self.urls.is_empty() {
            mistakes.push(Mistake::new("urls", "no controller is named; give at least one URL"));
        }
        for url in &self.urls {
            if !url.username().is_empty() || url.password().is_some() {
                mistakes.push(Mistake::new("urls", "a URL holds credentials, which would be logged; use a token file"));
            } else if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
                mistakes.push(Mistake::new("urls", format!("{url} is not an http:// or https:// URL")));
            }
        }
        if self.user_certificate.is_some() != self.user_key.is_some() {
            mistakes.push(Mistake::new("user_certificate", "a certificate and its key are given both or not at all"));
        }
        if self.max_in_flight == 0 {
            mistakes.push(Mistake::new("max_in_flight", "it must be at least 1"));
        }
        mistakes
    }
}

/// Settings that no client can be made from: every mistake that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    /// The mistakes, at least one.
    pub mistakes: Vec<Mistake>,
}

impl std::error::Error for SettingsError {}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("linstor can't be reached with these settings")?;
        let mut separator = ": ";
        for mistake in &self.mistakes {
            write!(f, "{separator}{mistake}")?;
            separator = "; ";
        }
        Ok(())
    }
}

/// One mistake in the [`Settings`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The field of [`Settings`].
    pub setting: &'static str,
    /// The file that it names, where the mistake is in there.
    pub file: Option<PathBuf>,
    /// What is wrong.
    pub reason: String,
}

impl Mistake {
    /// A mistake in the setting itself.
    pub(super) fn new(setting: &'static str, reason: impl Into<String>) -> Self {
        Self { setting, file: None, reason: reason.into() }
    }

    /// A mistake in the file that the setting names.
    pub(super) fn in_file(setting: &'static str, file: &Path, reason: impl fmt::Display) -> Self {
        Self { setting, file: Some(file.to_owned()), reason: reason.to_string() }
    }

    /// A mistake in what the setting holds as text or names as a file.
    pub(super) fn in_pem(setting: &'static str, pem: &Pem, reason: impl fmt::Display) -> Self {
        match pem {
            Pem::File(file) => Self::in_file(setting, file, reason),
            Pem::Text(_) => Self::new(setting, reason.to_string()),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{} {}: {}", self.setting, file.display(), self.reason),
            None => write!(f, "{}: {}", self.setting, self.reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_told_at_once() {
        let mut settings = Settings::new(vec!["ftp://a".parse().unwrap(), "http://ok".parse().unwrap()]);
        settings.user_key = Some(PathBuf::from("key.pem").into());
        settings.max_in_flight = 0;
        let found: Vec<_> = settings.mistakes().into_iter().map(|mistake| mistake.setting).collect();
        assert_eq!(found, ["urls", "user_certificate", "max_in_flight"]);
        assert_eq!(Settings::new(Vec::new()).mistakes().len(), 1);
    }

    #[test]
    fn a_password_in_a_url_is_refused_without_being_told() {
        let error = SettingsError { mistakes: Settings::new(vec!["http://u:pw1@h".parse().unwrap()]).mistakes() };
        assert!(error.to_string().contains("credentials") && !error.to_string().contains("pw1"), "{error}");
    }
}
