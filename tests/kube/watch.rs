//! What a watch tells is not asked for again.

use linflow::kube::ApiDirectory;
use linflow::workflow::{Directory, DirectoryError, Presence};
use tokio_util::sync::CancellationToken;

use super::api_server::{ApiServer, Asked, PODS};
use super::{directory, pod};

/// Waits until `look` is true.
async fn eventually(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !look().await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(20), looking).await;
    assert!(waited.is_ok(), "waited for {what} in vain");
}

/// The questions for one pod, which a cache spares.
fn questions(asked: &[Asked]) -> usize {
    asked.iter().filter(|one| one.line.starts_with(&format!("GET {PODS}/"))).count()
}

/// Waits until that pod is answered without a question.
async fn cached(server: &ApiServer, directory: &ApiDirectory, name: &str, uid: &str) {
    eventually("the cache", async || {
        server.asked();
        directory.pod(&pod(name, uid)).await.is_ok() && questions(&server.asked()) == 0
    })
    .await;
}

async fn watching(server: &ApiServer) -> (ApiDirectory, CancellationToken) {
    let (directory, stop) = (directory(server), CancellationToken::new());
    let (watched, stopped) = (directory.clone(), stop.clone());
    tokio::spawn(async move { watched.watch(stopped).await });
    eventually("the watch", async || server.asked().iter().any(|one| one.query.contains_key("watch"))).await;
    (directory, stop)
}

#[tokio::test]
async fn pods_that_a_watch_tells_of_cost_no_question_and_their_metadata_is_all_that_it_asks_for() {
    let server = ApiServer::start().await;
    for number in 0..700 {
        server.put_pod(&format!("task-{number}"), &format!("u{number}"), "Running");
    }
    let stop = CancellationToken::new();
    let directory = directory(&server);
    let (watched, stopped) = (directory.clone(), stop.clone());
    let watch = tokio::spawn(async move { watched.watch(stopped).await });
    let mut asked = Vec::new();
    eventually("the watch", async || {
        asked.extend(server.asked());
        asked.iter().any(|one: &Asked| one.query.contains_key("watch"))
    })
    .await;
    assert!(asked.iter().all(|one| one.wants_metadata() && one.line == "GET /api/v1/pods"), "{asked:?}");
    assert!(asked.iter().all(|one| one.query["labelSelector"] == "dag_id"), "{asked:?}");
    assert_eq!(asked.len(), 3, "two pages of the list, and the watch");

    server.put_pod("late", "u-late", "Pending");
    cached(&server, &directory, "late", "u-late").await;
    for number in 0..700 {
        let found = directory.pod(&pod(&format!("task-{number}"), &format!("u{number}"))).await.unwrap();
        assert_eq!(found.annotations["dag_id"], "etl");
    }
    assert_eq!(server.asked().len(), 0);

    stop.cancel();
    watch.await.unwrap();
}

#[tokio::test]
async fn a_pod_that_the_watch_does_not_know_is_asked_for_once() {
    let server = ApiServer::start().await;
    server.put_pod("task", "u1", "Running");
    let (directory, _stop) = watching(&server).await;
    cached(&server, &directory, "task", "u1").await;
    assert!(matches!(directory.pod(&pod("task", "u0")).await, Err(DirectoryError::WrongUid { .. })));
    assert!(matches!(directory.pod(&pod("other", "u1")).await, Err(DirectoryError::NotFound { .. })));
    assert_eq!(questions(&server.asked()), 2);
}

#[tokio::test]
async fn presence_is_never_told_from_what_a_watch_said() {
    let server = ApiServer::start().await;
    server.put_pod("task", "u1", "Running");
    let (directory, _stop) = watching(&server).await;
    cached(&server, &directory, "task", "u1").await;
    server.hang("GET /api/v1/pods");
    server.break_watches();
    server.put_pod("task", "u1", "Failed");
    assert_eq!(directory.presence(&pod("task", "u1")).await, Ok(Presence::Ended));
    server.remove(PODS, "task");
    assert_eq!(directory.presence(&pod("task", "u1")).await, Ok(Presence::Absent));
}

#[tokio::test]
async fn a_pod_that_the_watch_saw_go_is_asked_for_and_gone_only_when_the_server_says_so() {
    let server = ApiServer::start().await;
    server.put_pod("task", "u1", "Running");
    let (directory, _stop) = watching(&server).await;
    cached(&server, &directory, "task", "u1").await;
    server.remove(PODS, "task");
    eventually("the end of the pod", async || directory.pod(&pod("task", "u1")).await.is_err()).await;
    server.forbid("GET");
    let error = directory.pod(&pod("task", "u1")).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Unavailable { .. }), "{error}");
}

#[tokio::test]
async fn after_a_break_a_changed_pod_is_asked_for_until_the_watch_has_caught_up() {
    let server = ApiServer::start().await;
    server.put_pod("task", "u1", "Running");
    let (directory, _stop) = watching(&server).await;
    cached(&server, &directory, "task", "u1").await;
    server.refuse("GET /api/v1/pods", 500, super::api_server::status(500, "InternalError", "etcd is away", None));
    server.break_watches();
    eventually("the break", async || {
        server.asked();
        directory.pod(&pod("task", "u1")).await.unwrap();
        questions(&server.asked()) == 1
    })
    .await;
    server.heal();
    eventually("another watch", async || {
        server.put_pod("task", "u1", "Running");
        directory.pod(&pod("task", "u1")).await.unwrap();
        questions(&server.asked()) == 0
    })
    .await;
}

#[tokio::test]
async fn where_a_watch_is_forbidden_each_pod_is_looked_up_by_itself() {
    let server = ApiServer::start().await;
    server.put_pod("task", "u1", "Running");
    server.forbid("GET /api/v1/pods");
    let (directory, stop) = (directory(&server), CancellationToken::new());
    let (watched, stopped) = (directory.clone(), stop.clone());
    let watch = tokio::spawn(async move { watched.watch(stopped).await });
    eventually("the refusal", async || !server.asked().is_empty()).await;
    for _ in 0..3 {
        assert!(directory.pod(&pod("task", "u1")).await.is_ok());
    }
    let asked = server.asked();
    assert_eq!((questions(&asked), asked.len()), (3, 3), "{asked:?}");
    stop.cancel();
    watch.await.unwrap();
}
