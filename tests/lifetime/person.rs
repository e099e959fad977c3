//! What a person is shown and may say of volumes, as a table and for programs.

use std::time::{Duration, SystemTime};

use linflow::{
    csi::proto::ControllerPublishVolumeRequest,
    volume::{
        claims::{ClaimKey, ClaimRecord},
        ending::Token,
        moment::Moment,
        standing::{self, Attempt},
    },
};
use serde_json::{Value, json};

use crate::{
    commands::{RUN, json_of, linflow},
    reaper::mark,
    support::{csi::block, publish},
    volumes::{Life, Owned, look},
};

/// The words of a command about that volume.
fn about<'a>(words: &[&'a str], volume: &'a Owned) -> Vec<&'a str> {
    [words, &[volume.name.as_str()]].concat()
}

#[tokio::test]
async fn what_is_shown_is_a_table_or_one_object_with_the_same_volumes() {
    let life = Life::start().await;
    let (task, run) = (life.volume("airflow/etl/r1/load/7").await, life.volume("airflow/etl/r1").await);
    life.volume("airflow/etl").await;
    let show_run = [&["runs", "show"], &RUN[..]].concat();
    for (words, count) in [
        (&["volumes", "list"][..], 3),
        (&["volumes", "show", task.name.as_str(), run.name.as_str()], 2),
        (&show_run, 2),
    ] {
        let object = json_of(&life, words).await;
        let volumes = object["volumes"].as_array().unwrap();
        assert_eq!((&object["schema"], volumes.len()), (&json!(1), count), "{object}");
        let (exit, table, stderr) = linflow(&life, words).await;
        assert_eq!((exit, &*stderr), (0, ""), "{words:?}");
        for volume in volumes {
            for key in ["volume", "dag", "fate", "why"] {
                assert!(table.contains(volume[key].as_str().unwrap()), "{key} of {volume} is missing: {table}");
            }
            assert_eq!((&volume["bytes"], &volume["retain"]), (&json!(64 << 20), &json!("success=1h,failure=7days")));
        }
    }
    let runs = json_of(&life, &["runs", "list"]).await;
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1, "a DAG's volume is of no run: {runs}");
    assert_eq!((&runs["runs"][0]["volumes"], &runs["runs"][0]["bytes"]), (&json!(2), &json!(128 << 20)));
    let (exit, table, _) = linflow(&life, &["runs", "list"]).await;
    let row = table.lines().find(|line| line.contains("r1")).unwrap();
    for word in ["airflow", "etl", "2", "128 MiB", "waiting"] {
        assert!(exit == 0 && row.contains(word), "{word}: {table}");
    }
}

#[tokio::test]
async fn what_waits_for_a_proof_is_reported_with_age_and_size() {
    let life = Life::start().await;
    let volume = life.volume("airflow/etl/r1").await;
    let then = humantime::format_rfc3339_seconds(SystemTime::now() - Duration::from_secs(30 * 3600 + 60)).to_string();
    let time: Moment = then.parse().unwrap();
    let key = ClaimKey::of("pvc-2");
    let record = ClaimRecord { name: "pvc-2".to_owned(), pvc: None, pod: None, time: then.clone() };
    let attempt = Attempt::new(volume.incarnation.clone(), key.clone(), record, Token::of([8; 16]), time);
    life.write(&volume, &attempt.first_claim()).await;
    let released = standing::released(&volume.incarnation, &key, &life.ledger(&volume).await, time);
    life.write(&volume, &released).await;
    let (_, table, _) = linflow(&life, &["volumes", "list"]).await;
    let row = table.lines().find(|line| line.contains(volume.name.as_str())).unwrap();
    for word in ["waiting", "64 MiB", "1d 6h"] {
        assert!(row.contains(word), "{word}: {table}");
    }
    let listed = json_of(&life, &["volumes", "list"]).await;
    let since: Moment = listed["volumes"][0]["idle_since"].as_str().unwrap().parse().unwrap();
    assert_eq!((since, &listed["volumes"][0]["fate"]), (time, &json!("waiting")));
}

#[tokio::test]
async fn what_is_done_is_said_of_each_volume_in_both_forms() {
    let life = Life::start().await;
    let volume = life.volume("airflow/etl/r1").await;
    let of_run = |words: &[&'static str]| [words, &RUN[..]].concat();
    for words in [
        about(&["volumes", "release"], &volume),
        of_run(&["runs", "release"]),
        of_run(&["volumes", "extend", "--for", "2days"]),
        about(&["volumes", "keep"], &volume),
        [&of_run(&["runs", "finish"])[..], &["--state", "failed"]].concat(),
        of_run(&["runs", "resume"]),
    ] {
        let (exit, text, stderr) = linflow(&life, &words).await;
        assert_eq!((exit, &*stderr), (0, ""), "{words:?}");
        let object = json_of(&life, &words).await;
        let [done] = &object["volumes"].as_array().unwrap()[..] else { panic!("{words:?}: {object}") };
        assert_eq!((&done["volume"], &done["done"]), (&json!(volume.name.as_str()), &json!(true)));
        let what = done["what"].as_str().unwrap();
        let same = what.split(" until ").next().unwrap();
        assert!(text.starts_with(&format!("{}: {same}", volume.name)), "{words:?}: {text} {what}");
    }
    let object = json_of(&life, &of_run(&["volumes", "delete", "--yes"])).await;
    assert_eq!(object["volumes"][0]["what"], "deleted");
    assert!(!life.is_there(&volume).await);
}

#[tokio::test]
async fn what_a_person_releases_is_kept_for_its_retention_and_then_goes() {
    for owner in ["airflow/etl/r1/load/-1", "airflow/etl/r1", "airflow/etl"] {
        let life = Life::start().await;
        let volume = life.volume(owner).await;
        assert_eq!(linflow(&life, &about(&["volumes", "release"], &volume)).await.0, 0);
        let mut reaper = life.reaper();
        assert_eq!(look(&mut reaper).await.candidates, Vec::<String>::new(), "it is kept for an hour");
        life.pass(2);
        assert_eq!(look(&mut reaper).await.candidates, [volume.name.to_string()]);
        assert_eq!(look(&mut reaper).await.reaped, [volume.name.to_string()]);
    }
}

#[tokio::test]
async fn a_new_claim_overrules_a_persons_release() {
    for (owner, words) in
        [("airflow/etl", &["volumes", "release", "--now"][..]), ("airflow/etl/r1", &["volumes", "release"])]
    {
        let life = Life::start().await;
        let volume = life.volume(owner).await;
        assert_eq!(linflow(&life, &about(words, &volume)).await.0, 0);
        life.claim(&volume, "pvc-2").await;
        life.release(&volume, "pvc-2").await;
        life.pass(1000);
        let mut reaper = life.reaper();
        assert_eq!((look(&mut reaper).await, look(&mut reaper).await), Default::default(), "{owner}");
        assert!(life.is_there(&volume).await);
    }
}

#[tokio::test]
async fn a_person_withdraws_a_dead_reapers_mark_beside_a_claim_and_not_without_one() {
    let life = Life::start().await;
    let volume = life.volume("airflow/etl/r1").await;
    mark(&life, &volume).await;
    let (exit, text, _) = linflow(&life, &about(&["volumes", "keep"], &volume)).await;
    assert!(exit == 4 && text.contains("may be under way"), "{text}");
    assert_eq!(life.ledger(&volume).await.ending.finals.len(), 1);
    // One that sees the mark may be about to go; one that was attached was told that it stands.
    let volume = life.volume("airflow/etl/r2").await;
    life.claim(&volume, "pvc-2").await;
    let id = format!("{}@{}", volume.name, ClaimKey::of("pvc-2"));
    let request = ControllerPublishVolumeRequest { volume_capability: Some(block()), ..publish(&id, "node-1") };
    life.world.controller.publish(request).await.unwrap();
    mark(&life, &volume).await;
    let shown = json_of(&life, &about(&["volumes", "show"], &volume)).await;
    let why = shown["volumes"][0]["why"].as_str().unwrap();
    assert!(shown["volumes"][0]["fate"] == "contested" && why.contains("linflow volumes keep"), "{shown}");
    let kept: Value = json_of(&life, &about(&["volumes", "keep"], &volume)).await;
    assert_eq!(kept["volumes"][0]["done"], true, "{kept}");
    let ledger = life.ledger(&volume).await;
    assert_eq!((ledger.ending.finals.len(), ledger.claims.len()), (0, 1));
    // One that a PersistentVolume names was told of, too, where Kubernetes can be asked.
    let volume = life.volume("airflow/etl/r3").await;
    life.claim(&volume, "pvc-3").await;
    life.persistent_volume(&format!("{}@{}", volume.name, ClaimKey::of("pvc-3")));
    mark(&life, &volume).await;
    let (exit, text, _) = linflow(&life, &about(&["volumes", "keep"], &volume)).await;
    assert!(exit == 4 && text.contains("Kubernetes was not asked"), "{text}");
    let folder = life.folder.path().to_str().unwrap();
    let words = [&about(&["volumes", "keep"], &volume)[..], &["--pods", folder]].concat();
    let (exit, text, _) = linflow(&life, &words).await;
    assert!(exit == 0 && text.contains("withdrawn"), "{text}");
}
