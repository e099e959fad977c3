//! Several controllers, of which one is active.

use linflow::linstor::model::Props;
use linflow::linstor::name::ResourceName;
use linflow::linstor::{Client, Error};
use wiremock::matchers::{any, method};
use wiremock::{Mock, MockServer};

use crate::server::*;

fn volume() -> ResourceName {
    ResourceName::parse("vol1").unwrap()
}

/// Something that is not LINSTOR, or a LINSTOR that is not active.
async fn standby() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(page(503)).mount(&server).await;
    server
}

#[tokio::test]
async fn a_refused_connection_leads_to_the_next_controller() {
    let (_kept, dead) = dead_port();
    let live = controller_that_answers(json(200, NODES)).await;
    let client = client(&[&dead, &live.uri()]);
    assert!(!client.nodes(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_change_reaches_the_next_controller_exactly_once() {
    let (_kept, dead) = dead_port();
    let live = controller_that_answers(json(200, SPAWNED)).await;
    client(&[&dead, &live.uri()]).resize(&volume(), 0, 4096).await.unwrap();
    assert_eq!(asked(&live).await, ["PUT /v1/resource-definitions/vol1/volume-definitions/0"]);
}

#[tokio::test]
async fn a_standby_is_skipped_and_the_active_controller_remembered() {
    let (standby, live) = (standby().await, controller_that_answers(json(200, NODES)).await);
    let client = client(&[&standby.uri(), &live.uri()]);
    for _ in 0..3 {
        client.nodes(&[]).await.unwrap();
    }
    assert_eq!((version_questions(&standby).await, asked(&standby).await.len()), (1, 0));
    assert_eq!(asked(&live).await.len(), 3);
}

#[tokio::test]
async fn a_change_is_not_offered_to_a_standby() {
    let (standby, live) = (standby().await, controller_that_answers(json(200, SPAWNED)).await);
    client(&[&standby.uri(), &live.uri()]).kv_put(&volume(), &Props::new(), &[]).await.unwrap();
    assert_eq!((asked(&standby).await.len(), asked(&live).await.len()), (0, 1));
}

#[tokio::test]
async fn a_controller_that_hangs_from_the_beginning_is_passed_over() {
    let hanging = MockServer::start().await;
    Mock::given(any()).respond_with(never()).mount(&hanging).await;
    let live = controller_that_answers(json(200, SPAWNED)).await;
    let mut settings = settings(&[&hanging.uri(), &live.uri()]);
    settings.connect_timeout = SOON * 4;
    Client::new(&settings).unwrap().kv_delete(&volume()).await.unwrap();
    assert_eq!((asked(&hanging).await.len(), asked(&live).await.len()), (0, 1));
}

#[tokio::test]
async fn a_change_that_may_have_been_sent_goes_to_no_other_controller() {
    let first = controller_that_answers(page(502)).await;
    let second = controller_that_answers(json(200, SPAWNED)).await;
    let error = client(&[&first.uri(), &second.uri()]).kv_delete(&volume()).await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error}");
    assert_eq!((asked(&first).await.len(), asked(&second).await.len()), (1, 0));
}

#[tokio::test]
async fn after_a_change_without_an_answer_the_next_request_begins_with_another_controller() {
    let first = controller_that_answers(page(502)).await;
    let second = controller_that_answers(json(200, SPAWNED)).await;
    let client = client(&[&first.uri(), &second.uri()]);
    client.kv_delete(&volume()).await.unwrap_err();
    client.kv_delete(&volume()).await.unwrap();
    assert_eq!((asked(&first).await.len(), asked(&second).await.len()), (1, 1));
}

#[tokio::test]
async fn a_refusal_is_not_taken_to_another_controller() {
    let first = controller().await;
    let refusal = r#"[{"ret_code": -4611686018373647387, "message": "in use"}]"#;
    Mock::given(method("DELETE")).respond_with(json(500, refusal)).mount(&first).await;
    let second = controller_that_answers(json(200, SPAWNED)).await;
    let client = client(&[&first.uri(), &second.uri()]);
    for _ in 0..2 {
        assert!(matches!(client.delete_definition(&volume()).await, Err(Error::Refused(_))));
    }
    assert_eq!((asked(&first).await.len(), asked(&second).await.len()), (2, 0));
}

#[tokio::test]
async fn with_every_controller_down_nothing_was_sent() {
    let ((_one, first), (_two, second)) = (dead_port(), dead_port());
    let client = client(&[&first, &second]);
    for error in [client.nodes(&[]).await.unwrap_err(), client.kv_delete(&volume()).await.unwrap_err()] {
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        assert!(error.to_string().contains(&first) && error.to_string().contains(&second), "{error}");
    }
}

#[tokio::test]
async fn a_change_goes_to_the_next_controller_when_the_active_one_has_died() {
    let (first, life) = dying(&[VERSION, NODES]).await;
    let second = controller_that_answers(json(200, SPAWNED)).await;
    let client = client(&[&first, &second.uri()]);
    client.nodes(&[]).await.unwrap();
    life.await.unwrap();
    client.kv_delete(&volume()).await.unwrap();
    assert_eq!(asked(&second).await, ["DELETE /v1/key-value-store/vol1"]);
}

#[tokio::test]
async fn a_controller_that_failed_to_answer_is_asked_for_its_version_again() {
    let server = controller().await;
    Mock::given(method("DELETE")).respond_with(page(502)).up_to_n_times(1).mount(&server).await;
    Mock::given(method("DELETE")).respond_with(json(200, SPAWNED)).mount(&server).await;
    let client = client(&[&server.uri()]);
    client.kv_delete(&volume()).await.unwrap_err();
    for _ in 0..2 {
        client.kv_delete(&volume()).await.unwrap();
    }
    assert_eq!((version_questions(&server).await, asked(&server).await.len()), (2, 3));
}
