//! What can be told of certificates: whether a controller's is trusted, and until when it and ours last.
//!
//! No parser of certificates is needed for that. The verifier that decides about a connection is asked a second time,
//! as of a year far ahead: its refusal tells the moment when the first certificate of the chain runs out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::settings::{Mistake, Settings};
use super::tls;

/// The end of the year 9999, in seconds: the last moment that a certificate can name (RFC 5280, 4.1.2.5).
const FAR_AHEAD: u64 = 253_402_300_799;

/// The certificate that a controller showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCertificate {
    /// Why it is not trusted; none: it is.
    pub distrust: Option<Distrust>,
    /// When it, or one of those that signed it and came with it, runs out; none where that can't be told.
    pub expires: Option<SystemTime>,
}

/// Why a certificate is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distrust {
    /// The sort of reason.
    pub kind: DistrustKind,
    /// The reason in words.
    pub reason: String,
}

/// The sorts of reasons that have remedies of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DistrustKind {
    /// It has run out.
    Expired,
    /// It counts from later on.
    NotYetValid,
    /// It is another host's.
    OtherName,
    /// No authority that we trust has signed it.
    UnknownIssuer,
    /// Anything else.
    Other,
}

impl Distrust {
    fn of(error: &Error) -> Self {
        let kind = match error {
            Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
                DistrustKind::Expired
            }
            Error::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
                DistrustKind::NotYetValid
            }
            Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => DistrustKind::OtherName,
            // A signature that doesn't fit is that of another authority of the same name.
            Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
                DistrustKind::UnknownIssuer
            }
            _ => DistrustKind::Other,
        };
        Self { kind, reason: error.to_string() }
    }
}

/// Sees the certificate that a controller shows, and changes nothing about whether it is trusted. Clones see the same.
#[derive(Debug, Clone, Default)]
pub struct Witness(Arc<Mutex<Option<ShownCertificate>>>);

impl Witness {
    /// The last certificate that was shown; none where no controller came so far.
    pub fn seen(&self) -> Option<ShownCertificate> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A verifier that decides as `inner` does, and tells this witness.
    pub(super) fn beside(&self, inner: Arc<dyn ServerCertVerifier>) -> Arc<dyn ServerCertVerifier> {
        Arc::new(Witnessed { inner, witness: self.clone() })
    }

    fn note(&self, shown: ShownCertificate) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
    }
}

#[derive(Debug)]
struct Witnessed {
    inner: Arc<dyn ServerCertVerifier>,
    witness: Witness,
}

impl ServerCertVerifier for Witnessed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify =
            |at| self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, at).map(drop);
        let verdict = verify(now);
        let distrust = verdict.as_ref().err().map(Distrust::of);
        self.witness.note(ShownCertificate { distrust, expires: expiry(verify) });
        verdict.map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// When the first certificate of a chain runs out, by what `verify` says as of later and later moments. None where it
/// does not tell.
fn expiry(verify: impl Fn(UnixTime) -> Result<(), Error>) -> Option<SystemTime> {
    let mut earliest = None;
    let mut at = FAR_AHEAD;
    // One certificate after the other, the last to be looked at first; each refusal is of an earlier moment.
    while let Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) =
        verify(UnixTime::since_unix_epoch(Duration::from_secs(at)))
    {
        if not_after.as_secs() >= at {
            break;
        }
        at = not_after.as_secs();
        earliest = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(at));
    }
    earliest
}

/// When our client certificate runs out. None: there is none, or it can't be told.
///
/// # Errors
/// A mistake in the certificate's file.
pub fn own_expiry(settings: &Settings) -> Result<Option<SystemTime>, Mistake> {
    let Some(pem) = &settings.user_certificate else { return Ok(None) };
    let chain = tls::read_certificates("user_certificate", pem)?;
    let [own, intermediates @ ..] = chain.as_slice() else { return Ok(None) };
    let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    // Who has signed it is the controller's to judge. Its validity is looked at before any signature, so itself will do.
    roots.add(own.clone()).map_err(|error| Mistake::in_pem("user_certificate", pem, error))?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let Ok(verifier) = verifier else { return Ok(None) };
    Ok(expiry(|at| verifier.verify_client_cert(own, intermediates, at).map(drop)))
}
