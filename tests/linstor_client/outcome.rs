//! What is known after each sort of answer.

use linflow::linstor::model::{Props, SizeQuery, ViewQuery};
use linflow::linstor::name::{GroupName, NodeName, ResourceName};
use linflow::linstor::{Client, Error, Kind, Object};
use wiremock::matchers::{any, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::server::*;

const MISSING: &str = r#"[{"ret_code": -4611686018427387587, "message": "not found"}]"#;

fn volume() -> ResourceName {
    ResourceName::parse("vol1").unwrap()
}

fn group() -> GroupName {
    GroupName::parse("rg1").unwrap()
}

/// A controller that has answered once, and hangs in its answer to this method from then on.
async fn hanging_at(verb: &str) -> MockServer {
    let server = controller().await;
    Mock::given(method(verb)).respond_with(never()).mount(&server).await;
    Mock::given(any()).respond_with(json(200, "[]")).mount(&server).await;
    server
}

#[tokio::test]
async fn a_hanging_controller_leaves_a_change_unknown() {
    let server = hanging_at("DELETE").await;
    let mut settings = settings(&[&server.uri()]);
    settings.write_timeout = SOON;
    let client = Client::new(&settings).unwrap();
    client.nodes(&[]).await.unwrap();
    let error = client.kv_delete(&volume()).await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error}");
    assert_eq!(asked(&server).await, ["GET /v1/nodes", "DELETE /v1/key-value-store/vol1"]);
}

#[tokio::test]
async fn a_hanging_controller_leaves_a_question_unanswered_and_the_next_goes_to_another() {
    let (first, second) = (hanging_at("GET").await, controller_that_answers(json(200, SPAWNED)).await);
    let mut settings = settings(&[&first.uri(), &second.uri()]);
    settings.read_timeout = SOON;
    let client = Client::new(&settings).unwrap();
    client.kv_delete(&volume()).await.unwrap();
    let error = client.nodes(&[]).await.unwrap_err();
    assert!(matches!(error, Error::Unanswered { .. }), "{error:?}");
    client.kv_put(&volume(), &Props::new(), &[]).await.unwrap();
    assert_eq!(asked(&second).await, ["PUT /v1/key-value-store/vol1"]);
}

#[tokio::test]
async fn a_controller_that_hangs_from_the_beginning_gets_no_change() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(never()).mount(&server).await;
    let mut settings = settings(&[&server.uri()]);
    settings.write_timeout = SOON;
    let error = Client::new(&settings).unwrap().kv_delete(&volume()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(asked(&server).await.is_empty());
}

#[tokio::test]
async fn a_broken_connection_leaves_a_change_unknown_and_sent_once() {
    let server = Breaking::start().await;
    let error = client(&[&server.url]).delete_definition(&volume()).await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error}");
    assert_eq!(server.broken(), ["DELETE /v1/resource-definitions/vol1 HTTP/1.1"]);
}

#[tokio::test]
async fn a_question_is_repeated_after_a_broken_connection_but_not_for_ever() {
    let server = Breaking::start().await;
    let error = client(&[&server.url]).nodes(&[]).await.unwrap_err();
    assert!(matches!(error, Error::Unanswered { .. }), "{error:?}");
    assert_eq!(server.broken().len(), 5);
}

#[tokio::test]
async fn a_question_is_repeated_after_a_proxy_s_error_page() {
    let server = controller().await;
    Mock::given(any()).respond_with(page(502)).up_to_n_times(2).mount(&server).await;
    Mock::given(any()).respond_with(json(200, VIEW)).mount(&server).await;
    let view = client(&[&server.uri()]).resources_view(&ViewQuery::default()).await.unwrap();
    assert_eq!((view.len(), asked(&server).await.len()), (3, 3));
}

#[tokio::test]
async fn a_question_is_repeated_after_a_fault_of_the_controller_as_while_a_node_dies() {
    let fault = r#"[{"ret_code": -4611686018427386906, "error_report_ids": ["6B03C1EC-00000-000152"]}]"#;
    let server = controller().await;
    Mock::given(any()).respond_with(json(500, fault)).up_to_n_times(2).mount(&server).await;
    Mock::given(any()).respond_with(json(200, VIEW)).mount(&server).await;
    let view = client(&[&server.uri()]).resources_view(&ViewQuery::default()).await.unwrap();
    assert_eq!((view.len(), asked(&server).await.len()), (3, 3));
}

#[tokio::test]
async fn a_question_by_post_is_not_repeated() {
    let server = controller_that_answers(page(502)).await;
    let error = client(&[&server.uri()]).query_size(&group(), &SizeQuery::default()).await.unwrap_err();
    assert!(matches!(error, Error::Unanswered { .. }), "{error:?}");
    assert_eq!(asked(&server).await.len(), 1);
}

#[tokio::test]
async fn a_success_that_can_t_be_understood_leaves_a_change_unknown() {
    for body in ["", "[{", "<html>", "{}", "null"] {
        let server = controller_that_answers(json(200, body)).await;
        let client = client(&[&server.uri()]);
        assert!(client.kv_delete(&volume()).await.unwrap_err().is_outcome_unknown(), "{body:?}");
        assert_eq!(asked(&server).await.len(), 1, "{body:?}");
    }
}

#[tokio::test]
async fn a_success_that_can_t_be_understood_leaves_a_question_unanswered() {
    let server = controller_that_answers(json(200, r#"[{"name": 7}]"#)).await;
    let error = client(&[&server.uri()]).nodes(&[]).await.unwrap_err();
    assert!(matches!(error, Error::Unanswered { .. }), "{error:?}");
}

#[tokio::test]
async fn warnings_of_an_accepted_change_are_kept() {
    let body =
        r#"[{"ret_code": -9223372036854774806, "message": "node-2 is away"}, {"ret_code": 1, "message": "made"}]"#;
    let server = controller_that_answers(json(201, body)).await;
    let node = NodeName::parse("node-2").unwrap();
    let replies = client(&[&server.uri()]).make_available(&volume(), &node, false).await.unwrap();
    assert!(replies.waits_for_satellite() && !replies.is_error());
    assert_eq!(replies.warnings().next().unwrap().message, "node-2 is away");
}

#[tokio::test]
async fn an_error_among_the_replies_is_a_refusal_whatever_the_status() {
    let server = controller_that_answers(json(200, MISSING)).await;
    let error = client(&[&server.uri()]).kv_delete(&volume()).await.unwrap_err();
    assert_eq!(error.kind(), Some(Kind::NotFound(Object::Group)));
}

#[tokio::test]
async fn every_recorded_refusal_is_final_and_sent_once_but_a_question_that_met_a_fault() {
    let recorded: serde_json::Value = serde_json::from_str(include_str!("../fixtures/linstor/refusals.json")).unwrap();
    for one in recorded.as_array().unwrap() {
        let status = u16::try_from(one["status"].as_u64().unwrap()).unwrap();
        let server = controller_that_answers(json(status, &one["body"].to_string())).await;
        let client = client(&[&server.uri()]);
        let errors = [client.nodes(&[]).await.unwrap_err(), client.kv_delete(&volume()).await.unwrap_err()];
        let questions = if errors[0].kind() == Some(Kind::ServerFault) { 5 } else { 1 };
        for error in errors {
            let refusal = error.refusal().unwrap();
            assert_eq!((u64::from(refusal.code), refusal.status), (one["code"].as_u64().unwrap(), status));
        }
        assert_eq!(asked(&server).await.len(), questions + 1, "{one}");
    }
}

#[tokio::test]
async fn an_object_that_does_not_exist_is_none() {
    let server = controller_that_answers(json(404, MISSING)).await;
    let client = client(&[&server.uri()]);
    assert_eq!(client.resource_group(&group()).await.unwrap(), None);
    assert_eq!(client.kv(&volume()).await.unwrap(), None);
}

#[tokio::test]
async fn a_proxy_s_404_does_not_mean_that_an_object_does_not_exist() {
    let server = controller_that_answers(page(404)).await;
    let client = client(&[&server.uri()]);
    assert!(matches!(client.kv(&volume()).await, Err(Error::Unanswered { .. })));
    let error = client.kv_delete(&volume()).await.unwrap_err();
    assert!(matches!(error.kind(), Some(Kind::Other(0))) && !error.is_not_found(), "{error}");
}

#[tokio::test]
async fn missing_credentials_are_a_refusal() {
    let server = controller_that_answers(page(401)).await;
    let error = client(&[&server.uri()]).nodes(&[]).await.unwrap_err();
    assert_eq!(error.kind(), Some(Kind::AccessDenied));
}

#[tokio::test]
async fn a_change_does_not_follow_a_redirect() {
    let target = controller_that_answers(json(200, SPAWNED)).await;
    let redirect = ResponseTemplate::new(302).insert_header("Location", target.uri().as_str());
    let server = controller_that_answers(redirect).await;
    let error = client(&[&server.uri()]).kv_delete(&volume()).await.unwrap_err();
    assert!(error.to_string().contains(&target.uri()), "{error}");
    assert!(target.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_error_in_a_size_answer_is_a_refusal() {
    let body = include_str!("../fixtures/linstor/size_missing_group.json");
    let server = controller_that_answers(json(200, body)).await;
    let error = client(&[&server.uri()]).query_size(&group(), &SizeQuery::default()).await.unwrap_err();
    assert_eq!(error.kind(), Some(Kind::NotFound(Object::Group)));
    assert!(error.to_string().contains("Create a resource group"), "{error}");
}
