//! The oldest controller that linflow works with.

use linflow::linstor::name::ResourceName;
use linflow::linstor::{ApiVersion, Error};
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer};

use crate::server::*;

async fn controller_of_version(rest_api_version: &str) -> MockServer {
    let server = MockServer::start().await;
    let body = format!(r#"{{"version": "1.2.3", "rest_api_version": "{rest_api_version}"}}"#);
    Mock::given(path("/v1/controller/version")).respond_with(json(200, &body)).mount(&server).await;
    Mock::given(any()).respond_with(json(200, "[]")).mount(&server).await;
    server
}

#[tokio::test]
async fn an_older_controller_is_refused_naming_both_versions() {
    let server = controller_of_version("1.25.9").await;
    let client = client(&[&server.uri()]);
    let volume = ResourceName::parse("vol1").unwrap();
    for error in [
        client.nodes(&[]).await.unwrap_err(),
        client.kv_delete(&volume).await.unwrap_err(),
        client.version().await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::TooOld { needed: ApiVersion::MINIMUM, .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("1.25") && text.contains("1.26"), "{text}");
    }
    assert!(asked(&server).await.is_empty(), "nothing but the question for its version was sent");
}

#[tokio::test]
async fn the_oldest_supported_controller_is_asked_for_its_version_once() {
    let server = controller_of_version("1.26.0").await;
    let client = client(&[&server.uri()]);
    for _ in 0..3 {
        client.nodes(&[]).await.unwrap();
    }
    assert_eq!((version_questions(&server).await, asked(&server).await.len()), (1, 3));
}

#[tokio::test]
async fn a_controller_without_a_readable_version_gets_nothing_else() {
    let server = controller_of_version("new").await;
    let error = client(&[&server.uri()]).nodes(&[]).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }) && error.to_string().contains("\"new\""), "{error}");
    assert!(asked(&server).await.is_empty());
}

#[tokio::test]
async fn the_version_is_told() {
    let server = controller().await;
    let version = client(&[&server.uri()]).version().await.unwrap();
    assert_eq!((version.version.as_str(), version.api().unwrap()), ("1.33.3", ApiVersion { major: 1, minor: 27 }));
}
