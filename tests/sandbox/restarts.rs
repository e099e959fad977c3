//! A state folder over restarts: what was acknowledged is there again, also after a kill.

use crate::http::{ask, change};
use linflow::sandbox::{BackingKind, Sandbox, Settings, StartError};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const VOL: &str = "/v1/resource-definitions/vol";

fn settings(state: &Path, nodes: &[&str]) -> Settings {
    Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        nodes: nodes.iter().map(|node| node.parse().unwrap()).collect(),
        state: state.to_owned(),
        pool: "pool".parse().unwrap(),
        pool_kib: 1 << 20,
        backing: BackingKind::Bookkeeping,
    }
}

async fn start(state: &Path) -> Sandbox {
    Sandbox::start_kept(settings(state, &["node-1", "node-2", "node-3"])).await.unwrap()
}

async fn refused(settings: Settings) -> String {
    match Sandbox::start_kept(settings).await {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

/// Something of every kind.
async fn fill(url: &str) {
    change(url, "PUT", "/v1/nodes/node-1", json!({"override_props": {"Aux/zone": "a"}})).await;
    let pool = json!({"storage_pool_name": "fast", "provider_kind": "FILE", "props": {"StorDriver/FileDir": "/x"}});
    change(url, "POST", "/v1/nodes/node-1/storage-pools", pool).await;
    let group = json!({"name": "group", "select_filter": {"place_count": 2, "layer_stack": ["DRBD", "STORAGE"]}});
    change(url, "POST", "/v1/resource-groups", group).await;
    let spawn = json!({"resource_definition_name": "vol", "volume_sizes": [4096]});
    change(url, "POST", "/v1/resource-groups/group/spawn", spawn).await;
    change(url, "POST", &format!("{VOL}/snapshots"), json!({"name": "s1"})).await;
    change(url, "PUT", VOL, json!({"override_props": {"Aux/a": "b"}})).await;
    change(url, "PUT", "/v1/key-value-store/store", json!({"override_props": {"key": "value"}})).await;
    change(url, "POST", "/v1/controller/properties", json!({"override_props": {"Aux/c": "d"}})).await;
    change(url, "POST", "/v1/encryption/passphrase", json!({"new_passphrase": "secret"})).await;
    assert_eq!(ask(url, "POST", "/v1/resource-groups/group/spawn", json!({})).await.0, 500);
}

/// All that can be seen, apart from the times of error reports.
async fn seen(url: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for path in [
        "nodes",
        "view/storage-pools",
        "resource-groups",
        "resource-definitions?with_volume_definitions=true",
        "view/resources",
        "view/snapshots",
        "key-value-store",
        "controller/properties",
        "error-reports",
    ] {
        let (status, answer) = ask(url, "GET", &format!("/v1/{path}"), Value::Null).await;
        assert_eq!(status, 200, "{path}");
        all.push(answer);
    }
    all
}

#[tokio::test]
async fn a_sandbox_that_was_stopped_goes_on_where_it_was() {
    let folder = TempDir::new().unwrap();
    let first = start(folder.path()).await;
    fill(&first.url()).await;
    let before = seen(&first.url()).await;
    first.stop().await.unwrap();
    let second = start(folder.path()).await;
    assert_eq!(seen(&second.url()).await, before);
    let (_, passphrase) = ask(&second.url(), "GET", "/v1/encryption/passphrase", Value::Null).await;
    assert_eq!(passphrase["status"], "locked");
    // And it goes on: a restore from the old snapshot, a delete.
    let url = second.url();
    change(&url, "POST", "/v1/resource-definitions", json!({"resource_definition": {"name": "copy"}})).await;
    let to = json!({"to_resource": "copy"});
    change(&url, "POST", &format!("{VOL}/snapshot-restore-volume-definition/s1"), to.clone()).await;
    change(&url, "POST", &format!("{VOL}/snapshot-restore-resource/s1"), to).await;
    change(&url, "DELETE", &format!("{VOL}/snapshots/s1"), Value::Null).await;
    change(&url, "DELETE", VOL, Value::Null).await;
    second.stop().await.unwrap();
    let third = start(folder.path()).await;
    let (_, left) = ask(&third.url(), "GET", "/v1/resource-definitions", Value::Null).await;
    assert_eq!(left.as_array().unwrap().iter().map(|one| &one["name"]).collect::<Vec<_>>(), ["copy"]);
}

#[tokio::test]
async fn what_waited_for_a_lost_node_is_done_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let first = start(folder.path()).await;
    fill(&first.url()).await;
    let (_, replicas) = ask(&first.url(), "GET", "/v1/view/resources?resources=vol", Value::Null).await;
    let lost = replicas.as_array().unwrap().iter().find(|one| one["flags"].is_null()).unwrap()["node_name"].clone();
    first.cluster().lock().crash(lost.as_str().unwrap()).unwrap();
    change(&first.url(), "DELETE", &format!("{VOL}/snapshots/s1"), Value::Null).await;
    change(&first.url(), "DELETE", VOL, Value::Null).await;
    assert_eq!(ask(&first.url(), "GET", VOL, Value::Null).await.0, 200);
    first.stop().await.unwrap();
    let second = start(folder.path()).await;
    assert_eq!(ask(&second.url(), "GET", VOL, Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_folder_is_refused_to_a_second_process_to_other_nodes_and_once_damaged() {
    let folder = TempDir::new().unwrap();
    let nodes = ["node-1", "node-2", "node-3"];
    let first = start(folder.path()).await;
    fill(&first.url()).await;
    let second = refused(settings(folder.path(), &nodes)).await;
    assert!(second.contains("is used by another sandbox; stop that one, or choose another folder"), "{second}");
    first.stop().await.unwrap();
    let others = refused(settings(folder.path(), &["node-1", "other"])).await;
    assert!(others.contains("nodes node-1, node-2, node-3") && others.contains("choose another folder"), "{others}");
    let pool = Settings { pool: "else".parse().unwrap(), ..settings(folder.path(), &nodes) };
    assert!(matches!(Sandbox::start_kept(pool).await, Err(StartError::Different { .. })));
    let journal = folder.path().join("cluster.journal");
    let mut text = std::fs::read(&journal).unwrap();
    let middle = text.len() / 2;
    text[middle] ^= 1;
    std::fs::write(&journal, text).unwrap();
    let damaged = refused(settings(folder.path(), &nodes)).await;
    assert!(damaged.contains("is damaged in line"), "{damaged}");
}

#[tokio::test]
async fn a_sandbox_that_is_not_kept_writes_nothing() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let sandbox = Sandbox::start(settings(&state, &["node-1", "node-2", "node-3"])).await.unwrap();
    fill(&sandbox.url()).await;
    assert!(!state.exists());
    sandbox.stop().await.unwrap();
}

/// The built sandbox on a folder, and its URL.
#[expect(clippy::disallowed_methods, reason = "a test may start a process that it ends itself")]
fn run(state: &Path, words: &[&str]) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_linflow"))
        .args(["sandbox", "--listen", "127.0.0.1:0", "--state"])
        .arg(state)
        .args(words)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let url = lines.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned)).unwrap();
    (child, url)
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_there_after_it() {
    let folder = TempDir::new().unwrap();
    let (child, url) = run(folder.path(), &["--bookkeeping"]);
    fill(&url).await;
    let before = seen(&url).await;
    kill(child);
    let (child, url) = run(folder.path(), &["--bookkeeping"]);
    assert_eq!(seen(&url).await, before);
    kill(child);
}

#[tokio::test]
async fn replicas_keep_their_bytes_over_a_kill_and_unfinished_changes_leave_nothing() {
    if !nix::unistd::geteuid().is_root() {
        // Not by eprintln!, which the test runner keeps to itself.
        std::io::stderr().write_all(b"SKIPPED replicas over a kill: loop devices need root\n").unwrap();
        return;
    }
    let folder = TempDir::new().unwrap();
    let (child, url) = run(folder.path(), &[]);
    fill(&url).await;
    let device = |list: &Value| list[0]["volumes"][0]["device_path"].as_str().unwrap().to_owned();
    let view = async |url: &str| ask(url, "GET", "/v1/view/resources?resources=vol", Value::Null).await.1;
    let list = view(&url).await;
    let node = list[0]["node_name"].as_str().unwrap().to_owned();
    let file = folder.path().join(&node).join("vol_00000.img");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[..5].copy_from_slice(b"bytes");
    std::fs::write(&file, bytes).unwrap();
    kill(child);
    // A delete that was cut off before anybody was told, and a creation likewise.
    std::fs::rename(&file, folder.path().join(&node).join("vol_00000.img~")).unwrap();
    let orphan = folder.path().join(&node).join("orphan_00000.img");
    std::fs::write(&orphan, "x").unwrap();
    let (mut child, url) = run(folder.path(), &[]);
    assert!(file.exists() && !orphan.exists());
    assert!(Path::new(&device(&view(&url).await)).exists());
    assert!(std::fs::read(&file).unwrap().starts_with(b"bytes"));
    let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(child.wait().unwrap().success());
    #[expect(clippy::disallowed_methods, reason = "a test may wait for a process that ends by itself")]
    let attached = Command::new("losetup").args(["--list", "--noheadings", "--output", "BACK-FILE"]).output().unwrap();
    let ours = folder.path().display().to_string();
    assert!(!String::from_utf8_lossy(&attached.stdout).contains(&ours), "devices were left behind");
    let (child, url) = run(folder.path(), &[]);
    change(&url, "DELETE", &format!("{VOL}/snapshots/s1"), Value::Null).await;
    change(&url, "DELETE", VOL, Value::Null).await;
    assert!(!file.exists() && !folder.path().join(&node).join("vol_00000.img~").exists());
    kill(child);
}
