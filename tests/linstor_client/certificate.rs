//! What a witness sees of a controller's certificate, and when ours runs out.

use std::time::{Duration, SystemTime};

use linflow::linstor::{Client, DistrustKind, Settings, ShownCertificate, Witness, own_expiry};
use rcgen::{CertificateParams, date_time_ymd};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::authority::Authority;

/// A server that shows a certificate for this name and hangs up; gives its URL, under the name localhost.
async fn show(authority: &Authority, name: &str, change: impl FnOnce(&mut CertificateParams)) -> String {
    let config = authority.server_config(authority.issue_with(name, change), false);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let acceptor = TlsAcceptor::from(config);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(acceptor.accept(stream).await);
        }
    });
    url
}

async fn seen(url: &str, trusted: &Authority) -> ShownCertificate {
    let mut settings = Settings::new(vec![url.parse().unwrap()]);
    settings.root_ca = Some(trusted.file("ca.pem").into());
    let witness = Witness::default();
    assert_eq!(witness.seen(), None);
    assert!(Client::with_witness(&settings, &witness).unwrap().version().await.is_err(), "nobody answers there");
    witness.seen().expect("a certificate was shown")
}

fn kind(shown: &ShownCertificate) -> Option<DistrustKind> {
    shown.distrust.as_ref().map(|distrust| distrust.kind)
}

/// The first second of 2040.
fn year_2040() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(2_208_988_800)
}

#[tokio::test]
async fn the_end_of_a_trusted_certificate_is_seen() {
    let authority = Authority::new();
    let url = show(&authority, "localhost", |params| params.not_after = date_time_ymd(2040, 1, 1)).await;
    assert_eq!(seen(&url, &authority).await, ShownCertificate { distrust: None, expires: Some(year_2040()) });
}

#[tokio::test]
async fn each_reason_for_distrust_is_told_apart() {
    let authority = Authority::new();
    let expired = show(&authority, "localhost", |params| params.not_after = date_time_ymd(2020, 1, 1)).await;
    assert_eq!(kind(&seen(&expired, &authority).await), Some(DistrustKind::Expired));
    let future = show(&authority, "localhost", |params| params.not_before = date_time_ymd(2090, 1, 1)).await;
    assert_eq!(kind(&seen(&future, &authority).await), Some(DistrustKind::NotYetValid));
    let other = show(&authority, "linstor.example", |_| {}).await;
    let shown = seen(&other, &authority).await;
    assert_eq!(kind(&shown), Some(DistrustKind::OtherName));
    assert!(shown.distrust.unwrap().reason.contains("linstor.example"), "the names that it has are told");
    for stranger in [Authority::named("a stranger"), Authority::new()] {
        let unknown = show(&stranger, "localhost", |_| {}).await;
        assert_eq!(kind(&seen(&unknown, &authority).await), Some(DistrustKind::UnknownIssuer));
    }
}

#[test]
fn the_end_of_our_own_certificate_is_told_whoever_signed_it() {
    let authority = Authority::new();
    let mut settings = Settings::new(vec!["https://localhost:1".parse().unwrap()]);
    assert_eq!(own_expiry(&settings), Ok(None));
    let (certificate, key) = authority.issue_with("client", |params| params.not_after = date_time_ymd(2040, 1, 1));
    (settings.user_certificate, settings.user_key) = (Some(certificate.into()), Some(key.into()));
    assert_eq!(own_expiry(&settings), Ok(Some(year_2040())));
    settings.user_certificate = Some(authority.file("none.pem").into());
    assert_eq!(own_expiry(&settings).unwrap_err().setting, "user_certificate");
}
