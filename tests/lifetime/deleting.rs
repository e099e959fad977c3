//! `linflow volumes delete` asks Kubernetes, where it is told how, whether a PersistentVolume names the volume.

use linflow::volume::claims::ClaimKey;
use serde_json::Value;

use crate::commands::linflow;
use crate::volumes::{Life, Owned};

/// What `linflow volumes delete` says of that volume with these words more; and its exit status.
async fn delete(life: &Life, volume: &Owned, words: &[&str]) -> (i32, String, String) {
    linflow(life, &[&["volumes", "delete", "--yes", volume.name.as_str()], words].concat()).await
}

/// Nothing was begun with it: it is there, without a mark.
async fn is_untouched(life: &Life, volume: &Owned) -> bool {
    life.is_there(volume).await && life.ledger(volume).await.ending.finals.is_empty()
}

#[tokio::test]
async fn a_volume_that_a_persistent_volume_names_is_not_deleted_by_whichever_claim_it_is_named() {
    let life = Life::start().await;
    let (named, other) = (life.volume("airflow/etl/r1").await, life.volume("airflow/etl/r2").await);
    life.claim(&named, "pvc-2").await;
    life.persistent_volume(&format!("{}@{}", named.name, ClaimKey::of("pvc-2")));
    let folder = life.folder.path().to_str().unwrap();
    for words in [&["--pods", folder][..], &["--pods", folder, "--forget-claims"]] {
        let (exit, stdout, _) = delete(&life, &named, words).await;
        assert!(exit == 4 && stdout.contains("not deleted: a PersistentVolume names it"), "{stdout}");
        assert!(is_untouched(&life, &named).await);
        assert_eq!(life.ledger(&named).await.claims.len(), 1, "its claim is not forgotten either");
    }
    // Another volume may go, and so may this one when nothing names it any more.
    let (exit, stdout, _) = delete(&life, &other, &["--pods", folder]).await;
    assert!(exit == 0 && stdout.contains("asked for the PersistentVolumes of linflow.csi"), "{stdout}");
    std::fs::remove_file(life.folder.path().join("pv.yaml")).unwrap();
    assert_eq!(delete(&life, &named, &["--pods", folder, "--forget-claims"]).await.0, 0);
    assert!(!life.is_there(&named).await && !life.is_there(&other).await);
}

#[tokio::test]
async fn the_persistent_volumes_of_the_driver_count_and_of_no_other() {
    let life = Life::start().await;
    let volume = life.volume("airflow/etl/r1").await;
    life.persistent_volume_of("storage.example", volume.name.as_str());
    let folder = life.folder.path().to_str().unwrap();
    let of_theirs = ["--pods", folder, "--driver-name", "storage.example"];
    assert_eq!(delete(&life, &volume, &of_theirs).await.0, 4);
    assert_eq!(delete(&life, &volume, &["--pods", folder]).await.0, 0);
}

#[tokio::test]
async fn where_nobody_can_be_asked_the_output_says_so() {
    let life = Life::start().await;
    let (one, other) = (life.volume("airflow/etl/r1").await, life.volume("airflow/etl/r2").await);
    let (exit, stdout, _) = delete(&life, &one, &[]).await;
    let last = stdout.lines().last().unwrap();
    assert!(exit == 0 && last.contains("Kubernetes was not asked") && last.contains("--kubeconfig"), "{stdout}");
    let (_, stdout, _) = delete(&life, &other, &["--json"]).await;
    let told: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(told.get("persistent_volumes_of"), Some(&Value::Null), "{stdout}");
}

#[tokio::test]
async fn who_can_t_be_asked_though_told_to_keeps_everything_as_it_is() {
    let life = Life::start().await;
    let volume = life.volume("airflow/etl/r1").await;
    life.claim(&volume, "pvc-2").await;
    std::fs::write(life.folder.path().join("half.yaml"), "kind: [").unwrap();
    let folder = life.folder.path().to_str().unwrap();
    let (exit, _, stderr) = delete(&life, &volume, &["--pods", folder, "--forget-claims"]).await;
    assert!(exit == 1 && stderr.contains("half.yaml"), "{stderr}");
    assert!(is_untouched(&life, &volume).await);
    assert_eq!(life.ledger(&volume).await.claims.len(), 1);
}
