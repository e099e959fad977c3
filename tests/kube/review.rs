//! Whose token it is.

use linflow::kube::{Reviewer, Trouble};
use secrecy::SecretString;
use serde_json::json;

use super::api_server::ApiServer;
use super::connect;

const REVIEWS: &str = "POST /apis/authentication.k8s.io/v1/tokenreviews";

async fn namespace_of(server: &ApiServer, token: &str) -> Result<Option<String>, Trouble> {
    Reviewer::new(connect(server), "linflow.csi").namespace_of(&SecretString::from(token)).await
}

#[tokio::test]
async fn a_service_accounts_token_for_this_driver_tells_its_namespace() {
    let server = ApiServer::start().await;
    server.trust("good", "system:serviceaccount:airflow:scheduler", &["linflow.csi"]);
    assert_eq!(namespace_of(&server, "good").await, Ok(Some("airflow".to_owned())));
    let [asked] = &server.asked()[..] else { panic!("one question") };
    assert_eq!(asked.line, REVIEWS);
    assert_eq!(asked.body["spec"], json!({"token": "good", "audiences": ["linflow.csi"]}));
}

#[tokio::test]
async fn tokens_of_nobody_of_people_and_for_others_tell_nothing() {
    let server = ApiServer::start().await;
    server.trust("kubernetes", "system:serviceaccount:airflow:scheduler", &["https://kubernetes.default.svc"]);
    server.trust("unaware", "system:serviceaccount:airflow:scheduler", &[]);
    for (number, user) in
        ["admin", "system:node:node-1", "system:serviceaccount:airflow", "system:serviceaccount::x"].iter().enumerate()
    {
        server.trust(&number.to_string(), user, &["linflow.csi"]);
    }
    for token in ["unknown", "kubernetes", "unaware", "0", "1", "2", "3"] {
        assert_eq!(namespace_of(&server, token).await, Ok(None), "{token}");
    }
}

#[tokio::test]
async fn where_kubernetes_can_not_say_nothing_is_known_and_the_token_is_not_repeated() {
    let server = ApiServer::start().await;
    server.forbid(REVIEWS);
    let told = namespace_of(&server, "hunter2").await.unwrap_err();
    assert!(told.to_string().contains("create tokenreviews.authentication.k8s.io"), "{told}");
    server.heal();
    // An answer that echoes the question, as Kubernetes does, and can't be read.
    server.refuse(REVIEWS, 201, json!({"spec": {"token": "hunter2"}, "status": {"authenticated": "hunter2"}}));
    let told = namespace_of(&server, "hunter2").await.unwrap_err();
    assert!(matches!(&told, Trouble::Silent(_)), "{told}");
    assert!(!format!("{told} {told:?}").contains("hunter2"), "{told:?}");
}
