//! TLS to the controllers: whom we trust, and who we are.
//!
//! The cryptography provider is named here and not installed for the whole process, so that it can't be forgotten or
//! chosen twice.

use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{WantsClientCert, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_platform_verifier::Verifier;
use secrecy::{ExposeSecret, SecretString};

use super::certificate::Witness;
use super::pem::Pem;
use super::settings::{Mistake, Settings};

/// The TLS configuration for these settings, or every mistake in their files. A witness sees what controllers show.
pub(super) fn configure(settings: &Settings, witness: Option<&Witness>) -> Result<ClientConfig, Vec<Mistake>> {
    let identity = read_identity(settings);
    match (trust(settings, witness), identity) {
        (Ok(builder), Ok(identity)) => present(builder, identity).map_err(|mistake| vec![mistake]),
        (trust, identity) => Err(trust.err().into_iter().chain(identity.err().into_iter().flatten()).collect()),
    }
}

/// Our certificate with those that signed it, its key, and where it came from for messages.
struct Identity<'a> {
    pem: &'a Pem,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn trust(
    settings: &Settings,
    witness: Option<&Witness>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Mistake> {
    let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider has the cipher suites of TLS 1.2 and 1.3");
    let Some(verifier) = verifier(settings, provider)? else {
        return Ok(builder.with_root_certificates(RootCertStore::empty()));
    };
    let verifier = witness.map_or(verifier.clone(), |witness| witness.beside(verifier));
    // The name warns of verifiers of one's own. These are rustls' and the platform's; rustls sets its own one so as well.
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier))
}

/// Who decides whether a controller is trusted. None where nobody is needed: over plain http the system's authorities
/// (about 150) are not even read.
fn verifier(
    settings: &Settings,
    provider: Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ServerCertVerifier>>, Mistake> {
    match &settings.root_ca {
        Some(pem) => {
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(read_roots(pem)?), provider).build();
            Ok(Some(verifier.map_err(|error| Mistake::in_pem("root_ca", pem, error))?))
        }
        None if settings.urls.iter().all(|url| url.scheme() != "https") => Ok(None),
        None => {
            let unusable = |error| format!("the system's certificate authorities can't be used: {error}");
            let verifier = Verifier::new(provider).map_err(|error| Mistake::new("root_ca", unusable(error)))?;
            Ok(Some(Arc::new(verifier)))
        }
    }
}

fn read_roots(pem: &Pem) -> Result<RootCertStore, Mistake> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates("root_ca", pem)? {
        roots.add(certificate).map_err(|error| Mistake::in_pem("root_ca", pem, error))?;
    }
    Ok(roots)
}

fn read_identity(settings: &Settings) -> Result<Option<Identity<'_>>, Vec<Mistake>> {
    let (Some(pem), Some(key)) = (&settings.user_certificate, &settings.user_key) else { return Ok(None) };
    let chain = read_certificates("user_certificate", pem);
    let key = read_key("user_key", key);
    match (chain, key) {
        (Ok(chain), Ok(key)) => Ok(Some(Identity { pem, chain, key })),
        (chain, key) => Err(chain.err().into_iter().chain(key.err()).collect()),
    }
}

/// The certificates in a setting, at least one.
pub(super) fn read_certificates(setting: &'static str, pem: &Pem) -> Result<Vec<CertificateDer<'static>>, Mistake> {
    let text = read_text(setting, pem)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.expose_secret().as_bytes()).collect();
    match certificates {
        Ok(found) if found.is_empty() => Err(Mistake::in_pem(setting, pem, "no certificate in PEM format is in there")),
        Ok(found) => Ok(found),
        Err(error) => Err(Mistake::in_pem(setting, pem, error)),
    }
}

fn read_key(setting: &'static str, pem: &Pem) -> Result<PrivateKeyDer<'static>, Mistake> {
    let text = read_text(setting, pem)?;
    PrivateKeyDer::from_pem_slice(text.expose_secret().as_bytes()).map_err(|error| Mistake::in_pem(setting, pem, error))
}

fn read_text(setting: &'static str, pem: &Pem) -> Result<SecretString, Mistake> {
    pem.read().map_err(|error| Mistake::in_pem(setting, pem, error))
}

fn present(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    identity: Option<Identity<'_>>,
) -> Result<ClientConfig, Mistake> {
    let Some(Identity { pem, chain, key }) = identity else { return Ok(builder.with_no_client_auth()) };
    builder.with_client_auth_cert(chain, key).map_err(|error| Mistake::in_pem("user_certificate", pem, error))
}
