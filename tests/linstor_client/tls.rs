//! TLS with our own authority, and a certificate of the client.

use std::path::PathBuf;
use std::sync::Arc;

use linflow::linstor::{Client, Error, Pem, Settings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::server::{VERSION, http_answer, request_line};

/// An authority with a folder for its PEM files.
struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    /// A certificate and key for this name, as files.
    fn issue(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (certificate_file, key_file) = (self.file(&format!("{name}.pem")), self.file(&format!("{name}.key")));
        std::fs::write(&certificate_file, certificate.pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        (certificate_file, key_file)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A controller at localhost that accepts this authority's clients only; gives its URL.
    async fn serve(&self) -> String {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
        let (certificate, key) = self.issue("localhost");
        let chain = CertificateDer::pem_file_iter(certificate).unwrap().collect::<Result<_, _>>().unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap())
            .unwrap();
        answer_versions(TlsAcceptor::from(Arc::new(config))).await
    }
}

async fn answer_versions(acceptor: TlsAcceptor) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that is not accepted gets no further; it is the client's view that is tested.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            request_line(&mut stream).await;
            stream.write_all(&http_answer(VERSION)).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    url
}

fn settings(url: &str, authority: &Authority) -> Settings {
    let mut settings = Settings::new(vec![url.parse().unwrap()]);
    settings.root_ca = Some(authority.file("ca.pem").into());
    settings
}

fn with_certificate(mut settings: Settings, authority: &Authority) -> Settings {
    let (certificate, key) = authority.issue("client");
    (settings.user_certificate, settings.user_key) = (Some(certificate.into()), Some(key.into()));
    settings
}

#[tokio::test]
async fn a_client_with_a_certificate_is_served() {
    let authority = Authority::new();
    let settings = with_certificate(settings(&authority.serve().await, &authority), &authority);
    let version = Client::new(&settings).unwrap().version().await.unwrap();
    assert_eq!(version.version, "1.33.3");
}

#[tokio::test]
async fn certificates_given_as_text_serve_as_files_do() {
    let authority = Authority::new();
    let mut settings = with_certificate(settings(&authority.serve().await, &authority), &authority);
    for pem in [&mut settings.root_ca, &mut settings.user_certificate, &mut settings.user_key] {
        *pem = pem.take().map(|file| Pem::Text(file.read().unwrap()));
    }
    assert_eq!(Client::new(&settings).unwrap().version().await.unwrap().version, "1.33.3");
}

#[tokio::test]
async fn a_client_without_a_certificate_is_not_served() {
    let authority = Authority::new();
    let settings = settings(&authority.serve().await, &authority);
    let error = Client::new(&settings).unwrap().version().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_controller_of_another_authority_is_not_trusted() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let settings = with_certificate(settings(&theirs.serve().await, &ours), &theirs);
    let error = Client::new(&settings).unwrap().version().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn without_an_authority_of_our_own_the_system_s_decide() {
    let authority = Authority::new();
    let mut settings = with_certificate(settings(&authority.serve().await, &authority), &authority);
    settings.root_ca = None;
    match Client::new(&settings) {
        Ok(client) => assert!(matches!(client.version().await, Err(Error::Unreachable { .. }))),
        Err(error) => assert_eq!(error.mistakes[0].setting, "root_ca", "a machine without authorities says so"),
    }
}

#[test]
fn every_file_that_can_t_be_used_is_told() {
    let authority = Authority::new();
    let (_, key) = authority.issue("client");
    let mut settings = Settings::new(vec!["https://localhost:1".parse().unwrap()]);
    settings.root_ca = Some(PathBuf::from("/nowhere/ca.pem").into());
    settings.user_certificate = Some(key.clone().into());
    settings.user_key = Some(authority.file("ca.pem").into());
    let mistakes = Client::new(&settings).unwrap_err().mistakes;
    let found: Vec<_> = mistakes.iter().map(|mistake| (mistake.setting, mistake.file.clone().unwrap())).collect();
    let expected =
        [("root_ca", "/nowhere/ca.pem".into()), ("user_certificate", key), ("user_key", authority.file("ca.pem"))];
    assert_eq!(found, expected);
}
