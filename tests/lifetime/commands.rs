//! `linflow volumes` and `linflow runs` as a person or a script meets them.

use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Create, claims, create, csi::resource};
use crate::volumes::{Life, Owned, look};

pub async fn linflow(life: &Life, words: &[&str]) -> (i32, String, String) {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_linflow"))
        .args(words)
        .args(["--linstor-url", &life.world.sandbox.url()])
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

pub async fn json_of(life: &Life, words: &[&str]) -> Value {
    let (exit, stdout, stderr) = linflow(life, &[words, &["--json"]].concat()).await;
    assert_eq!(exit, 0, "{words:?}: {stdout} {stderr}");
    serde_json::from_str(&stdout).unwrap()
}

fn names(listed: &Value) -> Vec<&str> {
    let mut names: Vec<&str> =
        listed["volumes"].as_array().unwrap().iter().map(|one| one["volume"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

fn sorted<'a>(volumes: &[&'a Owned]) -> Vec<&'a str> {
    let mut names: Vec<&str> = volumes.iter().map(|volume| volume.name.as_str()).collect();
    names.sort_unstable();
    names
}

pub const RUN: [&str; 6] = ["--instance", "airflow", "--dag", "etl", "--run", "r1"];

#[tokio::test]
async fn volumes_are_listed_by_their_workflow() {
    let life = Life::start().await;
    let (run, seven) = (life.volume("airflow/etl/r1").await, life.volume("airflow/etl/r1/load/7").await);
    let (eight, dag) = (life.volume("airflow/etl/r1/load/8").await, life.volume("airflow/etl").await);
    let other = life.volume("dev/etl/r1").await;
    for (words, expected) in [
        (&[][..], sorted(&[&run, &seven, &eight, &dag, &other])),
        (&["--instance", "airflow"], sorted(&[&run, &seven, &eight, &dag])),
        (&["--instance", "airflow", "--run", "r1"], sorted(&[&run, &seven, &eight])),
        (&["--task", "load", "--map-index", "7"], sorted(&[&seven])),
        (&["--scope", "dag"], sorted(&[&dag])),
    ] {
        let listed = json_of(&life, &[&["volumes", "list"], words].concat()).await;
        assert_eq!(names(&listed), expected, "{words:?}");
    }
    let (exit, stdout, _) = linflow(&life, &["volumes", "list", "--dag", "none"]).await;
    assert_eq!((exit, stdout.contains("0 volumes")), (3, true), "{stdout}");
}

#[tokio::test]
async fn the_table_says_what_is_to_become_of_each() {
    let life = Life::start().await;
    let (waits, claimed) = (life.volume("airflow/etl/r1/load/7").await, life.volume("airflow/etl").await);
    life.claim(&claimed, "pvc-9").await;
    let (exit, stdout, stderr) = linflow(&life, &["volumes", "list"]).await;
    assert_eq!((exit, &*stderr), (0, ""));
    let row = |volume: &Owned| stdout.lines().find(|line| line.contains(volume.name.as_str())).unwrap().to_owned();
    for word in ["airflow", "etl", "r1", "load[7]", "64 MiB", "waiting", "nothing proves that its run is over"] {
        assert!(row(&waits).contains(word), "{word}: {stdout}");
    }
    assert!(row(&claimed).contains("claimed by pvc-9"), "{stdout}");
    assert!(stdout.ends_with("2 volumes, 128 MiB\n") && !stdout.contains('\x1b'), "{stdout}");
    let (_, painted, _) = linflow(&life, &["volumes", "list", "--color", "always"]).await;
    assert!(painted.contains("\x1b[33mwaiting\x1b[0m"), "{painted:?}");
    let (exit, shown, _) = linflow(&life, &["volumes", "show", waits.name.as_str()]).await;
    assert!(exit == 0 && shown.contains("retention") && shown.contains("success=1h,failure=7days"), "{shown}");
}

/// A claim of that task of a run, which may begin as a copy.
fn of_task(name: &str, task: &str) -> Create {
    let of_run = claims::RUN.iter().fold(create(name).mib(64), |it, (key, value)| it.parameter(key, value));
    of_run.parameter("task-id", task)
}

#[tokio::test]
async fn a_copy_is_shown_with_the_volume_that_it_was_made_of() {
    let life = Life::start().await;
    let made = async |asked: Create| {
        let id = life.world.controller.create(asked).await.unwrap().volume_id;
        resource(&id).to_owned()
    };
    let source = made(of_task("pvc-1", "extract")).await;
    let copy = made(of_task("pvc-2", "transform").parameter("from", "task:extract")).await;
    let shown = json_of(&life, &["volumes", "show", &copy]).await;
    assert_eq!(shown["volumes"][0]["from"], json!(format!("volume {source}")));
    assert_eq!(json_of(&life, &["volumes", "show", &source]).await["volumes"][0].get("from"), None);
    let line = async |name: &str| {
        let (_, stdout, _) = linflow(&life, &["volumes", "show", name]).await;
        stdout.lines().find(|line| line.trim_start().starts_with("copy of")).unwrap().to_owned()
    };
    assert!(line(&copy).await.ends_with(&format!(" volume {source}")));
    assert!(line(&source).await.ends_with(" -"));
    // Nothing rests on it here: what can't be read keeps nobody from seeing this volume and all others.
    let props = json!({"override_props": {format!("Aux/linflow/copy/{copy}"): "?"}});
    life.world.change("PUT", &format!("/v1/resource-definitions/{copy}"), &props).await;
    assert!(line(&copy).await.contains("unreadable"));
}

#[tokio::test]
async fn a_run_that_a_person_finishes_is_listed_so_and_can_go_on() {
    let life = Life::start().await;
    life.volume("airflow/etl/r1").await;
    let finish = [&["runs", "finish"], &RUN[..], &["--state", "success"]].concat();
    assert_eq!(linflow(&life, &finish).await.0, 0);
    let runs = json_of(&life, &["runs", "list"]).await;
    let ended = runs["runs"][0]["ended"].as_str().unwrap_or_default();
    assert!(ended.starts_with("success at "), "{runs}");
    assert_eq!(runs["runs"][0]["fates"], json!({"retained": 1}));
    assert_eq!(linflow(&life, &[&["runs", "resume"], &RUN[..]].concat()).await.0, 0);
    let shown = json_of(&life, &[&["runs", "show"], &RUN[..]].concat()).await;
    assert_eq!(shown["volumes"][0]["fate"], "waiting");
    let (exit, _, stderr) = linflow(&life, &["runs", "finish", "--dag", "etl"]).await;
    for flag in ["--instance", "--run", "--state"] {
        assert!(exit == 64 && stderr.contains(flag), "{flag}: {stderr}");
    }
    let (exit, _, stderr) =
        linflow(&life, &["runs", "finish", "--instance", "a", "--dag", "b", "--run", "c", "--state", "failed"]).await;
    assert!(exit == 3 && stderr.contains("linflow volumes list"), "{stderr}");
}

#[tokio::test]
async fn what_a_person_lets_go_now_goes_and_what_they_hold_stays() {
    let life = Life::start().await;
    let (gone, held) = (life.volume("airflow/etl").await, life.volume("airflow/other").await);
    let release =
        |volume: &Owned| ["volumes".to_owned(), "release".to_owned(), "--now".to_owned(), volume.name.to_string()];
    for volume in [&gone, &held] {
        let words = release(volume);
        assert_eq!(linflow(&life, &words.each_ref().map(String::as_str)).await.0, 0);
    }
    assert_eq!(linflow(&life, &["volumes", "extend", held.name.as_str(), "--for", "2days"]).await.0, 0);
    let mut reaper = life.reaper();
    life.pass(1);
    assert_eq!(look(&mut reaper).await.candidates, [gone.name.to_string()]);
    assert_eq!(look(&mut reaper).await.reaped, [gone.name.to_string()]);
    life.pass(48);
    assert_eq!(look(&mut reaper).await.candidates, [held.name.to_string()]);
}

#[tokio::test]
async fn what_is_claimed_is_neither_released_nor_deleted() {
    let life = Life::start().await;
    let volume = life.volume("airflow/etl/r1").await;
    life.claim(&volume, "pvc-2").await;
    let name = volume.name.as_str();
    for words in [&["volumes", "release", "--now", name][..], &["volumes", "delete", "--yes", name]] {
        let (exit, stdout, _) = linflow(&life, words).await;
        assert!(exit == 4 && stdout.contains("claimed by pvc-2"), "{words:?}: {stdout}");
    }
    assert!(life.is_there(&volume).await && life.ledger(&volume).await.ending.finals.is_empty());
    let (exit, stdout, _) = linflow(&life, &["volumes", "delete", "--yes", "--forget-claims", name]).await;
    assert!(exit == 0 && stdout.starts_with(&format!("{name}: deleted\n")), "{stdout}");
    assert!(!life.is_there(&volume).await);
}

#[tokio::test]
async fn data_is_deleted_by_a_persons_yes_alone() {
    let life = Life::start().await;
    let volume = life.volume("airflow/etl/r1").await;
    let (exit, _, stderr) = linflow(&life, &["volumes", "delete", volume.name.as_str()]).await;
    assert!(exit == 4 && stderr.contains("--yes") && life.is_there(&volume).await, "{stderr}");
    let (exit, _, stderr) = linflow(&life, &["volumes", "delete", "--yes"]).await;
    assert!(exit == 64 && stderr.contains("name volumes"), "nobody means all of a cluster's: {stderr}");
    let path = format!("/v1/resource-definitions/{}/snapshots", volume.name);
    life.world.change("POST", &path, &json!({"name": "kept"})).await;
    let (exit, stdout, _) = linflow(&life, &[&["volumes", "delete", "--yes"], &RUN[..]].concat()).await;
    assert!(exit == 4 && stdout.contains("kept") && life.is_there(&volume).await, "{stdout}");
    life.world.change("DELETE", &format!("{path}/kept"), &json!(null)).await;
    assert_eq!(linflow(&life, &[&["volumes", "delete", "--yes"], &RUN[..]].concat()).await.0, 0);
    assert!(!life.is_there(&volume).await);
}

#[tokio::test]
async fn linstor_that_does_not_answer_is_told_with_what_to_do() {
    let life = Life::start().await;
    let words = ["volumes", "list", "--linstor-url", "http://127.0.0.1:1"];
    let output = Command::new(env!("CARGO_BIN_EXE_linflow")).args(words).env_clear().output().await.unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && stderr.contains("--linstor-url"), "{stderr}");
    drop(life);
}
