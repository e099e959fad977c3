//! How to reach LINSTOR: the flags, and the `LS_…` variables that its users know.

use super::{
    Environment,
    args::LinstorArgs,
    error::{Mistakes, Wrong},
    text,
};
use crate::linstor::{Pem, Settings};
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use url::Url;

/// PEM text itself, or the path of a file with it.
fn parse_pem(text: &str) -> Result<Pem, Wrong> {
    if text.contains(PEM_START) { Ok(Pem::Text(SecretString::from(text))) } else { parse_pem_file(text) }
}

fn parse_pem_file(path: &str) -> Result<Pem, Wrong> {
    let remedy = "name a readable PEM file, or give the PEM text itself";
    match std::fs::read_to_string(path) {
        Ok(content) if content.contains(PEM_START) => Ok(Pem::File(PathBuf::from(path))),
        Ok(_) => Err(Wrong::new("is a file without a PEM block", remedy)),
        Err(error) => Err(Wrong::new(format!("can't be read ({error})"), remedy)),
    }
}

const PEM_START: &str = "-----BEGIN ";

/// One PEM setting: its flag, and LINSTOR's two variables for it.
struct PemSource {
    flag: &'static str,
    variable: &'static str,
    file_variable: &'static str,
}

const ROOT_CA: PemSource = PemSource { flag: "--root-ca", variable: "LS_ROOT_CA", file_variable: "LS_ROOT_CA_FILE" };
const USER_CERTIFICATE: PemSource = PemSource {
    flag: "--user-certificate",
    variable: "LS_USER_CERTIFICATE",
    file_variable: "LS_USER_CERTIFICATE_FILE",
};
const USER_KEY: PemSource =
    PemSource { flag: "--user-key", variable: "LS_USER_KEY", file_variable: "LS_USER_KEY_FILE" };

impl PemSource {
    /// `Some(None)` where absent. What was given is never shown: a key pasted in place of a path would be.
    fn find(
        &self,
        given: &Option<String>,
        environment: Environment<'_>,
        mistakes: &mut Mistakes,
    ) -> Option<Option<Pem>> {
        let variable = |name| environment(name).filter(|text| !text.is_empty());
        let (name, parsed) = if let Some(text) = text::given(given) {
            (self.flag, parse_pem(text))
        } else if let Some(text) = variable(self.variable) {
            (self.variable, parse_pem(&text))
        } else if let Some(path) = variable(self.file_variable) {
            (self.file_variable, parse_pem_file(&path))
        } else {
            return Some(None);
        };
        mistakes.check_unshown(name, parsed).map(Some)
    }
}

/// Parses the settings, noting each mistake.
pub(super) fn validate(args: &LinstorArgs, environment: Environment<'_>, mistakes: &mut Mistakes) -> Option<Settings> {
    let root_ca = ROOT_CA.find(&args.root_ca, environment, mistakes);
    let user_certificate = USER_CERTIFICATE.find(&args.user_certificate, environment, mistakes);
    let user_key = USER_KEY.find(&args.user_key, environment, mistakes);
    check_pair(&user_certificate, &user_key, mistakes);
    // Given but wrong counts as given: a bare host must not fall back to clear text in the next message.
    let has_tls = [&root_ca, &user_certificate, &user_key].iter().any(|pem| !matches!(pem, Some(None)));
    let urls = urls(&args.linstor_url, has_tls, environment, mistakes);
    let bearer_token_file = token_file(&args.bearer_token_file, environment, mistakes);
    let in_flight = &args.linstor_in_flight;
    let max_in_flight = mistakes.check("--linstor-in-flight", in_flight, text::number(in_flight, 1..=256));
    let (read, write) = (&args.linstor_read_timeout, &args.linstor_write_timeout);
    let read_timeout = mistakes.check("--linstor-read-timeout", read, text::timeout(read));
    let write_timeout = mistakes.check("--linstor-write-timeout", write, text::timeout(write));
    Some(Settings {
        root_ca: root_ca?,
        user_certificate: user_certificate?,
        user_key: user_key?,
        bearer_token_file: bearer_token_file?,
        max_in_flight: max_in_flight? as usize,
        read_timeout: read_timeout?,
        write_timeout: write_timeout?,
        ..Settings::new(urls?)
    })
}

/// A client certificate proves nothing without its key, and a key is of no use alone.
fn check_pair(certificate: &Option<Option<Pem>>, key: &Option<Option<Pem>>, mistakes: &mut Mistakes) {
    let missing = match (certificate, key) {
        (Some(Some(_)), Some(None)) => "--user-key",
        (Some(None), Some(Some(_))) => "--user-certificate",
        _ => return,
    };
    let wrong = Wrong::new("is missing", "give the client certificate and its key together");
    mistakes.check_unshown::<()>(missing, Err(wrong));
}

fn urls(given: &[String], has_tls: bool, environment: Environment<'_>, mistakes: &mut Mistakes) -> Option<Vec<Url>> {
    let known = environment("LS_CONTROLLERS").filter(|text| !text.is_empty());
    let (flag, texts) = match (given.iter().any(|text| !text.is_empty()), &known) {
        (false, Some(known)) => ("LS_CONTROLLERS", known.split(',').map(str::to_owned).collect()),
        _ => ("--linstor-url", given.to_vec()),
    };
    if texts.iter().all(String::is_empty) {
        let remedy = "say where LINSTOR is, such as --linstor-url http://127.0.0.1:3370";
        return mistakes.check_unshown(flag, Err(Wrong::new("is missing", remedy)));
    }
    let parsed: Vec<Option<Url>> =
        texts.iter().map(|text| mistakes.check(flag, &redacted(text), controller_url(text.trim(), has_tls))).collect();
    parsed.into_iter().collect()
}

/// A controller's URL. A bare host means `http` on port 3370, or `https` on 3371 where TLS is set up.
fn controller_url(text: &str, has_tls: bool) -> Result<Url, Wrong> {
    let remedy = "write it as http://HOST:3370 or https://HOST:3371";
    let (scheme, rest) = text.split_once("://").unwrap_or((if has_tls { "https" } else { "http" }, text));
    let (scheme, port) = match scheme {
        "http" | "linstor" => ("http", 3370),
        "https" | "linstor+ssl" => ("https", 3371),
        _ => return Err(Wrong::new("is neither http, https, linstor nor linstor+ssl", remedy)),
    };
    let host = rest.strip_suffix('/').unwrap_or(rest);
    if host.contains('@') {
        let remedy = "put a token in a file and name it with --bearer-token-file";
        return Err(Wrong::new("holds a user name or password", remedy));
    }
    if host.contains(['/', '?', '#']) {
        return Err(Wrong::new("has a path", remedy));
    }
    let has_port = host.rsplit(']').next().is_some_and(|after| after.contains(':'));
    let full = if has_port { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") };
    Url::parse(&full).map_err(|error| Wrong::new(format!("is not a URL ({error})"), remedy))
}

/// The text without what stands before an `@`.
fn redacted(text: &str) -> String {
    let Some((secret, host)) = text.rsplit_once('@') else { return text.to_owned() };
    let scheme = secret.split_once("://").map_or("", |(scheme, _)| scheme);
    format!("{scheme}{}***@{host}", if scheme.is_empty() { "" } else { "://" })
}

fn token_file(
    given: &Option<String>,
    environment: Environment<'_>,
    mistakes: &mut Mistakes,
) -> Option<Option<PathBuf>> {
    let known = environment("LS_BEARER_TOKEN_FILE");
    let (flag, path) = match (text::given(given), text::given(&known)) {
        (Some(path), _) => ("--bearer-token-file", path),
        (None, Some(path)) => ("LS_BEARER_TOKEN_FILE", path),
        (None, None) => return Some(None),
    };
    mistakes.check(flag, path, readable_token(Path::new(path))).map(Some)
}

pub(super) fn readable_token(path: &Path) -> Result<PathBuf, Wrong> {
    let remedy = "name a readable file that holds the token";
    match std::fs::read_to_string(path) {
        Ok(token) if token.trim().is_empty() => Err(Wrong::new("is an empty file", remedy)),
        Ok(_) => Ok(path.to_owned()),
        Err(error) => Err(Wrong::new(format!("can't be read ({error})"), remedy)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_host_gets_linstors_port_for_its_scheme() {
        for (text, has_tls, url) in [
            ("linstor", false, "http://linstor:3370/"),
            ("linstor", true, "https://linstor:3371/"),
            ("10.0.0.1:4000", false, "http://10.0.0.1:4000/"),
            ("[::1]", false, "http://[::1]:3370/"),
            ("linstor://a", true, "http://a:3370/"),
            ("linstor+ssl://a", false, "https://a:3371/"),
            ("https://a.example/", false, "https://a.example:3371/"),
            // A port that is written stands, the scheme's own one included.
            ("http://a:80", false, "http://a/"),
        ] {
            assert_eq!(controller_url(text, has_tls).map(String::from), Ok(url.to_owned()), "{text}");
        }
        for bad in ["", "ftp://a", "http://", "a/v1", "a?b", "http://a:99999", "u:p@a"] {
            assert!(controller_url(bad, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        assert_eq!(redacted("http://user:p@ss@host:3370"), "http://***@host:3370");
        assert_eq!(redacted("user:pass@host"), "***@host");
        assert_eq!(redacted("http://host"), "http://host");
    }
}
