//! What the doctor prints, to whom, and how it ends.

use std::process::Stdio;

use linflow::sandbox::faults::{Action, Matcher, Moment};
use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::{
    node::sound_machine,
    patient::{doctor_in, examine},
    support::{World, eventually, soon},
};

/// A cluster with two things wrong, and a node with one.
async fn troubled() -> (World, tempfile::TempDir) {
    let (world, machine) = (World::start().await, sound_machine());
    world.crash("node-3");
    std::fs::remove_file(machine.path().join("usr/sbin/drbdsetup")).unwrap();
    (world, machine)
}

#[tokio::test]
async fn the_text_is_as_reviewed() {
    let (world, machine) = troubled().await;
    let (url, root) = (world.sandbox.url(), machine.path().to_str().unwrap());
    let said = doctor_in(&["--linstor-url", &url, "--node-name", "node-1", "--host-root", root], &[]).await;
    assert_eq!((said.exit, said.stderr.as_str()), (2, ""));
    insta::assert_snapshot!("text", said.masked(&[(&url, "http://LINSTOR")]));
}

#[tokio::test]
async fn the_object_is_as_reviewed() {
    let (world, machine) = troubled().await;
    let said = examine(&world, &["--node-name", "node-1", "--host-root", machine.path().to_str().unwrap()]).await;
    assert_eq!((said.exit, said.stderr.as_str()), (2, ""));
    insta::assert_snapshot!("json", said.masked(&[(&world.sandbox.url(), "http://LINSTOR")]));
}

#[tokio::test]
async fn a_pipe_gets_no_colour_unless_it_is_asked_for_and_json_never() {
    let world = World::start().await;
    let url = world.sandbox.url();
    let painted = async |words: &[&str], variables: &[(&str, &str)]| {
        let said = doctor_in(&[&["--linstor-url", &url], words].concat(), variables).await;
        assert_eq!(said.exit, 0);
        said.stdout.contains('\x1b')
    };
    assert!(!painted(&[], &[]).await);
    assert!(painted(&["--color", "always"], &[]).await);
    assert!(painted(&[], &[("LINFLOW_COLOR", "always"), ("NO_COLOR", "1")]).await, "what is asked for wins");
    assert!(!painted(&["--color", "always", "--json"], &[]).await);
}

#[tokio::test]
async fn every_warning_and_failure_says_what_to_do_and_nothing_else_does() {
    let (world, machine) = troubled().await;
    let said = examine(&world, &["--node-name", "node-2", "--host-root", machine.path().to_str().unwrap()]).await;
    let object: Value = serde_json::from_str(&said.stdout).unwrap();
    for finding in object["findings"].as_array().unwrap() {
        let is_wrong = finding["level"] == "warn" || finding["level"] == "fail";
        assert_eq!(finding["todo"].is_string(), is_wrong, "{finding}");
    }
}

#[tokio::test]
async fn the_environment_of_a_node_s_pod_is_enough() {
    let world = World::start().await;
    let url = world.sandbox.url();
    let variables =
        [("LS_CONTROLLERS", url.as_str()), ("LINFLOW_NODE_NAME", "node-2"), ("LINFLOW_DOCTOR_JSON", "true")];
    let said = doctor_in(&["--read-only"], &variables).await;
    assert_eq!(said.levels("node-known"), ["ok"]);
    let object: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&object["role"], &object["node"]), (&"all".into(), &"node-2".into()));
}

#[tokio::test]
async fn what_can_t_be_asked_for_exits_64_and_what_can_t_be_used_3() {
    let said = doctor_in(&["--role", "node", "--kubelet-dir", "kubelet", "--timeout", "soon"], &[]).await;
    assert_eq!((said.exit, said.stdout.as_str()), (64, ""));
    for flag in ["--linstor-url", "--node-name", "--kubelet-dir", "--timeout"] {
        assert!(said.stderr.contains(&format!("\n  {flag}")), "{flag}: {}", said.stderr);
    }
    let folder = tempfile::TempDir::new().unwrap();
    let pem = folder.path().join("ca.pem");
    std::fs::write(&pem, "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n").unwrap();
    let words = ["--linstor-url", "https://127.0.0.1:1", "--root-ca", pem.to_str().unwrap()];
    let said = doctor_in(&words, &[]).await;
    assert_eq!((said.exit, said.stdout.as_str()), (3, ""));
    assert!(said.stderr.contains("ca.pem"), "{}", said.stderr);
}

#[tokio::test]
async fn a_signal_ends_it_without_a_report() {
    let world = World::start().await;
    world.sandbox.faults().inject(Matcher::any(), Action::Hang(Moment::Before));
    let mut process = tokio::process::Command::new(env!("CARGO_BIN_EXE_linflow"))
        .args(["doctor", "--linstor-url", &world.sandbox.url(), "--timeout", "5m"])
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let asked = async || world.sandbox.faults().list().iter().any(|rule| rule.hit > 0).then_some(());
    eventually("the first question", asked).await;
    let id = i32::try_from(process.id().unwrap()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM).unwrap();
    let ended = soon("the end", process.wait()).await.unwrap();
    assert_eq!(ended.code(), Some(3));
    let mut printed = String::new();
    process.stdout.take().unwrap().read_to_string(&mut printed).await.unwrap();
    assert_eq!(printed, "");
}
