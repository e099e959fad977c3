//! Pods, claims and PersistentVolumes.

use linflow::workflow::{AnyDirectory, Directory, DirectoryError, Object, Presence};
use serde_json::{Value, json};

use super::api_server::{ApiServer, PODS, status};
use super::{directory, pod};

const CLAIMS: &str = "/api/v1/namespaces/airflow/persistentvolumeclaims";

fn reason(error: DirectoryError) -> String {
    match error {
        DirectoryError::Unavailable { reason, .. } => reason,
        other => panic!("it must be unknown, not {other:?}"),
    }
}

#[tokio::test]
async fn a_pod_and_its_claim_are_found_by_two_questions_for_metadata_alone() {
    let server = ApiServer::start().await;
    server.put_pod("task", "u1", "Running");
    server.put_claim("task-scratch", json!([{"apiVersion": "v1", "kind": "Pod", "name": "task", "uid": "u1"}]));
    let directory = directory(&server);

    let claim = directory.claim("airflow", "task-scratch").await.unwrap();
    assert_eq!(claim.reference.uid.as_deref(), Some("uid-task-scratch"));
    let owner = claim.pod().unwrap();
    let found = directory.pod(&owner).await.unwrap();
    assert_eq!((found.reference, found.phase, found.claims.len()), (pod("task", "u1"), None, 0));
    assert_eq!((&found.annotations["dag_id"][..], &found.labels["dag_id"][..]), ("etl", "etl"));
    assert_eq!(found.annotations.len(), 1, "kubectl's copy of the spec is not kept");

    let asked = server.asked();
    let lines: Vec<&str> = asked.iter().map(|one| &one.line[..]).collect();
    assert_eq!(lines, [format!("GET {CLAIMS}/task-scratch"), format!("GET {PODS}/task")]);
    assert!(asked.iter().all(|one| one.wants_metadata()), "{asked:?}");
}

#[tokio::test]
async fn no_question_about_pods_asks_for_more_than_metadata() {
    let server = ApiServer::start().await;
    server.put_pod("task", "u1", "Succeeded");
    let directory = directory(&server);
    directory.pod(&pod("task", "u1")).await.unwrap();
    directory.presence(&pod("task", "u1")).await.unwrap();
    directory.presence(&pod("gone", "u2")).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 5);
    assert!(asked.iter().all(|one| one.wants_metadata()), "{asked:?}");
}

#[tokio::test]
async fn a_pod_made_again_under_its_name_is_not_the_one_that_was_asked_for() {
    let server = ApiServer::start().await;
    server.put_pod("task", "u2", "Running");
    let found = directory(&server).pod(&pod("task", "u1")).await;
    assert_eq!(found, Err(DirectoryError::WrongUid { object: Object::Pod(pod("task", "u1")), found: "u2".to_owned() }));
}

#[tokio::test]
async fn what_kubernetes_does_not_have_is_not_found() {
    let server = ApiServer::start().await;
    let directory = directory(&server);
    let error = directory.pod(&pod("task", "u1")).await.unwrap_err();
    assert_eq!(error.to_string(), "pod airflow/task (uid u1) is not known to Kubernetes");
    let error = directory.claim("airflow", "data").await.unwrap_err();
    assert_eq!(error.to_string(), "PersistentVolumeClaim airflow/data is not known to Kubernetes");
}

#[tokio::test]
async fn a_pod_is_alive_until_it_ends_and_absent_when_it_is_gone_or_another() {
    let server = ApiServer::start().await;
    let directory = AnyDirectory::Kubernetes(std::sync::Arc::new(directory(&server)));
    for (phase, presence) in [
        ("Pending", Presence::Alive),
        ("Running", Presence::Alive),
        ("Unknown", Presence::Alive),
        ("Succeeded", Presence::Ended),
        ("Failed", Presence::Ended),
    ] {
        server.put_pod("task", "u1", phase);
        assert_eq!(directory.presence(&pod("task", "u1")).await, Ok(presence), "{phase}");
        assert_eq!(directory.presence(&pod("task", "u0")).await, Ok(Presence::Absent), "{phase}");
    }
    server.remove(PODS, "task");
    assert_eq!(directory.presence(&pod("task", "u1")).await, Ok(Presence::Absent));
}

/// Answers that say nothing about the pod, each with a word of what is told.
fn no_answers() -> Vec<(u16, Value, &'static str)> {
    vec![
        (401, status(401, "Unauthorized", "Unauthorized", None), "token is mounted"),
        (403, status(403, "Forbidden", "cannot", None), "grant the right to"),
        (404, json!("<html>no such page</html>"), "404: <html>"),
        (404, status(404, "NotFound", "the server could not find the requested resource", None), "could not find"),
        (404, status(404, "NotFound", "namespaces \"other\" not found", Some("other")), "404"),
        (429, status(429, "TooManyRequests", "slow down", None), "slow down"),
        (500, status(500, "InternalError", "etcd is away", None), "etcd is away"),
        (200, json!("<html>sign in</html>"), "can't be read"),
    ]
}

#[tokio::test]
async fn nothing_but_kubernetes_own_word_about_the_pod_makes_it_absent() {
    let server = ApiServer::start().await;
    let directory = directory(&server);
    for (code, body, word) in no_answers() {
        for line in [format!("GET {PODS}/task"), format!("GET {PODS}")] {
            server.refuse(&line, code, body.clone());
            let told = reason(directory.presence(&pod("task", "u1")).await.expect_err("nothing is known"));
            assert!(told.contains(word), "{code} {body}: {told}");
            server.heal();
        }
        server.refuse("GET /api", code, body.clone());
        for told in [
            reason(directory.pod(&pod("task", "u1")).await.unwrap_err()),
            reason(directory.claim("airflow", "data").await.unwrap_err()),
            reason(directory.handles("linflow.csi").await.unwrap_err()),
        ] {
            assert!(told.contains(word) && !told.contains("our-own-token"), "{code} {body}: {told}");
        }
        server.heal();
    }
}

#[tokio::test]
async fn a_refusal_names_the_right_that_must_be_granted() {
    let server = ApiServer::start().await;
    server.forbid("GET");
    let directory = directory(&server);
    let pod = pod("task", "u1");
    for (told, right) in [
        (reason(directory.pod(&pod).await.unwrap_err()), "get pods"),
        (reason(directory.presence(&pod).await.unwrap_err()), "list pods"),
        (reason(directory.claim("airflow", "data").await.unwrap_err()), "get persistentvolumeclaims"),
        (reason(directory.handles("linflow.csi").await.unwrap_err()), "list persistentvolumes"),
    ] {
        assert!(told.contains(&format!("grant the right to {right} to linflow's service account")), "{told}");
        assert!(told.contains("User \"linflow\" cannot do this"), "{told}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_costs_a_call_some_seconds_and_is_asked_again() {
    let server = ApiServer::start().await;
    server.put_pod("task", "u1", "Running");
    let directory = directory(&server);
    server.hang("GET");
    let started = std::time::Instant::now();
    let told = reason(directory.pod(&pod("task", "u1")).await.unwrap_err());
    assert!(told.contains("nothing within 5 s") && started.elapsed().as_secs() < 8, "{told}");
    server.heal();
    assert!(directory.pod(&pod("task", "u1")).await.is_ok());
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_never_put_into_a_path() {
    let server = ApiServer::start().await;
    let directory = directory(&server);
    for name in ["", "..", "../../../../api/v1/secrets", "a?watch=true", "a,status.phase=Running", "A", "a/log"] {
        let mut wanted = pod(name, "u1");
        assert!(reason(directory.pod(&wanted).await.unwrap_err()).contains("no name"), "{name}");
        assert!(reason(directory.presence(&wanted).await.unwrap_err()).contains("no name"), "{name}");
        assert!(reason(directory.claim("airflow", name).await.unwrap_err()).contains("no name"), "{name}");
        (wanted.namespace, wanted.name) = (name.to_owned(), "task".to_owned());
        assert!(reason(directory.pod(&wanted).await.unwrap_err()).contains("no name"), "{name}");
    }
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn the_handles_of_all_our_volumes_are_listed_by_pages() {
    let server = ApiServer::start().await;
    for number in 0..1001 {
        let driver = if number % 2 == 0 { "linflow.csi" } else { "other.csi" };
        let spec = json!({"csi": {"driver": driver, "volumeHandle": format!("v{number}")}});
        server.put("/api/v1/persistentvolumes", json!({"metadata": {"name": format!("pv-{number}")}, "spec": spec}));
    }
    server.put("/api/v1/persistentvolumes", json!({"metadata": {"name": "nfs"}, "spec": {"nfs": {"server": "s"}}}));
    let directory = directory(&server);
    let handles = directory.handles("linflow.csi").await.unwrap();
    assert_eq!(handles.len(), 501);
    assert!(handles.contains("v1000") && !handles.contains("v1"));
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|one| one.query["limit"] == "500"));
}

#[tokio::test]
async fn a_node_without_the_right_says_how_to_allow_it_and_asks_nothing() {
    let server = ApiServer::start().await;
    server.put_pod("task", "u1", "Running");
    let told = reason(directory(&server).without_pods().pod(&pod("task", "u1")).await.unwrap_err());
    assert!(told.contains("--pod-lookups true"), "{told}");
    assert_eq!(server.asked().len(), 0);
}
