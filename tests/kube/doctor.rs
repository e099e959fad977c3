//! `linflow doctor` asks whether Kubernetes answers, and whether linflow may ask it for what it needs.

use std::process::{Output, Stdio};
use std::time::Instant;

use serde_json::Value;
use tokio::process::Command;

use super::api_server::ApiServer;
use crate::support::World;

const REVIEWS: &str = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// What it found of Kubernetes, each as `level check about: seen`, and its exit status.
async fn doctor(world: &World, server: &ApiServer, words: &[&str]) -> (i32, Vec<String>) {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_linflow"))
        .args(["doctor", "--json", "--linstor-url", &world.sandbox.url()])
        .args(["--kubeconfig", server.kubeconfig().to_str().unwrap()])
        .args(words)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter().filter(|one| one["group"] == "kubernetes");
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let line = |one: &Value| {
        let is_wrong = matches!(&*text(one, "level"), "warn" | "fail");
        assert_eq!(one["todo"].is_string(), is_wrong, "{one}");
        format!("{} {} {}: {}", text(one, "level"), text(one, "check"), text(one, "about"), text(one, "seen"))
    };
    (output.status.code().unwrap(), findings.map(line).collect())
}

#[tokio::test]
async fn the_doctor_asks_kubernetes_for_each_right_that_a_controller_uses_and_for_nothing_else() {
    let (world, server) = (World::start().await, ApiServer::start().await);
    let (exit, found) = doctor(&world, &server, &["--driver-name", "Example.csi"]).await;
    let way = server.kubeconfig().display().to_string();
    let expected = [
        format!("ok kubernetes-api {way}: Kubernetes v1.34.1 answers"),
        format!("ok kubernetes-rights {way}: 10 of 10 that linflow uses are granted"),
    ];
    assert_eq!((exit, found), (0, expected.into()));
    let asked = server.asked();
    assert!(asked.iter().all(|one| one.line == "GET /version" || one.line == REVIEWS), "{asked:?}");
    let mut rights: Vec<[String; 4]> = asked
        .iter()
        .filter(|one| one.line == REVIEWS)
        .map(|one| {
            let attributes = &one.body["spec"]["resourceAttributes"];
            ["verb", "resource", "namespace", "name"].map(|key| attributes[key].as_str().unwrap().to_owned())
        })
        .collect();
    rights.sort();
    let lease = "linflow-reaper-example-csi";
    let expected = [
        ["create", "events", "", ""],
        ["create", "leases", "linflow", ""],
        ["create", "tokenreviews", "", ""],
        ["get", "leases", "linflow", lease],
        ["get", "persistentvolumeclaims", "", ""],
        ["get", "pods", "", ""],
        ["list", "persistentvolumes", "", ""],
        ["list", "pods", "", ""],
        ["update", "leases", "linflow", lease],
        ["watch", "pods", "", ""],
    ];
    assert_eq!(rights, expected);
}

#[tokio::test]
async fn a_right_that_is_not_granted_is_named_with_what_does_not_work_without_it() {
    let (world, server) = (World::start().await, ApiServer::start().await);
    server.deny("create events.events.k8s.io");
    let (exit, found) = doctor(&world, &server, &[]).await;
    assert_eq!(exit, 1, "all else works: {found:?}");
    server.deny("list persistentvolumes");
    server.deny("update leases.coordination.k8s.io/linflow-reaper-linflow-csi");
    let (exit, found) = doctor(&world, &server, &[]).await;
    assert_eq!(exit, 2, "{found:?}");
    let [_, granted, volumes, events, lease] = &found[..] else { panic!("{found:?}") };
    assert!(granted.contains("7 of 10"), "{granted}");
    for (finding, words) in [
        (volumes, ["fail kubernetes-rights list persistentvolumes: not granted", "no volume is removed"]),
        (events, ["warn kubernetes-rights create events.events.k8s.io: not granted", "in the log alone"]),
        (lease, ["fail kubernetes-rights update leases.coordination.k8s.io: not granted", "no reaper works"]),
    ] {
        assert!(words.iter().all(|word| finding.contains(word)), "{finding}");
    }
}

/// Without `--role` a doctor that is told a node's name runs in its pod, whose account has no controller's rights.
#[tokio::test]
async fn of_a_nodes_account_no_rights_of_a_controller_are_asked_for_unless_all_is_said() {
    let (world, server) = (World::start().await, ApiServer::start().await);
    for right in ["get pods", "list persistentvolumes"] {
        server.deny(right);
    }
    let (_, found) = doctor(&world, &server, &["--node-name", "node-1"]).await;
    assert!(found.iter().all(|line| line.starts_with("ok ")) && found[1].contains("1 of 1"), "{found:?}");
    let (_, found) = doctor(&world, &server, &["--node-name", "node-1", "--role", "all"]).await;
    assert_eq!(found.iter().filter(|line| line.starts_with("fail ")).count(), 2, "{found:?}");
}

#[tokio::test]
async fn an_api_server_that_does_not_answer_or_does_not_know_us_fails_and_keeps_no_other_check() {
    let (world, server) = (World::start().await, ApiServer::start().await);
    server.hang("GET /version");
    let started = Instant::now();
    let (exit, found) = doctor(&world, &server, &["--timeout", "1s"]).await;
    assert!(exit == 2 && started.elapsed().as_secs() < 4, "{:?}", started.elapsed());
    let [api, rights] = &found[..] else { panic!("{found:?}") };
    assert!(api.starts_with("fail kubernetes-api") && api.contains("nothing within 1s"), "{api}");
    assert!(rights.starts_with("skipped kubernetes-rights"), "{rights}");
    server.heal();
    server.refuse("GET /version", 401, super::api_server::status(401, "Unauthorized", "Unauthorized", None));
    let (_, found) = doctor(&world, &server, &[]).await;
    assert!(found[0].starts_with("fail") && found[0].contains("does not accept our credentials"), "{found:?}");
    server.heal();
    server.forbid(REVIEWS);
    let (exit, found) = doctor(&world, &server, &[]).await;
    assert!(exit == 2 && found.iter().filter(|line| line.starts_with("fail kubernetes-rights")).count() == 10);
}
