//! The way to LINSTOR: controllers that are away, too old, or want a token, and certificates.

use std::time::{Duration, Instant};

use linflow::sandbox::faults::{Action, Matcher, Moment};
use rcgen::date_time_ymd;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, path},
};

use crate::{
    authority::Authority,
    patient::{Said, doctor, examine},
    support::World,
};

/// LINSTOR's refusal of a missing or unknown token: 401, code 412.
const NO_TOKEN: i64 = -4_611_686_018_427_387_492;

/// A URL that nobody listens at.
const NOBODY: &str = "http://127.0.0.1:1";

fn levels<const N: usize>(levels: [&str; N]) -> Vec<String> {
    levels.map(str::to_owned).into()
}

#[tokio::test]
async fn without_linstor_one_line_fails_and_the_rest_says_why_it_is_skipped() {
    let said = doctor(NOBODY, &[]).await;
    assert_eq!((said.levels("linstor-reachable"), said.exit), (levels(["fail"]), 2));
    assert!(said.of("linstor-reachable")[0].1.contains("Connection refused"), "{}", said.stdout);
    for check in ["linstor-version", "linstor-token", "key-value-store", "satellites", "quorum", "leftovers"] {
        assert_eq!(said.levels(check), levels(["skipped"]), "{check}");
    }
}

#[tokio::test]
async fn a_stand_by_that_refuses_connections_is_as_it_should_be() {
    let world = World::start().await;
    let said = doctor(&format!("{NOBODY},{}", world.sandbox.url()), &[]).await;
    assert_eq!((said.levels("linstor-reachable"), said.exit), (levels(["ok", "ok"]), 0), "{}", said.stdout);
}

#[tokio::test]
async fn controllers_of_two_clusters_in_one_list_fail() {
    let (one, other) = (World::start().await, World::start().await);
    let said = doctor(&format!("{},{}", one.sandbox.url(), other.sandbox.url()), &[]).await;
    assert_eq!((said.levels("linstor-reachable"), said.exit), (levels(["ok", "ok", "fail"]), 2));
}

#[tokio::test]
async fn a_linstor_that_never_answers_is_waited_for_no_longer_than_the_timeout() {
    let world = World::start().await;
    world.sandbox.faults().inject(Matcher::any(), Action::Hang(Moment::Before));
    let started = Instant::now();
    let said = examine(&world, &["--timeout", "300ms"]).await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!((said.levels("linstor-reachable"), said.exit), (levels(["fail"]), 2));
}

#[tokio::test]
async fn a_question_that_hangs_fails_its_checks_and_no_other() {
    let world = World::start().await;
    world.sandbox.faults().inject(Matcher::prefix("/v1/view/resources"), Action::Hang(Moment::Before));
    let said = examine(&world, &["--timeout", "500ms"]).await;
    assert_eq!(said.exit, 2);
    assert_eq!(said.levels("storage-pools"), levels(["ok", "ok", "ok", "fail"]));
    assert_eq!(said.levels("quorum"), levels(["ok", "ok", "ok", "fail"]));
    for (check, level) in
        [("replication", "fail"), ("leftovers", "fail"), ("satellites", "ok"), ("pool-names", "ok"), ("clock", "ok")]
    {
        assert_eq!(said.levels(check), levels([level]), "{check}");
    }
}

#[tokio::test]
async fn a_store_that_can_t_be_written_or_not_be_cleared_is_told() {
    let world = World::start().await;
    let full = Action::Refuse { status: 500, ret_code: -4_611_686_018_427_386_906, message: "disk full".to_owned() };
    let faults = world.sandbox.faults();
    let rule = faults.inject(Matcher::prefix("/v1/key-value-store").method(&"PUT".parse().unwrap()), full.clone());
    let said = examine(&world, &[]).await;
    assert_eq!((said.levels("key-value-store"), said.levels("clock")), (levels(["fail"]), levels(["skipped"])));
    faults.release(rule);
    faults.inject(Matcher::prefix("/v1/key-value-store").method(&"DELETE".parse().unwrap()), full);
    assert_eq!(examine(&world, &[]).await.levels("key-value-store"), levels(["warn"]));
    faults.clear();
    let left = examine(&world, &[]).await;
    assert!(left.of("leftovers")[0].1.starts_with("1 record instance without a volume: linflow-doctor-"));
}

#[tokio::test]
async fn an_old_linstor_fails_with_both_versions() {
    let server = MockServer::start().await;
    let version = serde_json::json!({"version": "1.27.0", "rest_api_version": "1.22.0"});
    Mock::given(path("/v1/controller/version"))
        .respond_with(ResponseTemplate::new(200).set_body_json(version))
        .mount(&server)
        .await;
    let said = doctor(&server.uri(), &[]).await;
    let seen = format!("{}/: REST API 1.22; linflow needs 1.26", server.uri());
    assert_eq!((said.of("linstor-version"), said.exit), (vec![("fail".to_owned(), seen)], 2));
    assert_eq!(said.levels("linstor-reachable"), levels(["ok"]));
}

/// A LINSTOR that wants this token, and says its version to whoever has it.
async fn with_token(token: &str) -> MockServer {
    let server = MockServer::start().await;
    let version = serde_json::json!({"version": "1.34.0", "rest_api_version": "1.28.0"});
    Mock::given(header("authorization", format!("Bearer {token}")))
        .respond_with(ResponseTemplate::new(200).set_body_json(version))
        .mount(&server)
        .await;
    let refusal = serde_json::json!([{"ret_code": NO_TOKEN, "message": "Authentication failed"}]);
    let refused = ResponseTemplate::new(401).set_body_json(refusal);
    Mock::given(wiremock::matchers::any()).respond_with(refused).with_priority(9).mount(&server).await;
    server
}

async fn show_token(server: &MockServer, token: Option<&str>) -> Said {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), token.unwrap_or_default()).unwrap();
    let words = ["--bearer-token-file", file.path().to_str().unwrap()];
    doctor(&server.uri(), if token.is_some() { &words } else { &[] }).await
}

#[tokio::test]
async fn a_token_that_is_missing_wrong_or_right_is_told_and_never_shown() {
    let server = with_token("of-linstor").await;
    for (token, expected) in
        [(None, levels(["fail"])), (Some("mistyped"), levels(["fail"])), (Some("of-linstor"), levels(["ok", "warn"]))]
    {
        let said = show_token(&server, token).await;
        assert_eq!(said.levels("linstor-token"), expected, "{token:?}");
        assert_eq!((said.levels("linstor-reachable"), said.exit), (levels(["ok"]), 2));
        let shown = token.is_some_and(|token| [&said.stdout, &said.stderr].iter().any(|text| text.contains(token)));
        assert!(!shown, "{}", said.stdout);
    }
}

#[tokio::test]
async fn a_token_that_linstor_does_not_ask_for_warns() {
    let world = World::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "idle").unwrap();
    let said = examine(&world, &["--bearer-token-file", file.path().to_str().unwrap()]).await;
    assert_eq!((said.levels("linstor-token"), said.exit), (levels(["warn", "warn"]), 1));
}

/// The sandbox behind TLS, with a certificate that ends in this year.
async fn behind_tls(world: &World, authority: &Authority, name: &str, ends: i32) -> String {
    let certificate = authority.issue_with(name, |params| params.not_after = date_time_ymd(ends, 1, 1));
    let acceptor = TlsAcceptor::from(authority.server_config(certificate, false));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let sandbox = world.sandbox.url().replace("http://", "");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, sandbox) = (acceptor.clone(), sandbox.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut behind = TcpStream::connect(sandbox).await.unwrap();
                // Either side may hang up.
                drop(tokio::io::copy_bidirectional(&mut stream, &mut behind).await);
            });
        }
    });
    url
}

async fn over_tls(name: &str, ends: i32, trusted: Option<&Authority>) -> Said {
    let (world, authority) = (World::start().await, Authority::new());
    let url = behind_tls(&world, &authority, name, ends).await;
    let ca = trusted.unwrap_or(&authority).file("ca.pem");
    doctor(&url, &["--root-ca", ca.to_str().unwrap()]).await
}

#[tokio::test]
async fn a_certificate_is_seen_with_its_end() {
    let said = over_tls("localhost", 2090, None).await;
    assert_eq!((said.levels("linstor-tls"), said.exit), (levels(["ok"]), 0), "{}", said.stdout);
    assert!(said.of("linstor-tls")[0].1.contains("valid until 2090-01-01"), "{}", said.stdout);
    assert_eq!(said.levels("satellites"), levels(["ok"]));
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_told_with_the_reason() {
    let stranger = Authority::named("a stranger");
    for (said, word) in [
        (over_tls("localhost", 2020, None).await, "expired"),
        (over_tls("linstor.example", 2090, None).await, "linstor.example"),
        (over_tls("localhost", 2090, Some(&stranger)).await, "UnknownIssuer"),
    ] {
        assert_eq!((said.levels("linstor-tls"), said.exit), (levels(["fail"]), 2), "{}", said.stdout);
        assert!(said.of("linstor-tls")[0].1.contains(word), "{word}: {}", said.stdout);
        assert_eq!(said.levels("linstor-reachable"), levels(["fail"]));
    }
}
