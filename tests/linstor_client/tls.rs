//! TLS with our own authority, and a certificate of the client.

use std::path::PathBuf;

use linflow::linstor::{Client, Error, Pem, Settings};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::authority::Authority;
use crate::server::{VERSION, http_answer, request_line};

/// A controller at localhost that accepts the authority's clients only; gives its URL.
async fn serve(authority: &Authority) -> String {
    let config = authority.server_config(authority.issue("localhost"), true);
    answer_versions(TlsAcceptor::from(config)).await
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
    let settings = with_certificate(settings(&serve(&authority).await, &authority), &authority);
    let version = Client::new(&settings).unwrap().version().await.unwrap();
    assert_eq!(version.version, "1.33.3");
}

#[tokio::test]
async fn certificates_given_as_text_serve_as_files_do() {
    let authority = Authority::new();
    let mut settings = with_certificate(settings(&serve(&authority).await, &authority), &authority);
    for pem in [&mut settings.root_ca, &mut settings.user_certificate, &mut settings.user_key] {
        *pem = pem.take().map(|file| Pem::Text(file.read().unwrap()));
    }
    assert_eq!(Client::new(&settings).unwrap().version().await.unwrap().version, "1.33.3");
}

#[tokio::test]
async fn a_client_without_a_certificate_is_not_served() {
    let authority = Authority::new();
    let settings = settings(&serve(&authority).await, &authority);
    let error = Client::new(&settings).unwrap().version().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_controller_of_another_authority_is_not_trusted() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let settings = with_certificate(settings(&serve(&theirs).await, &ours), &theirs);
    let error = Client::new(&settings).unwrap().version().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn without_an_authority_of_our_own_the_system_s_decide() {
    let authority = Authority::new();
    let mut settings = with_certificate(settings(&serve(&authority).await, &authority), &authority);
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
