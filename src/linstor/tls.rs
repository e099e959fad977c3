//! TLS to the controllers: whom we trust, and who we are.
//!
//! The cryptography provider is named here and not installed for the whole process, so that it can't be forgotten or
//! chosen twice.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use super::settings::{Mistake, Settings};

/// The TLS configuration for these settings, or every mistake in their files.
pub(super) fn configure(settings: &Settings) -> Result<ClientConfig, Vec<Mistake>> {
    let identity = read_identity(settings);
    match (trust(settings), identity) {
        (Ok(builder), Ok(identity)) => present(builder, identity).map_err(|mistake| vec![mistake]),
        (trust, identity) => Err(trust.err().into_iter().chain(identity.err().into_iter().flatten()).collect()),
    }
}

/// Our certificate with those that signed it, its key, and the file for messages.
struct Identity<'a> {
    file: &'a Path,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn trust(settings: &Settings) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Mistake> {
    let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the cipher suites of TLS 1.2 and 1.3");
    match &settings.root_ca {
        Some(file) => Ok(builder.with_root_certificates(read_roots(file)?)),
        // Plain http needs nobody's trust: the system's authorities (about 150) are not even read.
        None if settings.urls.iter().all(|url| url.scheme() != "https") => {
            Ok(builder.with_root_certificates(RootCertStore::empty()))
        }
        None => builder.with_platform_verifier().map_err(|error| {
            Mistake::new("root_ca", format!("the system's certificate authorities can't be used: {error}"))
        }),
    }
}

fn read_roots(file: &Path) -> Result<RootCertStore, Mistake> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates("root_ca", file)? {
        roots.add(certificate).map_err(|error| Mistake::in_file("root_ca", file, error))?;
    }
    Ok(roots)
}

fn read_identity(settings: &Settings) -> Result<Option<Identity<'_>>, Vec<Mistake>> {
    let (Some(file), Some(key_file)) = (&settings.user_certificate, &settings.user_key) else { return Ok(None) };
    let chain = read_certificates("user_certificate", file);
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| Mistake::in_file("user_key", key_file, error));
    match (chain, key) {
        (Ok(chain), Ok(key)) => Ok(Some(Identity { file, chain, key })),
        (chain, key) => Err(chain.err().into_iter().chain(key.err()).collect()),
    }
}

fn read_certificates(setting: &'static str, file: &Path) -> Result<Vec<CertificateDer<'static>>, Mistake> {
    let mistake = |error: rustls::pki_types::pem::Error| Mistake::in_file(setting, file, error);
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect).map_err(mistake)?;
    if certificates.is_empty() {
        return Err(Mistake::in_file(setting, file, "no certificate in PEM format is in there"));
    }
    Ok(certificates)
}

fn present(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    identity: Option<Identity<'_>>,
) -> Result<ClientConfig, Mistake> {
    let Some(Identity { file, chain, key }) = identity else { return Ok(builder.with_no_client_auth()) };
    builder.with_client_auth_cert(chain, key).map_err(|error| Mistake::in_file("user_certificate", file, error))
}
